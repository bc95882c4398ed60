"""build.yaml as it was written, and damaged in every way that a user or a disk can damage it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from finn_build.engine.record import BoardInput, BuildRecord, Inputs, load_record, versions
from radioml.errors import RadioMLError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inputs = Inputs("model", "checkpoint", BoardInput("ZCU104", "board"), {"target_frames_per_second": 1})
    record = BuildRecord(inputs, versions())
    (tmp_path / "estimate.json").write_text("{}")
    record.finish(tmp_path, "estimate", {"code": "digest"}, {"fold": 1.5}, ["estimate.json"])
    return tmp_path


def test_what_was_written_is_read(folder: Path):
    record = load_record(folder)
    assert record.inputs.board.name == "ZCU104"
    assert record.stages["estimate"].seconds == {"fold": 1.5}
    assert record.is_complete(folder, "estimate", {"code": "digest"})
    assert not record.is_complete(folder, "estimate", {"code": "other"})
    (folder / "estimate.json").write_text("{ }")
    assert not record.is_complete(folder, "estimate", {"code": "digest"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda value: value.update(versions=3), "versions cannot be 3"),
        (lambda value: value.update(stages=[]), r"stages cannot be \[\]"),
        (lambda value: value["stages"]["estimate"].pop("files"), "stages.estimate.files is missing"),
        (lambda value: value["stages"]["estimate"]["seconds"].update(fold="long"), "seconds.fold cannot be 'long'"),
        (lambda value: value["inputs"].update(board="ZCU104"), "inputs.board is 'ZCU104'"),
        (lambda value: value["inputs"].pop("checkpoint"), "inputs.checkpoint is missing"),
        (lambda value: value.update(more=1), "more is unknown"),
        (lambda value: value.pop("inputs"), "names no version of this tool"),
        (lambda value: value["inputs"].update(tool=None), "names no version of this tool"),
        (lambda value: value.update(format="3"), "with layout 3"),
    ],
)
def test_a_changed_field_is_named(folder: Path, change, message: str):
    value = yaml.safe_load((folder / "build.yaml").read_text())
    change(value)
    (folder / "build.yaml").write_text(yaml.safe_dump(value))
    with pytest.raises(RadioMLError, match=message):
        load_record(folder)


def test_every_truncation_is_one_message(folder: Path):
    whole = (folder / "build.yaml").read_bytes()
    for length in range(0, len(whole) - 10, 7):
        (folder / "build.yaml").write_bytes(whole[:length])
        with pytest.raises(RadioMLError):
            load_record(folder)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: [", b"- 1\n", b"7\n", b"a: &x [1]\nb: *x\n", b"\0"])
def test_what_is_no_record_is_one_message(folder: Path, content: bytes):
    (folder / "build.yaml").write_bytes(content)
    with pytest.raises(RadioMLError, match=r"build\.yaml"):
        load_record(folder)


def test_a_folder_without_a_record(tmp_path: Path):
    with pytest.raises(RadioMLError, match="not a build folder"):
        load_record(tmp_path)
