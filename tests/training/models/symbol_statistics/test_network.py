"""The network on statistics: compaction, the score that a weight saves, and the export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_spread
from radioml.network.exact_qonnx import logits_as_integers
from radioml.network.integer_qonnx import IntegerQonnx
from training.cost.score import score_model
from training.models import create
from training.models.symbol_statistics import SymbolStatistics
from training.models.symbol_statistics.head import LOGIT_SCALE
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.reference import IntegerNetwork

pytestmark = pytest.mark.training

PARAMETERS = {
    "phase_statistics": ["h0.0", "h0.8", "b1.0", "w1.2", "p"],
    "whole_statistics": ["dc", "x.p", "t+.d", "T-.px16", "max.z4", "mean.z8_32", "min.h0.8", "mean.b1.0"],
    "phase_units": 5,
    "whole_units": 4,
}


def pruned_network() -> SymbolStatistics:
    """With moved batch norms and some weights gone, all those of a unit and of a statistic among them."""
    torch.manual_seed(3)
    network = create("symbol_statistics", PARAMETERS)
    assert isinstance(network, SymbolStatistics)
    for _ in range(10):
        network(torch.randint(-128, 128, (16, 2, 1024)) / 64)
    head = network.head
    with torch.no_grad():
        head.phase_norm.bias.uniform_(0, 2)
        head.whole_norm.bias.uniform_(0, 2)
        for layer in (head.phase, head.whole, head.output):
            layer.weight[torch.rand(layer.weight.shape) < 0.4] = 0
        head.phase.weight[1] = 0
        head.phase.weight[:, 2] = 0
        head.output.weight[:, 6] = 0
        head.whole.weight[:, 3] = 0
        head.output.weight[:, 9 + 3] = 0
    return network.eval()


def test_a_network_without_what_no_weight_needs_gives_the_same_logits():
    network = pruned_network()
    smaller, parameters = network.without_unused(PARAMETERS)
    assert parameters["phase_units"] == 5 and parameters["whole_units"] == 3, "one unit without an output"
    assert "h0.8" not in parameters["phase_statistics"] and "T-.px16" not in parameters["whole_statistics"]
    frames = torch.randint(-128, 128, (64, 2, 1024)) / 64
    logits = network(frames)
    assert torch.equal(smaller(frames), logits) and logits.std() > 0.01
    again = create("symbol_statistics", parameters)
    again.load_state_dict(smaller.state_dict())
    assert torch.equal(again.eval()(frames), logits)


def test_a_weight_on_the_phases_saves_more_than_one_on_the_frame():
    network = pruned_network()
    masks = {f"head.{n}.weight": getattr(network.head, n).weight != 0 for n in ("phase", "whole", "output")}
    saved = network.saved_scores(masks)
    assert {name: value.shape for name, value in saved.items()} == {name: mask.shape for name, mask in masks.items()}
    assert saved["head.phase.weight"].min() > saved["head.whole.weight"].max() == saved["head.output.weight"].min() > 0


def test_a_network_that_nobody_trained_exports_and_agrees(tmp_path: Path):
    network = pruned_network()
    data = TrainingData("synthetic", "none: random weights", "0" * 64)
    save_checkpoint(tmp_path / "checkpoint.pth", TrainedNetwork(network, "symbol_statistics", PARAMETERS, data))
    model = export(tmp_path / "checkpoint.pth", tmp_path / "train")  # compares every logit of every golden frame
    frames = generate_spread(40, 5).iq
    integers = IntegerNetwork(pruned_network())(frames)
    assert len(np.unique(integers, axis=0)) > 20, "the frames must not all look alike to the network"
    assert (logits_as_integers(IntegerQonnx(onnx.load(model))(frames), LOGIT_SCALE) == integers).all()
    score = score_model(model)
    weights = sum(int(np.count_nonzero(part)) for part in integer_parts(network))
    assert not score.unsupported and score.bit_mem == 2 * weights


def integer_parts(network: SymbolStatistics) -> list[np.ndarray]:
    """The integer weights of the three layers."""
    constants = network.without_unused(PARAMETERS)[0].head.constants()
    return [part.numpy() for part in (constants.phase, constants.whole, constants.output)]


def test_answers_after_a_change_are_those_of_the_changed_network():
    network = pruned_network().train()
    rows = network.rows(torch.randint(-128, 128, (32, 2, 1024)) / 64)
    with torch.no_grad():
        answers = network.answers(rows)
        for name in ("head.phase.weight", "head.whole.weight", "head.output.weight"):
            weight = network.get_parameter(name)
            kept = weight.clone()
            weight.neg_()
            assert torch.equal(answers(name), network.of_rows(rows)), name
            weight.copy_(kept)
