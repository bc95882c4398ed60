"""Imperial_IPC's entry in challenge ML5G-PS-007: a strided VGG beside a dense branch on moments and cumulants.

Topology: https://github.com/ITU-AI-ML-in-5G-Challenge/PS-007-ML5G-Hardware-Efficient-Modulation-Classification_Imperial_IPC,
`FinalModelWithMoments` in `models.py` with the widths of `export_onnx.py`: IQ averaged in pairs, seven convolutions of
stride 2 with 64 filters, 128 dense units; 5 bits, and 4 for the last convolution. The two branches are joined without
requantisation: the official cost function of 2021 billed the layer behind them with 32-bit inputs, today's with 5. The
published cost is after pruning.

Five things differ. Of the 32 statistics, 6 (deviations of instantaneous amplitude, phase and frequency) need operations
that the official cost function does not know, and 3 are zero for every frame; the other 23 are used. The published C42
squares |M20|^2 once more; C42 here has the cited formula. Moments and their products are rounded to 15 bits
(`training.models.moments`). Frames first pass the 8-bit input quantiser of the challenge's baseline, because the host
sends integers; behind it the two branches quantise to 5 bits as published. The auxiliary classifiers, which are used in
training only, are left out.
"""

from __future__ import annotations

from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.quant import Int32Bias
from torch import nn

from radioml.constants import CLASSES, FRAME_LENGTH
from training.models.moments import Moments
from training.models.per_layer import Bits, activation_widths, weight_widths
from training.models.quantisers import ActivationQuant, InputQuant, WeightQuant, share_scale
from training.models.registry import Published, register

STATISTICS_UNITS = 32
CONVOLUTIONS = 7


class _StatisticsQuant(InputQuant):
    """Moments and cumulants: the constant range [-1, 1)."""

    min_val = -1.0
    max_val = 1.0


def _widths(weight_bits: Bits, activation_bits: Bits, last_bits: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Bits of all weights and activations, in the order in which the network is built."""
    weights = weight_widths(weight_bits, CONVOLUTIONS + 4)
    activations = activation_widths(activation_bits, CONVOLUTIONS + 5)
    if isinstance(weight_bits, int):
        weights = (*weights[:CONVOLUTIONS], *weight_widths(last_bits, 1), *weights[CONVOLUTIONS + 1 :])
    if isinstance(activation_bits, int):
        at = CONVOLUTIONS + 2
        activations = (*activations[:at], *activation_widths(last_bits, 1), *activations[at + 1 :])
    return weights, activations


@register(
    "imperial_ipc",
    source="https://github.com/ITU-AI-ML-in-5G-Challenge/PS-007-ML5G-Hardware-Efficient-Modulation-Classification_Imperial_IPC",
    imperial_ipc=Published(
        score=0.1106, accuracy=0.564, remark="with operations that the cost function does not know; pruned"
    ),
)
class ImperialIPC(nn.Module):
    """Quantised input -> (pair average, strided convolutions, dense) beside (moments, dense) -> dense -> classifier.

    filters: channels of every convolution.
    dense: width of the hidden dense layers.
    weight_bits: one width, or one for each layer: dense layer of the statistics, convolutions, the two dense layers
        behind them, classifier.
    activation_bits: one width, or one for each of: input and dense layer of the statistics, input of the signal,
        convolutions, the two dense layers behind them.
    last_bits: of weights and activations of the last convolution, where the other layers share one width.
    per_channel_scales: one weight scale for each output of a layer; the classifier always has one scale.
    shared_quantiser: one scale for the activations of both branches; published is one for each.
    """

    def __init__(
        self,
        filters: int = 64,
        dense: int = 128,
        weight_bits: Bits = 5,
        activation_bits: Bits = 5,
        last_bits: int = 4,
        per_channel_scales: bool = False,
        shared_quantiser: bool = False,
    ) -> None:
        super().__init__()
        weights, activations = _widths(weight_bits, activation_bits, last_bits)
        weight_width, activation_width = iter(weights), iter(activations)

        def quantised_weights(per_channel: bool = per_channel_scales) -> dict[str, Any]:
            return {
                "weight_quant": WeightQuant, "weight_bit_width": next(weight_width),
                "weight_scaling_per_output_channel": per_channel,
            }  # fmt: skip

        def relu(scale_follows: bool = False) -> nn.Module:
            return qnn.QuantReLU(
                act_quant=ActivationQuant, bit_width=next(activation_width), return_quant_tensor=scale_follows
            )

        def linear(fan_in: int, fan_out: int, scale_follows: bool = False) -> list[nn.Module]:
            layer = qnn.QuantLinear(fan_in, fan_out, bias=False, **quantised_weights())
            return [layer, nn.BatchNorm1d(fan_out), relu(scale_follows)]

        def quantise(quantiser: type[InputQuant]) -> nn.Module:
            return qnn.QuantIdentity(act_quant=quantiser, bit_width=next(activation_width), return_quant_tensor=False)

        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, return_quant_tensor=False)
        self.statistics = nn.Sequential(
            Moments(), quantise(_StatisticsQuant), *linear(Moments.features, STATISTICS_UNITS)
        )
        signal: list[nn.Module] = [nn.AvgPool1d(2), quantise(InputQuant)]
        fan_in = 2
        for _ in range(CONVOLUTIONS):
            signal += [
                qnn.QuantConv1d(fan_in, filters, 3, stride=2, padding=1, bias=False, **quantised_weights()),
                nn.BatchNorm1d(filters),
                relu(),
            ]
            fan_in = filters
        length = FRAME_LENGTH >> (1 + CONVOLUTIONS)
        self.signal = nn.Sequential(*signal, nn.Flatten(), *linear(filters * length, dense))
        if shared_quantiser:
            share_scale(self.signal[-1], self.statistics[-1])
        # The classifier's bias is quantised with the scale of the classifier's input.
        self.hidden = nn.Sequential(*linear(dense + STATISTICS_UNITS, dense, scale_follows=True))
        self.classifier = qnn.QuantLinear(
            dense, len(CLASSES), bias=True, bias_quant=Int32Bias, **quantised_weights(per_channel=False)
        )

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        x = self.input_quantiser(iq)
        return self.classifier(self.hidden(torch.cat([self.signal(x), self.statistics(x)], 1)))
