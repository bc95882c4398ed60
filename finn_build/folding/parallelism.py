"""What a layer's folding attributes mean, and which values they can take."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from finn_build.rtl_layers import own

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from qonnx.core.modelwrapper import ModelWrapper

ATTRIBUTES = ("PE", "SIMD", "parallel_window", "ram_style", "products")
"""Attributes that a folding sets.

PE: outputs computed side by side. SIMD: inputs taken a cycle. parallel_window: the convolution input generator gives
its whole window in one cycle. ram_style: memory that holds a multiplier's weights or a generator's lines. products:
where the products of a depthwise unit are computed, in DSPs or in LUTs."""

_ELEMENTS = {
    ("MVAU", "PE"): "MH",
    ("MVAU", "SIMD"): "MW",
    ("VVAU", "PE"): "Channels",
    ("VVAU", "SIMD"): "Kernel",
    ("Pool", "PE"): "Channels",
    ("LabelSelect", "PE"): "Labels",
    ("ConvolutionInputGenerator", "SIMD"): "IFMChannels",
}
"""FINN's layer and PE or SIMD -> the attribute with the number that PE or SIMD must divide.

The source is FINN 1.6.1's SetFolding. For all other layers the number is NumChannels, or else the innermost
dimension."""


def attributes_of(operator: HWCustomOp) -> list[str]:
    """The attributes of a layer that a folding sets."""
    return [name for name in ATTRIBUTES if name in operator.get_nodeattr_types()]


def elements(operator: HWCustomOp, attribute: str) -> int:
    """The number of elements that PE or SIMD must divide: its largest value."""
    if (layer := own(operator)) is not None:
        return layer.most_parallel(attribute)
    kind = operator.onnx_node.op_type.rsplit("_", 1)[0]
    known = operator.get_nodeattr_types()
    name = _ELEMENTS.get((kind, attribute), "NumChannels")
    if name not in known:
        return int(operator.get_normal_output_shape()[-1])
    value = operator.get_nodeattr(name)
    return int(value if isinstance(value, int) else prod(value))


def legal_widths(operator: HWCustomOp, attribute: str) -> list[int]:
    """All values that PE or SIMD can take, smallest first."""
    whole = elements(operator, attribute)
    return [value for value in range(1, whole + 1) if whole % value == 0]


def legal_values(operator: HWCustomOp, attribute: str) -> list[int] | list[str]:
    """All values that one of `attributes_of` can take, smallest first."""
    if attribute in ("PE", "SIMD"):
        return legal_widths(operator, attribute)
    allowed = operator.get_nodeattr_types()[attribute][3]
    return sorted(allowed - {"ultra"})  # UltraRAM cannot be initialised with weights


def is_depthwise(operator: HWCustomOp) -> bool:
    """Whether this is an input generator whose SIMD is bound to the PE of the layer behind it."""
    return "depthwise" in operator.get_nodeattr_types() and bool(operator.get_nodeattr("depthwise"))


def at_maximum(operator: HWCustomOp) -> bool:
    """Whether no other folding could make the layer faster."""
    speed = ("PE", "SIMD") if is_depthwise(operator) else ("PE", "SIMD", "parallel_window")
    return all(
        operator.get_nodeattr(name) == legal_values(operator, name)[-1]
        for name in attributes_of(operator)
        if name in speed
    )


def producers(model: ModelWrapper, operator: HWCustomOp) -> list[tuple[int, HWCustomOp]]:
    """The layers that give a layer its streams, each with the number of the layer's input."""
    from finn.util.basic import getHWCustomOp

    found = [(index, model.find_producer(name)) for index, name in enumerate(operator.onnx_node.input)]
    return [(index, getHWCustomOp(producer)) for index, producer in found if producer is not None]
