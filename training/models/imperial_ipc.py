"""Imperial_IPC's entry in challenge ML5G-PS-007: a strided VGG beside a dense branch on moments and cumulants.

Topology: https://github.com/ITU-AI-ML-in-5G-Challenge/PS-007-ML5G-Hardware-Efficient-Modulation-Classification_Imperial_IPC,
`FinalModelWithMoments` in `models.py` with the widths of `export_onnx.py`: IQ averaged in pairs, seven convolutions of
stride 2 with 64 filters, 128 dense units; 5 bits, and 4 for the last convolution. The two branches are joined without
requantisation: the official cost function of 2021 billed the layer behind them with 32-bit inputs, today's with 5.

Not as published, all in the branch of statistics: of 32 features, 6 (deviations of instantaneous amplitude, phase and
frequency) need operations that the official cost function does not know, as its own report on their network says, and
3 are zero for every frame; the other 23 are kept. Their C42 squares |M20|^2 once more; here it is the cited formula.
Frames come through the 8-bit input quantiser of the challenge's baseline first, because the host sends integers; the
two branches quantise to 5 bits behind it as published. Their auxiliary classifiers, used in training only, are left
out; their published cost is after pruning.
"""

from __future__ import annotations

import brevitas.nn as qnn
import torch
from brevitas.quant import Int32Bias
from torch import nn

from radioml.constants import CLASSES, FRAME_LENGTH
from training.models.moments import Moments
from training.models.quantisers import ActivationQuant, InputQuant, WeightQuant
from training.models.registry import Published, register

STATISTICS_UNITS = 32
CONVOLUTIONS = 7


class _StatisticsQuant(InputQuant):
    """Moments and cumulants: the constant range [-1, 1)."""

    min_val = -1.0
    max_val = 1.0


@register(
    "imperial_ipc",
    source="https://github.com/ITU-AI-ML-in-5G-Challenge/PS-007-ML5G-Hardware-Efficient-Modulation-Classification_Imperial_IPC",
    imperial_ipc=Published(
        score=0.1106, accuracy=0.564, remark="with operations that the cost function does not know; pruned"
    ),
)
class ImperialIPC(nn.Module):
    """Quantised input -> (pair average, strided convolutions, dense) beside (moments, dense) -> dense -> classifier.

    filters: channels of every convolution; dense: width of the hidden dense layers.
    weight_bits, activation_bits: activation_bits also for both branches' inputs; last_bits: of weights and activations
    of the last convolution.
    """

    def __init__(
        self,
        filters: int = 64,
        dense: int = 128,
        weight_bits: int = 5,
        activation_bits: int = 5,
        last_bits: int = 4,
    ) -> None:
        super().__init__()

        def relu(bits: int = activation_bits) -> nn.Module:
            return qnn.QuantReLU(act_quant=ActivationQuant, bit_width=bits)

        def linear(fan_in: int, fan_out: int) -> list[nn.Module]:
            layer = qnn.QuantLinear(fan_in, fan_out, bias=False, weight_quant=WeightQuant, weight_bit_width=weight_bits)
            return [layer, nn.BatchNorm1d(fan_out), relu()]

        def quantise(quantiser: type[InputQuant]) -> nn.Module:
            return qnn.QuantIdentity(act_quant=quantiser, bit_width=activation_bits, return_quant_tensor=False)

        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, return_quant_tensor=False)
        self.statistics = nn.Sequential(
            Moments(), quantise(_StatisticsQuant), *linear(Moments.features, STATISTICS_UNITS)
        )
        signal: list[nn.Module] = [nn.AvgPool1d(2), quantise(InputQuant)]
        fan_in = 2
        for index in range(CONVOLUTIONS):
            last = index == CONVOLUTIONS - 1
            signal += [
                qnn.QuantConv1d(
                    fan_in, filters, 3, stride=2, padding=1, bias=False,
                    weight_quant=WeightQuant, weight_bit_width=last_bits if last else weight_bits,
                ),
                nn.BatchNorm1d(filters),
                relu(last_bits if last else activation_bits),
            ]  # fmt: skip
            fan_in = filters
        length = FRAME_LENGTH >> (1 + CONVOLUTIONS)
        self.signal = nn.Sequential(*signal, nn.Flatten(), *linear(filters * length, dense))
        self.hidden = nn.Sequential(*linear(dense + STATISTICS_UNITS, dense))
        self.hidden[-1].return_quant_tensor = True  # the classifier's bias is quantised with its input's scale
        self.classifier = qnn.QuantLinear(
            dense, len(CLASSES), bias=True, bias_quant=Int32Bias,
            weight_quant=WeightQuant, weight_bit_width=weight_bits,
        )  # fmt: skip

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        x = self.input_quantiser(iq)
        return self.classifier(self.hidden(torch.cat([self.signal(x), self.statistics(x)], 1)))
