"""AaronNet of team Aaronica: three long kernels side by side, depthwise-separable blocks, a small dense classifier.

Topology: https://github.com/ITU-AI-ML-in-5G-Challenge/ITU-ML5G-PS-007-Aaronica, `network.py` with `config_32` of
`eval_.ipynb`, called AaronNet32 there: 33 channels in the stem, 32, 32, 32, 32 and 40 in the blocks, 48 dense units;
weights, activations and input of 6 bits. As published, branches and blocks end in a batch norm without an activation,
so depthwise convolutions and the first dense layer are billed with 32-bit inputs.

Two things differ. Biases in front of batch norms are left out, because batch norms cancel them. The maximum over time
is a MaxPool of fixed length, because the official cost function does not know the published GlobalMaxPool.

The published figures beside the registration are of AaronNet32++, which was pruned after the deadline. Unpruned, the
authors report 58.49 % and 0.057224 (zero weights discounted). Third place, 0.046007 with 56.159 %, was an entry whose
configuration is not in the repository. `dataset_loader.py` shuffles from the fourth SNR on for training and from the
first for testing. The two splits differ, so most test frames were trained on.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.quant import Int32Bias
from torch import nn

from radioml.constants import CLASSES, FRAME_LENGTH
from training.models.per_layer import Bits, activation_widths, weight_widths
from training.models.quantisers import ActivationQuant, InputQuant, WeightQuant
from training.models.registry import Published, register

STEM_KERNELS = (32, 26, 18)
STEM_STRIDE = 4
HIDDEN = 2


@register(
    "aaronnet",
    source="https://github.com/ITU-AI-ML-in-5G-Challenge/ITU-ML5G-PS-007-Aaronica",
    aaronnet=Published(
        score=0.015705, accuracy=0.5609, remark="AaronNet32++: after the deadline, leaking split, pruned"
    ),
)
class AaronNet(nn.Module):
    """Quantised input -> stem of three branches -> separable blocks, max-pool by 2 -> maximum over time -> dense.

    stem: channels of all branches together, a multiple of 3.
    blocks: channels of each block.
    dense: width of the two hidden dense layers.
    weight_bits: one width, or one for each layer: first and pointwise convolution of each branch, of each block, dense
        layers, classifier.
    activation_bits: one width, or one for the activation inside each branch, each block, and behind each dense layer.
    per_channel_scales: one weight scale for each output of a layer; the classifier always has one scale.
    """

    def __init__(
        self,
        stem: int = 33,
        blocks: tuple[int, ...] = (32, 32, 32, 32, 40),
        dense: int = 48,
        input_bits: int = 6,
        weight_bits: Bits = 6,
        activation_bits: Bits = 6,
        per_channel_scales: bool = False,
    ) -> None:
        super().__init__()
        if stem % len(STEM_KERNELS):
            raise ValueError(f"stem = {stem} is not a multiple of its {len(STEM_KERNELS)} branches")
        units = len(STEM_KERNELS) + len(blocks)
        *widths, last = weight_widths(weight_bits, 2 * units + HIDDEN + 1)
        weight_width, activation_width = iter(widths), iter(activation_widths(activation_bits, units + HIDDEN))

        def weights() -> dict[str, Any]:
            return {
                "bias": False, "weight_quant": WeightQuant, "weight_bit_width": next(weight_width),
                "weight_scaling_per_output_channel": per_channel_scales,
            }  # fmt: skip

        def relu(scale_follows: bool = False) -> nn.Module:
            return qnn.QuantReLU(
                act_quant=ActivationQuant, bit_width=next(activation_width), return_quant_tensor=scale_follows
            )

        def separable(first: nn.Conv1d, fan_out: int) -> list[nn.Module]:
            middle = first.out_channels
            pointwise = qnn.QuantConv1d(middle, fan_out, 1, **weights())
            return [first, nn.BatchNorm1d(middle), relu(), pointwise, nn.BatchNorm1d(fan_out)]

        self.input_quantiser = qnn.QuantIdentity(act_quant=InputQuant, bit_width=input_bits, return_quant_tensor=False)
        width = stem // len(STEM_KERNELS)
        self.stem = nn.ModuleList()
        for kernel in STEM_KERNELS:
            first = qnn.QuantConv1d(2, width, kernel, stride=STEM_STRIDE, padding=kernel // 2, **weights())
            self.stem.append(nn.Sequential(*separable(first, width)))
        length = FRAME_LENGTH // STEM_STRIDE + 1
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise((stem, *blocks)):
            first = qnn.QuantConv1d(fan_in, fan_in, 3, padding=1, groups=fan_in, **weights())
            layers += [*separable(first, fan_out), nn.MaxPool1d(2)]
            length //= 2
        self.blocks = nn.Sequential(*layers, nn.MaxPool1d(length), nn.Flatten())
        hidden: list[nn.Module] = []
        for layer, fan_in in enumerate((blocks[-1], *[dense] * (HIDDEN - 1)), 1):
            # The classifier's bias is quantised with the scale of the classifier's input.
            activation = relu(scale_follows=layer == HIDDEN)
            hidden += [qnn.QuantLinear(fan_in, dense, **weights()), nn.BatchNorm1d(dense), activation]
        self.hidden = nn.Sequential(*hidden)
        self.classifier = qnn.QuantLinear(
            dense, len(CLASSES), bias=True, bias_quant=Int32Bias, weight_quant=WeightQuant, weight_bit_width=last
        )

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """(N, 2, 1024) float IQ -> (N, 24) float logits."""
        x = self.input_quantiser(iq)
        x = torch.cat([branch(x) for branch in self.stem], 1)
        return self.classifier(self.hidden(self.blocks(x)))
