"""The JSON files of a build folder, damaged: each reader raises one message with the file's name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finn_build.engine.paths import CYCLES
from finn_build.folding.folding import read_folding
from radioml.contract.estimate import Estimate
from radioml.contract.simulation import GoldenSimulation
from radioml.errors import RadioMLError
from radioml.run_directory import ESTIMATE, FOLDING, RTL
from radioml.simulation.design import DESIGN, read_design

READERS = {
    ESTIMATE: Estimate.read,
    f"{RTL}/{DESIGN}": lambda path: read_design(path.parent),
    CYCLES: GoldenSimulation.read,
    FOLDING: read_folding,
}
"""File -> its reader."""
MAY_BE_ABSENT = ("folded", "seconds", "target_frames_per_second")


@pytest.mark.parametrize("name", READERS)
def test_truncated_and_foreign_files(name: str, small_build, tmp_path: Path):
    whole = (small_build.folder / name).read_bytes()
    READERS[name](small_build.folder / name)
    path = tmp_path / Path(name).name
    contents = [whole[: len(whole) * part // 10] for part in range(10)]
    for content in (*contents, b"[]", b"7", b"null", b'"text"', b"\xff\xfe", whole + b"}"):
        path.write_bytes(content)
        with pytest.raises(RadioMLError, match=path.name):
            READERS[name](path)


def fields(value: dict[str, Any]) -> list[tuple[str, ...]]:
    """Keys of every field, of records inside too."""
    found = []
    for key, inner in value.items():
        found.append((key,))
        if key in ("input", "output", "folded"):
            found += [(key, *below) for below in fields(inner)]
    return found


@pytest.mark.parametrize("name", [ESTIMATE, f"{RTL}/{DESIGN}", CYCLES])
@pytest.mark.parametrize("wrong", [lambda _: {"other": 1}, lambda value: [value], lambda _: None])
def test_wrong_fields_are_named(name: str, wrong: Callable[[Any], Any], small_build, tmp_path: Path):
    value = json.loads((small_build.folder / name).read_text())
    path = tmp_path / Path(name).name
    for keys in fields(value):
        damaged = json.loads(json.dumps(value))
        place = damaged
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = wrong(place[keys[-1]])
        path.write_text(json.dumps(damaged))
        if keys[-1] in MAY_BE_ABSENT and wrong(1) is None:
            continue
        with pytest.raises(RadioMLError, match=rf"{path.name}: .*{keys[-1]}"):
            READERS[name](path)
