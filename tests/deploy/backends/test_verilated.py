"""The simulation backend: the package's RTL gives the trained network's integers, however many processes run it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from deploy.accelerator import open_accelerator
from radioml.contract.package import open_package
from radioml.errors import RadioMLError
from radioml.simulation.rtl_simulator import RtlSimulator
from tests.repository import REPOSITORY


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
    assert inference.initiation_intervals == len(iq) - processes
    assert inference.cycles / inference.initiation_intervals == pytest.approx(
        package.manifest.cycles_per_frame, rel=0.05
    )
    assert inference.seconds > 0
    assert (again.cycles, again.initiation_intervals) == (0, 0)


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


def test_a_package_holds_no_native_code(small_package):
    with zipfile.ZipFile(small_package) as archive:
        names = archive.namelist()
        assert {"rtl/files.f", "rtl/design.json", "rtl/accelerator.v"} <= set(names)
        kinds = {Path(name).suffix for name in names}
        assert kinds == {".json", ".npz", ".onnx", ".f", ".v", ".sv", ".dat", ".md"}
        assert not any(archive.read(name).startswith((b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe")) for name in names)


def test_a_machine_without_verilator_gets_one_message(small_package, data_file, tmp_path):
    for tool in ("g++", "make"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    path = os.pathsep.join([str(REPOSITORY), *sys.path])
    environment = {"PATH": str(tmp_path), "PYTHONPATH": path, "HOME": str(tmp_path)}
    command = [python, "-m", "radioml", "classify", small_package, "--data", data_file, "--out", tmp_path / "out"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert re.search(r"simulator cannot start.*Missing:.*verilator-cli \(not found\)", done.stderr, re.S), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rtl/accelerator.v", 'module accelerator; initial $system("touch x"); endmodule', r"'\$system' does more"),
        ("rtl/accelerator.v", 'module accelerator; initial $c("puts(0);"); endmodule', r"line 1: '\$c' does more"),
        ("rtl/accelerator.v", 'module accelerator;\nimport "DPI-C" function void f(); endmodule', "line 2: .*DPI"),
        ("rtl/accelerator.v", "`systemc_header\n#error\n`verilog\nmodule accelerator; endmodule", "'`systemc_header'"),
        ("rtl/accelerator.v", '`include "/etc/passwd"', "'`include' does more"),
        ("rtl/accelerator.v", "`define X $sys``tem", "'`define' does more"),
        ("rtl/files.f", "accelerator.v --exe ../x.cpp", "--exe is no .v or .sv file in this folder"),
        ("rtl/files.f", "../rtl/accelerator.v", "is no .v or .sv file in this folder"),
    ],
)
def test_hdl_that_is_more_than_hardware_is_not_compiled(name, text, message, repack, tmp_path):
    package = open_package(repack(files={name: text.encode()}), tmp_path / "foreign")
    with pytest.raises(RadioMLError, match=message):
        open_accelerator(package, "simulation", 1)


def test_a_layer_s_name_cannot_add_code_to_the_harness(repack, package, tmp_path):
    design = (package.folder / "rtl" / "design.json").read_text()
    changed = design.replace('"FMPadding_rtl_0"', '"\\");int x = system(\\"true"', 1)
    foreign = open_package(repack(files={"rtl/design.json": changed.encode()}), tmp_path / "foreign")
    with pytest.raises(RadioMLError, match=r"design\.json: .*is no name of a layer"):
        open_accelerator(foreign, "simulation", 1)


def test_a_design_reads_no_file_outside_its_folder(repack, package, quick_simulators, tmp_path):
    """A path in a source is legal Verilog; the simulator refuses to open it."""
    for path in ("/etc/hostname", "../manifest.json"):
        top = (package.folder / "rtl" / "accelerator.v").read_text()
        read = f'  reg [7:0] stolen [0:0];\n  initial $readmemh("{path}", stolen);\nendmodule'
        files = {"rtl/accelerator.v": top.replace("\nendmodule", "\n" + read).encode()}
        foreign = open_package(repack(files=files), tmp_path / "foreign" / path.strip("./").replace("/", "_"))
        with (
            open_accelerator(foreign, "simulation", 1) as accelerator,
            pytest.raises(RadioMLError, match="cannot read its weights and thresholds"),
        ):
            accelerator.infer(np.zeros((1, 1024, 2), np.int8))


def test_a_library_that_cannot_be_loaded_is_a_user_error(package, tmp_path):
    library = tmp_path / "other.so"
    library.write_bytes(b"built for another machine")
    with pytest.raises(RadioMLError, match="cannot load the simulator"):
        RtlSimulator(library, package.folder, package.manifest.input, package.manifest.output)
