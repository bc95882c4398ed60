"""Dataclasses from plain values: all fields, of the right types, or an error that names the field."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from radioml.errors import RadioMLError
from radioml.reading.records import read_record, record


@dataclass(frozen=True)
class Inner:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"size {self.size} is below 0")


@dataclass(frozen=True)
class Outer:
    name: str
    share: float
    good: bool
    kind: Literal["a", "b"]
    inner: Inner
    several: tuple[Inner, ...]
    pair: tuple[int, str]
    numbers: list[float]
    by_name: dict[str, int]
    anything: Any
    perhaps: int | None = None
    files: dict[str, str] = field(default_factory=dict)


GOOD: dict[str, Any] = {
    "name": "x", "share": 0.5, "good": True, "kind": "a", "inner": {"size": 1}, "several": [{"size": 2}, {"size": 3}],
    "pair": [1, "y"], "numbers": [1, 2.5], "by_name": {"z": 4}, "anything": [None, {}],
}  # fmt: skip


def test_round_trip():
    value = record(GOOD, Outer)
    assert value.several == (Inner(2), Inner(3)) and value.pair == (1, "y") and value.perhaps is None
    assert record(json.loads(json.dumps(asdict(value))), Outer) == value
    assert record({**GOOD, "share": 1, "perhaps": 7}, Outer).perhaps == 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 1}, "name cannot be 1"),
        ({"share": "half"}, "share cannot be 'half'"),
        ({"share": True}, "share cannot be True"),
        ({"share": float("nan")}, "share cannot be nan"),
        ({"share": float("inf")}, "share cannot be inf"),
        ({"share": 10**400}, "share cannot be 1000"),
        ({"good": 1}, "good cannot be 1"),
        ({"kind": "c"}, "kind cannot be 'c'"),
        ({"kind": ["a"]}, "kind cannot be ['a']"),
        ({"inner": {"size": 1.0}}, "inner.size cannot be 1.0"),
        ({"inner": {"size": True}}, "inner.size cannot be True"),
        ({"inner": {"size": -1}}, "inner: size -1 is below 0"),
        ({"inner": {}}, "inner.size is missing"),
        ({"inner": [1]}, "inner is [1]; expected size"),
        ({"inner": {"size": 1, "colour": 2}}, "inner.colour is unknown; there are size"),
        ({"several": [{"size": 1}, {"size": "2"}]}, "several[1].size cannot be '2'"),
        ({"several": {"size": 1}}, "several cannot be {'size': 1}"),
        ({"pair": [1, "y", 2]}, "pair cannot be [1, 'y', 2]"),
        ({"pair": ["y", 1]}, "pair[0] cannot be 'y'"),
        ({"numbers": [None]}, "numbers[0] cannot be None"),
        ({"by_name": {"z": "4"}}, "by_name.z cannot be '4'"),
        ({"by_name": {1: 4}}, "a key of by_name cannot be 1"),
        ({"perhaps": "7"}, "perhaps cannot be '7'"),
        ({"files": None}, "files cannot be None"),
        ({"colour": 1}, "colour is unknown"),
        ({"name": "x" * 500, "share": "x" * 500}, "x ..."),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        record({**GOOD, **changes}, Outer)
    assert len(str(caught.value)) < 250


def test_every_missing_field_is_named():
    for name in GOOD:
        with pytest.raises(ValueError, match=f"{name} is missing"):
            record({key: value for key, value in GOOD.items() if key != name}, Outer)


def test_fields_that_others_wrote_can_be_left_aside(tmp_path: Path):
    (tmp_path / "file.json").write_text('{"size": 3, "colour": 1}')
    assert read_record(tmp_path / "file.json", Inner, others=True) == Inner(3)
    with pytest.raises(RadioMLError, match=r"file\.json: colour is unknown"):
        read_record(tmp_path / "file.json", Inner)
    for text in ("[]", "3", "null", '{"size": "3"}', '{"size": 3'):
        (tmp_path / "file.json").write_text(text)
        with pytest.raises(RadioMLError, match=r"file\.json: "):
            read_record(tmp_path / "file.json", Inner, others=True)
