"""Polyphase network: a space-to-depth stem and strided convolutions; every layer exists as RTL.

A symbol in RadioML has eight samples, so a frame (2, 1024) is reshaped to 8 phases x I/Q = 16 channels of 128 symbols.
The reshape is free in the cost function and in hardware, and the accelerator takes 8 samples a cycle instead of one.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import brevitas.nn as qnn
import torch
from torch import nn

from radioml.constants import CLASSES, FRAME_LENGTH
from training.models.per_layer import Bits, activation_widths, check_convolutions, weight_widths
from training.models.quantisers import ActivationQuant, InputQuant, WeightQuant
from training.models.registry import register
from training.models.shrinkable import ChannelGroup, Shrinkable, chain


class SpaceToDepth(nn.Module):
    """(N, 2, L) -> (N, 2 x phases, L / phases); channel = 2 x phase + (0 for I, 1 for Q).

    In this order the (L, 2) frame of the data set, read as (L / phases, 2 x phases), is the tensor with channels last,
    and the host moves no sample.
    """

    def __init__(self, phases: int) -> None:
        super().__init__()
        self.phases = phases

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Rearrange; the shapes become constants in the exported graph."""
        length = FRAME_LENGTH // self.phases
        x = x.reshape(-1, 2, length, self.phases).permute(0, 3, 1, 2)
        return x.reshape(-1, 2 * self.phases, length)


@register("polyphase", source="this repository")
class Polyphase(Shrinkable):
    """Quantised input -> space to depth -> (convolution, batch norm, ReLU) x N -> linear classifier.

    phases: samples folded into channels; divides 1024.
    channels, kernels, strides: one entry for each convolution; kernels are odd and padded by half.
    weight_bits: one width, or one for each convolution and the classifier.
    activation_bits: one width, or one for each convolution. The RTL multipliers of every FPGA family take 2 to 4 bits.
    per_channel_scales: one weight scale for each output channel of a convolution instead of one for the layer.
    """

    def __init__(
        self,
        phases: int = 8,
        channels: tuple[int, ...] = (32, 32, 48, 48, 64),
        kernels: tuple[int, ...] = (5, 5, 3, 3, 3),
        strides: tuple[int, ...] = (1, 2, 2, 2, 2),
        input_bits: int = 8,
        weight_bits: Bits = 4,
        activation_bits: Bits = 4,
        per_channel_scales: bool = True,
    ) -> None:
        super().__init__()
        check_convolutions(channels, kernels, strides)
        if FRAME_LENGTH % phases:
            raise ValueError(f"phases = {phases} does not divide {FRAME_LENGTH}")
        *widths, last = weight_widths(weight_bits, len(channels) + 1)
        layers: list[nn.Module] = []
        length = FRAME_LENGTH // phases
        for (fan_in, fan_out), kernel, stride, weight_width, activation_width in zip(
            pairwise((2 * phases, *channels)), kernels, strides, widths,
            activation_widths(activation_bits, len(channels)), strict=True,
        ):  # fmt: skip
            layers += [
                qnn.QuantConv1d(
                    fan_in, fan_out, kernel, stride=stride, padding=kernel // 2, bias=False, weight_quant=WeightQuant,
                    weight_bit_width=weight_width, weight_scaling_per_output_channel=per_channel_scales,
                ),
                nn.BatchNorm1d(fan_out),
                qnn.QuantReLU(act_quant=ActivationQuant, bit_width=activation_width, return_quant_tensor=True),
            ]  # fmt: skip
            length = (length - 1) // stride + 1
        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, bit_width=input_bits, return_quant_tensor=False)
        self.stem = SpaceToDepth(phases)
        self.features = nn.Sequential(*layers)
        self.flatten = nn.Flatten()
        self.classifier = qnn.QuantLinear(
            channels[-1] * length, len(CLASSES), bias=False,
            weight_quant=WeightQuant, weight_bit_width=last,
        )  # fmt: skip

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        return self.classifier(self.flatten(self.features(self.stem(self.input_quantiser(iq)))))

    def channel_groups(self) -> list[ChannelGroup]:
        """Every convolution, the batch norm behind it and the layer that reads them."""
        return chain(self)

    @staticmethod
    def with_channels(parameters: dict[str, Any], counts: list[int]) -> dict[str, Any]:
        """Parameters of the topology with these numbers of channels in the groups."""
        return {**parameters, "channels": counts}
