"""Turn functions of integers in front of quantisers into thresholds or tables: square, sigmoid, scale, batch norm ...

FINN makes thresholds of a batch norm and a ReLU behind a layer with weights, and of a quantiser of integers. Other
functions are fused here, before FINN sees them. A monotone function becomes thresholds, and the weights in front of a
falling function are negated. Every other function of one quantiser's integers becomes a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finn_build.graph.integer_scales import integer_scales, levels_of, quantiser_before
from finn_build.steps.activations import Activation, activations
from finn_build.steps.integer_functions import TABLE_BITS, IntegerFunction, IntegerFunctions
from finn_build.steps.joint_thresholds import is_joint
from radioml.errors import RadioMLError
from radioml.network.grids import Grid

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

DOMAIN = "finn.custom_op.fpgadataflow"
_LAYOUTS = {2: "NC", 3: "NCW"}
"""Number of a tensor's dimensions -> its layout in graphs of convolutions."""


def fuse_activations(model: ModelWrapper, network: ModelWrapper) -> ModelWrapper:
    """Replace each function that FINN does not know in `model`, which is `network` without its input.

    Thresholds lie half a step below the integers that `exact_thresholds` gives, so that FINN's rounding of scales
    changes no level. Raises RadioMLError for a function that becomes neither thresholds nor a table.
    """
    from qonnx.transformation.general import GiveUniqueNodeNames, SortGraph
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.transformation.remove import RemoveUnusedNodes

    functions = IntegerFunctions(network)
    for activation in activations(network):
        if activation is None or activation.known_to_finn:
            continue
        if message := problem(network, activation, functions):
            raise RadioMLError(": ".join(message))
        _fuse(model, network, activation, functions)
    for change in (RemoveUnusedNodes(), SortGraph(), GiveUniqueNodeNames(), InferShapes()):
        model = model.transform(change)
    return model


def is_table(activation: Activation, function: IntegerFunction) -> bool:
    """Whether a function needs a table: it rises and falls, or it falls and has no weights in front to negate."""
    signs = function.signs
    return signs is None or (activation.weighted is None and bool((signs < 0).any()))


def problem(network: ModelWrapper, activation: Activation, functions: IntegerFunctions) -> tuple[str, str] | None:
    """Why a function that FINN does not know has no hardware: the node and the reason; None where it has hardware."""
    layer = activation.weighted
    before = quantiser_before(network, activation.source)
    if before is not None and before.input[0] == network.graph.input[0].name:
        first = activation.nodes[0]
        return f"{first.op_type} {first.name}", (
            "a function of the network's input; the first layer must be a convolution or an average pool"
        )
    if layer is not None:
        if is_joint(network, activation):
            first = activation.nodes[0] if activation.nodes else activation.quant
            return f"{first.op_type} {first.name}", (
                "a layer behind a join of different scales needs a batch norm, a ReLU and a quantiser behind it"
            )
        inside = {node.output[0] for node in (*activation.nodes, activation.quant)}
        if any(reader.output[0] not in inside for reader in network.find_consumers(activation.source)):
            return f"{layer.op_type} {layer.name}", (
                "several quantisers take functions of its sums; quantise the sums once (QuantIdentity) and apply the "
                "functions behind that quantiser"
            )
    function = functions.of(activation)
    if not is_table(activation, function):
        return None
    bits = _bits(function.low, function.high)
    if before is not None and bits <= TABLE_BITS:
        return None
    return function.name, (
        f"needs a table; a table takes integers of up to {TABLE_BITS} bits, and here it is given "
        f"{'sums' if layer is not None else 'integers'} of {bits} bits; put a quantiser of up to {TABLE_BITS} bits "
        "(QuantIdentity) in front of it"
    )


def _fuse(model: ModelWrapper, network: ModelWrapper, activation: Activation, functions: IntegerFunctions) -> None:
    """Replace the nodes of an activation."""
    function, output = functions.of(activation), activation.quant.output[0]
    levels, grid = f"{output}_levels", function.levels
    if activation.weighted is None:
        integers = as_integers(model, activation.source, integer_scales(network, activation.source).scale, output)
    else:
        integers = activation.source
        assert function.signs is not None
        _weigh_in_integers(model, network, activation.weighted, functions, function.signs)
    if is_table(activation, function):
        before = quantiser_before(network, activation.source)
        assert before is not None
        _add_table(model, integers, levels, function, _kind(levels_of(network, before)))
    else:
        table = function.thresholds(function.low, function.high) - 0.5
        rows = table[:1] if activation.weighted is None and (table == table[:1]).all() else table
        _add(model, "MultiThreshold", integers, rows, levels, domain="qonnx.custom_op.general", out_dtype=_kind(grid),
             out_bias=float(grid.low), data_layout=_LAYOUTS[len(model.get_tensor_shape(integers))])  # fmt: skip
    _remove(model, activation, levels)


def as_integers(model: ModelWrapper, tensor: str, scale: float, reader: str) -> str:
    """A tensor's integers: a division by their scale, which FINN cancels against the scale behind the quantiser."""
    from onnx import helper

    divisor, integers = f"{reader}_step", f"{reader}_integers"
    model.set_initializer(divisor, np.array(scale, np.float32))
    model.set_tensor_shape(integers, model.get_tensor_shape(tensor))
    model.graph.node.append(helper.make_node("Div", [tensor, divisor], [integers]))
    return integers


def _weigh_in_integers(
    model: ModelWrapper, network: ModelWrapper, of: NodeProto, functions: IntegerFunctions, signs: np.ndarray
) -> None:
    """Let a layer multiply integers by integer weights, which are negated where levels fall, without a bias."""
    from qonnx.core.datatype import DataType

    layer, sums = model.find_producer(of.output[0]), of.output[0]
    weights = functions.weights(of)
    if layer.op_type == "Conv":
        weights = weights * signs.reshape(-1, *[1] * (weights.ndim - 1))
    else:
        weights = weights * signs
        layer.op_type = "MatMul"
        del layer.attribute[:]
    layer.input[0] = as_integers(model, layer.input[0], integer_scales(network, of.input[0]).scale, sums)
    layer.input[1] = f"{sums}_weights"
    del layer.input[2:]
    model.set_initializer(layer.input[1], weights.astype(np.float32))
    model.set_tensor_datatype(layer.input[1], DataType[f"INT{_bits(int(weights.min()), int(weights.max()), True)}"])


def _add_table(model: ModelWrapper, integers: str, levels: str, function: IntegerFunction, given: str) -> None:
    from qonnx.core.datatype import DataType

    _, channels, *pixels = model.get_tensor_shape(integers)
    kind = DataType[given]
    table = function.table(int(kind.min()), int(kind.max()))
    _add(model, "FunctionTable", integers, table, levels, domain=DOMAIN, backend="fpgadataflow", channels_last=0,
         shape=[1, *pixels, channels], inputDataType=given, outputDataType=_kind(function.levels))  # fmt: skip


def _add(model: ModelWrapper, kind: str, source: str, table: np.ndarray, output: str, **given: Any) -> None:
    from onnx import helper

    constant = f"{output}_{kind}"
    model.set_initializer(constant, table.astype(np.float32 if np.abs(table).max() < 2**23 else np.float64))
    model.set_tensor_shape(output, model.get_tensor_shape(source))
    model.graph.node.append(helper.make_node(kind, [source, constant], [output], **given))


def _remove(model: ModelWrapper, activation: Activation, levels: str) -> None:
    """Replace a quantiser, and the nodes in front that nothing else reads, by levels and their scale."""
    from onnx import helper
    from qonnx.core.datatype import DataType

    quant = model.find_producer(activation.quant.output[0])
    model.graph.node.remove(quant)
    for node in reversed(activation.nodes):
        if not model.find_consumers(node.output[0]):
            model.graph.node.remove(model.find_producer(node.output[0]))
    model.graph.node.append(helper.make_node("Mul", [levels, quant.input[1]], quant.output))
    model.set_tensor_datatype(quant.output[0], DataType["FLOAT32"])


def _kind(grid: Grid | None) -> str:
    assert grid is not None
    return f"{'INT' if grid.low < 0 else 'UINT'}{_bits(grid.low, grid.high)}"


def _bits(low: int, high: int, signed: bool = False) -> int:
    """Bits of integers between bounds, with a sign where one is negative."""
    return max(high, ~low).bit_length() + 1 if low < 0 or signed else max(1, high.bit_length())
