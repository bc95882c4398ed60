from __future__ import annotations

import json
from pathlib import Path

import pytest
from qonnx.core.modelwrapper import ModelWrapper

from finn_build.boards import load_board
from finn_build.build import build
from finn_build.engine.finn_session import finn_session
from finn_build.estimate.estimate import estimate
from finn_build.exploration.choose_folding import Goal, goal
from finn_build.folding.folding import apply_folding, digest, fold_to_cycles, folding_of, read_folding
from finn_build.steps import Context, apply_steps
from radioml.contract.metadata import load_exported
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from radioml.run_directory import FOLDING

pytestmark = pytest.mark.rtl

BOARD = load_board("Pynq-Z2")
FILE = Path("mine.json")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("finn")


@pytest.fixture(scope="module")
def session(work):
    with finn_session(work, work / "log"):
        yield


def unfolded(path: Path, work: Path) -> ModelWrapper:
    proto, metadata = load_exported(path)
    model = network = ModelWrapper(proto)
    return apply_steps(model, Context(network, metadata, BOARD, work))


@pytest.fixture(scope="module")
def small(small_model, work, session):
    return unfolded(small_model, work)


@pytest.fixture(scope="module")
def pooled(pooled_model, work, session):
    return unfolded(pooled_model, work)


@pytest.fixture
def folding(small):
    return folding_of(fold_to_cycles(small, 500))


def test_a_folding_is_applied_as_it_was_written(small, folding):
    other = fold_to_cycles(small, 5000)
    assert folding_of(other) != folding
    assert folding_of(apply_folding(other, folding, FILE)) == folding


def test_finn_reads_the_file(small, folding, tmp_path):
    """FINN's own step that applies a configuration file."""
    from finn.builder.build_dataflow_config import DataflowBuildConfig
    from finn.builder.build_dataflow_steps import step_apply_folding_config

    path = tmp_path / FOLDING
    path.write_text(json.dumps(folding))
    (tmp_path / "report").mkdir()
    config = DataflowBuildConfig(
        output_dir=str(tmp_path), fpga_part=BOARD.part, synth_clk_period_ns=10, folding_config_file=str(path),
        generate_outputs=[],
    )  # fmt: skip
    assert folding_of(step_apply_folding_config(fold_to_cycles(small, 5000), config)) == folding


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.update(MVAU_rtl_9={"PE": 1}), r"MVAU_rtl_9: not in the network, which has FMPadding_rtl_0,"),
        (lambda f: f.pop("MVAU_rtl_0"), r"MVAU_rtl_0: missing; it needs PE, SIMD, ram_style"),
        (lambda f: f["MVAU_rtl_0"].update(PE=3), r"MVAU_rtl_0: PE = 3: legal are 1, 2, 4$"),
        (lambda f: f["MVAU_rtl_0"].update(SIMD=0), r"MVAU_rtl_0: SIMD = 0: legal are 1, 2, 3, 4,"),
        (lambda f: f["MVAU_rtl_0"].update(PE=True), r"MVAU_rtl_0: PE = True: legal are 1, 2, 4$"),
        (lambda f: f["MVAU_rtl_0"].update(PE="2"), r"MVAU_rtl_0: PE = '2': legal are 1, 2, 4$"),
        (lambda f: f["MVAU_rtl_0"].update(PE=[2]), r"MVAU_rtl_0: PE = \[2\]: legal are 1, 2, 4$"),
        (lambda f: f["MVAU_rtl_0"].pop("SIMD"), r"MVAU_rtl_0: SIMD: missing; legal are 1, 2,"),
        (lambda f: f["MVAU_rtl_0"].update(ram_style="ultra"), r"ram_style = 'ultra': legal are auto, block, dis"),
        (lambda f: f["Thresholding_rtl_1"].update(SIMD=1), r"Thresholding_rtl_1: SIMD: unknown; it has PE$"),
        (
            lambda f: f["ConvolutionInputGenerator_rtl_0"].update(parallel_window=1, SIMD=2),
            r"ConvolutionInputGenerator_rtl_0: SIMD = 2: with parallel_window = 1 legal is 64$",
        ),
    ],
)  # fmt: skip
def test_illegal_folding_names_layer_and_legal_values(small, folding, change, message):
    change(folding)
    with pytest.raises(RadioMLError, match=r"mine.json: does not fit this network:\n  [\s\S]*" + message):
        apply_folding(small, folding, FILE)


def test_streams_that_a_converter_slows_are_named(small):
    folded = fold_to_cycles(small, 250)
    assert not any("slower than estimated" in caveat for caveat in estimate(folded, BOARD).caveats)
    folding = folding_of(folded)
    folding["ConvolutionInputGenerator_rtl_1"] |= {"SIMD": 2, "parallel_window": 0}
    folding["MVAU_rtl_1"]["SIMD"] = 3
    caveats = estimate(apply_folding(small, folding, FILE), BOARD).caveats
    expected = "ConvolutionInputGenerator_rtl_1 gives 2 elements a cycle, MVAU_rtl_1 takes 3"
    assert f"slower than estimated: {expected}" in caveats


def test_folding_of_another_network(small, pooled):
    with pytest.raises(
        RadioMLError,
        match=r"Pool_rtl_0, [\s\S]*: not in the network, which has [\s\S]*MVAU_rtl_2: SIMD = 12: legal are 1, 2, 4",
    ):
        apply_folding(small, folding_of(fold_to_cycles(pooled, 1)), FILE)


def test_input_generator_of_a_pool_is_bound_to_it(pooled):
    folding = folding_of(fold_to_cycles(pooled, 10**6))
    assert folding_of(apply_folding(pooled, folding, FILE)) == folding
    assert folding["Pool_rtl_0"]["PE"] == 1
    folding["Pool_rtl_0"]["PE"] = 2
    with pytest.raises(RadioMLError, match=r"ConvolutionInputGenerator_rtl_\d+: SIMD must be the PE of Pool_rtl_0, 2$"):
        apply_folding(pooled, folding, FILE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "not a folding file"),
        ('{"a": 1}', "not a folding file"),
        ('{"Defaults": {"PE": [1, ["MVAU_rtl"]]}}', "Defaults must be empty"),
    ],
)
def test_file_that_is_no_folding(text, message, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(RadioMLError, match=f"mine.json: {message}"):
        read_folding(path)


def test_layout_of_the_file_does_not_matter(folding, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(dict(reversed(folding.items()))))
    assert digest(read_folding(path)) == digest(folding)
    folding["MVAU_rtl_0"]["PE"] += 1
    assert digest(read_folding(path)) != digest(folding)


def test_options_exclude_each_other():
    with pytest.raises(RadioMLError, match="--target-fps and --fit exclude each other"):
        goal(BOARD, 1000, None, True, None)
    with pytest.raises(RadioMLError, match="--target-fps and --folding exclude each other"):
        goal(BOARD, 1000, FILE, False, None)
    with pytest.raises(RadioMLError, match="--margin needs --fit"):
        goal(BOARD, 1000, None, False, 10)
    with pytest.raises(RadioMLError, match="more than a frame in each cycle"):
        goal(BOARD, 10**9, None, False, None)
    assert goal(BOARD, None, None, False, None) == Goal(target_fps=97_656)
    assert goal(BOARD, None, None, True, None).margin_percent == 20
    assert goal(BOARD, None, None, True, 0).margin_percent == 0


def test_edited_file_changes_the_built_estimate(small_model, tmp_path):
    out = tmp_path / "out"
    first = build(small_model, "Pynq-Z2", "estimate", out, target_fps=400_000).estimate
    path = out / FOLDING
    folding = read_json(path)
    (before,) = [layer for layer in first.layers if layer.name == "MVAU_rtl_1"]
    assert before.folding["SIMD"] > 1
    folding["MVAU_rtl_1"] |= {"PE": 1, "SIMD": 1}
    path.write_text(json.dumps(folding))
    edited = build(small_model, "Pynq-Z2", "estimate", out, folding_file=path)
    assert edited.reused == ()
    assert edited.estimate.slowest_layer == "MVAU_rtl_1"
    unfolded_cycles = before.cycles * before.folding["PE"] * before.folding["SIMD"]
    assert edited.estimate.cycles_per_frame == unfolded_cycles > first.cycles_per_frame
    assert read_json(path) == folding
    assert build(small_model, "Pynq-Z2", "estimate", out, folding_file=path).reused == ("estimate",)

    folding["MVAU_rtl_1"]["PE"] = 3
    path.write_text(json.dumps(folding))
    with pytest.raises(RadioMLError, match=r"MVAU_rtl_1: PE = 3: legal are 1, 2, 4$"):
        build(small_model, "Pynq-Z2", "estimate", out, folding_file=path)
    assert read_json(path) == folding, "the user's file is gone"
