"""What does a network cost?

python examples/score_model.py [MODEL.onnx]      without a model: the shipped network
"""

import sys
from pathlib import Path

from radioml.shipped import NETWORK
from training.cost.score import score_model

if __name__ == "__main__":
    score = score_model(Path(sys.argv[1]) if len(sys.argv) > 1 else NETWORK)
    for layer in score.layers:
        widths = f"{layer.input_bits} x {layer.weight_bits} bit"
        print(f"{layer.layer:10} {widths}  {layer.bit_ops:14,.0f} bit operations  {layer.bit_ops / score.bit_ops:4.0%}")
    print(f"score {score.score:.6f}; the VGG10 baseline has 1, lower is better")
