"""The workstation's half: networks, training, export to QONNX, and the challenge's score."""

import warnings

# Brevitas says at every import that an accelerator for a technique that is not used here is absent.
warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
