"""One small network in every dialect and with every habit of exporters: the integers are always the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import helper

from radioml.contract.quantiser import InputQuantiser
from radioml.foreign.importing import Network
from tests.networks import FinnWriter, GraphWriter, QcdqWriter
from tests.radioml.foreign.their_network import SEED, check, written

DIALECTS = {
    "QONNX": lambda: GraphWriter(SEED),
    "Quant of onnx.brevitas, opset 9": lambda: GraphWriter(SEED, 9, "onnx.brevitas"),
    "Quant of no domain, opset 11": lambda: GraphWriter(SEED, 11, ""),
    "Quant of a domain of its own, opset 17": lambda: GraphWriter(SEED, 17, "my.quantisers"),
    "QCDQ, opset 13": lambda: QcdqWriter(SEED, 13),
    "QCDQ, opset 21": lambda: QcdqWriter(SEED, 21),
    "FINN, opset 9": lambda: FinnWriter(SEED),
    "FINN without annotations": lambda: FinnWriter(SEED, annotated=False),
    "FINN of another domain": lambda: FinnWriter(SEED, 11, "finn.custom_op.general"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_gives_the_same_integers(
    dialect: str, imported: Callable[..., Network], iq: np.ndarray, expected: np.ndarray
):
    network = imported(written(DIALECTS[dialect]()))
    assert network.quantiser == InputQuantiser(8, 1 / 64)
    check(network, iq, expected)
    constants = {tensor.name for tensor in network.model.graph.initializer}
    weights = [node for node in network.model.graph.node if node.op_type == "Quant" and node.input[0] in constants]
    assert len(weights) == 3, "each layer's weights are quantised, for the score and for FINN"


def _listed_as_inputs(model: onnx.ModelProto) -> None:
    for tensor in model.graph.initializer:
        value = helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        model.graph.input.insert(0, value)


def _twice(model: onnx.ModelProto) -> None:
    model.graph.initializer.extend(list(model.graph.initializer))


def _batch(size: int | str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        for value in (model.graph.input[0], model.graph.output[0]):
            dimension = value.type.tensor_type.shape.dim[0]
            dimension.Clear()
            if isinstance(size, str):
                dimension.dim_param = size
            else:
                dimension.dim_value = size

    return change


def _constants_as_nodes(model: onnx.ModelProto) -> None:
    nodes = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in model.graph.initializer]
    del model.graph.initializer[:]
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])


def _names_of_the_contract_elsewhere(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [{"iq": "input.1", "t3_0": "iq", "t6_0": "logits"}.get(name, name) for name in names]
    model.graph.input[0].name = "input.1"


HABITS = {
    "initialisers listed as inputs": _listed_as_inputs,
    "initialisers twice": _twice,
    "a batch with a name": _batch("N"),
    "a batch of no size": _batch(0),
    "a batch of 32": _batch(32),
    "constants as nodes": _constants_as_nodes,
    "our names for other tensors": _names_of_the_contract_elsewhere,
}


@pytest.mark.parametrize("habit", HABITS)
def test_habits_of_exporters_change_nothing(
    habit: str, imported: Callable[..., Network], iq: np.ndarray, expected: np.ndarray
):
    model = written(GraphWriter(SEED))
    HABITS[habit](model)
    check(imported(model), iq, expected)
