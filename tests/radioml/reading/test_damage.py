"""Damaged files of every kind: each is refused with a RadioMLError that names the file, or read by its content.

Archives have check sums, so values read from a damaged archive are those that were written.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radioml.errors import RadioMLError
from radioml.reading.archive import open_zip
from radioml.reading.arrays import read_npy, read_npz
from radioml.reading.text import read_json, read_text, read_yaml
from tests.radioml.reading.damage import damaged

ARRAY = np.arange(2 * 1024 * 2, dtype=np.float32).reshape(2, 1024, 2)
LOGITS = np.arange(48, dtype=np.int64).reshape(2, 24)
VALUE = {"frames": 24, "share": 0.25, "name": "µ", "rungs": [{"equal": True, "problem": None}] * 3}


def _npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, ARRAY)
    return stream.getvalue()


def _npz(save: Callable[..., None] = np.savez) -> bytes:
    stream = io.BytesIO()
    save(stream, iq=ARRAY, logits=LOGITS)
    return stream.getvalue()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"hello " * 500)
        archive.writestr("folder/b.bin", np.random.default_rng(0).bytes(500))
    return stream.getvalue()


def _read_zip(path: Path) -> dict[str, bytes]:
    with open_zip(path, 1 << 20) as archive:
        return {name: archive.read(name) for name in archive.names}


def _extract_zip(path: Path) -> None:
    with open_zip(path, 1 << 20) as archive:
        for name in archive.names:
            archive.extract(name, path.with_name("unpacked"))


READERS: dict[str, tuple[bytes, Callable[[Path], Any]]] = {
    "text": (json.dumps(VALUE).encode(), read_text),
    "JSON": (json.dumps(VALUE, indent=1, ensure_ascii=False).encode(), read_json),
    "YAML": ("name: µ\nframes: 24\nlist: [1, 2.5, {a: b}]\ndate: 2018-01-01\nempty:\n".encode(), read_yaml),
    "npy": (_npy(), read_npy),
    "npz": (_npz(), lambda path: read_npz(path, ["iq", "logits"])),
    "compressed npz": (_npz(np.savez_compressed), lambda path: read_npz(path, ["iq", "logits"])),
    "ZIP": (_zip(), _read_zip),
    "ZIP, extracted": (_zip(), _extract_zip),
}


@pytest.mark.parametrize("kind", READERS)
def test_a_damaged_file_is_an_error_that_names_it(kind: str, tmp_path: Path):
    content, read = READERS[kind]
    path, refused = tmp_path / "file", 0
    path.write_bytes(content)
    whole = read(path)
    for number, changed in enumerate(damaged(content)):
        path = tmp_path / str(number)
        path.write_bytes(changed)
        try:
            value = read(path)
        except RadioMLError as error:
            refused += 1
            assert str(error).startswith(f"{path}: ") and len(str(error)) < 1000
        else:
            if kind == "npy":
                assert value.tobytes()  # what is mapped can be reached
            elif kind == "ZIP":
                assert value.items() <= whole.items()  # its end says how many members there are
            elif "npz" in kind:
                assert all(map(np.array_equal, value, whole))
        path.unlink()
    assert refused > 40, "truncated files at least"


@pytest.mark.parametrize("kind", READERS)
def test_what_is_no_file_is_an_error_that_names_it(kind: str, tmp_path: Path):
    for path in (tmp_path / "absent", tmp_path, tmp_path / "file" / "below"):
        (tmp_path / "file").touch()
        with pytest.raises(RadioMLError) as caught:
            READERS[kind][1](path)
        assert str(caught.value).startswith(f"{path}: ")


def test_a_text_file_of_any_size_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("radioml.reading.text.MOST_BYTES", 10)
    (tmp_path / "large.yaml").write_text("a: 12345678")
    with pytest.raises(RadioMLError, match=r"large\.yaml: more than 10 bytes"):
        read_yaml(tmp_path / "large.yaml")
    with pytest.raises(RadioMLError, match="/dev/zero: more than 10 bytes"):
        read_json("/dev/zero")


@pytest.mark.parametrize(
    "text",
    ["a: &x [1]\nb: *x", "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", "base: &base {a: 1}\nb:\n  <<: *base"],
    ids=["alias", "nested", "merge"],
)
def test_yaml_aliases_are_refused(text: str, tmp_path: Path):
    (tmp_path / "file.yaml").write_text(text)
    with pytest.raises(RadioMLError, match=r"file\.yaml: not valid YAML: the alias \*\w+: write out"):
        read_yaml(tmp_path / "file.yaml")


@pytest.mark.parametrize(
    "text",
    ["!!int ''", "!!int x", "!!timestamp x", "!!bool x", "!!binary x", "{[1]: 2}", "!!python/object:os.system x", "\0",
     "a: 2018-99-99", "[" * 3000, "!!float x", "? {a: b}\n: c", "%YAML 9.9\n---\na", "a: b: c"],
)  # fmt: skip
def test_yaml_that_its_library_stumbles_over(text: str, tmp_path: Path):
    (tmp_path / "file.yaml").write_text(text)
    with pytest.raises(RadioMLError, match=r"file\.yaml: not valid YAML"):
        read_yaml(tmp_path / "file.yaml")


def _with_header(header: str, data: bytes = bytes(64)) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode("latin1") + data


@pytest.mark.parametrize(
    "shape",
    ["(10**12,)", "(1000000000000,)", "(-1,)", "(0, 99999999999999999999)", f"({'1,' * 70})", "(True,)", "(2.0,)",
     "[2]", "None", "(", "(4294967296, 4294967296)"],
)  # fmt: skip
@pytest.mark.parametrize("mapped", [True, False])
def test_arrays_of_impossible_shapes(shape: str, mapped: bool, tmp_path: Path):
    content = _with_header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n")
    if mapped:
        (tmp_path / "file.npy").write_bytes(content)
    else:
        with zipfile.ZipFile(tmp_path / "file.npy", "w") as archive:
            archive.writestr("iq.npy", content)
    if shape == "(True,)":  # is 1 to NumPy
        return
    with pytest.raises(RadioMLError, match=r"file\.npy: "):
        read_npy(tmp_path / "file.npy") if mapped else read_npz(tmp_path / "file.npy", ["iq"])


@pytest.mark.parametrize("descr", ["'O'", "'|V0'", "'|S3'", "('<f4', (2,))", "[('a', '<f4')]", "'<f3'", "5"])
def test_arrays_of_other_things_than_numbers(descr: str, tmp_path: Path):
    content = _with_header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': (2,)}}\n")
    (tmp_path / "file.npy").write_bytes(content)
    with pytest.raises(RadioMLError, match=r"file\.npy: "):
        read_npy(tmp_path / "file.npy")


@pytest.mark.parametrize(
    "array",
    [ARRAY, np.asfortranarray(ARRAY), np.empty((0, 2)), np.array(3.5), ARRAY.astype(">i2"), ARRAY > 5, ARRAY + 1j],
    ids=["rows first", "columns first", "empty", "no dimension", "big-endian", "bool", "complex"],
)
def test_arrays_come_back_as_they_were(array: np.ndarray, tmp_path: Path):
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", a=array)
    for found in (read_npy(tmp_path / "a.npy"), *read_npz(tmp_path / "a.npz", ["a"])):
        assert found.dtype == array.dtype and found.shape == array.shape and np.array_equal(found, array)


def test_an_npy_that_is_a_zip_and_an_npz_without_the_array(tmp_path: Path):
    (tmp_path / "a.npy").write_bytes(_npz())
    with pytest.raises(RadioMLError, match=r"a\.npy: not a NumPy array"):
        read_npy(tmp_path / "a.npy")
    with pytest.raises(RadioMLError, match=r"a\.npy: no array levels, x in it"):
        read_npz(tmp_path / "a.npy", ["iq", "levels", "x"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["../outside"], "points outside"), (["/outside"], "points outside"), (["a/../../b"], "points outside"),
        (["..\\outside"], "points outside"), (["a", "a"], "not one file"), (["a/"], "not one file"),
        (["a", "a/b"], "not one file"), (["."], "not one file"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_no_archive_of_files_has(names: list[str], message: str, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(RadioMLError, match=message), open_zip(tmp_path / "a.zip", 1 << 20):
        pass


def test_what_is_wrong_with_the_disk_is_not_said_of_the_archive(tmp_path: Path):
    (tmp_path / "a.zip").write_bytes(_zip())
    (tmp_path / "folder").touch()
    with open_zip(tmp_path / "a.zip", 1 << 20) as archive, pytest.raises(FileExistsError):
        archive.extract("folder/b.bin", tmp_path)


def test_archives_of_other_methods_and_too_many_bytes(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"x")
    with pytest.raises(RadioMLError, match="another method than deflate"), open_zip(tmp_path / "a.zip", 1 << 20):
        pass
    (tmp_path / "b.zip").write_bytes(_zip())
    with (
        pytest.raises(RadioMLError, match="3,500 bytes unpacked; at most 3,499 are allowed"),
        open_zip(tmp_path / "b.zip", 3499),
    ):
        pass
