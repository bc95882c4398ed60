"""ONNX graphs, and a QONNX network in exact arithmetic."""
