"""A trained network: its checkpoint, its integer logits as reference, its export to QONNX and its accuracy."""
