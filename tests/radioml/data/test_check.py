"""`radioml data`: messages for bad files name the fault, those for good files the content."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from radioml.cli import app
from radioml.cli.commands import data  # noqa: F401  (registers `radioml data`)
from radioml.constants import FULL_FRAMES_PER_CELL
from radioml.data.check import DatasetReport, check_dataset
from radioml.data.dataset import open_dataset
from radioml.data.layout import CELLS, Layout
from radioml.data.provenance import Origin
from radioml.errors import RadioMLError
from tests.radioml.data.small_files import write_file

FRAMES_PER_CELL = 2
FRAMES = CELLS * FRAMES_PER_CELL


@pytest.fixture(scope="module")
def good_file(synthetic_file) -> Path:
    return synthetic_file(FRAMES_PER_CELL)


@pytest.fixture
def file(good_file, tmp_path) -> Path:
    """A copy to spoil."""
    path = tmp_path / "file.h5"
    path.write_bytes(good_file.read_bytes())
    return path


def problems(path: Path) -> str:
    return "\n".join(check_dataset(path).problems)


def test_a_synthetic_file_is_valid_and_called_synthetic(good_file):
    report = check_dataset(good_file)
    assert report.problems == ()
    assert report.layout.frames_per_cell == FRAMES_PER_CELL and report.warnings == ()
    assert (report.origin.kind, report.origin.identity) == (
        "synthetic",
        f"generator 1, seed 1, {FRAMES_PER_CELL} frames per cell",
    )
    assert "synthetic data" in str(report.origin)
    assert report.size == "a smaller RadioML 2018.01A layout: 1,248 frames (24 classes x 26 SNRs x 2)"
    with h5py.File(good_file) as file:
        assert report.mean_power == pytest.approx(np.square(file["X"][:], dtype=np.float64).sum(2).mean())


def test_progress_reaches_the_end(good_file):
    calls = []
    check_dataset(good_file, lambda done, total: calls.append((done, total)))
    assert calls[-1] == (FRAMES, FRAMES)


def test_a_file_without_the_mark_is_not_called_synthetic(file):
    with h5py.File(file, "r+") as opened:
        del opened.attrs["generator"]
    assert check_dataset(file).origin.kind == "unknown"


def test_the_full_layout_is_recognised(tmp_path):
    path = tmp_path / "full.h5"
    total = CELLS * FULL_FRAMES_PER_CELL
    with h5py.File(path, "w") as file:  # chunked arrays that nothing is written to take no space
        file.create_dataset("X", (total, 1024, 2), np.float32, chunks=(256, 1024, 2))
        file.create_dataset("Y", (total, 24), np.int64, chunks=(4096, 24))
        file.create_dataset("Z", (total, 1), np.int64, chunks=(4096, 1))
    with open_dataset(path) as file:
        assert len(file["X"]) == 2_555_904
    report = DatasetReport(Layout.full(FULL_FRAMES_PER_CELL), Origin("real", path.name), 1.0, ())
    assert report.size == "the full RadioML 2018.01A layout: 2,555,904 frames"


def test_missing(tmp_path):
    with pytest.raises(RadioMLError, match=r"nowhere\.h5: no such file"):
        check_dataset(tmp_path / "nowhere.h5")


def test_truncated(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(RadioMLError, match="not an HDF5 file, or a damaged one"):
        check_dataset(file)


def test_not_hdf5(tmp_path):
    path = tmp_path / "notes.h5"
    path.write_text("not a data set")
    with pytest.raises(RadioMLError, match="not an HDF5 file, or a damaged one"):
        check_dataset(path)


def test_foreign_hdf5(tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((10, 3))
    with pytest.raises(RadioMLError, match=r"no array 'X': not a RadioML 2018\.01A file"):
        check_dataset(path)


def test_wrong_shape(file):
    with h5py.File(file, "r+") as opened:
        frames = opened["X"][:]
        del opened["X"]
        opened["X"] = frames.transpose(0, 2, 1)
    with pytest.raises(RadioMLError, match=r"X is float32 \(1248, 2, 1024\); expected float32 \(N, 1024, 2\)"):
        check_dataset(file)


def test_wrong_type(file):
    with h5py.File(file, "r+") as opened:
        labels = opened["Z"][:]
        del opened["Z"]
        opened["Z"] = labels.astype("S4")
    with pytest.raises(RadioMLError, match=r"Z is .*S4.* expected int64"):
        check_dataset(file)


def test_unequal_lengths(file):
    with h5py.File(file, "r+") as opened:
        labels = opened["Y"][:-1]
        del opened["Y"]
        opened["Y"] = labels
    with pytest.raises(RadioMLError, match=r"Y: 1247.*expected equal numbers"):
        check_dataset(file)


def test_nan_and_infinity(file):
    with h5py.File(file, "r+") as opened:
        opened["X"][700, 3, 1] = np.nan
        opened["X"][801, 1023, 0] = -np.inf
    report = check_dataset(file)
    assert report.problems == ("X is NaN or infinite in 2 frames, first frame 700",)
    assert np.isfinite(report.mean_power)


def test_a_file_of_nan_has_no_mean_power(file):
    with h5py.File(file, "r+") as opened:
        opened["X"][:, :, 0] = np.nan
    assert check_dataset(file).mean_power is None
    assert "not known: no sample is finite" in CliRunner().invoke(app, ["data", "check", str(file)]).stdout


@pytest.mark.parametrize("row", [np.zeros(24), np.full(24, 2), np.eye(24)[3] + np.eye(24)[5], 2 * np.eye(24)[3]])
def test_labels_that_are_not_one_hot(file, row):
    with h5py.File(file, "r+") as opened:
        opened["Y"][9] = row
    assert "Y is not one-hot in 1 frame, first frame 9: [" in problems(file)


def test_an_snr_off_the_grid(file):
    with h5py.File(file, "r+") as opened:
        opened["Z"][4] = 7
        opened["Z"][6] = 32
    assert "Z is off the SNR grid (-20, -18 .. 30 dB) in 2 frames, first frame 4: 7" in problems(file)


def test_frames_out_of_order(file):
    with h5py.File(file, "r+") as opened:
        for name in "YZ":
            labels = opened[name][:]
            labels[[1, 60]] = labels[[60, 1]]
            opened[name][:] = labels
    assert "in 2 frames, first frame 1: 4ASK at -12 dB where OOK at -20 dB belongs" in problems(file)


def test_cells_of_unequal_size(file):
    with h5py.File(file, "r+") as opened:
        opened["Z"][2] = -20  # the first cell has three frames then, the second one
    report = check_dataset(file)
    assert report.problems == () and report.layout.frames_per_cell is None
    assert report.size == "a part of the RadioML 2018.01A layout: 1,248 frames of all classes and SNRs, 1 to 3 a cell"


def test_the_command_synthesises_checks_and_does_not_overwrite(tmp_path):
    path = tmp_path / "small.h5"
    arguments = ["data", "synth", str(path), "--frames-per-cell", "1", "--seed", "9", "--processes", "1"]
    runner = CliRunner()
    assert runner.invoke(app, arguments).exit_code == 0
    checked = runner.invoke(app, ["data", "check", str(path)])
    assert checked.exit_code == 0
    assert "generator 1, seed 9, 1 frames per cell" in checked.stdout
    assert "valid" in checked.stdout
    before = path.read_bytes()
    refused = runner.invoke(app, arguments)
    assert isinstance(refused.exception, RadioMLError)
    assert path.read_bytes() == before
    assert runner.invoke(app, [*arguments, "--force"]).exit_code == 0


def test_the_command_lists_every_problem_of_a_file(file):
    with h5py.File(file, "r+") as opened:
        opened["X"][3, 0, 0] = np.nan
        opened["Y"][8] = 0
    result = CliRunner().invoke(app, ["data", "check", str(file)])
    assert isinstance(result.exception, RadioMLError)  # which `main` turns into a message and exit code 2
    assert "first frame 3" in str(result.exception)
    assert "first frame 8" in str(result.exception)


def test_frames_of_another_level_are_warned_of(file):
    with h5py.File(file, "r+") as opened:
        opened["X"][:] = 1000 * opened["X"][:]
    report = check_dataset(file)
    assert report.problems == ()
    level, clipping = report.warnings
    assert level.startswith("the frames' standard deviation is 1e+03 (median of 1,248), RadioML frames have 1")
    assert "% of the values lie beyond +-2" in clipping
    result = CliRunner().invoke(app, ["data", "check", str(file)])
    assert result.exit_code == 0 and "standard deviation is 1e+03" in result.stdout


def test_a_part_of_the_grid_is_valid(tmp_path):
    counts = np.zeros((24, 26), np.int64)
    counts[3, 10:] = 2
    path = write_file(tmp_path / "part.h5", Layout(counts), Y=np.uint8)
    report = check_dataset(path)
    assert report.problems == () and report.layout.scope == "BPSK at SNRs 0 to 30 dB"
    result = CliRunner().invoke(app, ["data", "check", str(path)], env={"COLUMNS": "200"})
    assert result.exit_code == 0 and "32 frames of BPSK at SNRs 0 to 30 dB, 2 a cell" in result.stdout
    assert "data of unknown origin" in result.stdout
