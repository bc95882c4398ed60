"""The network as it is exported: every learned weight in a convolution, as an unsigned magnitude.

A weight of either sign is a magnitude of two bits that reads a level or the level's negative, which stand side by side.
Statistics and hidden units have one scale in front of the last layer: a hidden unit's level counts for four levels of a
statistic.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import conv2d

from training.models.symbol_statistics.front_end import FrontEnd
from training.models.symbol_statistics.head import HIDDEN_BITS, HIDDEN_STEP, STATISTIC_STEP, WEIGHT_BITS, Head
from training.models.symbol_statistics.operations import highest, limited


class Exported(nn.Module):
    """Samples (N, 2, 1024) -> logits (N, 24), of a network's parts in evaluation mode."""

    def __init__(self, input_quantiser: nn.Module, front_end: FrontEnd, head: Head) -> None:
        super().__init__()
        self.input_quantiser, self.front_end = input_quantiser, front_end
        k = head.constants()
        self.phase = _Layer(k.phase, k.phase_gain, k.phase_offset)
        self.whole = _Layer(k.whole, k.whole_gain, k.whole_offset)
        self.output = _Layer(k.output, k.output_gain, k.output_offset)
        self.eval()

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """Logits; the tensors between have four dimensions, (N, channels, 1, phases)."""
        phases, frame = self.front_end.levels(self.input_quantiser(iq))
        hidden = [
            limited(units, 1, HIDDEN_BITS, signed=False) * (HIDDEN_STEP / STATISTIC_STEP)
            for units in (highest(self.phase(phases)), self.whole(frame))
        ]
        return self.output(torch.cat([*hidden, frame], 1)).flatten(1)


class _Layer(nn.Module):
    """Levels (N, C, 1, B) -> (integer weights x levels) x gain + offset, (N, outputs, 1, B)."""

    weight: torch.Tensor
    gain: torch.Tensor
    offset: torch.Tensor

    def __init__(self, integers: torch.Tensor, gain: torch.Tensor, offset: torch.Tensor) -> None:
        super().__init__()
        magnitudes = torch.cat([integers.clamp(min=0), (-integers).clamp(min=0)], 1)
        self.register_buffer("weight", magnitudes[:, :, None, None])
        self.register_buffer("gain", (gain * STATISTIC_STEP).reshape(1, -1, 1, 1))
        self.register_buffer("offset", offset.reshape(1, -1, 1, 1))

    def forward(self, levels: torch.Tensor) -> torch.Tensor:
        both = limited(torch.cat([levels, -1 * levels], 1), 1, 8, signed=True, narrow=True)
        return conv2d(both, limited(self.weight, 1, WEIGHT_BITS - 1, signed=False)) * self.gain + self.offset
