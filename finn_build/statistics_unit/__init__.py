"""Statistics of a frame in one pipeline: a QONNX graph of fixed-point operations as RTL of its own, without FINN."""
