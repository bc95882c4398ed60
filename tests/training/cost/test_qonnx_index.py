"""With the index qonnx finds the same in a graph as by searching, and its passes give the same graphs."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model
from qonnx.util.inference_cost import inference_cost

from tests.networks import GraphWriter
from training.cost.qonnx_index import indexed

pytestmark = pytest.mark.training


def network() -> onnx.ModelProto:
    """Branches, constants that two nodes read, a node that reads a tensor twice, and nodes of constants alone."""
    write = GraphWriter(4)
    start = write.quant(1 / 64, 8, signed=True)
    shared = write.constant(0.5)
    square = write.node("Mul", start, start)
    scaled = write.node("Mul", square, write.node("Add", shared, shared))
    write.node("Add", write.node("Mul", start, shared), scaled)
    write.quant(1 / 8, 8, signed=True)
    write.convolution(4, 3, strides=[8])
    write.batch_norm()
    write.activation()
    write.classifier(4 * 128)
    return write.model()


def cleaned(model: onnx.ModelProto) -> onnx.ModelProto:
    return cleanup_model(ModelWrapper(model, make_deepcopy=True)).model


def test_a_cleaned_graph_is_the_same_to_the_byte():
    with indexed():
        found = cleaned(network())
    assert found.SerializeToString() == cleaned(network()).SerializeToString()


def test_costs_and_the_analysed_graph_are_the_same(tmp_path):
    def analysed(name: str) -> tuple[dict, bytes]:
        path = tmp_path / name
        with contextlib.redirect_stdout(io.StringIO()):
            costs = inference_cost(ModelWrapper(cleaned(network())), cost_breakdown=True, output_onnx=str(path))
        return costs, path.read_bytes()

    with indexed():
        found = analysed("indexed")
    assert found == analysed("searched") and found[0]["total_cost"]["total_bops"] > 0


def lookups(model: ModelWrapper) -> list[str]:
    """All that a wrapper says about each name, and about one that is not there."""
    names = [*model.get_all_tensor_names(), *(tensor.name for tensor in model.graph.initializer), "no such name"]
    return [
        f"{name}: {model.get_tensor_shape(name)} {model.get_tensor_datatype(name)} {model.find_producer(name)} "
        f"{model.get_tensor_valueinfo(name)} {model.get_initializer(name, True)}"
        for name in names
    ]


def renamed_in_the_graph(model: ModelWrapper) -> None:
    model.graph.initializer[0].name, model.graph.initializer[1].name = "one", "two"


def shorter_and_longer(model: ModelWrapper) -> None:
    del model.graph.value_info[2], model.graph.value_info[4]
    model.graph.value_info.insert(0, helper.make_tensor_value_info("new", TensorProto.FLOAT16, [3]))


def other_nodes(model: ModelWrapper) -> None:
    node = model.graph.node[1]
    model.graph.node.remove(node)
    node.input[1] = "other"
    model.graph.node.insert(4, node)
    model.graph.node.append(helper.make_node("Relu", ["other"], ["last"]))


def by_its_methods(model: ModelWrapper) -> None:
    names = [tensor.name for tensor in model.graph.initializer]
    model.set_initializer("fresh", np.ones((2, 3), np.float32))
    model.set_initializer(names[1], np.zeros(7, np.float32))
    model.del_initializer(names[2])
    model.set_tensor_shape(model.graph.node[0].output[0], [5, 5])
    model.set_tensor_datatype(model.graph.node[0].output[0], DataType["INT4"])
    model.set_tensor_datatype("fresh", DataType["UINT2"])
    model.set_tensor_datatype("fresh", DataType["UINT3"])
    model.set_tensor_datatype(model.graph.node[0].output[0], None)
    for node in [*model.graph.node]:
        model.rename_tensor(node.output[0], f"new_{node.output[0]}")


@pytest.mark.parametrize("change", [renamed_in_the_graph, shorter_and_longer, other_nodes, by_its_methods])
def test_changes_of_a_graph_are_seen(change: Callable[[ModelWrapper], None]):
    plain, quick = (ModelWrapper(cleaned(network())) for _ in range(2))
    with indexed():
        before = lookups(quick)
        change(quick)
        found = lookups(quick)
    assert before == lookups(plain)
    change(plain)
    assert found == lookups(plain) and found != before
    assert quick.model.SerializeToString() == plain.model.SerializeToString()


def test_a_name_that_stands_twice_is_refused_as_by_qonnx():
    model = ModelWrapper(network())
    model.graph.value_info.extend([helper.make_tensor_value_info("twice", TensorProto.FLOAT, [1])] * 2)
    model.graph.initializer.extend([numpy_helper.from_array(np.float32(k), "both") for k in (1, 2)])
    with indexed():
        with pytest.raises(AssertionError, match="Multiple ValueInfoProto found for twice"):
            model.get_tensor_shape("twice")
        with pytest.raises(Exception, match="multiple get_by_name matches"):
            model.rename_tensor("twice", "once")
        assert model.get_initializer("both") == 1


def test_the_methods_are_qonnxs_own_again_after_an_error():
    own = dict(vars(ModelWrapper))
    with pytest.raises(ValueError, match="planted"), indexed():
        assert vars(ModelWrapper)["rename_tensor"] is not own["rename_tensor"]
        raise ValueError("planted")
    assert dict(vars(ModelWrapper)) == own
