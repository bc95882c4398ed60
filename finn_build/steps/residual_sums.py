"""Networks that fork and join again: their sums add integers, in one layout, at the width that is needed.

FINN's own streamlining knows chains only. It stops at a fork and leaves the scale in front of the fork, so that the
layers behind get no integers. The steps of this file run before and after streamlining, and leave chains as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


def sums(model: ModelWrapper, kind: str = "Add") -> list[NodeProto]:
    """The nodes of an operation that add two branches."""
    return [
        node
        for node in model.get_nodes_by_op_type(kind)
        if all(model.get_initializer(name) is None for name in node.input)
    ]


def move_scales_past_sums(model: ModelWrapper) -> ModelWrapper:
    """Turn `a s + b s` into `(a + b) s`; other layers that read `a s` keep a scale of their own.

    The scales are equal, because `check_model` refuses other networks. FINN's MoveLinearPastEltwiseAdd breaks the graph
    where another layer reads `a s`, too.
    """
    from finn.transformation.streamline.reorder import MoveLinearPastFork
    from onnx import helper
    from qonnx.transformation.general import GiveReadableTensorNames, GiveUniqueNodeNames, SortGraph

    for node in sums(model):
        scales = [model.find_producer(name) for name in node.input]
        total, between = node.output[0], model.make_new_valueinfo_name()
        model.set_tensor_shape(between, model.get_tensor_shape(total))
        node.input[:], node.output[0] = [scale.input[0] for scale in scales], between
        model.graph.node.append(helper.make_node("Mul", [between, scales[0].input[1]], [total]))
        for scale in scales:
            if not model.find_consumers(scale.output[0]):
                model.graph.node.remove(scale)
    model = model.transform(SortGraph()).transform(MoveLinearPastFork()).transform(SortGraph())
    return model.transform(GiveUniqueNodeNames()).transform(GiveReadableTensorNames())


def move_transposes_past_sums(model: ModelWrapper) -> ModelWrapper:
    """Remove the changes of layout between layers: branches join channels last, as FINN's layers stream."""
    from finn.transformation.streamline.absorb import AbsorbConsecutiveTransposes, AbsorbTransposeIntoFlatten
    from finn.transformation.streamline.reorder import (
        MakeMaxPoolNHWC,
        MoveTransposePastFork,
        MoveTransposePastJoinAdd,
    )
    from qonnx.transformation.general import GiveReadableTensorNames, GiveUniqueNodeNames, SortGraph
    from qonnx.transformation.infer_data_layouts import InferDataLayouts

    for _ in sums(model):
        for change in (
            MoveTransposePastFork(),
            MoveTransposePastJoinAdd(),
            MakeMaxPoolNHWC(),
            AbsorbConsecutiveTransposes(),
        ):
            model = model.transform(change).transform(SortGraph())
    model = model.transform(InferDataLayouts()).transform(AbsorbTransposeIntoFlatten())
    return model.transform(SortGraph()).transform(GiveUniqueNodeNames()).transform(GiveReadableTensorNames())


def narrow_sums(model: ModelWrapper) -> ModelWrapper:
    """Annotate every sum of branches with the bits that it needs; FINN gives 32 to the sum and to all layers behind."""
    from finn.util.basic import getHWCustomOp
    from qonnx.transformation.general import GiveReadableTensorNames
    from qonnx.transformation.infer_datatypes import InferDataTypes

    for name in [node.name for node in sums(model, "ElementwiseAdd")]:
        getHWCustomOp(model.get_node_from_name(name)).minimize_accumulator_width(model)
        model = model.transform(InferDataTypes())
    return model.transform(GiveReadableTensorNames())
