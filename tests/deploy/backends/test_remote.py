"""A board on the network: PYNQ's own remote device, unmodified, drives a simulated board over loopback.

tests/board/remote_checks.py runs in the board's environment. The tests here are of users' commands.
"""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from radioml.reading.text import read_json
from tests.deploy.backends.test_pynq import FRAMES, simulated  # noqa: F401  (a fixture)
from tests.deploy.conftest import board_environment, in_board_environment
from tests.repository import REPOSITORY

CHECKS = REPOSITORY / "tests" / "board" / "remote_checks.py"


@pytest.fixture(scope="module")
def target(board_python, tmp_path_factory) -> Iterator[str]:
    """Address at which `python -m deploy.simulated.remote` serves a board."""
    home = tmp_path_factory.mktemp("remote")
    server = subprocess.Popen(
        [board_python, "-m", "deploy.simulated.remote", "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=home,
        env=board_environment(home),
    )  # fmt: skip
    try:
        yield server.stdout.readline().split(";")[0].split()[-1]
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize(
    "check",
    [
        "same_integers",
        "any_batch_size",
        "boards_take_turns",
        "port_widths",
        "a_bitfile_that_lies_there_is_not_used",
        "a_broken_bitfile_is_refused",
        "nobody_there",
        "another_server",
        "an_interrupt_while_the_server_starts",
        "a_server_that_dies",
        "a_server_that_dies_in_a_transfer",
        "a_board_that_is_silent",
        "a_bus_error_there_is_told_here",
        "targets",
        "a_pynq_without_remote_devices",
        "a_clock_that_was_not_set",
    ],
)
def test_a_board_on_the_network(check, board_python, bitfile_package, simulated, tmp_path):  # noqa: F811
    done = in_board_environment(board_python, CHECKS, check, bitfile_package, simulated, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{check}: done" in done.stdout


def command(python: str, package: Path, target: str, home: Path, *arguments: object) -> str:
    """The output of a command of `radioml` on a board in the network."""
    name, *rest = arguments
    done = in_board_environment(
        python, "-m", "radioml", name, package, *rest, "--backend", "pynq", "--target", target, "--out", home / "out",
        home=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_classify(board_python, bitfile_package, data_file, target, tmp_path):
    arguments = ("classify", "--data", data_file, "--frames", FRAMES, "--part", "all")
    output = command(board_python, bitfile_package, target, tmp_path, *arguments)
    assert "26 of 26 equal to the trained network" in output
    assert read_json(tmp_path / "out" / "accuracy.json")["frames"] == FRAMES


def test_stream(board_python, bitfile_package, data_file, target, tmp_path):
    done = in_board_environment(
        board_python, "-m", "radioml", "stream", bitfile_package, data_file, "--backend", "pynq", "--target", target,
        "--out", tmp_path / "classes.csv", home=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (tmp_path / "classes.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2 * FRAMES


def test_bench(board_python, bitfile_package, target, tmp_path):
    command(board_python, bitfile_package, target, tmp_path, "bench", "--batches", "1,300", "--seconds", 0.2)
    report = read_json(tmp_path / "out" / "bench.json")
    assert report["target"] == target
    assert report["figures"] == "simulated board: not a board's speed"
    assert report["clock"]["agrees"] is True
    assert [row["frames"] for row in report["batches"]] == [1, 300]


def test_an_unreachable_board_is_one_message(board_python, bitfile_package, data_file, tmp_path):
    arguments = ("-m", "radioml", "stream", bitfile_package, data_file, "--backend", "pynq", "--target", "127.0.0.1:9")
    done = in_board_environment(board_python, *arguments, home=tmp_path)
    assert done.returncode == 2
    assert "error: the board at 127.0.0.1:9" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["classify", "stream"])
def test_other_backends_have_no_target(name, radioml_here, small_package, data_file):
    source = ("--data", data_file) if name == "classify" else (data_file,)
    done = radioml_here(name, small_package, *source, "--backend", "software", "--target", "pynq")
    assert done.returncode == 2
    assert "the software backend has no target; with it: pynq, serial" in done.stderr


def test_a_taken_port_is_one_message(board_python, target, tmp_path):
    port = target.rpartition(":")[2]
    done = in_board_environment(board_python, "-m", "deploy.simulated.remote", "--port", port, home=tmp_path)
    assert done.returncode == 2
    assert f"port {port} cannot be opened" in done.stderr and "Traceback" not in done.stderr
