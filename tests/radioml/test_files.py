"""Writing files: on a full disk, and over files that are inputs."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from radioml.data.synthetic import write_dataset
from radioml.errors import RadioMLError
from radioml.files import refuse_inputs, replacing, write_json


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 2 MiB, as with `ulimit -f` or a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _save_with_torch(path: Path) -> None:
    import torch

    with replacing(path) as temporary:  # torch raises a RuntimeError that does not say why
        torch.save({"weights": torch.zeros(1 << 20)}, temporary)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_json(path, "x" * (3 << 20)),
        _save_with_torch,
        lambda path: write_dataset(path, 1, seed=1),
    ],
    ids=["text", "torch", "HDF5"],
)
def test_a_full_disk_is_named_with_the_final_file(write: Callable[[Path], None], tmp_path: Path, small_files: None):
    with pytest.raises(RadioMLError, match=r"folder/large\.file: not written: the disk is full"):
        write(tmp_path / "folder" / "large.file")
    assert not list((tmp_path / "folder").iterdir())


def test_another_error_stays_what_it_is(tmp_path: Path):
    with pytest.raises(RuntimeError, match="something else"), replacing(tmp_path / "file"):
        raise RuntimeError("something else")
    with pytest.raises(OSError) as error, replacing(tmp_path / "file"):
        raise OSError(errno.EIO, "broken")
    assert error.value.errno == errno.EIO
    assert not list(tmp_path.iterdir())


def test_an_output_that_is_an_input_is_refused(tmp_path: Path):
    source, link, other = tmp_path / "model.onnx", tmp_path / "link.onnx", tmp_path / "other.onnx"
    source.touch()
    other.touch()
    link.symlink_to(source)
    refuse_inputs([other, tmp_path / "absent"], [source, tmp_path / "missing"])
    for output in (source, link, tmp_path / "." / "model.onnx"):
        with pytest.raises(RadioMLError, match="would overwrite an input of the command"):
            refuse_inputs([other, output], [source])


def test_permissions_are_those_of_any_new_file_and_the_umask_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = os.umask(0o027)
    try:
        monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask is the whole process's"))
        write_json(tmp_path / "file.json", 1)
    finally:
        monkeypatch.undo()
        os.umask(before)
    assert (tmp_path / "file.json").stat().st_mode & 0o777 == 0o640


def test_a_parent_that_is_a_file_stays_what_it_is(tmp_path: Path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError, match=r"exists|directory"), replacing(tmp_path / "file" / "x.json"):
        pass
    assert (tmp_path / "file").read_text() == "kept" and len(list(tmp_path.iterdir())) == 1
