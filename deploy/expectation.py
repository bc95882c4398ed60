"""Compares an accelerator's accuracy with the accuracy after training, which the package carries."""

from __future__ import annotations

import math
from statistics import NormalDist

from deploy.classify import Classification
from radioml.contract.accuracy import Expectation
from radioml.data.provenance import kind_of_data, same_file, seen_in_training
from radioml.report.metrics import Proportion

_FALSE_ALARMS = 1e-3
"""Share of correct accelerators that are suspected when they classify other frames than the report has."""
_ROUNDED = 0.01
"""Share of frames whose class rounding may change: the figures after training are in single precision, and an
accelerator computes integers. Rounding changed 0.38 % of the shipped network's 49,920 test frames."""


def expectation(result: Classification) -> Expectation:
    """Compare the accuracy over all classes and SNRs and at +30 dB with the package's.

    The network was tested on a test part after training. If the same whole part is classified, the frames are equal and
    the accuracies must be nearly equal. Otherwise two tests of proportions decide, which together raise a false alarm
    once in a thousand runs. Both measurements spread frames evenly over classes and SNRs. The tests treat these frames
    as independent draws, and so raise fewer alarms than that.
    """
    trained, accuracy = result.network.training_data, result.network.accuracy
    if accuracy.overall is None or not accuracy.frames:
        return Expectation(False, True, "the package does not say how accurate the network was after training")
    if trained.kind != result.origin.kind:
        return Expectation(
            False, True,
            f"not comparable: trained on {kind_of_data(trained.kind)}, these are {kind_of_data(result.origin.kind)}",
        )  # fmt: skip
    over = accuracy.scope
    if result.metrics.scope != over:
        return Expectation(
            False, True, f"not comparable: measured over {over} after training, here over {result.metrics.scope}"
        )
    if reason := seen_in_training(trained, result.origin, result.part):
        return Expectation(False, True, f"not comparable: {reason}")
    frames = accuracy.frames
    overall = f"over {over}"
    pairs = {overall: (result.metrics.overall, accuracy.overall, frames)}
    if accuracy.at_30_db is not None and result.metrics.at_30_db.frames:
        # Frames are spread evenly over SNRs in both, so the share of +30 dB was the same after training.
        share = result.metrics.at_30_db.frames / result.metrics.overall.frames
        pairs["at +30 dB"] = (result.metrics.at_30_db, accuracy.at_30_db, round(frames * share))
    identical = result.part == "test" and result.frames == frames and same_file(trained, result.origin)
    quantile = NormalDist().inv_cdf(1 - _FALSE_ALARMS / 2 / len(pairs))  # two-sided; Bonferroni's correction
    for where, (found, expected, count) in pairs.items():
        allowed = _of_rounding(count, quantile) if identical else _of_chance(found, expected, count, quantile)
        what = "rounding explains" if identical else f"{found.frames:,} and {count:,} frames explain"
        if abs(found.accuracy - expected) > allowed:
            return Expectation(
                True, False,
                f"{found.accuracy:.2%} {where} where the trained network had {expected:.2%}"
                f"{' on the same frames' if identical else ''}: {what} a difference of {allowed:.2%} at most. The "
                "golden frames agree, so the frames are not what the network was "
                f"{'tested' if identical else 'trained'} on: another level, sample rate or order of I and Q?",
            )  # fmt: skip
        if where == overall:
            met = f"{found.accuracy:.2%} {where}, {expected:.2%} after training: within the {allowed:.2%} that {what}"
    return Expectation(True, True, met)


def _of_chance(found: Proportion, expected: float, count: int, quantile: float) -> float:
    """Largest difference between two samples of the same accuracy, at the given quantile of the normal distribution."""
    pooled = (found.correct + expected * count) / (found.frames + count)
    return quantile * math.sqrt(pooled * (1 - pooled) * (1 / found.frames + 1 / count))


def _of_rounding(count: int, quantile: float) -> float:
    """Largest difference on the same frames that rounding explains; at least one frame."""
    return max(quantile * math.sqrt(_ROUNDED / count), 1.5 / count)
