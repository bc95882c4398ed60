from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from radioml.contract.quantiser import InputQuantiser
from radioml.data.dataset import CELLS
from radioml.errors import RadioMLError
from radioml.files import sha256
from tests.repository import REPOSITORY
from training.data.batches import QuantisedFrames
from training.data.frame_cache import quantised_frames, source_sha256

QUANTISER = InputQuantiser(8, 1 / 64)
FRAMES = 2 * CELLS


class Steps:
    """A progress callback that records the work, and that can act during a conversion."""

    def __init__(self, during_conversion=lambda done: None) -> None:
        self.during_conversion, self.seen = during_conversion, []

    def __call__(self, what: str, done: int, total: int) -> None:
        assert 0 < done <= total
        self.seen.append(what.split()[0])
        if what.startswith("converting"):
            self.during_conversion(done)


@pytest.fixture
def data(synthetic_file: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RADIOML_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    path = tmp_path / "shared" / "frames.hdf5"
    path.parent.mkdir()
    shutil.copyfile(synthetic_file(2), path)
    return path


def _folder(data: Path) -> Path:
    return data.with_name("frames.hdf5.cache")


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _expected(data: Path, quantiser: InputQuantiser = QUANTISER) -> np.ndarray:
    with h5py.File(data) as file:
        return quantiser(file["X"][:])


def _steps_of_opening(data: Path, quantiser: InputQuantiser = QUANTISER) -> set[str]:
    """Open the cache, compare it with the file, and return the work that this took."""
    steps = Steps()
    np.testing.assert_array_equal(quantised_frames(data, quantiser, steps), _expected(data, quantiser))
    return set(steps.seen)


def test_a_file_is_hashed_and_converted_once_for_each_quantiser(data: Path):
    assert _steps_of_opening(data) == {"SHA-256", "converting"}
    assert _names(_folder(data)) == {"source.json", "8bit-0.015625.int8", "8bit-0.015625.json"}
    assert _steps_of_opening(data) == {"checking"}
    for other in (InputQuantiser(4, 1 / 64), InputQuantiser(8, 1 / 50)):
        assert _steps_of_opening(data, other) == {"converting"}
        assert _steps_of_opening(data, other) == {"checking"}
    assert source_sha256(data, Steps()) == sha256(data)


def _resident_bytes(mapped: Path) -> int:
    """Memory of this process that holds pages of a mapped file."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    at = next(k for k, line in enumerate(lines) if line.endswith(str(mapped)))
    assert " r--" in lines[at]
    return int(next(line for line in lines[at:] if line.startswith("Rss:")).split()[1]) * 1024


def test_frames_are_mapped_and_read_when_they_are_drawn(data: Path):
    quantised_frames(data, QUANTISER, Steps())
    frames = QuantisedFrames(data, QUANTISER, Steps())
    assert _resident_bytes(_folder(data) / "8bit-0.015625.int8") == 0
    frames[[0, 1, FRAMES - 1]]
    assert _resident_bytes(_folder(data) / "8bit-0.015625.int8") >= 3 * 2048


def test_a_changed_source_is_converted_again_even_with_its_old_time(data: Path):
    _steps_of_opening(data)
    before = data.stat()
    with h5py.File(data, "r+") as file:
        file["X"][FRAMES - 1, 0, 0] += 1
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = data.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert _steps_of_opening(data) == {"SHA-256", "converting"}


def test_a_touched_source_is_hashed_but_not_converted(data: Path):
    _steps_of_opening(data)
    data.touch()
    assert _steps_of_opening(data) == {"SHA-256", "checking"}
    assert _steps_of_opening(data) == {"checking"}


def _flip_a_bit(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(FRAMES * 1024)
        value = file.read(1)[0]
        file.seek(FRAMES * 1024)
        file.write(bytes([value ^ 4]))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: _flip_a_bit(folder / "8bit-0.015625.int8"),
        lambda folder: os.truncate(folder / "8bit-0.015625.int8", 2048 * 1000),
        lambda folder: (folder / "8bit-0.015625.int8").unlink(),
        lambda folder: (folder / "8bit-0.015625.json").unlink(),
        lambda folder: (folder / "8bit-0.015625.json").write_text("[1, 2"),
        lambda folder: (folder / "8bit-0.015625.json").write_text("[1, 2]"),
    ],
    ids=["bit", "truncated", "no frames", "no record", "broken record", "foreign record"],
)
def test_a_damaged_cache_is_built_again(data: Path, damage):
    _steps_of_opening(data)
    damage(_folder(data))
    assert "converting" in _steps_of_opening(data)
    assert _steps_of_opening(data) == {"checking"}


def test_an_unreadable_memory_of_the_source_is_replaced(data: Path):
    _steps_of_opening(data)
    (_folder(data) / "source.json").write_text("{")
    assert _steps_of_opening(data) == {"SHA-256", "checking"}


def test_a_killed_conversion_starts_again(data: Path):
    program = f"""
import os, signal
from pathlib import Path
from radioml.contract.quantiser import InputQuantiser
from training.data import frame_cache
frame_cache._FRAMES_AT_ONCE = 500
def killed(what, done, total):
    if what.startswith("converting") and done >= 1000:
        os.kill(os.getpid(), signal.SIGKILL)
frame_cache.quantised_frames(Path({str(data)!r}), InputQuantiser(8, 1 / 64), killed)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False)
    assert done.returncode == -signal.SIGKILL
    assert _names(_folder(data)) == {"source.json", "8bit-0.015625.partial"}
    os.truncate(_folder(data) / "8bit-0.015625.partial", FRAMES * 4096)  # as of a larger file of that name
    assert _steps_of_opening(data) == {"converting"}
    assert _steps_of_opening(data) == {"checking"}
    assert _names(_folder(data)) == {"source.json", "8bit-0.015625.int8", "8bit-0.015625.json"}


def test_an_interrupted_conversion_leaves_nothing(data: Path):
    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantised_frames(data, QUANTISER, Steps(interrupt))
    assert _names(_folder(data)) == {"source.json"}
    assert _steps_of_opening(data) == {"converting"}


def test_only_one_of_several_processes_converts(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.data.frame_cache._FRAMES_AT_ONCE", 200)
    expected = _expected(data)
    callbacks = [Steps(lambda done: time.sleep(0.02)) for _ in range(4)]
    # the lock belongs to the open file, so threads exclude each other as processes do
    with ThreadPoolExecutor(4) as pool:
        for integers in pool.map(lambda steps: quantised_frames(data, QUANTISER, steps), callbacks):
            np.testing.assert_array_equal(integers, expected)
    assert sum("converting" in steps.seen for steps in callbacks) == 1
    assert _names(_folder(data)) == {"source.json", "8bit-0.015625.int8", "8bit-0.015625.json"}


def test_a_full_disk_is_said_and_leaves_nothing(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.data.frame_cache._FRAMES_AT_ONCE", 100)
    steps = Steps()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))  # the kernel refuses larger files, as a quota does
    try:
        with pytest.raises(RadioMLError, match=r"cannot write the cache .* it takes 3 MB: .* RADIOML_CACHE"):
            quantised_frames(data, QUANTISER, steps)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "converting" not in steps.seen, "known before the work"
    assert _names(_folder(data)) == {"source.json"}
    assert _steps_of_opening(data) == {"converting"}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_unusable_frames_are_refused_with_the_first(data: Path, value: float, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.data.frame_cache._FRAMES_AT_ONCE", 1000)
    with h5py.File(data, "r+") as file:
        file["X"][1200, 5, 0] = file["X"][1100, 1023, 1] = value
    with pytest.raises(
        RadioMLError, match=r"frame 1100 contains NaN or infinite samples; `radioml data check .*frames\.hdf5`"
    ):
        quantised_frames(data, QUANTISER, Steps())
    assert _names(_folder(data)) == {"source.json"}


def test_a_damaged_source_is_refused_with_the_place(
    synthetic_file: Callable[[int], Path], data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.data.frame_cache._FRAMES_AT_ONCE", 468)
    with h5py.File(synthetic_file(2)) as source, h5py.File(data, "w") as file:
        file.create_dataset("X", data=source["X"][:], chunks=(468, 1024, 2), fletcher32=True)
        file["Y"], file["Z"] = source["Y"][:], source["Z"][:]
        damaged = file["X"].id.get_chunk_info(2).byte_offset + 100
    with data.open("r+b") as file:
        file.seek(damaged)
        file.write(b"\x55\xaa\x55")
    with pytest.raises(RadioMLError, match="X cannot be read from frame 936 on"):
        quantised_frames(data, QUANTISER, Steps())
    assert _names(_folder(data)) == {"source.json"}


def test_a_source_that_changes_while_it_is_read_is_refused(data: Path):
    def grow(done: int) -> None:
        with data.open("ab") as file:
            file.write(b"more")

    with pytest.raises(RadioMLError, match="changed while it was read"):
        quantised_frames(data, QUANTISER, Steps(grow))
    assert _names(_folder(data)) == {"source.json"}


def test_a_named_folder_holds_files_of_one_name_apart(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RADIOML_CACHE", str(tmp_path / "chosen"))
    other = tmp_path / "other" / data.name
    other.parent.mkdir()
    shutil.copyfile(data, other)
    with h5py.File(other, "r+") as file:
        file["X"][0] = 1
    for path in (data, other):
        assert _steps_of_opening(path) == {"SHA-256", "converting"}
    for path in (data, other):
        assert _steps_of_opening(path) == {"checking"}
    assert not _folder(data).exists() and len(_names(tmp_path / "chosen")) == 2


def _read_only_mount(root: Path):
    """os.access with a read-only disk at `root`; file modes would not stop the root user, as whom tests often run."""

    def access(place: Path, mode: int) -> bool:
        return place.exists() and (mode == os.F_OK or root not in (place, *place.parents))

    return access


def test_a_read_only_disk(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr("training.data.frame_cache.os.access", _read_only_mount(data.parent))
        assert _steps_of_opening(data) == {"SHA-256", "converting"}
        assert not _folder(data).exists() and len(_names(tmp_path / "home" / "radioml")) == 1
        assert _steps_of_opening(data) == {"checking"}
        link = tmp_path / "project" / "mine.hdf5"
        link.parent.mkdir()
        link.symlink_to(data)
        assert _steps_of_opening(link, InputQuantiser(4, 1 / 4)) == {"converting"}
        assert "4bit-0.25.int8" in _names(tmp_path / "project" / "mine.hdf5.cache")
    shutil.rmtree(tmp_path / "home")
    _steps_of_opening(data)
    with monkeypatch.context() as patch:
        patch.setattr("training.data.frame_cache.os.access", _read_only_mount(Path("/")))
        assert _steps_of_opening(data) == {"checking"}, "a cache beside the data serves those who cannot write there"
