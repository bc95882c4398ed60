"""Types of raw I/Q samples: their names in SDR tools and in SigMF, and which of them a file holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioml.errors import RadioMLError

_KINDS = {"u8": "u1", "s8": "i1", "u16": "u2", "s16": "i2", "u32": "u4", "s32": "i4", "f16": "f2", "f32": "f4",
          "f64": "f8"}  # fmt: skip
NAMES = tuple(f"c{kind}" for kind in _KINDS)
"""Formats of interleaved I and Q: unsigned (u), signed (s) or floating point (f), and the bits of I and of Q.

The order of bytes is little-endian; a name with _be at its end means big-endian."""
_SUFFIXES = {"cfile": "cf32", "fc32": "cf32", "fc64": "cf64", "complex64": "cf32", "complex128": "cf64",
             "sc8": "cs8", "ci8": "cs8", "sc16": "cs16", "ci16": "cs16", "ci32": "cs32"}  # fmt: skip
"""Other names: of GNU Radio (cfile), UHD (fc32, sc16), SigMF (ci16) and NumPy (complex64)."""
_SOME = "`rtl_sdr` writes cu8, `hackrf_transfer` cs8, most others cs16 or cf32"
_GQRX = re.compile(r"^gqrx_\d+_\d+_(?P<frequency>\d+)_(?P<rate>\d+)_fc$", re.IGNORECASE)
"""gqrx_DATE_TIME_FREQUENCY_RATE_fc.raw: complex floats, as GQRX names its recordings."""
_LOOKED_AT = 1 << 16
_PLAUSIBLE = (1e-9, 1e6)
"""Range of magnitudes of floating-point samples. Other types of numbers, read as floats, lie outside of it."""


@dataclass(frozen=True)
class SampleFormat:
    """A type of I/Q samples. name: as in NAMES. dtype: of I and of Q."""

    name: str
    dtype: np.dtype

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample."""
        return 2 * self.dtype.itemsize

    def samples(self, data: bytes | np.ndarray) -> np.ndarray:
        """Whole samples as float32 (m, 2); integers to full scale 1, unsigned ones around the middle of their range."""
        values = np.frombuffer(data, self.dtype) if not isinstance(data, np.ndarray) else data
        return full_scale_1(values.reshape(-1, 2))


def full_scale_1(values: np.ndarray) -> np.ndarray:
    """Numbers of any type as float32, integers divided so that their range is -1 to 1."""
    if values.dtype.kind not in "iu":
        with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, and their frames are reported
            return values.astype(np.float32, copy=False)
    half = 2.0 ** (8 * values.dtype.itemsize - 1)
    if values.dtype.kind == "u":
        return ((values - np.float64(half - 0.5)) / (half - 0.5)).astype(np.float32)
    return (values / half).astype(np.float32)


def sample_format(name: str) -> SampleFormat | None:
    """The format of this name, such as cs16, ci16_le or cf32_be; None for another name."""
    plain, order = name.lower(), "<"
    if matched := re.fullmatch(r"(.*?)_?([lb])e", plain):
        plain, order = matched[1], "<" if matched[2] == "l" else ">"
    plain = _SUFFIXES.get(plain, plain)
    if plain not in NAMES:
        return None
    return SampleFormat(plain, np.dtype(order + _KINDS[plain[1:]]))


def known_format(name: str) -> SampleFormat:
    """As `sample_format`; raises RadioMLError for an unknown name."""
    if (found := sample_format(name)) is None:
        raise RadioMLError(f"unknown format {name!r}; raw samples are {', '.join(NAMES)}, big-endian ones with _be")
    return found


@dataclass(frozen=True)
class NamedRecording:
    """What the name of a file of raw samples says. sample_rate, frequency: in Hz."""

    format: SampleFormat
    sample_rate: float | None = None
    frequency: float | None = None


def by_name(path: Path) -> NamedRecording | None:
    """The format that a file's name tells by the conventions of receivers; None for another name."""
    if matched := _GQRX.match(path.stem):
        return NamedRecording(known_format("cf32"), float(matched["rate"]), float(matched["frequency"]))
    if path.stem.lower().endswith("_fc"):
        return NamedRecording(known_format("cf32"))
    found = sample_format(path.suffix.lstrip("."))
    return None if found is None else NamedRecording(found)


def by_content(path: Path) -> SampleFormat:
    """The format of a file whose name tells none, such as .iq, .raw or .bin: floating-point samples are recognised.

    Raises RadioMLError for integers, whose size cannot be recognised.
    """
    with path.open("rb") as stream:
        head = stream.read(_LOOKED_AT)
    for name in ("cf32", "cf64", "cf32_be", "cf64_be"):
        found = known_format(name)
        values = np.frombuffer(head[: len(head) // found.sample_bytes * found.sample_bytes], found.dtype)
        with np.errstate(invalid="ignore", over="ignore"):
            magnitudes = np.abs(values[values != 0].astype(np.float64))
            plausible = (magnitudes >= _PLAUSIBLE[0]) & (magnitudes <= _PLAUSIBLE[1])
        if len(magnitudes) >= 64 and plausible.mean() > 0.99:
            return found
    raise RadioMLError(
        f"{path}: unknown kind of source, by its name and by its content. Raw samples need --format "
        f"({', '.join(NAMES)}, big-endian ones with _be): {_SOME}"
    )
