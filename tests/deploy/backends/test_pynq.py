"""The pynq backend on the simulated board: in the board's own Python environment, with the real PYNQ and FINN driver.

tests/board/checks.py runs in that environment. The tests here prepare packages and frames, and compare the results with
other backends.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from deploy.accelerator import open_accelerator
from deploy.classify import classify
from deploy.results import accuracy
from deploy.simulated.bitfile import write_bitfile_package
from radioml.contract.package import open_package
from radioml.data.dataset import read_frames
from radioml.data.layout import Layout
from radioml.data.split import spread_indices
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from tests.deploy.conftest import in_board_environment
from tests.repository import REPOSITORY

CHECKS = REPOSITORY / "tests" / "board" / "checks.py"
RTL_CHECKS = CHECKS.with_name("rtl_checks.py")
FRAMES = 24 * 26


@pytest.fixture(scope="session")
def simulated(small_package, data_file, tmp_path_factory) -> Path:
    """One frame of each class and SNR, and the integer logits that the simulation backend gives."""
    folder = tmp_path_factory.mktemp("simulated")
    package = open_package(small_package, folder / "package")
    frames = read_frames(data_file, spread_indices(Layout.full(2), FRAMES, "all"))
    assert len(set(zip(frames.class_index, frames.snr_db, strict=True))) == FRAMES
    integers = package.manifest.quantiser(frames.iq)
    with open_accelerator(package, "simulation") as accelerator:
        logits = accelerator.infer(integers).logits
    np.savez(folder / "arrays.npz", integers=integers, logits=logits)
    return folder / "arrays.npz"


def test_software_gives_the_same_integers_as_simulation(small_package, simulated, tmp_path):
    with np.load(simulated) as arrays, open_accelerator(open_package(small_package, tmp_path), "software") as software:
        assert np.array_equal(software.infer(arrays["integers"]).logits, arrays["logits"])
        assert len(np.unique(arrays["logits"].argmax(1))) > 2


@pytest.mark.parametrize(
    "check",
    [
        "same_integers",
        "any_batch_size",
        "finn_driver_alone",
        "dma_registers",
        "caches",
        "a_hang_ends_with_a_message",
        "an_interrupt_lets_the_transfer_end",
        "an_interrupt_at_any_moment",
        "an_interrupt_between_the_engines",
        "a_second_interrupt_does_not_wait",
        "a_failure_of_the_fabric_is_noticed",
        "an_error_on_the_bus_is_noticed",
        "transfers_overlap",
        "a_dma_out_of_memory_is_noticed",
        "a_broken_bitfile_is_refused",
        "a_broken_handoff_is_refused",
        "too_little_memory_is_told",
    ],
)
def test_on_the_simulated_board(check, board_python, bitfile_package, simulated, tmp_path):
    done = in_board_environment(board_python, CHECKS, check, bitfile_package, simulated, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{check}: done" in done.stdout


@pytest.fixture(scope="module")
def rtl_package(small_package, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("rtl dma") / "package.zip"
    write_bitfile_package(small_package, path, rtl_dma=True)
    return path


@pytest.mark.parametrize("check", ["golden_frames", "same_register_traffic", "errors_are_told"])
def test_with_the_dma_engines_as_rtl(check, board_python, bitfile_package, rtl_package, simulated, tmp_path):
    done = in_board_environment(board_python, RTL_CHECKS, check, bitfile_package, rtl_package, simulated, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{check}: done" in done.stdout


def test_the_command_classifies_on_the_simulated_board(board_python, small_package, data_file, tmp_path):
    package = tmp_path / "board.zip"
    made = in_board_environment(board_python, "-m", "deploy.simulated.bitfile", small_package, package, home=tmp_path)
    assert made.returncode == 0, made.stderr
    arguments = ("-m", "deploy.simulated.board", "classify", package, "--data", data_file, "--backend", "pynq")
    arguments += ("--frames", FRAMES, "--part", "all", "--out", tmp_path / "out")
    done = in_board_environment(board_python, *arguments, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = read_json(tmp_path / "out" / "accuracy.json")
    expected = accuracy(classify(small_package, data_file, "simulation", FRAMES, "all"))
    assert {**found, "backend": "simulation"} == expected.to_json()


def test_without_a_board_the_command_says_so(board_python, bitfile_package, data_file, tmp_path):
    arguments = ("-m", "radioml", "classify", bitfile_package, "--data", data_file, "--backend", "pynq")
    done = in_board_environment(board_python, *arguments, home=tmp_path)
    assert done.returncode == 2
    assert "PYNQ finds no board here" in done.stderr and "Traceback" not in done.stderr


def test_the_software_backend_runs_in_the_board_environment(board_python, bitfile_package, data_file, tmp_path):
    arguments = ("-m", "radioml", "classify", bitfile_package, "--data", data_file, "--backend", "software")
    done = in_board_environment(board_python, *arguments, "--frames", 26, "--out", tmp_path / "out", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "26 of 26 equal to the trained network" in done.stdout


def test_without_pynq_the_command_says_what_to_install(radioml_here, bitfile_package, data_file):
    done = radioml_here("classify", bitfile_package, "--data", data_file, "--backend", "pynq")
    assert done.returncode == 3
    assert "radioml doctor board" in done.stderr


def test_a_package_without_a_bitfile_is_refused(small_package, tmp_path):
    with pytest.raises(RadioMLError, match="of kind 'simulation': the pynq backend needs one with a bitfile"):
        open_accelerator(open_package(small_package, tmp_path), "pynq")


def test_a_bitfile_package_is_not_made_of_another_one(bitfile_package, tmp_path):
    arguments = ("-m", "deploy.simulated.bitfile", bitfile_package, "again.zip")
    done = in_board_environment(sys.executable, *arguments, home=tmp_path)
    assert done.returncode == 2
    assert "of kind 'simulated bitfile', not 'simulation'" in done.stderr
    assert not (tmp_path / "again.zip").exists()
