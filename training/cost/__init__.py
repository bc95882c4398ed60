"""The challenge's score of a QONNX network, and the fixed filters and linear maps that it is counted from."""
