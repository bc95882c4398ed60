"""Is the accelerator as accurate as the network was after training? The package carries what to expect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from deploy.classify import Classification
from radioml.metrics import Proportion

_Z = 3.2905267314919255
"""Two-sided 99.9 % quantile of the normal distribution: one right accelerator in a thousand runs is suspected."""


@dataclass(frozen=True)
class Expectation:
    """How a measured accuracy compares with the one after training.

    comparable: whether frames of the same kind were used, none of which the network had been trained on.
    met: whether both accuracies lie within what their numbers of frames explain; True where not comparable.
    reason: one sentence for people.
    """

    comparable: bool
    met: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return dict(vars(self))


def expectation(result: Classification) -> Expectation:
    """Compare the accuracy over all SNRs and at +30 dB with the package's, by a test of two proportions at 99.9 %.

    Frames are spread evenly over classes and SNRs, as they were after training; the test takes them as independent
    draws, which errs on the side of no alarm.
    """
    trained, accuracy = result.manifest.training_data, result.manifest.accuracy
    if "overall" not in accuracy or not accuracy.get("frames"):
        return Expectation(False, True, "the package does not say how accurate the network was after training")
    if trained.get("kind") != result.origin.kind:
        return Expectation(
            False, True, f"not comparable: trained on {trained.get('kind')} data, these are {result.origin.kind}"
        )
    if result.part != "test" and trained.get("identity") == result.origin.identity:
        return Expectation(False, True, f"not comparable: part {result.part!r} has frames that the network learnt from")
    frames = accuracy["frames"]
    pairs = {"over all SNRs": (result.metrics.overall, accuracy["overall"], frames)}
    if "at_30_db" in accuracy and result.metrics.at_30_db.frames:
        pairs["at +30 dB"] = (result.metrics.at_30_db, accuracy["at_30_db"], frames // 26)
    for where, (found, expected, count) in pairs.items():
        allowed = _allowed(found, expected, count)
        if abs(found.accuracy - expected) > allowed:
            return Expectation(
                True, False,
                f"{found.accuracy:.2%} {where} where the trained network had {expected:.2%}: {found.frames:,} and "
                f"{count:,} frames explain a difference of {allowed:.2%} at most. The golden frames agree, so the "
                "frames are not what the network was trained on: another level, sample rate or order of I and Q?",
            )  # fmt: skip
    found, expected, count = pairs["over all SNRs"]
    explained = f"{_allowed(found, expected, count):.2%} that {found.frames:,} and {count:,} frames explain"
    return Expectation(
        True, True, f"{found.accuracy:.2%} over all SNRs, {expected:.2%} after training: within the {explained}"
    )


def _allowed(found: Proportion, expected: float, count: int) -> float:
    """Largest difference that two samples of the same accuracy show, but for one time in a thousand."""
    pooled = (found.correct + expected * count) / (found.frames + count)
    return _Z * math.sqrt(pooled * (1 - pooled) * (1 / found.frames + 1 / count))
