"""Faults on a board and before it: each ends with a message and freed buffers, and earlier results stay.

Faults of the DMA registers and of bitfiles are in tests/board/checks.py.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from deploy.simulated.bitfile import write_bitfile_package
from radioml.contract.package import BITFILE, RTL_FOLDER, StreamFormat, open_package, write_package
from radioml.data.dataset import read_frames
from radioml.data.layout import Layout
from radioml.data.split import spread_indices
from radioml.data.synthetic import generate_spread
from radioml.reading.text import read_json
from tests.deploy.conftest import in_board_environment
from tests.repository import REPOSITORY

TOP, STOP_AFTER = f"{RTL_FOLDER}/accelerator.v", "stop_after.dat"
BATCH = 32  # frames, in transfers of 8: see tests/board/command.py
GOLDEN_TRANSFERS = 4
NOTHING_LEFT = "left behind: 0 buffers, DMA idle"


@pytest.fixture
def stopping_package(repack, small_package, tmp_path) -> Callable[[int], Path]:
    """A package for the board whose accelerator stops after a number of frames, which a data file holds."""
    top = (open_package(small_package, tmp_path / "sound").folder / TOP).read_text()
    for port, own in (("out0_V_TVALID(m_axis_tvalid)", "offered"), ("out0_V_TREADY(m_axis_tready)", "taken")):
        assert top.count(f".{port}") == 1
        top = top.replace(f".{port}", f".{port.split('(')[0]}({own})")
    fault = f"""
      reg [31:0] words [0:0], passed;
      initial begin passed = 0; $readmemh("{STOP_AFTER}", words); end
      wire offered, drains = passed < words[0], taken = m_axis_tready && drains;
      assign m_axis_tvalid = offered && drains;
      always @(posedge ap_clk) if (m_axis_tvalid && m_axis_tready) passed <= passed + 1;
    endmodule"""
    faulty = top.replace("\nendmodule", fault).encode()

    def make(frames: int) -> Path:
        files = {TOP: faulty, f"{RTL_FOLDER}/{STOP_AFTER}": f"{24 * frames:x}\n".encode()}
        write_bitfile_package(repack(files=files), tmp_path / "stopping.zip")
        return tmp_path / "stopping.zip"

    return make


@pytest.fixture
def of_two_builds(repack, bitfile_package, small_package, tmp_path) -> Callable[..., Path]:
    """A package with manifest and golden frames of one build, and the bitfile of a build with other weights."""

    def make(**streams: StreamFormat) -> Path:
        package = open_package(small_package, tmp_path / "small")
        name = f"{RTL_FOLDER}/MVAU_rtl_0_memblock.dat"
        first, *others = (package.folder / name).read_text().splitlines()
        weights = {name: "\n".join([*others, first, ""]).encode()}
        write_bitfile_package(repack(streams, files=weights), tmp_path / "other.zip")
        other = open_package(tmp_path / "other.zip", tmp_path / "other")
        mixed = open_package(bitfile_package, tmp_path / "mixed")
        shutil.copyfile(other.folder / BITFILE, mixed.folder / BITFILE)
        write_package(tmp_path / "mixed.zip", mixed.manifest, mixed.folder, sorted(mixed.manifest.files))
        return tmp_path / "mixed.zip"

    return make


@pytest.fixture
def on_board(board_python, tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`radioml` on the simulated board, see tests/board/command.py."""

    def run(*arguments: object, patience: float = 30, interrupted: int = 0) -> subprocess.CompletedProcess[str]:
        script = REPOSITORY / "tests" / "board" / "command.py"
        options = (*arguments, "--backend", "pynq", "--out")
        out = tmp_path / ("out.jsonl" if arguments[0] == "stream" else "out")
        return in_board_environment(board_python, script, patience, interrupted, *options, out, home=tmp_path)

    return run


@pytest.fixture(scope="session")
def recording(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "capture.cf32"
    generate_spread(100, 8).iq.tofile(path)
    return path


def test_a_fifo_that_never_drains_is_noticed(on_board, stopping_package, data_file, tmp_path):
    done = on_board("classify", stopping_package(0), "--data", data_file, patience=1)
    assert done.returncode == 2, done.stderr
    assert "the accelerator did not return 8 frames in 1 s: it hangs" in done.stderr
    assert "Traceback" not in done.stderr
    assert NOTHING_LEFT in done.stdout
    assert not (tmp_path / "out").exists()


def test_a_hang_in_mid_run_keeps_the_classified_frames(on_board, stopping_package, data_file, tmp_path):
    package = stopping_package(26 + BATCH + 10)
    done = on_board("classify", package, "--data", data_file, "--frames", 100, patience=5)
    assert done.returncode == 2, done.stderr
    assert "stopped early: the accelerator did not return" in done.stdout
    assert NOTHING_LEFT in done.stdout
    found = read_json(tmp_path / "out" / "accuracy.json")
    assert (found["frames"], found["frames_requested"], found["golden_frames_equal"]) == (BATCH, 100, 26)
    assert "it hangs" in found["problem"]


def test_a_hang_in_mid_stream_keeps_the_rows(on_board, stopping_package, recording, tmp_path):
    done = on_board("stream", stopping_package(26 + BATCH + 10), recording, patience=5)
    assert done.returncode == 2, done.stderr
    assert f"stopped after {BATCH} frames: the accelerator did not return" in done.stderr
    assert NOTHING_LEFT in done.stdout
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == BATCH
    found = read_json(tmp_path / "out.summary.json")
    assert found["frames"] == BATCH and "it hangs" in found["problem"]


def test_ctrl_c_keeps_the_classified_frames(on_board, bitfile_package, data_file, tmp_path):
    arguments = ("classify", bitfile_package, "--data", data_file, "--frames", 100)
    done = on_board(*arguments, interrupted=GOLDEN_TRANSFERS + BATCH // 8 + 2)
    assert done.returncode == 130, done.stderr
    assert "stopped early: interrupted" in done.stdout
    assert NOTHING_LEFT in done.stdout
    found = read_json(tmp_path / "out" / "accuracy.json")
    assert (found["frames"], found["problem"]) == (BATCH, "interrupted")


def test_ctrl_c_keeps_the_rows(on_board, bitfile_package, recording, tmp_path):
    done = on_board("stream", bitfile_package, recording, interrupted=GOLDEN_TRANSFERS + BATCH // 8 + 2)
    assert done.returncode == 130, done.stderr
    assert f"stopped after {BATCH} frames: interrupted" in done.stderr
    assert NOTHING_LEFT in done.stdout
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == BATCH
    assert read_json(tmp_path / "out.summary.json")["problem"] == "interrupted"


def test_ctrl_c_before_the_first_result_leaves_nothing(on_board, bitfile_package, data_file, tmp_path):
    done = on_board("classify", bitfile_package, "--data", data_file, interrupted=2)
    assert done.returncode == 130, done.stderr
    assert NOTHING_LEFT in done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_package_and_bitfile_of_different_builds_are_told(on_board, of_two_builds, data_file, tmp_path):
    done = on_board("classify", of_two_builds(), "--data", data_file)
    assert done.returncode == 1, done.stderr
    assert "of 26 golden frames differ" in done.stderr
    assert "this is the wrong accelerator: its bitfile, library or model is of another build" in done.stderr
    assert NOTHING_LEFT in done.stdout
    assert not (tmp_path / "out").exists()


def test_a_bitfile_of_another_network_is_told_by_its_results(
    on_board, of_two_builds, small_package, data_file, tmp_path
):
    output = open_package(small_package, tmp_path / "original").manifest.output
    half = StreamFormat(**{**vars(output), "shape": (12,)})
    done = on_board("classify", of_two_builds(output=half), "--data", data_file)
    assert done.returncode == 1, done.stderr
    assert "26 of 26 golden frames differ" in done.stderr and "wrong accelerator" in done.stderr
    assert NOTHING_LEFT in done.stdout


def test_a_bitfile_of_another_network_is_told_by_its_silence(
    on_board, of_two_builds, small_package, data_file, tmp_path
):
    taken = open_package(small_package, tmp_path / "original").manifest.input
    half = StreamFormat(**{**vars(taken), "shape": (512, 2)})
    done = on_board("classify", of_two_builds(input=half), "--data", data_file, patience=1)
    assert done.returncode == 2, done.stderr
    assert "it hangs (FIFOs too small, or a bitfile of another network)" in done.stderr
    assert NOTHING_LEFT in done.stdout


def test_a_truncated_package_is_told(on_board, bitfile_package, data_file, tmp_path):
    (tmp_path / "cut.zip").write_bytes(bitfile_package.read_bytes()[:-500])
    done = on_board("classify", tmp_path / "cut.zip", "--data", data_file)
    assert done.returncode == 2
    assert "cut.zip: not a ZIP archive, or a damaged one" in done.stderr


def test_nan_and_clipped_input_are_counted_by_classify(radioml_here, small_package, data_file, tmp_path):
    path = tmp_path / "broken.h5"
    shutil.copyfile(data_file, path)
    nan, infinite, loud = spread_indices(Layout.full(2), 26, "all")[3:6]
    with h5py.File(path, "r+") as file:
        file["X"][nan, 1000, 1] = np.nan
        file["X"][infinite, 0, 0] = -np.inf
        file["X"][loud, :, 0] = 1000
    arguments = ("--data", path, "--part", "all", "--frames", 26, "--backend", "software", "--out", tmp_path / "out")
    done = radioml_here("classify", small_package, *arguments)
    assert done.returncode in (0, 1), done.stderr  # 26 frames may by chance be too wrong
    found = read_json(tmp_path / "out" / "accuracy.json")
    assert sorted(found["unusable_frames"]) == sorted([nan, infinite])
    package = open_package(small_package, tmp_path / "package")
    usable = np.setdiff1d(spread_indices(Layout.full(2), 26, "all"), [nan, infinite])
    clipped = package.manifest.quantiser.frames(read_frames(path, usable).iq).clipped
    assert found["clipped_samples"] == clipped >= 1024
    assert found["frames"] == 24
    assert re.search(rf"clipped samples +{clipped:,} ", done.stdout)
    assert re.search(r"not classified +2 frames with NaN or infinite samples", done.stdout)


def test_nan_and_clipped_input_and_a_cut_frame_are_counted_by_stream(radioml_here, small_package, tmp_path):
    iq = generate_spread(4, 9).iq
    iq[1, 7, 0] = np.nan
    iq[2, :, 1] = -500
    (tmp_path / "x.cf32").write_bytes(iq.tobytes() + bytes(8 * 512 + 3))
    out = tmp_path / "x.jsonl"
    arguments = ("stream", small_package, tmp_path / "x.cf32", "--as-is", "--backend", "software", "--out", out)
    done = radioml_here(*arguments)
    assert done.returncode == 0, done.stderr
    assert [json.loads(row)["class"] is None for row in out.read_text().splitlines()] == [False, True, False, False]
    found = read_json(tmp_path / "x.summary.json")
    clipped = open_package(small_package, tmp_path / "package").manifest.quantiser.frames(iq[[0, 2, 3]]).clipped
    assert (found["frames"], found["without_class"], found["clipped_values"]) == (4, {"not finite": 1}, clipped)
    assert clipped >= 1024
    assert found["left_over"] == "3 bytes of a sample and 512 samples" and found["problem"] == ""
    assert "3 bytes of a sample and 512 samples of" in done.stderr
    assert "no class: not finite" in done.stderr
    assert f"{clipped / (4 * 2048):.2%} of values clipped" in done.stderr
