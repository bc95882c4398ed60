"""The shipped network as a model that runs at once, on a workstation as on a board.

polyphase.onnx is what `radioml export training/pretrained/polyphase.pth` writes; a test compares the two.
"""

from __future__ import annotations

from pathlib import Path

NETWORK = Path(__file__).with_name("polyphase.onnx")
