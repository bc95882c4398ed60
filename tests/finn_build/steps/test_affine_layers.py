"""AaronNet, whose batch norms have no quantiser, from its graph to bit-exact RTL."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from rich.console import Console

from finn_build.build import build
from finn_build.engine.paths import FOLDED, STEPS
from finn_build.model_check.check_model import examine
from finn_build.verify.ladder import climb
from finn_build.verify.rtl_rungs import STALLS
from finn_build.verify.rung import Reference
from radioml.contract.metadata import load_exported
from radioml.data.synthetic import generate_spread
from tests.finn_build.copied_build import forget_rtl
from tests.seeded_network import exported
from training.trained.inner_levels import inner_levels

pytestmark = pytest.mark.rtl

PARAMETERS = {"stem": 3, "blocks": [4], "dense": 4}
FRAMES = 26


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return exported(
        tmp_path_factory.mktemp("aaronnet"), PARAMETERS, dead=("stem.1.4", 0), topology="aaronnet"
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(model, quick_simulators):
    return build(model, "ZCU104", "rtl", target_fps=200_000, console=Console(quiet=True))


@pytest.fixture(scope="module")
def frames():
    return generate_spread(FRAMES, seed=6)


@pytest.fixture(scope="module")
def reference(model, frames):
    trained = inner_levels(model.parents[1] / "checkpoint.pth", frames.iq)
    return Reference(trained.logits, trained.layers, trained.classifier)


def test_every_rung_gives_the_networks_integers(built, frames, reference):
    report = climb(built.folder, frames, reference, "synthetic")
    assert report.equal, report.rungs
    assert [rung.name for rung in report.rungs][-1] == STALLS
    for rung in report.rungs:
        assert rung.layers_compared == (*reference.layers, "classifier")
    assert len(np.unique(reference.logits, axis=0)) > 8, "frames that are alike show nothing"
    layers = ModelWrapper(str(built.folder / FOLDED))
    assert len(layers.get_nodes_by_op_type("PixelThresholds_rtl")) == 2
    (dense,) = layers.get_nodes_by_op_type("WideDense_rtl")
    caveats = [caveat for caveat in built.estimate.caveats if "fixed point" in caveat]
    assert len(caveats) == 1 and caveats[0].startswith(
        f"{dense.name} has weights in fixed point: a sum closer to a threshold than 2^-4"
    )


@pytest.mark.parametrize("last", ["first", "last"])
def test_a_set_of_thresholds_too_few_is_found(built, frames, reference, last, tmp_path):
    """Without its own set the first or the last pixel has the inner pixels' thresholds."""
    folder = tmp_path / "build"
    shutil.copytree(built.folder, folder)
    forget_rtl(folder)
    step = next((folder / STEPS).glob("*affine_maps*"))
    model = ModelWrapper(str(step))
    node = model.get_nodes_by_op_type("PixelThresholds")[0]
    table = model.get_initializer(node.input[1]).copy()
    table[0 if last == "first" else -1] = table[1]
    model.set_initializer(node.input[1], table)
    model.save(str(step))
    rungs = {rung.name: rung for rung in climb(folder, frames, reference, "synthetic").rungs}
    assert not rungs["move batch norms behind layers"].equal
    assert rungs["move batch norms behind layers"].first_difference.layer == "blocks.0"


def test_what_stays_without_integers_is_refused(model):
    network, metadata = load_exported(model)
    assert examine(ModelWrapper(network), metadata).problems("rtl") == {}
    wrapper = ModelWrapper(network)
    conv = next(
        node
        for node in wrapper.get_nodes_by_op_type("Conv")
        if wrapper.find_producer(node.input[0]).op_type == "Concat"
    )
    relu = next(node for node in wrapper.get_nodes_by_op_type("Relu"))
    concat = wrapper.find_producer(conv.input[0])
    concat.input[0] = relu.output[0]
    problem = examine(wrapper, metadata).problems("estimate")[f"Conv {conv.name}"]
    assert "needs none between a quantised convolution and a depthwise convolution" in problem
