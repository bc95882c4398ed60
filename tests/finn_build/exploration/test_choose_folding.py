from __future__ import annotations

import random
from dataclasses import replace

import pytest
from qonnx.core.modelwrapper import ModelWrapper

from finn_build.boards import load_board
from finn_build.build import build
from finn_build.engine.finn_session import finn_session
from finn_build.exploration.choose_folding import Candidate, Goal, choose_folding, fastest_fit
from finn_build.steps import Context, apply_steps
from radioml.contract.estimate import RESOURCES, Estimate, Resources
from radioml.contract.metadata import load_exported
from radioml.contract.training_data import TrainingData
from radioml.errors import RadioMLError

pytestmark = pytest.mark.rtl

BOARD = load_board("ZCU104")
NOTHING: Resources = dict.fromkeys(RESOURCES, 0)
MADE_UP = Estimate("made up", (), "none", "none", 1.0, 1, "none", 1.0, 1, 1.0, (), *[NOTHING] * 4, True)


@pytest.fixture(scope="module")
def polyphase(tmp_path_factory):
    """Unfolded layers of a small untrained network on 128 pixels of 16 channels, in a FINN session."""
    from training.models import create
    from training.trained.checkpoint import TrainedNetwork, save_checkpoint
    from training.trained.export import export

    run = tmp_path_factory.mktemp("polyphase")
    parameters = {"phases": 8, "channels": [4, 4], "kernels": [3, 3], "strides": [1, 2]}
    network = create("polyphase", parameters).eval()
    save_checkpoint(run / "untrained.pth", TrainedNetwork(network, "polyphase", parameters, TrainingData("none")))
    proto, metadata = load_exported(export(run / "untrained.pth", run / "train"))
    model = ModelWrapper(proto)
    with finn_session(run, run / "log"):
        yield apply_steps(model, Context(ModelWrapper(proto), metadata, BOARD, run))


def with_resources(**counts):
    return BOARD.model_copy(update={"usable": {**BOARD.usable, **counts}})


def test_one_pixel_a_cycle_is_reachable(polyphase):
    chosen = choose_folding(polyphase, BOARD, Goal(target_fps=int(250e6 / 128)))
    assert 128 <= chosen.cycles <= 134
    assert all(layer.cycles <= chosen.cycles for layer in chosen.estimate.layers)
    assert chosen.estimate.folded.limit.endswith("is as parallel as it can be")


def test_board_with_room_for_all_gets_the_fastest(polyphase):
    chosen = choose_folding(polyphase, BOARD, Goal(margin_percent=20))
    assert chosen.cycles <= 134
    assert chosen.estimate.folded.estimates == 1


@pytest.mark.parametrize(("resource", "count"), [("DSP", 40), ("LUT", 8_000)])
def test_fit_is_the_fastest_within_the_margin(polyphase, resource, count):
    board = with_resources(**{resource: count})
    chosen = choose_folding(polyphase, board, Goal(margin_percent=20))
    assert chosen.estimate.total[resource] <= 0.8 * count
    assert chosen.estimate.fits
    faster = choose_folding(polyphase, board, Goal(target_fps=int(250e6 / (chosen.cycles - 1))))
    assert faster.cycles < chosen.cycles
    needed = faster.estimate.total[resource]
    assert needed > 0.8 * count
    limit = chosen.estimate.folded.limit
    assert limit.startswith(chosen.estimate.slowest_layer)
    assert f"{faster.cycles:,} cycles, would need {needed:,} {resource} of {int(0.8 * count):,}" in limit
    wider = choose_folding(polyphase, board, Goal(margin_percent=0))
    assert wider.cycles <= chosen.cycles


def test_rate_that_was_asked_for_is_no_limit_of_the_board(polyphase):
    chosen = choose_folding(polyphase, BOARD, Goal(target_fps=50_000))
    assert chosen.cycles <= 5000
    assert "by choice; the next faster folding" in chosen.estimate.folded.limit


def test_board_that_is_too_small(polyphase):
    with pytest.raises(RadioMLError, match=r"does not fit even with PE = SIMD = 1 .* needs \d+ DSP of 1;"):
        choose_folding(polyphase, with_resources(DSP=2), Goal(margin_percent=20))


def test_search_finds_what_trying_all_finds():
    """Networks of invented layers: a layer takes work / parallelism cycles and as many DSPs as its parallelism."""
    for seed in range(50):
        rng = random.Random(seed)
        layers = [[rng.choice([1, 3, 7]) * 2**k for k in range(rng.randint(4, 12))] for _ in range(4)]

        def at(cycles, layers=layers):
            chosen = [max([c for c in layer if c <= cycles] or [layer[0]]) for layer in layers]
            used = sum(layer[-1] // c for layer, c in zip(layers, chosen, strict=True))
            total = {**dict.fromkeys(RESOURCES, 0), "DSP": used}
            return Candidate(None, replace(MADE_UP, cycles_per_frame=max(chosen), total=total))

        longest = max(layer[-1] for layer in layers)
        least = at(longest).estimate.total["DSP"]
        budget = {**dict.fromkeys(RESOURCES, 0), "DSP": rng.randint(least, 3 * least + 20)}
        best = min(at(cycles).cycles for cycles in set().union(*layers) if not at(cycles).estimate.excess(budget))
        assert fastest_fit(at, budget).cycles == best


def test_fit_from_the_command(radioml_here, small_model, tmp_path):
    command = ["build", small_model, "--board", "Pynq-Z2", "--until", "estimate", "--out", tmp_path / "out"]
    done = radioml_here(*command, "--fit")
    assert done.returncode == 0, done.stderr
    assert "Limit: " in done.stdout
    assert build(small_model, "Pynq-Z2", "estimate", tmp_path / "out", fit=True).reused == ("estimate",)
    absent = radioml_here(*command, "--folding", tmp_path / "absent.json")
    assert absent.returncode == 2
    assert "absent.json: no such file" in absent.stderr
    both = radioml_here(*command, "--fit", "--target-fps", 1000)
    assert both.returncode == 2
    assert "--target-fps and --fit exclude each other" in both.stderr
