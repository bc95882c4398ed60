"""The pynq backend on the simulated Alveo card: in the board's environment, with the real PYNQ 3.0.1 for PYNQ 4.

tests/board/alveo_checks.py runs in that environment. The tests here are of users' commands, and of their messages in
other environments.
"""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from deploy.accelerator import open_accelerator
from deploy.backends.finn_dma import ALVEO_DMAS
from deploy.classify import classify
from deploy.results import accuracy
from deploy.simulated.bitfile import write_bitfile_package
from radioml.contract.package import open_package
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from tests.deploy.backends.test_pynq import FRAMES, simulated  # noqa: F401  (a fixture)
from tests.deploy.conftest import in_board_environment
from tests.repository import REPOSITORY

CHECKS = REPOSITORY / "tests" / "board" / "alveo_checks.py"


@pytest.fixture(scope="session")
def pynq_3() -> Path:
    """The folder with PYNQ 3.0.1; skips the test where there is none."""
    named = os.environ.get("RADIOML_ALVEO_PYNQ")
    folder = Path(named) if named else REPOSITORY / ".venv-board" / "alveo"
    if not (folder / "pynq").is_dir() and not named:
        pytest.skip(".venv-board/alveo is absent: make board-setup, or name a folder with PYNQ 3 in RADIOML_ALVEO_PYNQ")
    return folder


@pytest.fixture(scope="session")
def card_package(small_package, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("card") / "package.zip"
    write_bitfile_package(small_package, path, alveo=True)
    return path


@pytest.mark.parametrize(
    "check",
    [
        "same_integers",
        "any_batch_size",
        "finn_driver_alone",
        "synchronisation",
        "a_hang_ends_with_a_message",
        "an_interrupt_lets_the_transfer_end",
        "an_interrupt_at_any_moment",
        "an_interrupt_between_the_engines",
        "an_interrupt_while_pynq_notes_an_end",
        "a_second_interrupt_does_not_wait",
        "a_failure_of_the_fabric_is_noticed",
        "a_failed_command_is_noticed",
        "a_broken_xclbin_is_refused",
        "too_little_memory_is_told",
        "a_card_of_another_process_is_told",
    ],
)
def test_on_the_simulated_card(check, board_python, pynq_3, card_package, simulated, tmp_path):  # noqa: F811
    done = in_board_environment(board_python, CHECKS, check, card_package, simulated, home=tmp_path, packages=pynq_3)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{check}: done" in done.stdout


def test_the_command_classifies_on_the_simulated_card(board_python, pynq_3, small_package, data_file, tmp_path):
    package = tmp_path / "card.zip"
    arguments = ("-m", "deploy.simulated.bitfile", "--alveo", small_package, package)
    made = in_board_environment(board_python, *arguments, home=tmp_path)
    assert made.returncode == 0, made.stderr
    arguments = ("-m", "deploy.simulated.xrt", "classify", package, "--data", data_file, "--backend", "pynq")
    arguments += ("--frames", FRAMES, "--part", "all", "--out", tmp_path / "out")
    done = in_board_environment(board_python, *arguments, home=tmp_path, packages=pynq_3)
    assert done.returncode == 0, done.stdout + done.stderr
    found = read_json(tmp_path / "out" / "accuracy.json")
    expected = accuracy(classify(small_package, data_file, "simulation", FRAMES, "all"))
    assert {**found, "backend": "simulation"} == expected.to_json()


def test_without_a_card_the_command_says_so(board_python, pynq_3, card_package, data_file, tmp_path):
    arguments = ("-m", "radioml", "classify", card_package, "--data", data_file, "--backend", "pynq")
    done = in_board_environment(board_python, *arguments, home=tmp_path, packages=pynq_3)
    assert done.returncode == 2
    assert "PYNQ finds no Alveo card here" in done.stderr and "Traceback" not in done.stderr


def test_an_xrt_without_what_pynq_calls_is_told(board_python, pynq_3, card_package, data_file, tmp_path, monkeypatch):
    (tmp_path / "lib").mkdir()
    library = tmp_path / "lib" / "libxrt_core.so"
    subprocess.run(["g++", "-shared", "-o", library, "-x", "c++", "/dev/null"], check=True)
    (tmp_path / "version.json").write_text('{"BUILD_VERSION": "2.18.179"}')
    monkeypatch.setenv("XILINX_XRT", str(tmp_path))
    arguments = ("-m", "radioml", "classify", card_package, "--data", data_file, "--backend", "pynq")
    done = in_board_environment(board_python, *arguments, home=tmp_path, packages=pynq_3)
    assert done.returncode == 3
    assert "undefined symbol: xclProbe" in done.stderr and "XRT 2.3 to 2.16" in done.stderr
    assert "Traceback" not in done.stderr


def test_another_board_is_told(board_python, pynq_3, card_package, data_file, tmp_path):
    arguments = ("-m", "deploy.simulated.board", "classify", card_package, "--data", data_file, "--backend", "pynq")
    done = in_board_environment(board_python, *arguments, home=tmp_path, packages=pynq_3)
    assert done.returncode == 2
    assert "simulated board is no Alveo card" in done.stderr and "Traceback" not in done.stderr


def test_with_pynq_4_the_command_says_what_to_install(board_python, card_package, data_file, tmp_path):
    arguments = ("-m", "radioml", "classify", card_package, "--data", data_file, "--backend", "pynq")
    done = in_board_environment(board_python, *arguments, home=tmp_path)
    assert done.returncode == 3
    assert "PYNQ 3.0.1" in done.stderr and "requirements/alveo.txt" in done.stderr
    assert "here: PYNQ 4.0.0" in done.stderr and "Traceback" not in done.stderr


def test_without_pynq_the_command_says_what_to_install(radioml_here, card_package, data_file):
    done = radioml_here("classify", card_package, "--data", data_file, "--backend", "pynq")
    assert done.returncode == 3
    assert "requirements/alveo.txt" in done.stderr and "Traceback" not in done.stderr


def test_kernels_and_banks_are_finn_s():
    """Names of kernels and the number of engines for each bank, read from FINN's source: importing FINN takes long."""
    (finn,) = find_spec("finn").submodule_search_locations
    source = (Path(finn) / "transformation" / "fpgadataflow" / "vitis_linking_configuration.py").read_text()
    for line in ('idma = f"idma_{total_idmas}"', 'odma = f"odma_{total_odmas}"', "mem_idx = dma_on_device[node.name]"):
        assert line in source
    assert ALVEO_DMAS == ("idma_0", "odma_0")


def test_a_card_is_not_on_the_network(card_package, tmp_path):
    with pytest.raises(RadioMLError, match="--target pynq: the package is for an Alveo card"):
        open_accelerator(open_package(card_package, tmp_path), "pynq", target="pynq")
