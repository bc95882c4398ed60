"""The checked metadata of a SigMF recording.

Specification: https://sigmf.org, version 1.2.6. Only fields that are needed to cut and place samples are read.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from deploy.sources.formats import NAMES, SampleFormat, sample_format
from radioml.errors import RadioMLError

_LARGEST, _LONGEST = 1 << 63, 200
"""Bounds of a whole number and of the length of a file's name."""


@dataclass(frozen=True)
class Capture:
    """A capture of a recording.

    sample_start: position of the first sample in the recording.
    global_index: number of the first sample in the receiver's own count.
    header_bytes: bytes in the file in front of the first sample that are no samples.
    frequency: in Hz.
    """

    sample_start: int
    global_index: int | None
    header_bytes: int
    frequency: float | None

    def follows(self, other: Capture) -> bool:
        """Whether the samples continue those of `other`, the capture before: the same centre frequency, and no gap."""
        if self.frequency != other.frequency:
            return False
        if self.global_index is None or other.global_index is None:
            return True
        return self.global_index - other.global_index == self.sample_start - other.sample_start


@dataclass(frozen=True)
class SigmfMetadata:
    """The metadata of a recording.

    format: of the samples.
    channels: number of interleaved channels.
    sample_rate: in Hz.
    dataset: name of the data file where it differs from the recording's name.
    trailing_bytes: bytes at the file's end that are no samples.
    sha512: of the data file.
    """

    format: SampleFormat
    channels: int
    sample_rate: float | None
    dataset: str | None
    trailing_bytes: int
    sha512: str | None
    captures: tuple[Capture, ...]


def parse_metadata(text: bytes, name: str) -> SigmfMetadata:
    """Read and check the content of a .sigmf-meta file; raises RadioMLError, with all that is wrong in one message."""
    try:
        value = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RadioMLError(f"{name}: not a readable SigMF recording: its metadata are no JSON: {error}") from error
    fields = _Fields(name)
    described = fields.object(value, "the metadata")
    whole = fields.object(described.get("global"), "global")
    found = described.get("captures", [])
    if not isinstance(found, list):
        fields.wrong("captures", found, "a list")
        found = []
    datatype = whole.get("core:datatype")
    format_ = sample_format(datatype) if isinstance(datatype, str) else None
    if format_ is None:
        fields.wrong("core:datatype", datatype, f"a complex type of SigMF, or one of {', '.join(NAMES)}")
    captures = []
    for number, item in enumerate(found):
        capture = fields.object(item, f"capture {number}")
        start = fields.whole(capture, "core:sample_start", number, default=0 if number == 0 else None)
        captures.append(
            Capture(
                start or 0,
                fields.whole(capture, "core:global_index", number),
                fields.whole(capture, "core:header_bytes", number) or 0,
                fields.number(capture, "core:frequency", number),
            )
        )
    starts = [capture.sample_start for capture in captures]
    if starts != sorted(starts):
        fields.problems.append("captures are not in the order of their core:sample_start")
    rate = fields.number(whole, "core:sample_rate")
    if rate is not None and not rate > 0:
        fields.wrong("core:sample_rate", rate, "a positive number")
    channels = fields.whole(whole, "core:num_channels", default=1)
    if channels == 0:
        fields.wrong("core:num_channels", channels, "1 at least")
    if whole.get("core:metadata_only") is True:
        fields.problems.append("core:metadata_only: the recording has no samples")
    dataset, digest = fields.text(whole, "core:dataset"), fields.text(whole, "core:sha512")
    if dataset is not None and (dataset in ("", ".", "..") or len(dataset) > _LONGEST or set(dataset) & set("/\\\0")):
        fields.wrong("core:dataset", dataset, "the name of a file in the same folder")
    trailing = fields.whole(whole, "core:trailing_bytes") or 0
    fields.raise_problems()
    assert format_ is not None and channels is not None
    return SigmfMetadata(
        format_, channels, rate, dataset, trailing, digest, tuple(captures) or (Capture(0, None, 0, None),)
    )


class _Fields:
    """Reads values of the right type, and lists the values of a wrong one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[str] = []

    def wrong(self, key: str, value: Any, wanted: str, number: int | None = None) -> None:
        """Note a value that is not the expected one."""
        shown = json.dumps(value)
        where = "" if number is None else f" of capture {number}"
        self.problems.append(f"{key}{where} is {shown if len(shown) < 80 else shown[:80] + ' ...'}; expected {wanted}")

    def object(self, value: Any, what: str) -> dict[str, Any]:
        """A JSON object; another value is noted and gives an empty one."""
        if not isinstance(value, dict):
            self.wrong(what, value, "a JSON object")
            return {}
        return value

    def whole(
        self, values: dict[str, Any], key: str, number: int | None = None, default: int | None = None
    ) -> int | None:
        """A whole number from 0 on."""
        value = values.get(key)
        if value is None:
            if default is None and key == "core:sample_start":
                self.wrong(key, value, "a whole number", number)
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST:
            self.wrong(key, value, "a whole number from 0 on", number)
            return default
        return value

    def number(self, values: dict[str, Any], key: str, number: int | None = None) -> float | None:
        """A finite number."""
        value = values.get(key)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not abs(value) < 1e300
            or math.isnan(value)
        ):
            self.wrong(key, value, "a number", number)
            return None
        return float(value)

    def text(self, values: dict[str, Any], key: str) -> str | None:
        """A text."""
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            self.wrong(key, value, "a text")
            return None
        return value

    def raise_problems(self) -> None:
        """Raise one RadioMLError for all problems, if there are any."""
        if self.problems:
            raise RadioMLError(f"{self.name}: not a readable SigMF recording: {'; '.join(self.problems)}")
