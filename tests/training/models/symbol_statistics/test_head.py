"""The head in evaluation mode: integers times a power of two, without a tie."""

from __future__ import annotations

import pytest
import torch

from training.models.symbol_statistics.head import FRACTION, LOGIT_SCALE, STATISTIC_STEP, Head

pytestmark = pytest.mark.training


def _head_and_levels() -> tuple[Head, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    head = Head(phase_statistics=5, whole_statistics=20, phase_units=6, whole_units=4)
    per_phase = torch.randint(-127, 128, (64, 5, 8)).float()
    whole = torch.randint(-127, 128, (64, 20)).float()
    for _ in range(20):
        head(per_phase, whole)  # moves the batch norms
    return head, per_phase, whole


def test_single_and_double_precision_agree_and_logits_are_integers():
    head, per_phase, whole = _head_and_levels()
    head.eval()
    logits = head(per_phase, whole).double()
    assert torch.equal(logits, head.double()(per_phase.double(), whole.double()))
    assert torch.equal(logits / LOGIT_SCALE, (logits / LOGIT_SCALE).round())


def test_no_hidden_sum_lies_halfway_between_two_levels():
    constants = _head_and_levels()[0].constants()
    unit = STATISTIC_STEP * 2.0 ** -(FRACTION + 1)
    for gain, offset in (
        (constants.phase_gain, constants.phase_offset),
        (constants.whole_gain, constants.whole_offset),
    ):
        assert torch.equal(gain.double() * STATISTIC_STEP % (2 * unit), torch.zeros(len(gain)).double())
        assert torch.equal(offset.double() % (2 * unit), torch.full((len(gain),), unit).double())


def test_evaluation_follows_training():
    head, per_phase, whole = _head_and_levels()
    trained = head(per_phase, whole)
    head.eval()
    assert (head(per_phase, whole).argmax(1) == trained.argmax(1)).float().mean() > 0.9


def test_pruned_weights_are_zero_integers():
    head, _, _ = _head_and_levels()
    with torch.no_grad():
        head.output.weight[:, ::2] = 0
        head.phase.weight[0] = 0
    constants = head.eval().constants()
    assert not constants.output[:, ::2].any() and not constants.phase[0].any()
    assert constants.output[:, 1::2].any() and constants.output.abs().max() == 3
