"""A classification of frames without labels: what FILE.summary.json holds."""

from __future__ import annotations

from dataclasses import dataclass

from radioml.contract.json_record import JsonRecord


@dataclass(frozen=True)
class StreamReport(JsonRecord):
    """What was classified.

    classes: number of frames of each class, most frequent first. without_class: number of frames for each reason.
    clipped_values: I and Q values outside of the quantiser's range. left_over: in words, the samples or bytes of a
    sample that fill no frame. accelerator_frames_per_second: None without frames. problem: why the run ended early;
    "" where it did not.
    """

    MADE_BY = "radioml stream"

    source: str
    frames: int
    classes: dict[str, int]
    without_class: dict[str, int]
    clipped_values: int
    left_over: str
    accelerator_frames_per_second: float | None
    warnings: tuple[str, ...]
    problem: str
