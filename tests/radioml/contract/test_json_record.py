"""The JSON files of a run are read strictly, and stay what they were."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from radioml.contract.json_record import JsonRecord
from radioml.contract.ladder import LadderReport
from radioml.errors import RadioMLError
from radioml.files import write_json
from tests.radioml.contract.written import WRITTEN
from tests.radioml.reading.damage import damaged

RECORDS = pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.__name__)


@RECORDS
def test_a_file_as_it_was_is_read_and_written_again(kind: type[JsonRecord], tmp_path: Path):
    write_json(path := tmp_path / "old.json", WRITTEN[kind])
    kind.read(path).write(tmp_path / "new.json")
    assert (tmp_path / "new.json").read_text() == path.read_text()


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to every key, of records inside records, too, and of the first of several."""
    for key, inner in value.items():
        yield (key,)
        first = inner[0] if isinstance(inner, list) and inner else inner
        if isinstance(first, dict):
            yield from ((key, *([0] if first is not inner else []), *below) for below in places(first))


def changed(value: Any, place: tuple[Any, ...], wrong: Any) -> Any:
    """A copy in which a key has another value; `...`: in which it is missing."""
    value = copy.deepcopy(value)
    inner = value
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = wrong
    if wrong is ...:
        del inner[place[-1]]
    return value


@RECORDS
@pytest.mark.parametrize("wrong", [..., [[[]]], {"other": [{}]}], ids=["missing", "list", "object"])
def test_a_key_that_is_missing_or_wrong_is_named_with_the_way_out(kind: type[JsonRecord], wrong: Any, tmp_path: Path):
    named = []
    for place in places(WRITTEN[kind]):
        write_json(path := tmp_path / "old.json", changed(WRITTEN[kind], place, wrong))
        try:
            kind.read(path)
        except RadioMLError as error:
            assert re.search(rf"old\.json: .*{place[-1]}.*; `{kind.MADE_BY}` makes the file again", str(error))
            named.append(place)
    must = {(field.name,) for field in fields(kind) if field.default is MISSING}
    assert must <= {*named}


@RECORDS
def test_a_damaged_file_is_an_error_or_read(kind: type[JsonRecord], tmp_path: Path):
    write_json(path := tmp_path / "old.json", WRITTEN[kind])
    for content in damaged(path.read_bytes(), 100):
        path.write_bytes(content)
        try:
            kind.read(path)
        except RadioMLError as error:
            assert str(error).startswith(f"{path}: ")


def test_a_rung_says_what_differs(tmp_path: Path):
    write_json(path := tmp_path / "verify.json", WRITTEN[LadderReport])
    rung = LadderReport.read(path).first_wrong
    assert rung and rung.name == "RTL, random stalls"
    assert rung.finding == (
        "layer b (here Thresholding_rtl_1), frame 5 (FM at +30 dB), channel 1, pixel 2: expected 3, found 2.5"
    )
    assert json.loads(path.read_text())["first_rung_that_differs"] == rung.name
