"""The level of frames: warnings about frames that a network trained on RadioML frames cannot classify well.

Each RadioML frame was divided by the standard deviation of its complex samples, so the deviation is 1. The input
quantiser clips frames of a higher level; frames of a lower level vanish in its first step. Frames without a signal get
an arbitrary class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioml.constants import CLASSES

_USUAL = (0.8, 1.25)
"""Median deviation of a file's frames. The published frames have 1 within a few per cent."""
_ODD = (0.5, 2.0)
"""Deviation of one frame; a frame outside of this range is counted as odd."""
_CLIPPED, _CLIPPED_UNLABELLED = 0.01, 0.1
"""Share of clipped values that gets a warning. White noise has 0.005, all classes and SNRs together 0.046."""
_ONE_IN = 8
"""Clipped values are counted in one of this many frames."""
_MEASURED = 1 << 22
"""Frames whose deviations are kept for the median; a live source has no end."""
WITH_CONSTANT = np.isin(CLASSES, ("OOK", "4ASK", "8ASK", "AM-SSB-WC", "AM-SSB-SC"))
"""Classes of the published set with a constant part, because of which up to 87 % of a good frame's values clip."""


def deviations(iq: np.ndarray) -> np.ndarray:
    """Standard deviation over time of the complex samples of frames, float32 (N, 1024, 2) -> float64 (N,)."""
    iq = np.ascontiguousarray(iq, np.float32)
    flat, samples = iq.reshape(len(iq), iq.shape[1] * 2), iq.view(np.complex64)[..., 0]
    with np.errstate(over="ignore", invalid="ignore"):
        power = np.einsum("nk,nk->n", flat, flat).astype(np.float64) / iq.shape[1]
        variance = power - np.square(np.abs(samples.mean(1)))
    # A difference of nearly equal single-precision numbers, or numbers whose squares no longer fit
    for row in np.flatnonzero(~(variance > 1e-3 * power) | ~np.isfinite(power) | (power < 1e-30)):
        variance[row] = samples[row].astype(np.complex128).var()
    return np.sqrt(variance)


def constant(iq: np.ndarray) -> np.ndarray:
    """Which frames, float32 (N, 1024, 2), have the same value in all samples; bool (N,)."""
    samples = np.ascontiguousarray(iq, np.float32).view(np.uint64)[..., 0]
    return (samples == samples[:, :1]).all(1)


@dataclass
class LevelWatch:
    """Counts frames of unusual level as they pass, in any number of batches.

    limit: magnitude of I and Q above which the input quantiser clips; 2 in the challenge.
    """

    limit: float = 2.0

    def __post_init__(self) -> None:
        """Begin with no frame seen."""
        self._seen = 0
        self._deviations: list[np.ndarray] = []
        self._first: dict[str, tuple[int, int]] = {}
        self._values = self._clipped = 0
        self._labelled = True

    def add(self, iq: np.ndarray, class_index: np.ndarray | None = None) -> None:
        """Look at frames, float32 (N, 1024, 2), with their classes, int64 (N,), where these are known."""
        finite = np.isfinite(iq).all((1, 2))
        same = constant(iq) & finite
        zero = same & (iq[:, 0] == 0).all(1)
        self._note("zero in all samples", zero)
        self._note("constant: the same value in all samples", same & ~zero)
        measured = np.full(len(iq), np.nan)
        signal = finite & ~same
        measured[signal] = deviations(iq[signal])
        if self._seen < _MEASURED:
            self._deviations.append(measured[signal])
        self._note("odd", signal & ((measured < _ODD[0]) | (measured > _ODD[1])))
        if class_index is None:
            self._labelled = False
        else:
            signal &= ~WITH_CONSTANT[class_index]
        some = iq[signal][:: _ONE_IN if self._seen else 1]
        self._values += some.size
        self._clipped += int(np.count_nonzero(np.abs(some) > self.limit))
        self._seen += len(iq)

    def _note(self, what: str, frames: np.ndarray) -> None:
        if frames.any():
            count, first = self._first.get(what, (0, self._seen + int(frames.argmax())))
            self._first[what] = count + int(frames.sum()), first

    def warnings(self) -> tuple[str, ...]:
        """One sentence each, with what to do about it; empty for frames as RadioML has them."""
        found = []
        measured = np.concatenate([*self._deviations, np.empty(0)])
        median = float(np.median(measured)) if len(measured) else 1.0
        if not _USUAL[0] <= median <= _USUAL[1]:
            found.append(
                f"the frames' standard deviation is {median:.3g} (median of {len(measured):,}), RadioML frames have 1: "
                "divide each frame by its own (--normalise)"
            )
        elif "odd" in self._first:
            count, first = self._first["odd"]
            found.append(
                f"{_frames(count)} of {self._seen:,} have a standard deviation under {_ODD[0]} or over {_ODD[1]} "
                f"(RadioML: 1), first frame {first}"
            )
        share = self._clipped / self._values if self._values else 0.0
        if share > (_CLIPPED if self._labelled else _CLIPPED_UNLABELLED):
            found.append(
                f"{share:.1%} of the values lie beyond +-{self.limit:g}, where the input quantiser cuts them off: too "
                "high a level, or a DC offset"
            )
        for what in ("zero in all samples", "constant: the same value in all samples"):
            if what in self._first:
                count, first = self._first[what]
                found.append(
                    f"{_frames(count)} of {self._seen:,} {'is' if count == 1 else 'are'} {what}, first frame {first}"
                )
        return tuple(found)


def _frames(count: int) -> str:
    return f"{count:,} frame{'s' * (count != 1)}"
