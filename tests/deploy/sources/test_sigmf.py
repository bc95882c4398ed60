"""SigMF recordings by their specification, of the `sigmf` library and by hand; and damaged ones."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf

from deploy.sources.opening import Reading, open_source
from radioml.errors import RadioMLError
from tests.radioml.reading.damage import damaged

SAMPLES = 3 * 1024 + 200


@pytest.fixture(scope="module")
def integers() -> np.ndarray:
    """I and Q as int16, of which the upper byte is an exact int8, too."""
    return np.random.default_rng(1).integers(-128, 128, (SAMPLES, 2)).astype("<i2") * 256


def frames_of(path: Path, **options: Any) -> np.ndarray:
    source = open_source(str(path), Reading(normalise=False, **options))
    found = np.concatenate([block.iq for block in source.blocks])
    assert len(found) == source.frames
    return found


def starts_of(path: Path, **options: Any) -> list[int]:
    source = open_source(str(path), Reading(normalise=False, **options))
    return np.concatenate([block.tags["sample"] for block in source.blocks]).tolist()


def expected(integers: np.ndarray) -> np.ndarray:
    whole = len(integers) // 1024 * 1024
    return (integers[:whole] / 32768).astype(np.float32).reshape(-1, 1024, 2)


def write(
    folder: Path, data: bytes, captures: list[dict[str, Any]], datatype: str = "ci16_le", name: str = "r", **fields: Any
) -> Path:
    """A recording by hand; fields of `global` with _ for the colon."""
    whole = {"core:datatype": datatype, "core:version": "1.2.0", "core:sample_rate": 1e6}
    whole |= {key.replace("_", ":", 1): value for key, value in fields.items()}
    (folder / whole.get("core:dataset", f"{name}.sigmf-data")).write_bytes(data)
    path = folder / f"{name}.sigmf-meta"
    path.write_text(json.dumps({"global": whole, "captures": captures, "annotations": []}))
    return path


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(RadioMLError) as caught:
        frames_of(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".sigmf-meta", ".sigmf-data", ".sigmf"])
def test_what_the_library_writes_is_read(integers, suffix, tmp_path):
    integers.tofile(tmp_path / "r.sigmf-data")
    meta = sigmf.SigMFFile(
        data_file=str(tmp_path / "r.sigmf-data"), global_info={"core:datatype": "ci16_le", "core:sample_rate": 2e6}
    )
    meta.add_capture(0, {"core:frequency": 433.92e6})
    if suffix == ".sigmf":
        meta.archive(str(tmp_path / "r.sigmf"))
    else:
        meta.tofile(str(tmp_path / "r.sigmf-meta"))
    source = open_source(str(tmp_path / f"r{suffix}"), Reading(normalise=False))
    assert (source.sample_rate, source.captures, source.frames) == (2e6, ((0, 433.92e6),), 3)
    assert np.array_equal(frames_of(tmp_path / f"r{suffix}"), expected(integers))


@pytest.mark.parametrize(
    ("datatype", "dtype", "scale"),
    [("cf32_le", "<f4", 1 / 32768), ("cf64_be", ">f8", 1 / 32768), ("ci32_le", "<i4", 65536), ("ci16_be", ">i2", 1),
     ("ci8", "i1", 1 / 256), ("cf32_be", ">f4", 1 / 32768), ("cf64_le", "<f8", 1 / 32768), ("ci32_be", ">i4", 65536)],
)  # fmt: skip
def test_every_complex_type(integers, datatype, dtype, scale, tmp_path):
    data = (integers.astype(np.float64) * scale).astype(dtype).tobytes()
    assert np.array_equal(frames_of(write(tmp_path, data, [], datatype)), expected(integers))


def test_the_library_agrees_on_unsigned_samples_within_half_a_step(integers, tmp_path):
    """Half a step of 2^-7: the library takes 128 for 0, we the middle of 0 to 255."""
    data = ((integers // 256) + 128).astype(np.uint8).tobytes()
    path = write(tmp_path, data, [{"core:sample_start": 0}], "cu8")
    library = sigmf.fromfile(str(path)).read_samples().astype(np.complex64).view(np.float32)
    found = frames_of(path)
    assert abs(found.reshape(-1) - library[: found.size]).max() < 1 / 127


def test_header_bytes_of_every_capture_are_no_samples(tmp_path):
    """A non-conforming data set: 4 bytes of full scale before each capture. Without them the frames are the same."""
    values = np.random.default_rng(2).integers(100, 156, (3072, 2), np.uint8)
    plain = write(tmp_path, values.tobytes(), [{"core:sample_start": 0}], "cu8", "plain")
    header = b"\xff" * 4
    data = header + values[:1500].tobytes() + header + values[1500:].tobytes() + b"tail!"
    captures = [{"core:sample_start": 0, "core:header_bytes": 4}, {"core:sample_start": 1500, "core:header_bytes": 4}]
    path = write(tmp_path, data, captures, "cu8", "ncd", core_dataset="ncd.dat", core_trailing_bytes=5)
    assert np.array_equal(frames_of(path), frames_of(plain)) and starts_of(path) == starts_of(plain) == [0, 1024, 2048]


def test_no_frame_mixes_captures_of_two_frequencies(integers, tmp_path):
    frequencies = {0: 433.92e6, 1500: 8e8, 1600: 9e8, 2000: 9e8}
    captures = [{"core:sample_start": at, "core:frequency": value} for at, value in frequencies.items()]
    path = write(tmp_path, integers.tobytes(), captures)
    source = open_source(str(path), Reading(normalise=False))
    found = np.concatenate([block.iq for block in source.blocks])
    assert source.frames == len(found) == 2 and starts_of(path) == [0, 1600]
    assert np.array_equal(found[0], expected(integers)[0])
    assert np.array_equal(found[1], expected(integers[1600:])[0])
    assert source.left_over == f"{1500 - 1024 + 100 + SAMPLES - 1600 - 1024} samples"
    assert source.captures == ((0, 433.92e6), (1500, 8e8), (1600, 9e8), (2000, 9e8))


def test_a_gap_in_the_receivers_count_is_a_border(integers, tmp_path):
    captures = [{"core:sample_start": 0, "core:global_index": 50}, {"core:sample_start": 500, "core:global_index": 550},
                {"core:sample_start": 1100, "core:global_index": 9000}]  # fmt: skip
    assert starts_of(write(tmp_path, integers.tobytes(), captures)) == [0, 1100, 2124]


def test_bytes_behind_the_last_sample_are_counted_as_in_raw_files(integers, tmp_path):
    source = open_source(str(write(tmp_path, integers.tobytes() + b"abc", [])))
    (tmp_path / "r.cs16").write_bytes(integers.tobytes() + b"abc")
    raw = open_source(str(tmp_path / "r.cs16"))
    for opened in (source, raw):
        assert sum(len(block) for block in opened.blocks) == 3
        assert opened.left_over == "3 bytes of a sample and 200 samples"


def test_one_of_several_channels_is_chosen(integers, tmp_path):
    other = (integers[::-1] // 2).astype("<i2")
    both = np.stack([integers, other], 1)
    path = write(tmp_path, both.tobytes() + b"abc", [], core_num_channels=2)
    assert "2 channels; --channel 0 to 1 chooses one" in refused(path)
    assert "no channel 2: it has 2 channels" in refused(path, channel=2)
    assert np.array_equal(frames_of(path, channel=0), expected(integers))
    assert np.array_equal(frames_of(path, channel=1), expected(other))


def test_one_of_several_recordings_in_an_archive_is_chosen(integers, tmp_path):
    one = write(tmp_path, integers.tobytes(), [], name="one")
    two = write(tmp_path, integers[::-1].tobytes(), [], name="two")
    with tarfile.open(tmp_path / "r.sigmf", "w") as archive:
        for path in (one, two):
            archive.add(path, f"folder/{path.name}")
            archive.add(path.with_suffix(".sigmf-data"), f"folder/{path.stem}.sigmf-data")
    assert "an archive of 2 recordings; --recording chooses one: one, two" in refused(tmp_path / "r.sigmf")
    assert "no recording 'three'; there are: one, two" in refused(tmp_path / "r.sigmf", recording="three")
    assert np.array_equal(frames_of(tmp_path / "r.sigmf", recording="two"), expected(integers[::-1]))


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
        ({"core:datatype": "rf32_le"}, "core:datatype is \"rf32_le\"; expected one of cu8, cs8"),
        ({"core:datatype": 3}, "core:datatype is 3; expected one of cu8"),
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
