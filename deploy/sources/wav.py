"""WAV files with I and Q as their two channels, as SDR++, SDR# and HDSDR write them.

Format: "Multimedia Programming Interface and Data Specifications 1.0" (RIFF, fmt, data); EBU Tech 3306 (RF64, ds64:
files over 4 GB). A receiver that was stopped hard leaves sizes of 0 or 2^32 - 1: then the data go to the file's end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from deploy.sources.formats import SampleFormat, full_scale_1, known_format
from radioml.errors import RadioMLError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_FORMATS = {(_PCM, 8): "cu8", (_PCM, 16): "cs16", (_PCM, 32): "cs32", (_FLOAT, 32): "cf32", (_FLOAT, 64): "cf64"}
_UNKNOWN_SIZE = (0, 0xFFFFFFFF)


@dataclass(frozen=True)
class Packed24(SampleFormat):
    """Integers of 24 bits, in three bytes each."""

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample."""
        return 6

    def samples(self, data: bytes | np.ndarray) -> np.ndarray:
        """As `SampleFormat.samples`."""
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return full_scale_1(wide.view("<i4").reshape(-1, 2))


@dataclass(frozen=True)
class WavRecording:
    """What the header of a WAV file says.

    format: of the samples.
    sample_rate: in Hz.
    first: byte at which the samples begin.
    size: bytes of all samples.
    """

    format: SampleFormat
    sample_rate: float
    first: int
    size: int


def read_wav(path: Path) -> WavRecording:
    """Read the header of a WAV file; raises RadioMLError for a file that is no I/Q recording, or damaged."""
    with path.open("rb") as stream:
        kind, _, wave = _unpack(stream, "<4sI4s", path)
        if kind not in (b"RIFF", b"RF64", b"BW64") or wave != b"WAVE":
            raise RadioMLError(f"{path}: not a WAV file")
        end = path.stat().st_size
        described, long_size = None, None
        while stream.tell() + 8 <= end:
            name, size = _unpack(stream, "<4sI", path)
            start = stream.tell()
            if name == b"ds64":
                long_size = _unpack(stream, "<QQ", path)[1]
            elif name == b"fmt ":
                described = _described(stream, size, path)
            elif name == b"data":
                if described is None:
                    raise RadioMLError(f"{path}: a WAV file whose format is not described before its data")
                if size == 0xFFFFFFFF and long_size:
                    size = long_size
                if size in _UNKNOWN_SIZE or start + size > end:
                    size = end - start
                return WavRecording(*described, start, size)
            stream.seek(start + size + size % 2)
    raise RadioMLError(f"{path}: a WAV file without data")


def _described(stream: BinaryIO, size: int, path: Path) -> tuple[SampleFormat, float]:
    tag, channels, rate, _, _, bits = _unpack(stream, "<HHIIHH", path)
    if tag == _EXTENSIBLE and size >= 40:
        tag = _unpack(stream, "<HHIH14s", path)[3]
    if channels != 2:
        raise RadioMLError(f"{path}: {channels} channel{'s' * (channels != 1)}; expected two, I and Q")
    if not rate:
        raise RadioMLError(f"{path}: a sample rate of 0 Hz")
    if (tag, bits) == (_PCM, 24):
        return Packed24("24-bit", np.dtype("<i4")), float(rate)
    if (tag, bits) not in _FORMATS:
        raise RadioMLError(
            f"{path}: a WAV file of format {tag} with {bits} bits; PCM of 8, 16, 24 and 32 bits and floats of 32 and "
            "64 can be read"
        )
    return known_format(_FORMATS[tag, bits]), float(rate)


def _unpack(stream: BinaryIO, layout: str, path: Path) -> tuple[Any, ...]:
    data = stream.read(struct.calcsize(layout))
    if len(data) < struct.calcsize(layout):
        raise RadioMLError(f"{path}: a WAV file that ends within its header")
    return struct.unpack(layout, data)
