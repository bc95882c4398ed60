"""Synthesis: the record of a real build, the files that a layer needs, and what is said where Yosys fails."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from finn_build.rtl.top import ends, join
from finn_build.synthesis.cells import resources_of
from finn_build.synthesis.netlists import Group, groups_of, synthesise
from finn_build.synthesis.scripts import mapped
from finn_build.synthesis.sources import data_of, sources_of
from finn_build.synthesis.yosys import lut_memories, run_yosys
from radioml.contract.estimate import Estimate
from radioml.contract.synthesis import Synthesis
from radioml.errors import RadioMLError
from radioml.report.page.run_content import read_run
from radioml.report.page.run_page import run_page
from radioml.run_directory import SYNTHESIS_REPORT, run_of
from radioml.simulation.design import Layer, Wire, read_design


def test_every_layer_of_the_estimate_has_a_netlist_and_its_counts(synthesised):
    record, estimate = (
        Synthesis.read(synthesised / SYNTHESIS_REPORT),
        Estimate.read(synthesised / "estimate.json"),
    )
    assert [layer.name for layer in record.layers] == [layer.name for layer in estimate.layers]
    for layer, estimated in zip(record.layers, estimate.layers, strict=True):
        verilog = (synthesised / "synthesis" / f"{layer.name}.v").read_text()
        assert f"module {layer.name}_netlist(" in verilog
        dsps = len(re.findall(r"^  DSP48E1 #", verilog, re.M))
        assert dsps == layer.resources["DSP"] == estimated.finn["DSP"] + estimated.correction["DSP"]
        flip_flops = len(re.findall(r"^  FD[RSCP]E", verilog, re.M))
        assert flip_flops == layer.resources["FF"]
    assert record.total["LUT"] == sum(layer.resources["LUT"] for layer in record.layers) > 0
    assert "xc7" in record.tool


def test_a_second_synthesis_comes_from_the_cache(synthesised, tmp_path, monkeypatch):
    monkeypatch.delenv("RADIOML_CACHE", raising=False)
    design = read_design(synthesised / "rtl")
    group = min(groups_of(design, list(design.probed)), key=lambda group: len(group.layers))
    group = Group(group.name, group.layers[-1:])
    done: list[int] = []
    first = synthesise([group], synthesised / "rtl", "xc7", tmp_path, done.append)
    assert done == [0, 1]
    assert synthesise([group], synthesised / "rtl", "xc7", tmp_path, done.append) == first
    assert done == [0, 1, 1]
    assert not (tmp_path / group.name).exists()


def test_a_layer_that_yosys_refuses_is_named_with_its_log(synthesised, tmp_path):
    layer = next(layer for layer in read_design(synthesised / "rtl").layers if layer.gauge)
    broken = Group(layer.name, (replace(layer, module="missing"),))
    with pytest.raises(RadioMLError, match=rf"unknown module 'missing'.*{tmp_path}/{layer.name}/yosys.log"):
        synthesise([broken], synthesised / "rtl", "xc7", tmp_path, lambda done: None)


def test_the_report_has_yosys_columns_and_says_whose_they_are(synthesised):
    run = run_of(synthesised)
    assert run is not None
    page = run_page(read_run(run))
    section = next(section for section in page.sections if section.name == "estimate-Pynq-Z2")
    assert "not of Vivado's" in section.text
    table = section.items[0].table
    column = table.columns.index("FF, Yosys")
    record = Synthesis.read(synthesised / SYNTHESIS_REPORT)
    assert [row[column] for row in table.rows] == [f"{layer.resources['FF']:,}" for layer in record.layers]
    assert any(line.condition == "synthesised by Yosys, not Vivado" for line in page.headlines)


def test_a_layer_needs_its_own_files_alone(small_build):
    rtl = small_build.folder / "rtl"
    assert sources_of("Thresholding_rtl_0 x ();", rtl) == (
        "axilite.sv", "thresholding.sv", "thresholding_axi.sv", "Thresholding_rtl_0.v",
    )  # fmt: skip
    assert all(name.startswith("MVAU_rtl_1_") for name in data_of(["MVAU_rtl_1"], rtl))


def test_branches_are_joined_by_the_layers_that_read_them():
    wire = {name: Wire(name, 8, 4) for name in ("a", "b", "c", "d", "out")}
    fifos = [Layer(f"FIFO_{name}", "fifo", (wire[name],), (wire[end],)) for name, end in (("a", "c"), ("b", "d"))]
    add = Layer("Add", "add", (wire["c"], wire["d"]), (wire["out"],))
    assert ends([*fifos, add]) == ((wire["a"], wire["b"]), (wire["out"],))
    text = join([*fifos, add], "joined")
    assert "input [7:0] in1_V_TDATA" in text and "output [0:0] in1_V_TREADY" in text
    assert ".in1_V_TDATA(stream1_tdata)" in text and ".out0_V_TVALID(out0_tvalid)" in text


def test_luts_used_as_memory_and_cells_of_unknown_size():
    counts = resources_of({"LUT6": 3, "RAM32M": 2, "FDRE": 5, "RAMB36E1": 1, "CARRY4": 9})
    assert counts == {"LUT": 11, "FF": 5, "BRAM_18K": 2, "URAM": 0, "DSP": 0}
    with pytest.raises(RadioMLError, match="7 cells PS7"):
        resources_of({"PS7": 7})


@pytest.mark.rtl
def test_a_lut_memory_of_512_words_is_mapped_on_ultrascale(tmp_path):
    pytest.importorskip("pyosys", reason="Yosys is absent: pip install -r requirements/synthesis.txt")
    (tmp_path / "memory.v").write_text(
        "module memory(input clk, we, input [8:0] at, input [1:0] d, output [1:0] q);\n"
        '  (* ram_style = "distributed" *) reg [1:0] words[0:511];\n'
        "  always @(posedge clk) if (we) words[at] <= d;\n  assign q = words[at];\nendmodule\n"
    )
    (tmp_path / "lut_memories.txt").write_text(lut_memories())
    commands = mapped("memory", "xcup")
    run_yosys("\n".join(["read_verilog memory.v", *commands, "write_verilog out.v", ""]), tmp_path)
    assert len(re.findall(r"^  RAM512X1S #", (tmp_path / "out.v").read_text(), re.M)) == 2
