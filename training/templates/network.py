"""A network of your own; docs/bring_your_own_network.md has the rules and their reasons."""

from itertools import pairwise

import brevitas.nn as qnn
import torch
from torch import nn

from radioml.constants import CLASSES, FRAME_LENGTH
from training.models.quantisers import ActivationQuant, InputQuant, WeightQuant


class Network(nn.Module):
    """Quantised input -> (convolution, batch norm, ReLU) x N -> linear classifier, all of which becomes RTL.

    The arguments of the constructor are the experiment's `parameters`.
    """

    def __init__(self, channels: tuple[int, ...], weight_bits: int = 4, activation_bits: int = 4) -> None:
        super().__init__()
        weights = {"weight_quant": WeightQuant, "weight_bit_width": weight_bits, "bias": False}
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((2, *channels)):
            layers += [
                qnn.QuantConv1d(inputs, outputs, 5, stride=4, padding=2, **weights),
                nn.BatchNorm1d(outputs),
                qnn.QuantReLU(act_quant=ActivationQuant, bit_width=activation_bits, return_quant_tensor=True),
            ]
        pixels = FRAME_LENGTH // 4 ** len(channels)
        self.input = qnn.QuantIdentity(act_quant=InputQuant, bit_width=8)  # the first layer: the host does this one
        self.features = nn.Sequential(*layers)
        # the classifier's integer sums are the logits
        self.classifier = qnn.QuantLinear(channels[-1] * pixels, len(CLASSES), **weights)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) samples -> (N, 24) logits."""
        return self.classifier(self.features(self.input(iq)).flatten(1))
