"""Brevitas quantisers of the networks. All are uniform with zero point 0, as the challenge demands."""

from __future__ import annotations

import brevitas.nn as qnn
from brevitas.core.restrict_val import RestrictValueType
from brevitas.core.scaling import ScalingImplType
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerTensorFloat, Uint8ActPerTensorFloat


class InputQuant(Int8ActPerTensorFloat):
    """IQ samples: the constant range [-2, 2), so one step is 4 / 2^bits (1/64 at 8 bits)."""

    bit_width = 8
    min_val = -2.0
    max_val = 2.0
    scaling_impl_type = ScalingImplType.CONST


class ActivationQuant(Uint8ActPerTensorFloat):
    """Activations after ReLU: unsigned, one learned scale a tensor."""

    max_val = 4.0
    scaling_impl_type = ScalingImplType.PARAMETER
    restrict_scaling_type = RestrictValueType.LOG_FP


class LinearScaleActivationQuant(ActivationQuant):
    """Activations after ReLU whose learned parameter is the scale instead of its logarithm, as in the sandbox."""

    restrict_scaling_type = RestrictValueType.FP


class WeightQuant(Int8WeightPerTensorFloat):
    """Weights: signed and symmetric (narrow range), as FINN's RTL multipliers take them; one scale a tensor."""

    narrow_range = True
    scaling_per_output_channel = False


class SignedActivationQuant(Int8ActPerTensorFloat):
    """Signed input of a layer that quantises its own input; one learned scale a tensor."""

    max_val = 4.0
    min_val = -4.0
    scaling_impl_type = ScalingImplType.PARAMETER
    restrict_scaling_type = RestrictValueType.LOG_FP


def share_scale(first: qnn.QuantReLU, second: qnn.QuantReLU) -> None:
    """Give two activations that are joined one scale, which is trained as one parameter.

    The layer behind a join then adds or reads integers of one step. Raises ValueError for activations of different
    widths, whose steps would differ by a power of two.
    """
    quantisers = [activation.act_quant.fused_activation_quant_proxy.tensor_quant for activation in (first, second)]
    widths = [int(quantiser.msb_clamp_bit_width_impl()) for quantiser in quantisers]
    if widths[0] != widths[1]:
        raise ValueError(f"shared_quantiser: the branches have {widths[0]} and {widths[1]} bits; give both one width")
    quantisers[1].scaling_impl = quantisers[0].scaling_impl
