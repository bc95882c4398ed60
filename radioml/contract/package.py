"""The deployment package: one zip that carries an accelerator and all that its driver must know.

Layout: `manifest.json`, `golden.npz` (frames with the network's integer logits), `model.onnx` (the network
that was built), and the files of the accelerator, each listed in the manifest with its SHA-256. Nothing is pickled.
"""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from radioml.contract.accuracy import TrainedAccuracy
from radioml.contract.golden import read_golden
from radioml.contract.quantiser import InputQuantiser
from radioml.contract.training_data import TrainingData
from radioml.errors import RadioMLError
from radioml.files import replacing, sha256
from radioml.reading.archive import open_zip
from radioml.reading.records import record, values
from radioml.reading.text import parse_json
from radioml.run_directory import GOLDEN

FORMAT = 2
MANIFEST = "manifest.json"
RTL_FOLDER = "rtl"
"""Folder of a simulation package: the HDL as `radioml build` writes it."""
BITFILE, HANDOFF = "accelerator.bit", "accelerator.hwh"
XCLBIN = "accelerator.xclbin"
BITSTREAM = "bitstream.bit"
"""Bitfile of a board on a serial line."""
MOST_BYTES = 1 << 28
"""Limit of a package's files together, unpacked. The bitfile of a whole Alveo U250 has about 0.1 GB, less than half of
it; the RTL of a network has a few megabytes."""
_AGAIN = "build the package again with this version"


@dataclass(frozen=True)
class StreamFormat:
    """How one frame's integers travel on an AXI stream.

    shape: the frame as the host knows it, e.g. (1024, 2) or (24,); its C order is the stream's order.
    elements: integers a word, first element in the least significant bits.
    bits: width of one two's-complement integer.
    signed: whether the integers are signed.
    word_bytes: bytes a word, padded up from elements x bits.
    """

    shape: tuple[int, ...]
    elements: int
    bits: int
    signed: bool
    word_bytes: int

    def __post_init__(self) -> None:
        """Refuse what describes no stream; raises ValueError."""
        numbers = (*self.shape, self.elements, self.bits, self.word_bytes)
        if not self.shape or min(numbers) < 1:
            raise ValueError(f"a stream has whole numbers above 0, not {numbers}")
        if math.prod(self.shape) % self.elements or self.elements * self.bits > 8 * self.word_bytes or self.bits > 64:
            raise ValueError(
                f"no stream takes frames {self.shape} as {self.elements} integers of {self.bits} bits in words of "
                f"{self.word_bytes} bytes"
            )

    @property
    def words(self) -> int:
        """Words a frame."""
        return math.prod(self.shape) // self.elements


@dataclass(frozen=True)
class Manifest:
    """The package's table of contents and the driver's only source of truth.

    kind: "simulation": the RTL, which is compiled where it is simulated. "bitfile": `BITFILE` and `HANDOFF` for a Zynq,
        `XCLBIN` for an Alveo, `BITSTREAM` for a board on a serial line, with
        `radioml.run_directory.IMPLEMENTATION`. "simulated bitfile": the same files for the simulated board or card.
    version: version of this tool that built it.
    board: name of the board's YAML; clock_mhz: fabric clock the figures refer to.
    model_sha256: the QONNX file that was built.
    classes, quantiser, logit_scale, training_data, accuracy: as in the model's metadata.
    input, output: stream formats; folding: per layer PE and SIMD, as FINN names them.
    cycles_per_frame, latency_cycles: measured in simulation (initiation interval; first word in to last word out).
    files: SHA-256 of every other file in the package.
    """

    kind: Literal["simulation", "simulated bitfile", "bitfile"]
    version: str
    board: str
    clock_mhz: float
    model_sha256: str
    classes: tuple[str, ...]
    quantiser: InputQuantiser
    logit_scale: float
    training_data: TrainingData
    accuracy: TrainedAccuracy
    input: StreamFormat
    output: StreamFormat
    folding: dict[str, dict[str, int]]
    cycles_per_frame: int
    latency_cycles: int
    files: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Indented JSON with the format version."""
        records = {name: values(getattr(self, name)) for name in ("training_data", "accuracy")}
        return json.dumps({"format": FORMAT, **asdict(self), **records}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, source: str) -> Manifest:
        """Parse `to_json`'s output; raises RadioMLError that names `source` and the field that is missing or wrong."""
        value = parse_json(text, source)
        found = value.pop("format", None) if isinstance(value, dict) else None
        if found != FORMAT:
            raise RadioMLError(f"{source}: package format {found}, this tool reads {FORMAT}; {_AGAIN}")
        try:
            return record(value, cls)
        except ValueError as error:
            raise RadioMLError(f"{source}: {error}; {_AGAIN}") from error

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense; raises ValueError."""
        for name in ("clock_mhz", "logit_scale", "cycles_per_frame", "latency_cycles"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} cannot be {getattr(self, name)!r}")


@dataclass(frozen=True)
class Package:
    """An opened package: its manifest and the folder that its checked files were unpacked to."""

    manifest: Manifest
    folder: Path

    def golden(self) -> tuple[np.ndarray, np.ndarray]:
        """Golden frames: float32 IQ (N, 1024, 2) and int64 logits (N, classes); raises as `read_golden` does."""
        return read_golden(self.folder / GOLDEN)


def write_package(path: Path, manifest: Manifest, folder: Path, names: list[str]) -> Manifest:
    """Zip `names` (relative to `folder`) with the manifest, which gets their digests; returns that manifest."""
    manifest = Manifest(**{**vars(manifest), "files": {name: sha256(folder / name) for name in names}})
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, manifest.to_json())
        for name in names:
            archive.write(folder / name, name)
    return manifest


def open_package(path: Path | str, folder: Path) -> Package:
    """Unpack a package into the empty `folder` and check every file against the manifest.

    Raises RadioMLError when the file is missing, no package, of another format, holds names that leave the folder or
    more than `MOST_BYTES`, or when a file is absent, foreign or altered.
    """
    with open_zip(path, MOST_BYTES) as archive:
        if MANIFEST not in archive.names:
            raise RadioMLError(f"{path}: not a package of this tool: it has no {MANIFEST}")
        manifest = Manifest.from_json(archive.read(MANIFEST), f"{path}: {MANIFEST}")
        names = set(archive.names) - {MANIFEST}
        if names != set(manifest.files):
            odd = sorted(names ^ set(manifest.files))
            raise RadioMLError(f"{path}: contents and manifest differ in {', '.join(odd)}; {_AGAIN}")
        for name in sorted(names):
            archive.extract(name, folder)
    for name, digest in manifest.files.items():
        if sha256(folder / name) != digest:
            raise RadioMLError(f"{path}: {name} is not the file that was packed (its SHA-256 differs); {_AGAIN}")
    return Package(manifest, folder)
