"""The simulation backend: the package's RTL gives the trained network's integers, however many processes run it."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.accelerator import open_accelerator
from radioml.contract.package import LIBRARY, open_package
from radioml.errors import RadioMLError


@pytest.fixture
def package(small_package, tmp_path):
    return open_package(small_package, tmp_path / "package")


@pytest.mark.parametrize("processes", [1, 2])
def test_golden_frames_come_out_equal_and_in_order(package, processes):
    iq, logits = package.golden()
    with open_accelerator(package, "simulation", processes) as accelerator:
        inference = accelerator.infer(package.manifest.quantiser(iq))
        again = accelerator.infer(package.manifest.quantiser(iq[:1]))
    assert inference.logits.dtype == np.int64
    assert np.array_equal(inference.logits, logits)
    assert np.array_equal(again.logits, logits[:1])
    assert inference.intervals == len(iq) - processes
    assert inference.cycles / inference.intervals == pytest.approx(package.manifest.cycles_per_frame, rel=0.05)
    assert inference.seconds > 0
    assert (again.cycles, again.intervals) == (0, 0)


def test_an_unknown_backend_is_refused_with_the_known_ones(package):
    with pytest.raises(RadioMLError, match=r"unknown backend 'fpga'; known: .*simulation"):
        open_accelerator(package, "fpga")


def test_a_package_for_a_board_cannot_be_simulated(repack, tmp_path):
    package = open_package(repack({"kind": "bitfile"}), tmp_path / "bitfile")
    with pytest.raises(RadioMLError, match="of kind 'bitfile'"):
        open_accelerator(package, "simulation")


def test_no_processes_are_refused(package):
    with pytest.raises(RadioMLError, match="at least 1"):
        open_accelerator(package, "simulation", processes=0)


@pytest.mark.parametrize(
    "integers",
    [np.zeros((1, 2, 1024), np.int8), np.zeros((1, 1024, 2), np.float32), np.zeros((0, 1024, 2), np.int8)],
)
def test_frames_that_do_not_fit_are_refused(package, integers):
    with (
        open_accelerator(package, "simulation", 1) as accelerator,
        pytest.raises(RadioMLError, match=r"takes int8 frames \(N, 1024, 2\)"),
    ):
        accelerator.infer(integers)


def test_a_library_that_cannot_be_loaded_is_a_user_error(repack, tmp_path):
    package = open_package(repack(files={LIBRARY: b"built for another machine"}), tmp_path / "foreign")
    with (
        open_accelerator(package, "simulation", 1) as accelerator,
        pytest.raises(RadioMLError, match="cannot load the simulator"),
    ):
        accelerator.infer(np.zeros((1, 1024, 2), np.int8))
