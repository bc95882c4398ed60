"""BacalhauNET, first in challenge ML5G-PS-007: depthwise-separable convolutions with long kernels and residual sums.

Topology: https://github.com/danielgranhao/ITU-ML5G-PS-007_BacalhauNet_Submission (also under
https://github.com/ITU-AI-ML-in-5G-Challenge), `source/bacalhaunetv1_quant.py` with the submitted configuration. The
configuration is in the name of a log of that repository: kernels 27, 21, 15, 9, 9; strides 2, 1, 2, 1, 2; channels 24,
24, 48, 48, 48; weights and activations of 6 bits. The published cost is after pruning to 1,784 weights.

As published, the sums of a residual block are not requantised, so the convolutions behind them are billed with 32-bit
inputs; the classifier quantises its own input to 8 bits. One thing differs: the published input scale is learned from
an initial range of [-2, 3]. Here the input quantiser is the constant 8-bit one of the challenge's baseline, because
frames are quantised before training, and by the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import brevitas.nn as qnn
import torch
from brevitas.quant import Int32Bias
from torch import nn

from radioml.constants import CLASSES, FRAME_LENGTH
from training.models.per_layer import Bits, activation_widths, check_convolutions, weight_widths
from training.models.quantisers import ActivationQuant, InputQuant, SignedActivationQuant, WeightQuant, share_scale
from training.models.registry import Published, register


class _Separable(nn.Module):
    """Depthwise, then pointwise convolution, each with batch norm and ReLU; blocks of equal shapes add their input."""

    def __init__(
        self,
        fan_in: int,
        fan_out: int,
        kernel: int,
        stride: int,
        weight_bits: Sequence[int],
        activation_bits: Sequence[int],
        per_channel_scales: bool,
    ) -> None:
        super().__init__()
        depthwise, pointwise = (
            {"bias": False, "weight_quant": WeightQuant, "weight_bit_width": bits,
             "weight_scaling_per_output_channel": per_channel_scales}
            for bits in weight_bits
        )  # fmt: skip
        self.layers = nn.Sequential(
            qnn.QuantConv1d(fan_in, fan_in, kernel, stride=stride, padding=kernel // 2, groups=fan_in, **depthwise),
            nn.BatchNorm1d(fan_in),
            qnn.QuantReLU(act_quant=ActivationQuant, bit_width=activation_bits[0]),
            qnn.QuantConv1d(fan_in, fan_out, 1, **pointwise),
            nn.BatchNorm1d(fan_out),
            qnn.QuantReLU(act_quant=ActivationQuant, bit_width=activation_bits[1]),
        )
        self.residual = stride == 1 and fan_in == fan_out

    @property
    def activation(self) -> qnn.QuantReLU:
        """The activation that gives the block's output, or what its input is added to."""
        return self.layers[-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, fan_in, L) -> (N, fan_out, ceil(L / stride))."""
        y = self.layers(x)
        return x + y if self.residual else y


def _pairs(values: Sequence[int]) -> list[tuple[int, int]]:
    """Values of the depthwise and the pointwise convolution of each block."""
    return list(zip(values[::2], values[1::2], strict=True))


@register(
    "bacalhaunet",
    source="https://github.com/ITU-AI-ML-in-5G-Challenge/ITU-ML5G-PS-007-BacalhauNet",
    bacalhaunet=Published(score=0.016211, accuracy=0.56241, remark="1st place; pruned"),
)
class BacalhauNet(nn.Module):
    """Quantised input -> separable blocks -> maximum over time -> linear classifier.

    channels, kernels, strides: one entry for each block; kernels are odd and padded by half.
    weight_bits: one width, or one for each convolution and the classifier.
    activation_bits: one width, or one for each convolution; the classifier quantises its own input to 8 bits.
    per_channel_scales: one weight scale for each output channel of a convolution instead of one for the layer.
    shared_quantiser: one scale for all activations that are added to each other; published is one for each.
    """

    def __init__(
        self,
        channels: tuple[int, ...] = (24, 24, 48, 48, 48),
        kernels: tuple[int, ...] = (27, 21, 15, 9, 9),
        strides: tuple[int, ...] = (2, 1, 2, 1, 2),
        weight_bits: Bits = 6,
        activation_bits: Bits = 6,
        per_channel_scales: bool = False,
        shared_quantiser: bool = False,
    ) -> None:
        super().__init__()
        check_convolutions(channels, kernels, strides, of="block")
        *widths, last = weight_widths(weight_bits, 2 * len(channels) + 1)
        activations = activation_widths(activation_bits, 2 * len(channels))
        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, return_quant_tensor=False)
        blocks: list[_Separable] = []
        length = FRAME_LENGTH
        for (fan_in, fan_out), kernel, stride, weight_pair, activation_pair in zip(
            pairwise((2, *channels)), kernels, strides, _pairs(widths), _pairs(activations), strict=True
        ):
            block = _Separable(fan_in, fan_out, kernel, stride, weight_pair, activation_pair, per_channel_scales)
            if shared_quantiser and block.residual and blocks:
                share_scale(blocks[-1].activation, block.activation)
            blocks.append(block)
            length = (length - 1) // stride + 1
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.MaxPool1d(length)
        self.flatten = nn.Flatten()
        self.classifier = qnn.QuantLinear(
            channels[-1], len(CLASSES), bias=True, bias_quant=Int32Bias, input_quant=SignedActivationQuant,
            weight_quant=WeightQuant, weight_bit_width=last,
        )  # fmt: skip

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        return self.classifier(self.flatten(self.pool(self.blocks(self.input_quantiser(iq)))))
