"""The learned part: from statistics to logits, with integer weights of two bits of magnitude.

In evaluation mode all constants are dyadic, integers times a power of two, and no sum lies halfway between two levels:
batch norms and the scales of classes are rounded to `2^-FRACTION`, and half of that is added in front of a quantiser.
So single precision, double precision and the integers of hardware give the same levels.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import brevitas.nn as qnn
import torch
from brevitas.core.scaling import ScalingImplType
from torch import nn
from torch.nn.functional import linear

from radioml.constants import CLASSES
from training.models.quantisers import ActivationQuant, WeightQuant

STATISTIC_STEP = 1 / 32
"""Value of a statistic's level in the head, with which a statistic's standard deviation is near 1."""
HIDDEN_STEP = 1 / 8
HIDDEN_BITS = 5
FRACTION = 12
"""Bits behind the point of the constants in evaluation mode."""
LOGIT_SCALE = STATISTIC_STEP * 2.0**-FRACTION
"""Value of one step of the integer logits."""
WEIGHT_BITS = 3
"""Sign and two bits of magnitude: integers from -3 to 3."""


class _HiddenQuant(ActivationQuant):
    bit_width = HIDDEN_BITS
    max_val = (2**HIDDEN_BITS - 1) * HIDDEN_STEP
    scaling_impl_type = ScalingImplType.CONST


@dataclass(frozen=True)
class Constants:
    """The head in integers: a layer's output is (its integer weights times its input) x gain + offset.

    Inputs are levels of statistics times `STATISTIC_STEP` and levels of hidden units times `HIDDEN_STEP`; outputs of
    the hidden layers are in levels, outputs of the last layer are logits. Gains are multiples of 2^-FRACTION. Offsets
    of hidden layers are odd multiples of 2^-(FRACTION + 1) x `STATISTIC_STEP`, offsets of the last layer multiples of
    `LOGIT_SCALE`. Weights (outputs, inputs), others (outputs,).
    """

    phase: torch.Tensor
    phase_gain: torch.Tensor
    phase_offset: torch.Tensor
    whole: torch.Tensor
    whole_gain: torch.Tensor
    whole_offset: torch.Tensor
    output: torch.Tensor
    output_gain: torch.Tensor
    output_offset: torch.Tensor


class Head(nn.Module):
    """Statistics -> hidden units of a phase, their maximum over the phases, hidden units of the frame -> logits.

    phase_statistics, whole_statistics: numbers of statistics of each phase and of the whole frame.
    phase_units, whole_units: hidden units that see a phase's statistics, and the frame's.

    The three billed layers are `phase` (phase_units, phase_statistics), `whole` (whole_units, whole_statistics) and
    `output` (24, phase_units + whole_units + whole_statistics). A pruned weight is exactly 0. In training mode the
    batch norms are those of PyTorch; in evaluation mode the head computes with `Constants`.
    """

    def __init__(self, phase_statistics: int, whole_statistics: int, phase_units: int, whole_units: int) -> None:
        super().__init__()
        self.phase = _weights(phase_statistics, phase_units)
        self.phase_norm = nn.BatchNorm1d(phase_units)
        self.whole = _weights(whole_statistics, whole_units)
        self.whole_norm = nn.BatchNorm1d(whole_units)
        self.activation = qnn.QuantReLU(act_quant=_HiddenQuant, return_quant_tensor=False)
        self.output = _weights(phase_units + whole_units + whole_statistics, len(CLASSES))
        self.log_scale = nn.Parameter(torch.zeros(len(CLASSES)))
        self.bias = nn.Parameter(torch.zeros(len(CLASSES)))

    def forward(self, per_phase: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
        """Levels of statistics, float (N, phase_statistics, 8) and (N, whole_statistics) -> float logits (N, 24)."""
        return self.logits(self.hidden(per_phase, whole))

    def hidden(self, per_phase: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
        """Inputs of the output layer, (N, phase_units + whole_units + whole_statistics)."""
        return torch.cat([self.of_phases(per_phase), self.of_frame(whole), whole * STATISTIC_STEP], 1)

    def of_phases(self, per_phase: torch.Tensor) -> torch.Tensor:
        """Hidden units of the phases, their maximum over these, (N, phase_units)."""
        phases = per_phase.transpose(1, 2) * STATISTIC_STEP
        if self.training:
            a = self.phase_norm(self.phase(phases).flatten(0, 1)).unflatten(0, phases.shape[:2])
            return self.activation(a.amax(1))
        k = self._constants()
        return _hidden_levels((linear(phases, k.phase) * k.phase_gain + k.phase_offset).amax(1))

    def of_frame(self, whole: torch.Tensor) -> torch.Tensor:
        """Hidden units of the frame, (N, whole_units)."""
        frame = whole * STATISTIC_STEP
        if self.training:
            return self.activation(self.whole_norm(self.whole(frame)))
        k = self._constants()
        return _hidden_levels(linear(frame, k.whole) * k.whole_gain + k.whole_offset)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (N, 24) from the result of `hidden`."""
        if self.training:
            return self.output(hidden) * self.log_scale.exp() + self.bias
        k = self._constants()
        return linear(hidden, k.output) * k.output_gain + k.output_offset

    def train(self, mode: bool = True) -> Head:
        """Switch the mode; evaluation mode uses the constants of the present weights."""
        super().train(mode)
        if not mode:
            for name, value in zip(_NAMES, astuple(self.constants()), strict=True):
                self.register_buffer(f"_{name}", value, persistent=False)
        return self

    @torch.no_grad()
    def constants(self) -> Constants:
        """The head with its present weights, in integers and dyadic constants."""
        phase, whole = (_folded(*pair) for pair in ((self.phase, self.phase_norm), (self.whole, self.whole_norm)))
        integers, scale = integer_weights(self.output)
        gain, offset = dyadic(scale * self.log_scale.exp()), dyadic(self.bias, LOGIT_SCALE)
        return Constants(*phase, *whole, integers, gain, offset)

    def _constants(self) -> Constants:
        return Constants(*(getattr(self, f"_{name}") for name in _NAMES))


def _hidden_levels(sums: torch.Tensor) -> torch.Tensor:
    return sums.round().clamp(0, 2**HIDDEN_BITS - 1) * HIDDEN_STEP


_NAMES = [field.name for field in fields(Constants)]


def _weights(inputs: int, outputs: int) -> qnn.QuantLinear:
    return qnn.QuantLinear(
        inputs, outputs, bias=False, weight_quant=WeightQuant, weight_bit_width=WEIGHT_BITS,
        weight_scaling_per_output_channel=True,
    )  # fmt: skip


def integer_weights(layer: qnn.QuantLinear) -> tuple[torch.Tensor, torch.Tensor]:
    """Integers from -3 to 3 of a layer of the head, (outputs, inputs), and the scale of each row, (outputs,)."""
    quantised = layer.quant_weight()
    return (quantised.value / quantised.scale).round(), quantised.scale.flatten()


def _folded(layer: qnn.QuantLinear, norm: nn.BatchNorm1d) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Integers, gain and offset of a hidden layer with its batch norm, in levels of the hidden units."""
    assert norm.running_var is not None and norm.running_mean is not None
    integers, scale = integer_weights(layer)
    slope = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    gain = dyadic(slope * scale / HIDDEN_STEP)
    tie_breaker = STATISTIC_STEP * 2.0 ** -(FRACTION + 1)  # sums x gain are multiples of twice this
    return integers, gain, dyadic((norm.bias - slope * norm.running_mean) / HIDDEN_STEP) + tie_breaker


def dyadic(values: torch.Tensor, step: float = 2.0**-FRACTION) -> torch.Tensor:
    """Values rounded to multiples of a power of two."""
    return torch.round(values / step) * step
