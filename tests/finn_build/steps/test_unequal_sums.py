"""A residual network whose branches have different scales, as training gives them, from its graph to bit-exact RTL."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from rich.console import Console

from finn_build.boards import load_board
from finn_build.build import build
from finn_build.engine.finn_session import finn_session
from finn_build.engine.paths import FOLDED, graph_of_step
from finn_build.model_check.check_model import examine
from finn_build.steps import EXACT_THRESHOLDS, GRAPH_STEPS, Context, apply_steps
from finn_build.verify.graph_runner import GraphRunner
from finn_build.verify.ladder import climb
from finn_build.verify.rtl_rungs import STALLS
from finn_build.verify.rung import Reference
from radioml.contract.metadata import load_exported
from radioml.data.synthetic import generate_spread
from tests.finn_build.copied_build import forget_rtl
from tests.seeded_network import exported
from training.trained.inner_levels import inner_levels

pytestmark = pytest.mark.rtl

PARAMETERS = {"channels": [4, 4, 6], "kernels": [5, 9, 3], "strides": [8, 1, 2]}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The batch norm behind the sum has a dead channel."""
    return exported(tmp_path_factory.mktemp("unequal"), PARAMETERS, one_scale=False, dead=("blocks.2.layers.1", 1))


@pytest.fixture(scope="module")
def built(model, quick_simulators):
    return build(model, "ZCU104", "rtl", target_fps=100_000, console=Console(quiet=True))


@pytest.fixture(scope="module")
def frames():
    return generate_spread(26, seed=6)


@pytest.fixture(scope="module")
def reference(model, frames):
    trained = inner_levels(model.with_name("checkpoint.pth"), frames.iq)
    return Reference(trained.logits, trained.layers, trained.classifier)


def test_every_rung_gives_the_networks_integers(built, frames, reference):
    report = climb(built.folder, frames, reference, "synthetic")
    assert report.equal, report.rungs
    assert report.rungs[-1].name == STALLS
    assert all(rung.layers_compared == (*reference.layers, "classifier") for rung in report.rungs)


def weighted_sum(folder):
    """The sum's factors, and the thresholds behind it, in the folded graph."""
    layers = ModelWrapper(str(folder / FOLDED))
    (total,) = layers.get_nodes_by_op_type("StreamSum_rtl")
    factors = {a.name: a.i for a in total.attribute if a.name.endswith("_factor")}
    (behind,) = layers.find_consumers(total.output[0])
    return (factors["lhs_factor"], factors["rhs_factor"]), layers.get_initializer(behind.input[1]), layers, behind


def test_the_sum_has_factors_in_the_ratio_of_the_scales(model, built):
    network = ModelWrapper(load_exported(model)[0])
    add = network.get_nodes_by_op_type("Add")[0]
    scales = [network.get_initializer(network.find_producer(name).input[1]).item() for name in add.input]
    (left, right), thresholds, *_ = weighted_sum(built.folder)
    assert left != right
    assert left / right == pytest.approx(scales[0] / scales[1], rel=1e-2)
    assert len(set(thresholds[1])) == 1, "a dead channel has one level"


@pytest.mark.parametrize("change", [1, -1])
def test_a_factor_off_by_one_is_found(change, built, frames, reference, tmp_path):
    folder = tmp_path / "build"
    shutil.copytree(built.folder, folder)
    forget_rtl(folder)
    index = GRAPH_STEPS.index(EXACT_THRESHOLDS)
    path = folder / graph_of_step(index + 1, EXACT_THRESHOLDS.id)
    graph = ModelWrapper(str(path))
    add = next(
        node for node in graph.get_nodes_by_op_type("Add") if not graph.get_initializer(node.input[1]) is not None
    )
    product = graph.find_producer(add.input[0])
    graph.set_initializer(product.input[1], graph.get_initializer(product.input[1]) + np.float32(change))
    graph.save(str(path))
    report = climb(folder, frames, reference, "synthetic")
    assert report.first_rung_that_differs == EXACT_THRESHOLDS.title
    wrong = report.first_wrong
    assert wrong.first_difference.layer == "blocks.2.layers.0"


def test_a_difference_of_unequal_scales_has_the_networks_levels(model, frames, tmp_path):
    proto, metadata = load_exported(model)
    network = ModelWrapper(proto)
    network.get_nodes_by_op_type("Add")[0].op_type = "Sub"
    assert examine(ModelWrapper(network.model, make_deepcopy=True), metadata).problems("rtl") == {}
    steps = GRAPH_STEPS[: GRAPH_STEPS.index(EXACT_THRESHOLDS) + 1]
    with finn_session(tmp_path, tmp_path / "log"):
        context = Context(network, metadata, load_board("ZCU104"), tmp_path)
        graph = GraphRunner(apply_steps(ModelWrapper(network.model, make_deepcopy=True), context, steps))
        trained = GraphRunner(network)
        for iq in frames.iq[:4]:
            expected = trained(iq.T[None]).activations
            found = graph(metadata.quantiser(iq[None])[0].T.reshape(graph.input_shape)).activations
            pairs = [(left.values, right.values) for left, right in zip(expected, found, strict=True)]
            assert all(np.array_equal(left.ravel(), right.ravel()) for left, right in pairs)


def pool_behind(network):
    """A max-pool between the sum and the convolution."""
    add = network.get_nodes_by_op_type("Add")[0]
    (conv,) = network.find_consumers(add.output[0])
    pool = helper.make_node("MaxPool", [add.output[0]], ["pooled"], name="Late", kernel_shape=[1], strides=[1])
    network.set_tensor_shape("pooled", network.get_tensor_shape(add.output[0]))
    conv.input[0] = "pooled"
    network.graph.node.insert(list(network.graph.node).index(conv), pool)
    return "MaxPool Late reads it: use one quantiser for both branches"


def other_shape(network):
    """One branch has fewer pixels, which ONNX repeats."""
    add = network.get_nodes_by_op_type("Add")[0]
    shape = network.get_tensor_shape(add.input[1])
    network.set_tensor_shape(add.input[1], [*shape[:-1], 1])
    return "joins branches of different shapes"


@pytest.mark.parametrize("spoil", [pool_behind, other_shape])
def test_what_cannot_be_added_exactly_is_refused(spoil, model):
    proto, metadata = load_exported(model)
    network = ModelWrapper(proto)
    assert examine(network, metadata).problems("rtl") == {}
    says = spoil(network)
    found = examine(network, metadata).problems("rtl")
    assert list(found) == ["Add Add_0"]
    assert says in found["Add Add_0"]
