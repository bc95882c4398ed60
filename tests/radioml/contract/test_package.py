"""The deployment package: what is packed comes back unchanged, and nothing else is accepted."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from radioml.constants import CLASSES
from radioml.contract.accuracy import TrainedAccuracy
from radioml.contract.package import MANIFEST, Manifest, StreamFormat, open_package, write_package
from radioml.contract.quantiser import InputQuantiser
from radioml.contract.training_data import TrainingData
from radioml.errors import RadioMLError
from radioml.run_directory import GOLDEN

IQ = np.random.default_rng(0).normal(size=(2, 1024, 2)).astype(np.float32)
LOGITS = np.arange(48).reshape(2, 24)


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        kind="simulation", version="0.1.0", board="ZCU104", clock_mhz=250.0, model_sha256="0" * 64, classes=CLASSES,
        quantiser=InputQuantiser(8, 1 / 64), logit_scale=0.125, training_data=TrainingData("synthetic"),
        accuracy=TrainedAccuracy(overall=0.5), input=StreamFormat((1024, 2), 16, 8, True, 16),
        output=StreamFormat((24,), 1, 17, True, 3), folding={"MVAU_rtl_0": {"PE": 2, "SIMD": 4}},
        cycles_per_frame=128, latency_cycles=900,
    )  # fmt: skip


@pytest.fixture
def package(manifest, tmp_path) -> Path:
    folder = tmp_path / "content"
    (folder / "rtl").mkdir(parents=True)
    np.savez(folder / GOLDEN, iq=IQ, logits=LOGITS)
    (folder / "rtl" / "accelerator.v").write_text("module accelerator; endmodule")
    (folder / "rtl" / "weights.dat").write_text("0a\n0b\n")
    write_package(tmp_path / "package.zip", manifest, folder, [GOLDEN, "rtl/accelerator.v", "rtl/weights.dat"])
    return tmp_path / "package.zip"


def rewrite(package: Path, changes: dict[str, bytes | None]) -> None:
    """Replace, add or (None) remove members of the zip; the manifest stays unless it is among them."""
    with zipfile.ZipFile(package) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | changes
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)


def manifest_text(package: Path, **changes: object) -> bytes:
    with zipfile.ZipFile(package) as archive:
        return json.dumps(json.loads(archive.read(MANIFEST)) | changes).encode()


def test_round_trip(package, manifest, tmp_path):
    opened = open_package(package, tmp_path / "unpacked")
    assert set(opened.manifest.files) == {GOLDEN, "rtl/accelerator.v", "rtl/weights.dat"}
    assert Manifest(**{**vars(opened.manifest), "files": {}}) == manifest
    assert (opened.folder / "rtl" / "weights.dat").read_text() == "0a\n0b\n"
    iq, logits = opened.golden()
    assert np.array_equal(iq, IQ)
    assert np.array_equal(logits, LOGITS)


def test_stream_words():
    assert StreamFormat((1024, 2), 16, 8, True, 16).words == 128


def test_missing(tmp_path):
    with pytest.raises(RadioMLError, match="no such file"):
        open_package(tmp_path / "package.zip", tmp_path / "unpacked")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_truncated(package, tmp_path, share):
    content = package.read_bytes()
    package.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RadioMLError, match="not a ZIP archive, or a damaged one"):
        open_package(package, tmp_path / "unpacked")


@pytest.mark.parametrize("offset", [60, 200, 2000])
def test_damaged_in_the_middle(package, tmp_path, offset):
    with zipfile.ZipFile(package) as archive:
        member = archive.getinfo(GOLDEN)
    content = bytearray(package.read_bytes())
    content[member.header_offset + offset] ^= 0xFF
    package.write_bytes(content)
    with pytest.raises(RadioMLError):
        open_package(package, tmp_path / "unpacked")


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt", "a/../../outside.txt", "..\\outside.txt"])
def test_names_that_leave_the_folder_are_refused(package, tmp_path, name):
    with zipfile.ZipFile(package) as archive:
        files = json.loads(archive.read(MANIFEST))["files"]
    rewrite(package, {name: b"x", MANIFEST: manifest_text(package, files=files | {name: "0" * 64})})
    before = set(tmp_path.rglob("*"))
    with pytest.raises(RadioMLError, match="points outside the archive"):
        open_package(package, tmp_path / "unpacked")
    assert set(tmp_path.rglob("*")) == before


def test_an_altered_file_is_refused(package, tmp_path):
    rewrite(package, {"rtl/weights.dat": b"0a\n0c\n"})
    with pytest.raises(RadioMLError, match=r"rtl/weights\.dat is not the file that was packed"):
        open_package(package, tmp_path / "unpacked")


@pytest.mark.parametrize(("name", "content"), [("foreign.txt", b"x"), ("rtl/accelerator.v", None)])
def test_foreign_and_absent_files_are_refused(package, tmp_path, name, content):
    rewrite(package, {name: content})
    with pytest.raises(RadioMLError, match=f"contents and manifest differ in {name}"):
        open_package(package, tmp_path / "unpacked")


def test_another_format_is_refused(package, tmp_path):
    rewrite(package, {MANIFEST: manifest_text(package, format=99)})
    with pytest.raises(RadioMLError, match="package format 99, this tool reads 2; build the package again"):
        open_package(package, tmp_path / "unpacked")


def test_a_manifest_with_an_unknown_field_is_refused(package, tmp_path):
    rewrite(package, {MANIFEST: manifest_text(package, colour="blue")})
    with pytest.raises(RadioMLError, match=r"manifest\.json: colour is unknown; there are kind, version"):
        open_package(package, tmp_path / "unpacked")


def test_a_manifest_that_is_not_json_is_refused(package, tmp_path):
    for content in (b"hello", b"", b"\xff\xfe\xfd", b"[" * 99_999):
        rewrite(package, {MANIFEST: content})
        with pytest.raises(RadioMLError, match=r"package\.zip: manifest\.json: not valid JSON"):
            open_package(package, tmp_path / "unpacked")


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(RadioMLError, match="not a package of this tool"):
        open_package(tmp_path / "other.zip", tmp_path / "unpacked")


def test_a_zip_bomb_is_refused_before_anything_is_written(package, tmp_path, monkeypatch):
    monkeypatch.setattr("radioml.contract.package.MOST_BYTES", 1 << 20)
    rewrite(package, {"rtl/accelerator.v": bytes(2 << 20)})
    assert package.stat().st_size < 1 << 16
    with pytest.raises(RadioMLError, match=r"2,\d{3},\d{3} bytes unpacked; at most 1,048,576 are allowed"):
        open_package(package, tmp_path / "unpacked")
    assert not (tmp_path / "unpacked").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clock_mhz": "fast"}, "clock_mhz cannot be 'fast'"),
        ({"clock_mhz": 0}, "clock_mhz cannot be 0"),
        ({"logit_scale": float("nan")}, "logit_scale cannot be nan"),
        ({"cycles_per_frame": 128.5}, "cycles_per_frame cannot be 128.5"),
        ({"latency_cycles": -1}, "latency_cycles cannot be -1"),
        ({"kind": "firmware"}, "kind cannot be 'firmware'"),
        ({"board": None}, "board cannot be None"),
        ({"classes": ["OOK", 4]}, "classes[1] cannot be 4"),
        ({"accuracy": 0.5}, "accuracy is 0.5; expected overall"),
        ({"files": ["rtl/accelerator.v"]}, "files cannot be"),
        ({"quantiser": {"bits": "8", "scale": 0.1}}, "quantiser.bits cannot be '8'"),
        ({"quantiser": {"bits": 7.5, "scale": 0.1}}, "quantiser.bits cannot be 7.5"),
        ({"quantiser": {"bits": 9, "scale": 0.1}}, "quantiser: input quantiser: 9 bits"),
        ({"quantiser": None}, "quantiser is None"),
        ({"folding": {"MVAU_rtl_0": {"PE": "2"}}}, "folding.MVAU_rtl_0.PE cannot be '2'"),
    ],
)
def test_values_of_a_manifest_that_make_no_sense_are_refused(package, tmp_path, changes, message):
    rewrite(package, {MANIFEST: manifest_text(package, **changes)})
    with pytest.raises(RadioMLError, match=f"{re.escape(message)}.*build the package again"):
        open_package(package, tmp_path / "unpacked")


@pytest.mark.parametrize(
    "change",
    [{"elements": 0}, {"elements": 3}, {"elements": "16"}, {"bits": 9}, {"word_bytes": -1}, {"shape": []},
     {"shape": [1024, 0]}, {"bits": 8.0}],
)  # fmt: skip
def test_streams_that_cannot_be_are_refused(package, manifest, tmp_path, change):
    rewrite(package, {MANIFEST: manifest_text(package, input=asdict(manifest.input) | change)})
    with pytest.raises(RadioMLError, match=r"input.*build the package again"):
        open_package(package, tmp_path / "unpacked")
