"""VGG10, the baseline of challenge ML5G-PS-007, whose inference cost defines a score of 1.

Topology: T. J. O'Shea, T. Roy, T. C. Clancy, "Over-the-Air Deep Learning Based Radio Signal Classification", 2018;
widths, biases and quantisers as in the challenge's sandbox, layer by layer, so that its checkpoints load unchanged.
With 4 bits behind an 8-bit input and 32 filters it is FINN's demonstrator (https://github.com/Xilinx/finn-examples,
build/vgg10-radioml, which gives 87.9 % at +30 dB and 230,000 frames/s on a ZCU104 for it).
"""

from __future__ import annotations

import brevitas.nn as qnn
import torch
from brevitas.quant import Int8WeightPerTensorFloat, Int32Bias
from torch import nn

from radioml.constants import CLASSES, FRAME_LENGTH
from training.models.quantisers import InputQuant, LinearScaleActivationQuant
from training.models.registry import Published, register


@register(
    "vgg10",
    source="https://github.com/Xilinx/brevitas-radioml-challenge-21",
    vgg10=Published(score=1.0, accuracy=0.5947, remark="baseline; its few zero weights discounted"),
    vgg10_w4a4=Published(score=None, accuracy=0.559, remark="FINN's demonstrator"),
)
class VGG10(nn.Module):
    """Seven (convolution of 3 taps, batch norm, ReLU, max-pool by 2), two hidden dense layers, a classifier.

    filters: channels of every convolution; dense: width of the hidden dense layers.
    weight_bits, activation_bits, input_bits: uniform widths; the published baseline has 8 everywhere.
    """

    def __init__(
        self,
        filters: int = 64,
        dense: int = 128,
        input_bits: int = 8,
        weight_bits: int = 8,
        activation_bits: int = 8,
    ) -> None:
        super().__init__()
        weights = {"weight_quant": Int8WeightPerTensorFloat, "weight_bit_width": weight_bits}

        def relu() -> nn.Module:
            return qnn.QuantReLU(
                act_quant=LinearScaleActivationQuant, bit_width=activation_bits, return_quant_tensor=True
            )

        layers: list[nn.Module] = [qnn.QuantHardTanh(
            act_quant=InputQuant, bit_width=input_bits, min_val=-2.0, max_val=2.0, return_quant_tensor=True
        )]  # fmt: skip
        fan_in, length = 2, FRAME_LENGTH
        for _ in range(7):
            layers += [qnn.QuantConv1d(fan_in, filters, 3, padding=1, bias=False, **weights)]
            layers += [nn.BatchNorm1d(filters), relu(), nn.MaxPool1d(2)]
            fan_in, length = filters, length // 2
        layers += [nn.Flatten()]
        for fan_in in (filters * length, dense):
            layers += [qnn.QuantLinear(fan_in, dense, bias=False, **weights), nn.BatchNorm1d(dense), relu()]
        layers += [qnn.QuantLinear(
            dense, len(CLASSES), bias=True, bias_quant=Int32Bias, **weights
        )]  # fmt: skip
        self.layers = nn.Sequential(*layers)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        return self.layers(iq)
