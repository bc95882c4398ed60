"""Networks that fork and join again: their sums add integers, in one layout, at the width that is needed.

FINN's own streamlining knows chains only. It stops at a fork and leaves the scale in front of the fork, so that the
layers behind get no integers. The steps of this file run before and after streamlining, and leave chains as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_BY_ELEMENT = ("PixelThresholds", "FunctionTable", "StreamProduct")
"""Layers of ours that work element by element."""


def sums(model: ModelWrapper, *kinds: str) -> list[NodeProto]:
    """The nodes of `kinds`, by default Add and Sub, that join two branches: none of their inputs is a constant."""
    return [
        node
        for kind in kinds or ("Add", "Sub")
        for node in model.get_nodes_by_op_type(kind)
        if all(model.get_initializer(name) is None for name in node.input)
    ]


def joins(model: ModelWrapper) -> list[NodeProto]:
    """The nodes that add or subtract branches or put their channels side by side."""
    return [*sums(model), *model.get_nodes_by_op_type("Concat")]


def move_scales_past_sums(model: ModelWrapper) -> ModelWrapper:
    """Turn `a s + b s` into `(a + b) s`, concatenations alike; other layers that read `a s` keep a scale of their own.

    The offset of signed levels first becomes part of their thresholds, the only place where FINN looks for it.

    Sums of layers' outputs, which `split_sums` made, stay as they are. This function replaces FINN's
    MoveLinearPastEltwiseAdd, which breaks the graph where another layer reads `a s`, too.
    """
    from finn.transformation.streamline.absorb import AbsorbScalarBiasIntoMultiThreshold
    from finn.transformation.streamline.reorder import MoveLinearPastFork
    from onnx import helper
    from qonnx.transformation.general import GiveReadableTensorNames, GiveUniqueNodeNames, SortGraph

    model = model.transform(AbsorbScalarBiasIntoMultiThreshold())
    for node in joins(model):
        scales = [model.find_producer(name) for name in node.input]
        if any(scale.op_type != "Mul" for scale in scales):
            continue
        factors = [model.get_initializer(scale.input[1]) for scale in scales]
        if any(factor is None or factor.size != 1 or factor != factors[0] for factor in factors):
            continue
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
    """Remove the changes of layout between layers: branches join channels last, as FINN's layers stream.

    Our own layers that are already in the graph take channels last, too.
    """
    from finn.transformation.streamline.absorb import (
        AbsorbConsecutiveTransposes,
        AbsorbTransposeIntoFlatten,
        AbsorbTransposeIntoMultiThreshold,
    )
    from finn.transformation.streamline.reorder import (
        MakeMaxPoolNHWC,
        MoveTransposePastFork,
        MoveTransposePastJoinAdd,
        MoveTransposePastJoinConcat,
        MoveTransposePastScalarMul,
    )
    from qonnx.transformation.general import GiveReadableTensorNames, GiveUniqueNodeNames, SortGraph
    from qonnx.transformation.infer_data_layouts import InferDataLayouts

    past_sums = MoveTransposePastJoinAdd()
    past_sums.join_node_op = ["Add", "Sub"]
    for _ in [*joins(model), *own_layers(model)]:
        _turn_own_layers(model)
        for change in (
            SortGraph(),
            MoveTransposePastFork(),
            MoveTransposePastScalarMul(),
            past_sums,
            MoveTransposePastJoinConcat(),
            AbsorbTransposeIntoMultiThreshold(),
            MakeMaxPoolNHWC(),
            AbsorbConsecutiveTransposes(),
        ):
            model = model.transform(change).transform(SortGraph())
    model = model.transform(InferDataLayouts()).transform(AbsorbTransposeIntoFlatten())
    return model.transform(SortGraph()).transform(GiveUniqueNodeNames()).transform(GiveReadableTensorNames())


def own_layers(model: ModelWrapper) -> list[NodeProto]:
    """Our own layers that are in the graph before FINN's are, and that take any layout."""
    return [node for node in model.graph.node if node.op_type in (*_BY_ELEMENT, "WideDense")]


def _turn_own_layers(model: ModelWrapper) -> None:
    """Let layers that work element by element take channels last, and dense layers their single pixel as it comes."""
    from onnx import helper
    from qonnx.custom_op.registry import getCustomOp

    for node in own_layers(model):
        streams = [index for index, name in enumerate(node.input) if model.get_initializer(name) is None]
        before = [model.find_producer(node.input[index]) for index in streams]
        if any(transpose is None or transpose.op_type != "Transpose" for transpose in before):
            continue
        for index, transpose in zip(streams, before, strict=True):
            node.input[index] = transpose.input[0]
        if node.op_type in _BY_ELEMENT:
            operator = getCustomOp(node)
            if "channels_last" in operator.get_nodeattr_types():
                operator.set_nodeattr("channels_last", 1)
            output, between = node.output[0], f"{node.output[0]}_channels_last"
            model.set_tensor_shape(between, model.get_tensor_shape(node.input[0]))
            model.set_tensor_datatype(between, model.get_tensor_datatype(output))
            node.output[0] = between
            perm = before[0].attribute[0].ints
            model.graph.node.append(helper.make_node("Transpose", [between], [output], perm=perm))
        for transpose in before:
            if not model.find_consumers(transpose.output[0]) and transpose in model.graph.node:
                model.graph.node.remove(transpose)


def fuse_factors(model: ModelWrapper) -> ModelWrapper:
    """Fuse each sum of branches and the integer factors in front of it into one layer, `StreamSum`.

    A difference is the sum of the first branch and -1 times the second.
    """
    from onnx import helper
    from qonnx.custom_op.registry import getCustomOp

    for node in sums(model, "ElementwiseSub"):
        node.op_type = "StreamSum"
        node.attribute.append(helper.make_attribute("rhs_factor", -1))
    for node in sums(model, "ElementwiseAdd"):
        products = [model.find_producer(name) for name in node.input]
        if any(product.op_type != "ElementwiseMul" for product in products):
            continue
        node.op_type = "StreamSum"
        operator = getCustomOp(node)
        for side, index, product in (("lhs", 0, products[0]), ("rhs", 1, products[1])):
            factor = int(model.get_initializer(product.input[1]).item())
            node.attribute.append(helper.make_attribute(f"{side}_factor", factor))
            node.input[index] = product.input[0]
            operator.set_nodeattr(f"{side}_dtype", model.get_tensor_datatype(product.input[0]).name)
            model.graph.node.remove(product)
    return model


def narrow_sums(model: ModelWrapper) -> ModelWrapper:
    """Annotate every sum of branches with the bits that it needs; FINN gives 32 to the sum and to all layers behind."""
    from finn.util.basic import getHWCustomOp
    from qonnx.transformation.general import GiveReadableTensorNames
    from qonnx.transformation.infer_datatypes import InferDataTypes

    for name in [node.name for node in sums(model, "ElementwiseAdd", "StreamSum")]:
        getHWCustomOp(model.get_node_from_name(name)).minimize_accumulator_width(model)
        model = model.transform(InferDataTypes())
    return model.transform(GiveReadableTensorNames())
