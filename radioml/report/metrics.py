"""Accuracy of a classifier over classes and SNRs, with the uncertainty that the number of frames leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from radioml.constants import CLASSES, SNRS_DB
from radioml.contract.accuracy import MeasuredAccuracy, Share
from radioml.data.layout import scope

_Z_95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class Proportion:
    """Correct frames out of all frames of some kind."""

    correct: int
    frames: int

    @property
    def accuracy(self) -> float:
        """Share of correct frames, 0 to 1; NaN without frames."""
        return self.correct / self.frames if self.frames else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval by Wilson's score (J. Am. Stat. Assoc. 22, 1927); (0, 1) without frames."""
        if not self.frames:
            return 0.0, 1.0
        share = _Z_95**2 / self.frames
        centre = self.accuracy + share / 2
        half = math.sqrt(share * (self.accuracy * (1 - self.accuracy) + share / 4))
        return max(0.0, (centre - half) / (1 + share)), min(1.0, (centre + half) / (1 + share))

    @property
    def share(self) -> Share:
        """The same as a record."""
        low, high = self.interval
        return Share(self.accuracy if self.frames else None, low, high, self.correct, self.frames)


@dataclass(frozen=True)
class Metrics:
    """A classifier's predictions on labelled frames, counted.

    counts: int64 (26, 24, 24), frames by SNR index, true class and predicted class; all else follows from it.
    """

    counts: np.ndarray

    @property
    def overall(self) -> Proportion:
        """Accuracy over all frames."""
        return _proportion(self.counts.sum(0))

    @property
    def scope(self) -> str:
        """The classes and SNRs of the frames, in words: the overall accuracy is over these."""
        return scope(self.counts.sum(2).T)

    @property
    def at_30_db(self) -> Proportion:
        """Accuracy at the highest SNR label; it has 0 frames where the data have none at that SNR."""
        return self.per_snr[SNRS_DB[-1]]

    @property
    def per_snr(self) -> dict[int, Proportion]:
        """Accuracy at each SNR label in dB."""
        return {snr: _proportion(counts) for snr, counts in zip(SNRS_DB, self.counts, strict=True)}

    @property
    def per_class(self) -> dict[str, Proportion]:
        """Accuracy of each true class over the SNRs that have frames."""
        counts = self.confusion()
        return {
            name: Proportion(int(row[k]), int(row.sum()))
            for k, (name, row) in enumerate(zip(CLASSES, counts, strict=True))
        }

    def confusion(self, snr_db: int | None = None) -> np.ndarray:
        """Confusion matrix, int64 (24 true, 24 predicted), of the frames at one SNR label, by default of all."""
        return self.counts.sum(0) if snr_db is None else self.counts[SNRS_DB.index(snr_db)]

    @property
    def measured(self) -> MeasuredAccuracy:
        """Everything as a record."""
        return MeasuredAccuracy(
            overall=self.overall.share,
            over=self.scope,
            at_30_db=self.at_30_db.share,
            per_snr_db={str(snr): value.share for snr, value in self.per_snr.items()},
            per_class={name: value.share for name, value in self.per_class.items()},
            classes=CLASSES,
            confusion=_rows(self.confusion()),
            confusion_per_snr={str(snr): _rows(self.confusion(snr)) for snr in SNRS_DB},
        )


def measure(class_index: np.ndarray, snr_db: np.ndarray, predicted: np.ndarray) -> Metrics:
    """Compare predictions with labels, all integer (N,): class 0 to 23, SNR in dB on the grid of the data set.

    Raises ValueError for arrays of different lengths and for values off the grid.
    """
    class_index, snr_db, predicted = (np.asarray(values, np.int64) for values in (class_index, snr_db, predicted))
    if not class_index.shape == snr_db.shape == predicted.shape == (len(class_index),):
        raise ValueError(f"labels {class_index.shape}, SNRs {snr_db.shape}, predictions {predicted.shape} differ")
    if not np.isin(snr_db, SNRS_DB).all():
        raise ValueError(f"SNRs {sorted(set(snr_db.tolist()) - set(SNRS_DB))} are not on the grid of the data set")
    for name, values in (("label", class_index), ("prediction", predicted)):
        if ((values < 0) | (values >= len(CLASSES))).any():
            raise ValueError(f"a {name} is outside 0..{len(CLASSES) - 1}")
    counts = np.zeros((len(SNRS_DB), len(CLASSES), len(CLASSES)), np.int64)
    np.add.at(counts, (np.searchsorted(SNRS_DB, snr_db), class_index, predicted), 1)
    return Metrics(counts)


def _proportion(counts: np.ndarray) -> Proportion:
    """Accuracy from a confusion matrix."""
    return Proportion(int(np.trace(counts)), int(counts.sum()))


def _rows(counts: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, counts.tolist()))
