"""SigMF recordings: metadata with a data file beside them, or an archive of both."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from deploy.sources.formats import SampleFormat
from deploy.sources.raw import file_chunks
from deploy.sources.sigmf_metadata import SigmfMetadata, parse_metadata
from deploy.sources.source import Chunk
from radioml.errors import RadioMLError

META, DATA, ARCHIVE, COLLECTION = ".sigmf-meta", ".sigmf-data", ".sigmf", ".sigmf-collection"
SUFFIXES = (META, DATA, ARCHIVE, COLLECTION)
_LARGEST_META = 1 << 28
_BYTES_AT_ONCE = 1 << 23


@dataclass(frozen=True)
class _Run:
    """Samples without a gap or a change of frequency.

    start: position of the first sample in the recording.
    pieces: pieces of the file, each (first byte, number of samples).
    fresh: whether there is a gap in front of the run.
    """

    start: int
    pieces: tuple[tuple[int, int], ...]
    fresh: bool

    @property
    def samples(self) -> int:
        """Number of samples."""
        return sum(samples for _, samples in self.pieces)


@dataclass(frozen=True)
class SigmfRecording:
    """A recording whose metadata fit its data.

    path: the file with the samples.
    runs: where the samples lie in the file.
    torn: bytes at the file's end that are no whole sample.
    channel: the channel that is read.
    """

    path: Path
    metadata: SigmfMetadata
    runs: tuple[_Run, ...]
    torn: int
    channel: int

    def chunks(self) -> Iterator[Chunk]:
        """The samples of the channel."""
        format_ = self.metadata.format
        if self.metadata.channels > 1:
            format_ = _Channel(format_.name, format_.dtype, self.metadata.channels, self.channel)
        for run in self.runs:
            done = 0
            for first, samples in run.pieces:
                yield from file_chunks(self.path, format_, first, samples, run.start + done, run.fresh and not done)
                done += samples


@dataclass(frozen=True)
class _Channel(SampleFormat):
    """One of several interleaved channels."""

    channels: int
    chosen: int

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample of all channels."""
        return 2 * self.dtype.itemsize * self.channels

    def samples(self, data: bytes | np.ndarray) -> np.ndarray:
        """As `SampleFormat.samples`, of one channel."""
        values = np.frombuffer(data, self.dtype).reshape(-1, self.channels, 2)
        return super().samples(np.ascontiguousarray(values[:, self.chosen]))


def open_sigmf(path: Path, channel: int | None = None, recording: str | None = None) -> SigmfRecording:
    """Open a recording, after checking its digest if it has one.

    channel: of a recording with several channels, from 0 on. recording: name of a recording in an archive of several.
    Raises RadioMLError for a recording that cannot be read, and for several channels or recordings without a choice.
    """
    if path.suffix == COLLECTION:
        raise RadioMLError(f"{path}: a collection names recordings; give the {META} file of one of them")
    if path.suffix == ARCHIVE:
        data_path, first, size, metadata = _of_archive(path, recording)
    else:
        if recording is not None:
            raise RadioMLError(f"{path}: --recording is for archives ({ARCHIVE}); this file is one recording")
        meta_path = path.with_suffix(META)
        metadata = parse_metadata(_content(meta_path), str(meta_path))
        data_path = meta_path.with_name(metadata.dataset) if metadata.dataset else path.with_suffix(DATA)
        if not data_path.is_file():
            raise RadioMLError(f"{meta_path}: not a readable SigMF recording: its data are missing ({data_path.name})")
        first, size = 0, data_path.stat().st_size
    _compare_digest(data_path, first, size, metadata)
    chosen = _chosen(path, metadata, channel)
    runs, torn = _runs(path, metadata, first, size)
    return SigmfRecording(data_path, metadata, runs, torn, chosen)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST_META)
    except FileNotFoundError as error:
        raise RadioMLError(f"{path}: no such file; a SigMF recording needs it") from error


def _of_archive(path: Path, wanted: str | None) -> tuple[Path, int, int, SigmfMetadata]:
    """Where in an archive the samples of a recording lie: file, first byte and size; and its metadata."""
    try:
        with tarfile.open(path, "r:") as archive:
            files = {member.name: member for member in archive.getmembers() if member.isreg()}
            names = sorted(name for name in files if name.endswith(META))
            if not names:
                raise RadioMLError(f"{path}: an archive without a SigMF recording")
            stems = [PurePosixPath(name).name.removesuffix(META) for name in names]
            if wanted is None and len(names) > 1:
                raise RadioMLError(
                    f"{path}: an archive of {len(names)} recordings; --recording chooses one: {', '.join(stems)}"
                )
            if wanted is not None and wanted not in stems:
                raise RadioMLError(f"{path}: no recording {wanted!r}; there are: {', '.join(stems)}")
            name = names[stems.index(wanted)] if wanted is not None else names[0]
            stream = archive.extractfile(files[name])
            assert stream is not None
            metadata = parse_metadata(stream.read(_LARGEST_META), f"{path}: {name}")
            folder = PurePosixPath(name).parent
            data = str(folder / (metadata.dataset or PurePosixPath(name).name.removesuffix(META) + DATA))
            if data not in files:
                raise RadioMLError(f"{path}: not a readable SigMF recording: its data are missing ({data})")
            return path, files[data].offset_data, files[data].size, metadata
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise RadioMLError(
            f"{path}: not a readable SigMF archive, which is an uncompressed tar file: {error}"
        ) from error


def _compare_digest(path: Path, first: int, size: int, metadata: SigmfMetadata) -> None:
    if metadata.sha512 is None:
        return
    digest = hashlib.sha512()
    with path.open("rb") as stream:
        stream.seek(first)
        while size > 0 and (block := stream.read(min(size, _BYTES_AT_ONCE))):
            digest.update(block)
            size -= len(block)
    if digest.hexdigest() != metadata.sha512.lower():
        raise RadioMLError(f"{path}: not a readable SigMF recording: its data are not those of core:sha512")


def _chosen(path: Path, metadata: SigmfMetadata, channel: int | None) -> int:
    if channel is None and metadata.channels > 1:
        raise RadioMLError(f"{path}: {metadata.channels} channels; --channel 0 to {metadata.channels - 1} chooses one")
    if channel is not None and not 0 <= channel < metadata.channels:
        count = f"{metadata.channels} channel{'s' * (metadata.channels > 1)}"
        raise RadioMLError(f"{path}: no channel {channel}: it has {count}, counted from 0")
    return channel or 0


def _runs(path: Path, metadata: SigmfMetadata, first: int, size: int) -> tuple[tuple[_Run, ...], int]:
    """The runs of samples, and the bytes at the end that are no whole sample.

    Captures lie one after the other, each behind its header. Samples before the first capture are left out.
    """
    step = metadata.format.sample_bytes * metadata.channels
    captures = metadata.captures
    end = first + size - metadata.trailing_bytes
    at = first + captures[0].sample_start * step
    runs: list[_Run] = []
    torn = 0
    for number, capture in enumerate(captures):
        at += capture.header_bytes
        there = max(end - at, 0)
        if number + 1 < len(captures):
            samples = captures[number + 1].sample_start - capture.sample_start
            if samples * step > there:
                raise RadioMLError(
                    f"{path}: not a readable SigMF recording: its data end in capture {number}, and there are "
                    f"{len(captures)} captures"
                )
        else:
            samples, torn = divmod(there, step)
        fresh = number > 0 and not capture.follows(captures[number - 1])
        if runs and not fresh:
            runs[-1] = _Run(runs[-1].start, (*runs[-1].pieces, (at, samples)), runs[-1].fresh)
        else:
            runs.append(_Run(capture.sample_start, ((at, samples),), True))
        at += samples * step
    return tuple(runs), torn
