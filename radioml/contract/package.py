"""The deployment package: one zip that carries an accelerator and all that its driver must know.

Layout: `manifest.json`, `golden.npz` (frames with the integer logits that Brevitas gave), `model.onnx` (the network
that was built), and the files of the accelerator, each listed in the manifest with its SHA-256. Nothing is pickled.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from radioml.contract.quantiser import InputQuantiser
from radioml.errors import RadioMLError
from radioml.files import replacing, sha256

FORMAT = 1
MANIFEST = "manifest.json"
GOLDEN = "golden.npz"
MODEL = "model.onnx"
LIBRARY = "libaccelerator.so"
BITFILE, HANDOFF = "accelerator.bit", "accelerator.hwh"
XCLBIN = "accelerator.xclbin"
IMPLEMENTATION = "implementation.json"
KINDS = ("simulation", "bitfile")
MOST_BYTES = 1 << 28
"""A package's files together, unpacked: more than twice what configures a whole Alveo U250, about 0.1 GB; simulation
libraries have a few megabytes."""


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
        if not self.shape or not all(isinstance(number, (int, np.integer)) and number > 0 for number in numbers):
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

    kind: "simulation" (a Verilated library) or "bitfile" (`BITFILE` and `HANDOFF` for a Zynq, `XCLBIN` for an Alveo,
    with the timing and utilisation of their implementation in `IMPLEMENTATION`).
    version: version of this tool that built it.
    board: name of the board's YAML; clock_mhz: fabric clock the figures refer to.
    model_sha256: the QONNX file that was built.
    classes, quantiser, logit_scale, training_data, accuracy: as in the model's metadata.
    input, output: stream formats; folding: per layer PE and SIMD, as FINN names them.
    cycles_per_frame, latency_cycles: measured in simulation (initiation interval; first word in to last word out).
    files: SHA-256 of every other file in the package.
    """

    kind: str
    version: str
    board: str
    clock_mhz: float
    model_sha256: str
    classes: tuple[str, ...]
    quantiser: InputQuantiser
    logit_scale: float
    training_data: dict[str, Any]
    accuracy: dict[str, Any]
    input: StreamFormat
    output: StreamFormat
    folding: dict[str, dict[str, int]]
    cycles_per_frame: int
    latency_cycles: int
    files: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Indented JSON with the format version."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse `to_json`'s output; raises ValueError for another format or missing fields."""
        value = json.loads(text)
        if not isinstance(value, dict) or (found := value.pop("format", None)) != FORMAT:
            raise ValueError(f"package format {found if isinstance(value, dict) else None}, this tool reads {FORMAT}")
        try:
            value["quantiser"] = InputQuantiser(**value["quantiser"])
            for stream in ("input", "output"):
                value[stream] = StreamFormat(**{**value[stream], "shape": tuple(value[stream]["shape"])})
            value["classes"] = tuple(value["classes"])
            manifest = cls(**value)
        except (KeyError, TypeError) as error:
            raise ValueError(f"the manifest lacks or misnames a field: {error}") from error
        manifest._check()
        return manifest

    def _check(self) -> None:
        """Raise ValueError for the first field whose value is of another type or makes no sense."""
        sound = {
            "kind": self.kind in KINDS,
            **{name: isinstance(getattr(self, name), str) for name in ("version", "board", "model_sha256")},
            "classes": all(isinstance(name, str) for name in self.classes),
            **{name: _is_positive(getattr(self, name), int) for name in ("cycles_per_frame", "latency_cycles")},
            **{name: _is_positive(getattr(self, name), int, float) for name in ("clock_mhz", "logit_scale")},
            **{name: isinstance(getattr(self, name), dict) for name in ("training_data", "accuracy", "folding")},
            "files": isinstance(self.files, dict) and all(isinstance(digest, str) for digest in self.files.values()),
        }
        for name, good in sound.items():
            if not good:
                raise ValueError(f"the manifest's {name} cannot be {getattr(self, name)!r}")


def _is_positive(value: object, *types: type) -> bool:
    return type(value) in types and math.isfinite(value) and value > 0


@dataclass(frozen=True)
class Package:
    """An opened package: its manifest and the folder that its checked files were unpacked to."""

    manifest: Manifest
    folder: Path

    def golden(self) -> tuple[np.ndarray, np.ndarray]:
        """Golden frames: float32 IQ (N, 1024, 2) and int64 logits (N, classes)."""
        with np.load(self.folder / GOLDEN, allow_pickle=False) as arrays:
            return arrays["iq"], arrays["logits"]


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
    try:
        with zipfile.ZipFile(path) as archive:
            if (size := sum(member.file_size for member in archive.infolist())) > MOST_BYTES:
                raise RadioMLError(f"{path}: {size:,} bytes unpacked; a package has {MOST_BYTES:,} at most")
            manifest = Manifest.from_json(archive.read(MANIFEST).decode())
            names = set(archive.namelist()) - {MANIFEST}
            for name in names:
                parts = PurePosixPath(name).parts
                if PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name:
                    raise RadioMLError(f"{path}: refuses to unpack {name!r}: it points outside the package")
            if names != set(manifest.files):
                odd = sorted(names ^ set(manifest.files))
                raise RadioMLError(f"{path}: contents and manifest differ in {', '.join(odd)}; build the package again")
            for name in sorted(names):
                archive.extract(name, folder)
    except FileNotFoundError as error:
        raise RadioMLError(f"{path}: no such package") from error
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError) as error:
        raise RadioMLError(f"{path}: not a package of this tool, or a truncated one ({error})") from error
    except ValueError as error:
        raise RadioMLError(f"{path}: {error}; build the package again with this version") from error
    for name, digest in manifest.files.items():
        if sha256(folder / name) != digest:
            raise RadioMLError(f"{path}: {name} is not the file that was packed (its SHA-256 differs)")
    return Package(manifest, folder)
