"""VGG10, the baseline of challenge ML5G-PS-007; its inference cost defines a score of 1.

Topology: T. J. O'Shea, T. Roy, T. C. Clancy, "Over-the-Air Deep Learning Based Radio Signal Classification", 2018.
Widths, biases and quantisers are those of the challenge's sandbox, layer by layer, so that its checkpoints load
unchanged. With 4 bits behind an 8-bit input and 32 filters, VGG10 is FINN's demonstrator
(https://github.com/Xilinx/finn-examples, build/vgg10-radioml: 87.9 % at +30 dB, 230,000 frames/s on a ZCU104).
"""

from __future__ import annotations

from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.quant import Int8WeightPerTensorFloat, Int32Bias
from torch import nn

from radioml.constants import CLASSES, FRAME_LENGTH
from training.models.per_layer import Bits, PerLayer, activation_widths, per_layer, weight_widths
from training.models.quantisers import InputQuant, LinearScaleActivationQuant
from training.models.registry import Published, register
from training.models.shrinkable import ChannelGroup, Shrinkable, chain

CONVOLUTIONS, HIDDEN = 7, 2


@register(
    "vgg10",
    source="https://github.com/Xilinx/brevitas-radioml-challenge-21",
    vgg10=Published(score=1.0, accuracy=0.5947, remark="baseline; its few zero weights discounted"),
    vgg10_w4a4=Published(score=None, accuracy=0.559, remark="FINN's demonstrator"),
)
class VGG10(Shrinkable):
    """Seven (convolution of 3 taps, batch norm, ReLU, max-pool by 2), two hidden dense layers, a classifier.

    filters: channels of the convolutions, one number or one for each.
    dense: widths of the hidden dense layers, one number or one for each.
    input_bits: 8 in the published baseline, as the other widths.
    weight_bits: one width, or one for each of the 10 layers.
    activation_bits: one width, or one for each of the 9 layers before the classifier.
    per_channel_scales: one weight scale for each output of a layer; the classifier always has one scale.
    """

    def __init__(
        self,
        filters: PerLayer = 64,
        dense: PerLayer = 128,
        input_bits: int = 8,
        weight_bits: Bits = 8,
        activation_bits: Bits = 8,
        per_channel_scales: bool = False,
    ) -> None:
        super().__init__()
        *widths, last = weight_widths(weight_bits, CONVOLUTIONS + HIDDEN + 1)
        outputs = per_layer("filters", filters, CONVOLUTIONS) + per_layer("dense", dense, HIDDEN)
        layers: list[nn.Module] = [qnn.QuantHardTanh(
            act_quant=InputQuant, bit_width=input_bits, min_val=-2.0, max_val=2.0, return_quant_tensor=True
        )]  # fmt: skip
        fan_in = 2
        for index, (fan_out, weight_width, activation_width) in enumerate(
            zip(outputs, widths, activation_widths(activation_bits, len(outputs)), strict=True)
        ):
            weights = {
                "bias": False, "weight_quant": Int8WeightPerTensorFloat, "weight_bit_width": weight_width,
                "weight_scaling_per_output_channel": per_channel_scales,
            }  # fmt: skip
            relu = qnn.QuantReLU(
                act_quant=LinearScaleActivationQuant, bit_width=activation_width, return_quant_tensor=True
            )
            if index < CONVOLUTIONS:
                layers += [qnn.QuantConv1d(fan_in, fan_out, 3, padding=1, **weights)]
                layers += [nn.BatchNorm1d(fan_out), relu, nn.MaxPool1d(2)]
            else:
                layers += [qnn.QuantLinear(fan_in, fan_out, **weights), nn.BatchNorm1d(fan_out), relu]
            fan_in = fan_out
            if index == CONVOLUTIONS - 1:
                layers += [nn.Flatten()]
                fan_in *= FRAME_LENGTH >> CONVOLUTIONS
        layers += [qnn.QuantLinear(
            fan_in, len(CLASSES), bias=True, bias_quant=Int32Bias,
            weight_quant=Int8WeightPerTensorFloat, weight_bit_width=last,
        )]  # fmt: skip
        self.layers = nn.Sequential(*layers)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        return self.layers(iq)

    def channel_groups(self) -> list[ChannelGroup]:
        """Every layer but the classifier, the batch norm behind it and the layer that reads them."""
        return chain(self)

    @staticmethod
    def with_channels(parameters: dict[str, Any], counts: list[int]) -> dict[str, Any]:
        """Parameters of the topology with these numbers of channels in the groups."""
        return {**parameters, "filters": counts[:CONVOLUTIONS], "dense": counts[CONVOLUTIONS:]}
