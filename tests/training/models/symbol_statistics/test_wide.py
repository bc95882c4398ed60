"""The teacher's head: it sees each phase alike, and its export has its integers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from radioml.contract.training_data import TrainingData
from training.models.symbol_statistics.wide import WideHead
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export

SMALL = {"phase_statistics": ["h0.4", "b0.8"], "whole_statistics": ["max.z4_32", "dc", "mean.p"], "units": 8}


def test_the_phases_of_a_symbol_are_alike_to_it():
    torch.manual_seed(0)
    head = WideHead(3, 4, 8).eval()
    phases, whole = torch.randint(-127, 128, (5, 3, 8)).float(), torch.randint(-127, 128, (5, 4)).float()
    with torch.no_grad():
        logits = head(phases, whole)
        assert torch.equal(logits, head(phases.roll(3, 2), whole))
        assert not torch.equal(logits, head(phases.roll(1, 0), whole))


@pytest.mark.training
def test_its_export_agrees(lively: Callable, tmp_path: Path):
    network = lively("symbol_statistics_wide", SMALL)
    data = TrainingData("synthetic", "none: random weights", "0" * 64)
    save_checkpoint(tmp_path / "c.pth", TrainedNetwork(network, "symbol_statistics_wide", SMALL, data))
    export(tmp_path / "c.pth", tmp_path)  # compares every logit of every golden frame
    with np.load(tmp_path / "golden.npz", allow_pickle=False) as golden:
        assert len(np.unique(golden["logits"], axis=0)) > 10
