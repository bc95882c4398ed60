"""SigMF recordings that are damaged, incomplete or wrong: one message each, or frames."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import random
import tarfile
from pathlib import Path

import pytest

from radioml.errors import RadioMLError
from tests.deploy.sources.sigmf_files import frames_of, refused, write
from tests.radioml.reading.damage import damaged


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive at all", "not a readable SigMF archive, which is an uncompressed tar file"),
        (b"", "not a readable SigMF archive"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "not a readable SigMF archive"),
    ],
)
def test_an_archive_that_is_none(content, message, tmp_path):
    (tmp_path / "r.sigmf").write_bytes(content)
    assert message in refused(tmp_path / "r.sigmf")


def test_an_archive_without_a_recording_or_without_its_data(tmp_path):
    with tarfile.open(tmp_path / "empty.sigmf", "w") as archive:
        archive.addfile(tarfile.TarInfo("notes.txt"))
    assert "an archive without a SigMF recording" in refused(tmp_path / "empty.sigmf")
    path = write(tmp_path, b"", [])
    with tarfile.open(tmp_path / "r.sigmf", "w") as archive:
        archive.add(path, "r/r.sigmf-meta")
    assert "its data are missing (r/r.sigmf-data)" in refused(tmp_path / "r.sigmf")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"global": None}, "global is null; expected a JSON object"),
        ({"global": []}, "global is []; expected a JSON object"),
        ({"captures": {"a": 1}}, "captures is {\"a\": 1}; expected a list"),
        ({"captures": [None]}, "capture 0 is null; expected a JSON object"),
        ({"captures": [{"core:sample_start": -1}]}, "core:sample_start of capture 0 is -1; expected a whole"),
        ({"captures": [{"core:sample_start": 0}, {}]}, "core:sample_start of capture 1 is null; expected a whole"),
        ({"captures": [{"core:sample_start": 9}, {"core:sample_start": 3}]}, "not in the order of"),
        ({"captures": [{"core:sample_start": 0}, {"core:sample_start": 1 << 40}]}, "its data end in capture 0"),
        ({"captures": [{"core:sample_start": 0, "core:header_bytes": "4"}]}, "core:header_bytes of capture 0 is \"4\""),
        ({"captures": [{"core:sample_start": 0, "core:frequency": "FM"}]}, "core:frequency of capture 0 is \"FM\""),
        ({"core:datatype": "rf32_le"}, "core:datatype is \"rf32_le\"; expected a complex type of SigMF, or one of cu8"),
        ({"core:datatype": 3}, "core:datatype is 3; expected a complex type of SigMF"),
        ({"core:datatype": None}, "core:datatype is null"),
        ({"core:sample_rate": "fast"}, "core:sample_rate is \"fast\"; expected a number"),
        ({"core:sample_rate": -5}, "core:sample_rate is -5.0; expected a positive number"),
        ({"core:num_channels": 0}, "core:num_channels is 0; expected 1 at least"),
        ({"core:dataset": "../secret"}, "core:dataset is \"../secret\"; expected the name of a file in the same"),
        ({"core:dataset": "other.dat"}, "its data are missing (other.dat)"),
        ({"core:metadata_only": True}, "core:metadata_only: the recording has no samples"),
        ({"core:trailing_bytes": True}, "core:trailing_bytes is true; expected a whole number"),
        ({"core:sha512": 5}, "core:sha512 is 5; expected a text"),
        ({"core:sha512": "00"}, "its data are not those of core:sha512"),
    ],
)  # fmt: skip
def test_wrong_metadata_are_named_with_the_key(integers, change, message, tmp_path):
    path = write(tmp_path, integers.tobytes(), [{"core:sample_start": 0}])
    value = json.loads(path.read_text())
    for key, wrong in change.items():
        (value["global"] if key.startswith("core:") else value)[key] = wrong
    path.write_text(json.dumps(value))
    found = refused(path)
    assert "not a readable SigMF recording" in found and message in found and "\n" not in found


def test_all_that_is_wrong_is_one_message(integers, tmp_path):
    path = write(tmp_path, integers.tobytes(), [{"core:sample_start": "a"}, 5], "rf32_le")
    found = refused(path)
    for part in ("core:datatype", "core:sample_start of capture 0", "capture 1 is 5"):
        assert part in found


def test_a_right_digest_and_one_of_changed_data(integers, tmp_path):
    digest = hashlib.sha512(integers.tobytes()).hexdigest()
    path = write(tmp_path, integers.tobytes(), [], core_sha512=digest)
    assert len(frames_of(path)) == 3
    with path.with_suffix(".sigmf-data").open("r+b") as data:
        data.write(b"changed")
    assert "not those of core:sha512" in refused(path)


def test_missing_files_and_a_collection(integers, tmp_path):
    path = write(tmp_path, integers.tobytes(), [])
    data = path.with_suffix(".sigmf-data")
    path.rename(tmp_path / "away.sigmf-meta")
    assert "r.sigmf-meta: no such file; a SigMF recording needs it" in refused(data)
    (tmp_path / "c.sigmf-collection").write_text("{}")
    assert "a collection names recordings" in refused(tmp_path / "c.sigmf-collection")
    assert "--recording is for archives" in refused(tmp_path / "away.sigmf-meta", recording="x")


def test_damaged_metadata_are_refused_or_read(integers, tmp_path):
    """Fuzzing: damaged bytes raise RadioMLError alone."""
    captures = [{"core:sample_start": 0, "core:frequency": 1e8}, {"core:sample_start": 1500, "core:header_bytes": 4}]
    path = write(tmp_path, integers.tobytes(), captures, core_num_channels=1, core_trailing_bytes=2)
    for content in damaged(path.read_bytes()):
        path.write_bytes(content)
        _tried(path)


def test_metadata_with_other_values_are_refused_or_read(integers, tmp_path):
    captures = [{"core:sample_start": 0, "core:frequency": 1e8, "core:global_index": 5},
                {"core:sample_start": 1500, "core:header_bytes": 4}]  # fmt: skip
    path = write(tmp_path, integers.tobytes(), captures, core_num_channels=1, core_trailing_bytes=2, core_dataset="d")
    original, draw = json.loads(path.read_text()), random.Random(5)
    values = [
        None,
        True,
        -1,
        0,
        1,
        2,
        1 << 70,
        1.5,
        1e308,
        "",
        "cf32_le",
        "x" * 1000,
        [],
        {},
        [[]],
        [{}],
        "../d",
        "d\0",
    ]
    for _ in range(1500):
        value = copy.deepcopy(original)
        for _ in range(draw.randint(1, 3)):
            place = draw.choice([value, value["global"], *(c for c in value["captures"] if isinstance(c, dict))]
                                if isinstance(value.get("global"), dict) and isinstance(value.get("captures"), list)
                                else [value])  # fmt: skip
            key = draw.choice([*place, "core:num_channels", "core:metadata_only"])
            place[key] = draw.choice(values)
        path.write_text(json.dumps(value))
        _tried(path)


def test_damaged_archives_are_refused_or_read(integers, tmp_path):
    path = write(tmp_path, integers[:1100].tobytes(), [{"core:sample_start": 0}])
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(path, "r/r.sigmf-meta")
        archive.add(path.with_suffix(".sigmf-data"), "r/r.sigmf-data")
    for content in damaged(stream.getvalue(), 300):
        (tmp_path / "r.sigmf").write_bytes(content)
        _tried(tmp_path / "r.sigmf")


def _tried(path: Path) -> None:
    try:
        frames = frames_of(path)
    except RadioMLError as error:
        assert str(path.parent) in str(error) and len(str(error)) < 5000
    else:
        assert frames.shape[1:] == (1024, 2)
