"""Leave the input quantiser, and the data movement behind it, to the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.contract.quantiser import InputQuantiser
from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

DATA_MOVEMENT = ("Reshape", "Transpose")
ACCELERATOR_INPUT = "integers"


def cut_input(model: ModelWrapper, quantiser: InputQuantiser) -> ModelWrapper:
    """Replace `iq -> Quant -> Reshape/Transpose ...` by an integer input and one multiplication by the scale.

    The new input (1, channels, pixels) holds the quantiser's integers. FINN streamlines the multiplication into the
    thresholds behind the first layer. The host then only quantises its (1024, 2) frame and streams it in C order.

    Raises RadioMLError when the model does not begin with the quantiser that its metadata describe, and when the data
    movement needs another order than C order.
    """
    from onnx import TensorProto, helper
    from qonnx.core.datatype import DataType
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.infer_shapes import InferShapes

    model = model.transform(InferShapes()).transform(FoldConstants()).transform(InferShapes())
    graph = model.graph
    consumers = model.find_consumers(graph.input[0].name)
    if len(consumers) != 1 or consumers[0].op_type != "Quant":
        raise RadioMLError(f"the input must be quantised first; {_names(consumers)} read it as it is")
    quant = consumers[0]
    _check_quantiser(model, quant, quantiser)
    movement: list[NodeProto] = []
    tensor = quant.output[0]
    while len(after := model.find_consumers(tensor)) == 1 and after[0].op_type in DATA_MOVEMENT:
        movement.append(after[0])
        tensor = after[0].output[0]
    shape = model.get_tensor_shape(tensor)
    _check_order(model, movement, quant.output[0], tensor)

    for node in [quant, *movement]:
        graph.node.remove(node)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(ACCELERATOR_INPUT, TensorProto.FLOAT, shape))
    model.set_tensor_datatype(ACCELERATOR_INPUT, DataType[f"INT{quantiser.bits}"])
    scale = f"{ACCELERATOR_INPUT}_scale"
    model.set_initializer(scale, np.array(quantiser.scale, dtype=np.float32))
    graph.node.insert(0, helper.make_node("Mul", [ACCELERATOR_INPUT, scale], [tensor], name="InputScale"))
    return model


def _names(nodes: list[NodeProto]) -> str:
    return ", ".join(f"{node.op_type} {node.name}" for node in nodes) or "no layer"


def _check_quantiser(model: ModelWrapper, quant: NodeProto, expected: InputQuantiser) -> None:
    from qonnx.custom_op.registry import getCustomOp

    scale, zero_point, bits = (model.get_initializer(name) for name in quant.input[1:4])
    attributes = getCustomOp(quant)
    flags = attributes.get_nodeattr("signed"), attributes.get_nodeattr("narrow")
    mode = attributes.get_nodeattr("rounding_mode")
    found = (np.ravel(scale).tolist(), float(zero_point), float(bits), flags, mode)
    if found != ([float(np.float32(expected.scale))], 0.0, float(expected.bits), (1, 0), "ROUND"):
        raise RadioMLError(
            f"{quant.name}: scale, zero point, bits, (signed, narrow), rounding are {found}, but the metadata says "
            f"{expected}; export the checkpoint again with `radioml export`"
        )


def _check_order(model: ModelWrapper, movement: list[NodeProto], first: str, last: str) -> None:
    """Run the data movement on an index array, which must come out in C order, channels last."""
    from onnx import reference

    frame = np.arange(2 * FRAME_LENGTH, dtype=np.float32).reshape(FRAME_LENGTH, 2)
    context = {first: frame.T[None]}
    for node in movement:
        inputs = {name: context[name] if name in context else model.get_initializer(name) for name in node.input}
        context |= zip(node.output, map(np.asarray, reference.ReferenceEvaluator(node).run(None, inputs)), strict=True)
    stream = context[last]
    if stream.ndim != 3 or not np.array_equal(np.moveaxis(stream, 1, -1).ravel(), frame.ravel()):
        raise RadioMLError(
            f"{_names(movement)}: this data movement changes the order in which the host sends a frame, "
            f"({FRAME_LENGTH}, 2) with channels last; use a stem such as polyphase's SpaceToDepth"
        )
