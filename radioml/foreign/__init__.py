"""ONNX files that others made: read with care, and brought into the form that every later stage takes."""
