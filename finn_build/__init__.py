"""From a QONNX model to an accelerator's RTL, its simulator and its package; FINN without the vendor's tools."""
