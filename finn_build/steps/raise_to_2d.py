"""Make FINN's 2-D layers of 1-D ones, and pools that it can stream fast."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


def raise_to_2d(model: ModelWrapper) -> ModelWrapper:
    """Turn (1, channels, pixels) into (1, channels, pixels, 1); and long pools into two short ones, which is the same.

    FINN's input generator (swg_template_default.sv) takes no pixel of the next window while it gives out the last: a
    pool over k of p pixels takes p + (k - 1)^2 cycles at least (`ConvolutionInputGenerator_rtl.get_exp_cycles`), the
    maximum over 128 pixels 16,257, but 177 and 241 as one over 8 and one over 16.
    """
    from qonnx.transformation.change_3d_tensors_to_4d import Change3DTo4DTensors
    from qonnx.transformation.general import GiveUniqueNodeNames
    from qonnx.transformation.infer_shapes import InferShapes

    model = model.transform(Change3DTo4DTensors())
    for pool in model.get_nodes_by_op_type("MaxPool"):
        window, other = _attribute(pool, "kernel_shape")
        pixels = model.get_tensor_shape(pool.input[0])[2]
        short = max(factor for factor in range(1, int(window**0.5) + 1) if window % factor == 0)
        apart = list(_attribute(pool, "strides")) == [window, other] == [window, 1]
        if short > 1 and apart and not any(_attribute(pool, "pads")) and (window - 1) ** 2 > pixels:
            _split(model, pool, short)
    return model.transform(InferShapes()).transform(GiveUniqueNodeNames())


def _split(model: ModelWrapper, pool: NodeProto, short: int) -> None:
    """Put a pool over `short` pixels in front of `pool`, which is left with what remains of its window."""
    first, between = deepcopy(pool), model.make_new_valueinfo_name()
    shape = list(model.get_tensor_shape(pool.input[0]))
    shape[2] //= short
    model.set_tensor_shape(between, shape)
    first.output[0] = pool.input[0] = between
    for name in ("kernel_shape", "strides"):
        remaining = _attribute(pool, name)[0] // short
        _attribute(first, name)[0], _attribute(pool, name)[0] = short, remaining
    model.graph.node.insert(list(model.graph.node).index(pool), first)


def _attribute(node: NodeProto, name: str) -> list[int]:
    """A list of integers that can be changed."""
    return next(attribute.ints for attribute in node.attribute if attribute.name == name)
