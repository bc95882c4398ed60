"""Boards and releases of Vivado that a bitfile can be built for, told before the build begins."""

from __future__ import annotations

import inspect
import re

import pytest

from finn_build.boards import Finn, board_names, load_board
from finn_build.vivado.bitfile import NOT_SHELLED, check_bitfile
from finn_build.vivado.synthesis import finn_period_ns
from radioml.errors import RadioMLError
from tests.finn_build.vivado import vendor_tools


def test_without_vivado_nothing_is_begun(radioml_here, small_build, tmp_path):
    out = tmp_path / "out"
    done = radioml_here("build", small_build.model, "--board", "Pynq-Z2", "--until", "bitfile", "--out", out)
    assert done.returncode == 3
    assert "nothing has been done" in done.stderr and "XILINX_VIVADO (not set)" in done.stderr
    assert "amd.com" in done.stderr and "requirements/finn_deps.py" in done.stderr
    assert not out.exists()


def test_another_release_is_refused(tmp_path, monkeypatch):
    vendor_tools.install(tmp_path, monkeypatch, release="2019.2")
    with pytest.raises(RadioMLError, match=r"release 2019\.2 is here; FINN 1\.6\.1 was tested with 2022\.2 or 2024\.2"):
        check_bitfile(load_board("ZCU104"))


def test_boards_that_finn_has_no_shell_for(tools):
    """The refused boards are those that FINN's own scripts lack, no others."""
    from finn.transformation.fpgadataflow import templates, vitis_linking_configuration

    zynq = set(re.findall(r'\$BOARD == "([^"]+)"', templates.custom_zynq_shell_template))
    link = inspect.getsource(vitis_linking_configuration.BuildBasicVitisLinkConfig)
    vitis = {name.upper() for line in re.findall(r"case (.*\"u\d+.*):", link) for name in re.findall(r'"(\w+)"', line)}
    for name in board_names():
        board = load_board(name)
        if board.shell == "serial":
            continue
        known = board.finn.board in (zynq if board.shell == "zynq" else vitis)
        assert known == (board.finn.board not in NOT_SHELLED), name
        if known:
            check_bitfile(board)
        else:
            with pytest.raises(RadioMLError, match="cannot build a bitfile for it"):
                check_bitfile(board)


def test_a_board_that_finn_does_not_know(tools):
    board = load_board("ZCU104").model_copy(update={"name": "Own", "finn": Finn(board=None, resource_table=False)})
    with pytest.raises(RadioMLError, match=r"^Own: FINN 1\.6\.1 cannot build .*: it is not in its part map"):
        check_bitfile(board)


def test_finn_makes_the_boards_clock_of_the_period():
    for mhz in {*(load_board(name).clock_mhz for name in board_names()), *range(50, 501)}:
        assert int(1 / (finn_period_ns(mhz) * 0.001)) == mhz  # as MakeZYNQProject does
        assert round(1000 / finn_period_ns(mhz)) == mhz  # as VitisBuild does
