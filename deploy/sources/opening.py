"""Opening a source by its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.sources import sigmf_recording
from deploy.sources.arrays import array_source, radioml_source
from deploy.sources.conditioning import Resampler, conditioned, shifted
from deploy.sources.formats import NAMES, NamedRecording, by_content, by_name, known_format
from deploy.sources.raw import STDIN, LiveChunks, file_chunks, is_live
from deploy.sources.source import Chunk, Framer, Source, frames_in
from deploy.sources.wav import read_wav
from radioml.constants import FRAME_LENGTH
from radioml.errors import RadioMLError

_HDF5 = (".h5", ".hdf5")


@dataclass(frozen=True)
class Reading:
    """How to read a source. None means: as the source says, or not at all.

    format: of raw samples.
    sample_rate: in Hz, for a recording that does not say it.
    channel: of a recording with several channels, from 0 on.
    recording: name of a recording in an archive.
    overlap: samples that a frame shares with the previous frame.
    offset_hz: frequency above the centre that is moved to the centre.
    symbol_rate: in symbols/s; samples are resampled to 8 a symbol.
    dc_block: remove a receiver's DC offset.
    normalise: divide each frame by its standard deviation; by default for samples and not for whole frames.
    """

    format: str | None = None
    sample_rate: float | None = None
    channel: int | None = None
    recording: str | None = None
    overlap: int = 0
    offset_hz: float | None = None
    symbol_rate: float | None = None
    dc_block: bool = False
    normalise: bool | None = None

    def check(self) -> None:
        """Raise RadioMLError for values out of range."""
        if not 0 <= self.overlap < FRAME_LENGTH:
            raise RadioMLError(f"an overlap of {self.overlap} samples; expected 0 to {FRAME_LENGTH - 1}")
        for name, value in (("sample rate", self.sample_rate), ("symbol rate", self.symbol_rate)):
            if value is not None and not 0 < value < float("inf"):
                raise RadioMLError(f"a {name} of {value:g}; expected a positive number")
        if self.offset_hz is not None and not abs(self.offset_hz) < float("inf"):
            raise RadioMLError(f"an offset of {self.offset_hz} Hz; expected a finite number")
        if self.format is not None:
            known_format(self.format)


@dataclass
class _Samples:
    """Samples of a recording.

    counts: number of samples of each contiguous run; None for a live source.
    torn: bytes at the end that are no whole sample; of a live source known after the last chunk.
    """

    source: Source
    chunks: Iterable[Chunk]
    counts: list[int] | None
    torn: int | LiveChunks = 0


def open_source(name: str, reading: Reading = Reading()) -> Source:
    """Open a source by its name.

    name: a SigMF recording (.sigmf-meta, .sigmf-data, .sigmf), a WAV file of I and Q, a RadioML file (.h5, .hdf5), an
        array (.npy), raw samples under the names that receivers give them, or `-` for raw samples from the standard
        input. Raw samples of a pipe or a device are read as they come.
    reading: how to read the source.
    Raises RadioMLError for an unknown or unusable source, and for a reading that the source does not allow.
    """
    reading.check()
    path, suffix = Path(name), Path(name).suffix.lower()
    if name != STDIN and not path.exists():
        raise RadioMLError(f"{name}: no such file")
    if path.is_dir():
        raise RadioMLError(f"{name}: a folder; give a file")
    if reading.format is None and suffix in _HDF5:
        return _of_frames(radioml_source(path), reading)
    if reading.format is None and suffix == ".npy":
        source, chunks, count = array_source(path)
        return _of_frames(source, reading) if chunks is None else _cut(_Samples(source, chunks, [count]), reading)
    if reading.format is None and suffix in sigmf_recording.SUFFIXES:
        return _cut(_of_sigmf(path, reading), reading)
    if (reading.channel, reading.recording) != (None, None):
        raise RadioMLError(f"{name}: --channel and --recording are for SigMF recordings")
    if reading.format is None and suffix == ".wav":
        return _cut(_of_wav(path), reading)
    return _cut(_of_raw(name, reading), reading)


def _of_frames(source: Source, reading: Reading) -> Source:
    if reading.overlap:
        raise RadioMLError(f"{source.name} holds frames, not a recording: they cannot overlap")
    if (reading.offset_hz, reading.symbol_rate) != (None, None):
        raise RadioMLError(
            f"{source.name} holds frames, not a recording: --offset-hz and --resample are for recordings"
        )
    source.blocks = conditioned(source.blocks, bool(reading.normalise), reading.dc_block)
    return source


def _cut(samples: _Samples, reading: Reading) -> Source:
    """Frames of the samples, shifted, resampled and conditioned as the reading says."""
    source, chunks = samples.source, samples.chunks
    if source.sample_rate is None:
        source.sample_rate = reading.sample_rate
    resampler = None
    if reading.offset_hz is not None or reading.symbol_rate is not None:
        if source.sample_rate is None:
            raise RadioMLError(f"{source.name}: the sample rate is unknown; give --sample-rate HZ")
        if reading.offset_hz is not None:
            chunks = shifted(chunks, reading.offset_hz, source.sample_rate)
        if reading.symbol_rate is not None:
            resampler = Resampler(source.sample_rate, reading.symbol_rate)
            chunks = resampler(chunks)
    if samples.counts is not None:
        counts = samples.counts if resampler is None else [resampler.length(count) for count in samples.counts]
        source.frames = sum(frames_in(count, reading.overlap) for count in counts)
        if not source.frames:
            raise RadioMLError(f"{source.name}: {max(counts)} samples; a frame has {FRAME_LENGTH}")
    framer = Framer(source, reading.overlap, 1.0 if resampler is None else resampler.ratio)
    blocks = framer(_ending(chunks, samples, framer))
    source.blocks = conditioned(blocks, reading.normalise is not False, reading.dc_block)
    return source


def _ending(chunks: Iterable[Chunk], samples: _Samples, framer: Framer) -> Iterator[Chunk]:
    """The chunks; after the last one, tell the framer how many bytes are left over."""
    yield from chunks
    torn = samples.torn.torn if isinstance(samples.torn, LiveChunks) else samples.torn
    framer.torn = f"{torn} bytes of a sample" if torn else ""


def _of_raw(name: str, reading: Reading) -> _Samples:
    path = Path(name)
    if reading.format is not None:
        said = NamedRecording(known_format(reading.format))
    elif name == STDIN:
        raise RadioMLError(f"raw samples on the standard input need --format {' | '.join(NAMES)}")
    elif (named := by_name(path)) is not None:
        said = named
    elif is_live(name):
        raise RadioMLError(f"{name}: raw samples need --format {' | '.join(NAMES)}")
    else:
        said = NamedRecording(by_content(path))
    captures = ((0, said.frequency),) if said.frequency is not None else ()
    source = Source("standard input" if name == STDIN else name, iter(()), True, said.sample_rate, captures)
    if is_live(name):
        live = LiveChunks(name, said.format)
        return _Samples(source, live, None, live)
    count, torn = divmod(path.stat().st_size, said.format.sample_bytes)
    return _Samples(source, file_chunks(path, said.format, 0, count, 0, True), [count], torn)


def _of_wav(path: Path) -> _Samples:
    wav = read_wav(path)
    count, torn = divmod(wav.size, wav.format.sample_bytes)
    source = Source(str(path), iter(()), True, wav.sample_rate)
    return _Samples(source, file_chunks(path, wav.format, wav.first, count, 0, True), [count], torn)


def _of_sigmf(path: Path, reading: Reading) -> _Samples:
    recording = sigmf_recording.open_sigmf(path, reading.channel, reading.recording)
    metadata = recording.metadata
    captures = tuple((capture.sample_start, capture.frequency) for capture in metadata.captures)
    source = Source(str(path), iter(()), True, metadata.sample_rate, captures)
    return _Samples(source, recording.chunks(), [run.samples for run in recording.runs], recording.torn)
