"""Where frames to classify come from when they have no labels: recordings, arrays, a pipe.

Samples become frames of 1024, float32 (N, 1024, 2). RadioML frames were divided by their standard deviation, so frames
of a recording, whose level says nothing, are too; frames that come as frames (an array (N, 1024, 2)) are taken as they
are, and int8 ones of that shape are the network's own integers.
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.data import dataset
from radioml.errors import RadioMLError
from radioml.reading.arrays import read_npy

RAW_FORMATS = {"cf32": "<f4", "cs16": "<i2", "cs8": "i1"}
"""Raw interleaved I/Q: name as in SDR tools -> type of I and of Q. Integers have full scale 1."""
STDIN = "-"
_BLOCK_FRAMES = 256
"""Frames read at a time."""


@dataclass
class Source:
    """Frames without labels, to be iterated once.

    name: for messages and results. blocks: yields frames, float32 or (the network's integers) int8 (n, 1024, 2).
    recording: whether frames were cut from samples that follow each other. hop: samples from one to the next then.
    sample_rate: in Hz, where the recording says. frames: their number, None where only the end will tell.
    left_over: samples, or bytes of a sample, at the end that fill no frame; known once the source has ended.
    """

    name: str
    blocks: Iterator[np.ndarray]
    recording: bool
    hop: int = FRAME_LENGTH
    sample_rate: float | None = None
    frames: int | None = None
    left_over: str = ""


def open_source(name: str, format: str | None = None, overlap: int = 0, normalise: bool | None = None) -> Source:
    """Open a source by its name.

    name: a SigMF recording (.sigmf-meta, .sigmf-data, .sigmf), a RadioML file (.h5, .hdf5), an array (.npy), raw
        samples (.cf32, .cs16, .cs8), or `-` for raw samples from the standard input.
    format: of raw samples, where the name does not tell. overlap: samples that a frame shares with the one before it.
    normalise: divide each frame by the standard deviation of its samples; default for samples, not for whole frames.

    Raises RadioMLError for an unknown or unusable source, and for an overlap of frames that are no recording.
    """
    if not 0 <= overlap < FRAME_LENGTH:
        raise RadioMLError(f"an overlap of {overlap} samples: 0 to {FRAME_LENGTH - 1} are possible")
    if format is not None and format not in RAW_FORMATS:
        raise RadioMLError(f"unknown format {format!r}; raw samples are {', '.join(RAW_FORMATS)}")
    path, suffix = Path(name), Path(name).suffix.lower()
    if name != STDIN and not path.exists():
        raise RadioMLError(f"{name}: no such file")
    if format or name == STDIN or suffix[1:] in RAW_FORMATS:
        source = _raw(name, format or suffix[1:], overlap)
    elif suffix in (".sigmf-meta", ".sigmf-data", ".sigmf"):
        source = _sigmf(path, overlap)
    elif suffix == ".npy":
        source = _array(path, overlap)
    elif suffix in (".h5", ".hdf5"):
        source = _radioml(path)
    else:
        raise RadioMLError(
            f"{name}: unknown kind of source; known are .sigmf-meta, .hdf5, .npy and raw samples, for which --format "
            f"says what they are ({', '.join(RAW_FORMATS)})"
        )
    if overlap and not source.recording:
        raise RadioMLError(f"{name} holds frames, not a recording: they cannot overlap")
    if normalise or (normalise is None and source.recording):
        source.blocks = map(normalised, source.blocks)
    return source


def normalised(frames: np.ndarray) -> np.ndarray:
    """Frames (N, 1024, 2) divided by the standard deviation of their complex samples, as RadioML 2018.01A did.

    A frame without any signal stays as it is. int8 frames are the network's integers already: RadioMLError.
    """
    if frames.dtype == np.int8:
        raise RadioMLError("int8 frames are the network's own integers; they cannot be normalised")
    # In double precision, where the square of no float32 overflows or vanishes.
    centred = frames - frames.mean(1, keepdims=True, dtype=np.float64)
    deviation = np.sqrt(np.square(centred).sum(2).mean(1))[:, None, None]
    return (frames / np.where(deviation == 0, 1, deviation)).astype(np.float32)


def _raw(name: str, format: str, overlap: int) -> Source:
    """Interleaved samples of a file or of the standard input."""
    if not format:
        raise RadioMLError(f"the standard input holds raw samples: say which, --format {' | '.join(RAW_FORMATS)}")
    kind = np.dtype(RAW_FORMATS[format])
    source = Source("standard input" if name == STDIN else name, iter(()), True, FRAME_LENGTH - overlap)
    if name != STDIN:
        source.frames = _frames(Path(name).stat().st_size // (2 * kind.itemsize), overlap, name)

    def chunks() -> Iterator[np.ndarray]:
        # Unbuffered: a reader that waits holds no lock, which the interpreter would need to end after Ctrl-C.
        with sys.stdin.buffer.raw if name == STDIN else Path(name).open("rb", buffering=0) as stream:
            size = 2 * kind.itemsize * _BLOCK_FRAMES * source.hop
            while data := _read(stream, size):
                if rest := len(data) % (2 * kind.itemsize):
                    source.left_over = f"{rest} bytes of a sample and "
                yield _full_scale_1(np.frombuffer(data[: len(data) - rest], kind).reshape(-1, 2))

    source.blocks = _framed(chunks(), source)
    return source


def _read(stream: io.RawIOBase, size: int) -> bytes:
    """As many of `size` bytes as come before the end: a pipe gives less than asked for at a time."""
    parts = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _sigmf(path: Path, overlap: int) -> Source:
    """A SigMF recording, opened by the `sigmf` library, which checks its digest and scales integers to full scale 1."""
    try:
        import sigmf
    except ImportError as error:
        raise RadioMLError(f"{path}: reading SigMF recordings needs `pip install sigmf`") from error
    try:
        recording = sigmf.fromfile(str(path))
        if recording.num_channels != 1:
            raise RadioMLError(f"{path}: {recording.num_channels} channels; recordings of one can be read")
        if not recording.get_global_field(sigmf.DATATYPE_KEY, "").startswith("c"):
            raise RadioMLError(f"{path}: samples of type {recording.get_global_field(sigmf.DATATYPE_KEY)}, not complex")
        count = recording.sample_count
    except (sigmf.error.SigMFError, OSError, ValueError, KeyError, TypeError) as error:
        raise RadioMLError(f"{path}: not a readable SigMF recording: {error}") from error
    rate = recording.get_global_field(sigmf.SAMPLE_RATE_KEY)
    if rate is not None and not (isinstance(rate, (int, float)) and 0 < rate < math.inf):
        raise RadioMLError(f"{path}: a sample rate of {rate!r} Hz")
    source = Source(str(path), iter(()), True, FRAME_LENGTH - overlap, rate, _frames(count, overlap, str(path)))

    def chunks() -> Iterator[np.ndarray]:
        step = _BLOCK_FRAMES * source.hop
        for start in range(0, count, step):
            samples = recording.read_samples(start, min(step, count - start))
            yield samples.astype(np.complex64).view(np.float32).reshape(-1, 2)

    source.blocks = _framed(chunks(), source)
    return source


def _array(path: Path, overlap: int) -> Source:
    """A NumPy array: frames (N, 1024, 2) or complex (N, 1024), or samples (M, 2), complex (M,), interleaved int16."""
    array = read_npy(path)
    kind = array.dtype
    if not (kind.kind == "c" or kind.kind == "f" or kind in (np.int16, np.int8)):
        raise RadioMLError(f"{path}: {kind}; float, complex, int16 or int8 can be read")
    whole_frames = array.shape[1:] in ((FRAME_LENGTH,), (FRAME_LENGTH, 2)) and (array.ndim == 3) != (kind.kind == "c")
    if whole_frames and len(array):
        convert: Callable[[np.ndarray], np.ndarray] = (lambda part: part) if kind == np.int8 else _as_iq
        parts = range(0, len(array), _BLOCK_FRAMES)
        blocks = (convert(np.ascontiguousarray(array[at : at + _BLOCK_FRAMES])) for at in parts)
        return Source(str(path), blocks, False, frames=len(array))
    samples = array.ndim == 2 and array.shape[1] == 2 and kind.kind != "c"
    interleaved = array.ndim == 1 and (kind.kind == "c" or (kind.kind == "i" and len(array) % 2 == 0))
    if not (samples or interleaved):
        raise RadioMLError(
            f"{path}: {kind} {array.shape}; expected frames ({FRAME_LENGTH}, 2) or complex ({FRAME_LENGTH},), or "
            "samples (M, 2), complex (M,) or interleaved integers (2 M,)"
        )
    count = array.size if kind.kind == "c" else array.size // 2
    flat = array.reshape(-1)
    source = Source(str(path), iter(()), True, FRAME_LENGTH - overlap, None, _frames(count, overlap, str(path)))
    step = _BLOCK_FRAMES * source.hop * (1 if kind.kind == "c" else 2)
    source.blocks = _framed((_as_iq(flat[at : at + step]) for at in range(0, len(flat), step)), source)
    return source


def _radioml(path: Path) -> Source:
    """All frames of a RadioML file, in its order."""
    count = dataset.read_layout(path).frames
    parts = (np.arange(at, min(at + _BLOCK_FRAMES, count)) for at in range(0, count, _BLOCK_FRAMES))
    return Source(str(path), (dataset.read_iq(path, part) for part in parts), False, frames=count)


def _as_iq(values: np.ndarray) -> np.ndarray:
    """Complex (...,) or real (..., 2) or interleaved (2 M,) values as float32 (..., 2); integers to full scale 1."""
    if values.dtype.kind == "c":
        return np.ascontiguousarray(values, np.complex64)[..., None].view(np.float32)
    return _full_scale_1(values.reshape(-1, 2) if values.ndim == 1 else values)


def _full_scale_1(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "i":
        return values.astype(np.float32, copy=False)
    return values.astype(np.float32) / np.float32(-int(np.iinfo(values.dtype).min))


def _frames(samples: int, overlap: int, name: str) -> int:
    if samples < FRAME_LENGTH:
        raise RadioMLError(f"{name}: {samples} samples; a frame has {FRAME_LENGTH}")
    return (samples - FRAME_LENGTH) // (FRAME_LENGTH - overlap) + 1


def _framed(chunks: Iterator[np.ndarray], source: Source) -> Iterator[np.ndarray]:
    """Frames (n, 1024, 2) of samples (m, 2) that come in chunks, each `source.hop` after the one before."""
    rest = np.empty((0, 2), np.float32)
    hop, frames = source.hop, 0
    for chunk in chunks:
        rest = np.concatenate([rest, chunk])
        if len(rest) < FRAME_LENGTH:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(rest, FRAME_LENGTH, 0)[::hop].transpose(0, 2, 1)
        yield np.ascontiguousarray(windows)
        frames += len(windows)
        rest = rest[len(windows) * hop :]
    if not frames:
        raise RadioMLError(f"{source.name}: ended after {len(rest)} samples; a frame has {FRAME_LENGTH}")
    if tail := len(rest) - (FRAME_LENGTH - hop):
        source.left_over += f"{tail} samples"
    elif source.left_over:
        source.left_over = source.left_over.removesuffix(" and ")
