"""FINN's own bitfile steps from end to end, with stand-ins for the vendor's commands (vendor_tools.py)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from finn_build.boards import load_board
from finn_build.build import build
from finn_build.engine.finn_session import finn_session
from finn_build.engine.record import load_record
from finn_build.engine.step_runner import StepRunner
from finn_build.rtl.library_patches import PATCHES
from finn_build.vivado.bitfile import build_bitfile
from finn_build.vivado.implementation import collect_vitis, collect_zynq
from finn_build.vivado.same_hardware import check_same_hardware
from radioml import io_dma
from radioml.contract.implementation import Implementation
from radioml.contract.package import BITFILE, HANDOFF, XCLBIN, open_package
from radioml.errors import MismatchError, RadioMLError
from radioml.files import sha256
from radioml.reading.text import read_json
from radioml.run_directory import IMPLEMENTATION
from tests.finn_build.vivado import vendor_tools, vivado_texts
from tests.finn_build.vivado.forked_finn import fork_finn
from tests.killing import new_mark, processes_of, until
from tests.repository import REPOSITORY

FPS = 400_000  # of small_build


@dataclass(frozen=True)
class Made:
    """A bitfile stage with stand-ins of the vendor's tools, and its files."""

    work: Path
    bitfile: Path
    calls: list[dict]

    @property
    def project(self) -> Path:
        """FINN's Vivado project of the dataflow partition, which has most of the layers."""
        scripts = self.work.glob("vivado_stitch_proj_*/make_project.tcl")
        return max(scripts, key=lambda path: path.stat().st_size).parent


@pytest.fixture(scope="module")
def made(small_build, tmp_path_factory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        tools = vendor_tools.install(folder / "vendor", patch)
        fork_finn(patch)
        runner = StepRunner(Console(quiet=True), folder / "work", folder / "log")
        build_bitfile(
            runner, small_build.folder / "finn" / "with_fifos.onnx", load_board("Pynq-Z2"), small_build.folder / "rtl",
            small_build.folder / "package.zip", folder / "bitfile",
        )  # fmt: skip
        return Made(folder / "work", folder / "bitfile", vendor_tools.calls(tools))


def test_package_holds_the_bitfile_and_the_simulations_golden_frames(made, small_package, tmp_path):
    package = open_package(made.bitfile / "package.zip", tmp_path / "bitfile")
    simulated = open_package(small_package, tmp_path / "simulated")
    assert package.manifest.kind == "bitfile"
    assert set(package.manifest.files) == {BITFILE, HANDOFF, IMPLEMENTATION, "golden.npz", "model.onnx"}
    assert package.manifest.files[BITFILE] == sha256(made.bitfile / BITFILE)
    assert (package.folder / BITFILE).read_text() == "made up bitfile\n"
    for name in ("golden.npz", "model.onnx"):
        assert package.manifest.files[name] == simulated.manifest.files[name]
    for name in ("input", "output", "quantiser", "cycles_per_frame", "model_sha256", "folding"):
        assert getattr(package.manifest, name) == getattr(simulated.manifest, name)
    value = read_json(package.folder / IMPLEMENTATION)
    assert value["kind"] == "implemented" and value["timing_met"]
    assert value["timing"]["setup"]["worst_slack_ns"] == 0.521
    assert value["utilisation"]["LUT"] == {"used": 24047, "available": 53200}
    assert value["instances"]["StreamingDataflowPartition_1"]["LUT"] == 20000
    assert value["power_w"]["total"] == 2.345


def test_what_finn_tells_the_tools(made):
    assert {call["tool"] for call in made.calls} == {"vivado"}, "no layer needs HLS"
    shell = made.calls[-1]["tcl"]
    assert "set FREQ_MHZ 100\n" in shell and "set BOARD Pynq-Z2\n" in shell
    assert "set FPGA_PART xc7z020clg400-1\n" in shell
    assert "write_bitstream impl_1" in shell
    layers = (made.project / "make_project.tcl").read_text()
    queue = re.search(r"^add_files -norecurse (\S+/mvu_vvu_axi\.sv)$", layers, re.M)[1]
    assert made.work in Path(queue).parents, "FINN must read the patched copy of its library"
    (patch,) = [patch for patch in PATCHES if patch.file == "mvu_vvu_axi.sv"]
    assert all(new in Path(queue).read_text() for _, new in patch.replacements)
    assert "fifo_gauge_wrapper" not in layers


def test_dma_engines_are_ours(made, tmp_path):
    """Their sources, ports, sizes and address spaces; Verilator takes what Vivado is given."""
    manifest = open_package(made.bitfile / "package.zip", tmp_path).manifest
    scripts = [path.read_text() for path in made.work.glob("vivado_stitch_proj_*/make_project.tcl")]
    engines = {way: text for text in scripts for way in ("read", "write") if f"/io_dma_{way}.sv" in text}
    assert set(engines) == {"read", "write"}
    for way, text in engines.items():
        (module,) = re.findall(r"^create_bd_cell -type module -reference (\S+) \1$", text, re.M)
        for bus in ("m_axi_gmem", "s_axi_control"):
            assert f"make_bd_intf_pins_external [get_bd_intf_pins {module}/{bus}]" in text
        assert f"[get_bd_addr_segs {{{module}/m_axi_gmem/SEG_m_axi_gmem0_Reg}}]" in text
        assert "Data_m_axi_gmem" not in text
        files = [Path(name) for name in re.findall(r"^add_files -norecurse (\S+)$", text, re.M)]
        (wrapper,) = (path for path in files if path.stem == module)
        words = {"read": manifest.input, "write": manifest.output}[way]
        sizes = f".STREAM_BITS({8 * words.word_bytes}), .FRAME_BYTES({words.words * words.word_bytes})"
        assert f"io_dma_{way} #(.MEMORY_BITS(64), {sizes}) engine (" in wrapper.read_text()
        stream = {"read": "out0_V", "write": "in0_V"}[way]
        assert f"ASSOCIATED_BUSIF s_axi_control:m_axi_gmem:{stream}," in wrapper.read_text()
        lint = [Path(sys.executable).with_name("verilator-cli"), "--lint-only", "-Wno-WIDTH", "--top-module", module]
        sources = [path for path in files if path.parent == io_dma.FOLDER]
        done = subprocess.run([*lint, wrapper, *sources], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    for name in ("idma0", "odma0"):
        assert f"connect_bd_intf_net [get_bd_intf_pins {name}/m_axi_gmem0]" in made.calls[-1]["tcl"]
        assert f"assign_axi_addr_proc {name}/s_axi_control_0" in made.calls[-1]["tcl"]


def test_vivado_gets_what_was_simulated(made, small_build, tmp_path):
    library = made.work / "rtllib"

    def check(rtl: Path) -> None:
        check_same_hardware(made.project, "StreamingDataflowPartition_1", library, rtl)

    check(small_build.folder / "rtl")
    rtl = shutil.copytree(small_build.folder / "rtl", tmp_path / "rtl")
    threshold = next(rtl.glob("*threshs*.dat"))
    original = threshold.read_text()
    threshold.write_text("7" + original[1:] if original[0] != "7" else "6" + original[1:])
    with pytest.raises(MismatchError, match=f"{threshold.name}: differs"):
        check(rtl)
    threshold.write_text(original)
    fifo = rtl / "StreamingFIFO_rtl_1.v"
    depth = fifo.read_text()
    fifo.write_text(re.sub(r"\.DEPTH\((\d+)\)", lambda match: f".DEPTH({int(match[1]) + 1})", depth))
    assert fifo.read_text() != depth
    with pytest.raises(MismatchError, match=r"StreamingFIFO_rtl_1\.v: differs"):
        check(rtl)
    fifo.write_text(depth)
    weights = next(rtl.glob("*memblock.dat"))
    weights.rename(rtl / "other.dat")
    with pytest.raises(MismatchError, match=r"other\.dat: simulated, not given(.|\n)*memblock\.dat: given to Vivado"):
        check(rtl)
    (rtl / "other.dat").rename(weights)
    top = rtl / "accelerator.v"
    swapped = top.read_text().replace(" StreamingFIFO_rtl_1 (", " X (").replace(" StreamingFIFO_rtl_2 (", " Y (")
    top.write_text(swapped.replace(" X (", " StreamingFIFO_rtl_2 (").replace(" Y (", " StreamingFIFO_rtl_1 ("))
    with pytest.raises(MismatchError, match="this stream is not in the project"):
        check(rtl)


def test_failed_timing_is_a_failed_build(small_build, tools, forked_finn, tmp_path):
    folder = vendor_tools.copied(small_build.folder, tmp_path / "build")
    vendor_tools.behave(tools, timing={"setup": "-0.133 -4.700 61 19043"})
    with pytest.raises(RadioMLError, match=r"timing fails at 100 MHz: setup: worst slack -0\.133 ns, 61 of 19043"):
        build(small_build.model, "Pynq-Z2", "bitfile", folder, target_fps=FPS)
    assert read_json(folder / "bitfile" / IMPLEMENTATION)["timing_met"] is False
    assert (folder / "bitfile" / "reports" / "timing.rpt").is_file()
    assert not list(folder.rglob(BITFILE))
    assert set(load_record(folder).stages) == {"estimate", "rtl"}
    vendor_tools.behave(tools)
    done = build(small_build.model, "Pynq-Z2", "bitfile", folder, target_fps=FPS)
    assert done.reused == ("estimate", "rtl")
    assert (folder / "bitfile" / "package.zip").is_file()
    assert not (folder / "finn" / "vendor").exists()
    assert Implementation.read(folder / "bitfile" / IMPLEMENTATION).summary().endswith("URAM 0 of 0, DSP 24 of 220")
    count = len(vendor_tools.calls(tools))
    assert build(small_build.model, "Pynq-Z2", "bitfile", folder, target_fps=FPS).reused[-1] == "bitfile"
    assert len(vendor_tools.calls(tools)) == count


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (
            {"fails": "vitis_hls", "hls": True},
            r"HLS IP Generation failed(.|\n)*ERROR: \[Stand-in 1-1\](.|\n)*vitis_hls\.log",
        ),
        ({"fails": "vivado"}, r"no wrapper HDL found(.|\n)*ERROR: \[Stand-in 1-1\](.|\n)*vivado\.log"),
        ({"without": ["top_wrapper.bit"]}, "no bitfile found"),
    ],
)
def test_what_goes_wrong_is_said(small_build, tools, forked_finn, tmp_path, behaviour, message):
    hls_dma = behaviour.pop("hls", False)
    vendor_tools.behave(tools, **behaviour)
    runner = StepRunner(Console(quiet=True), tmp_path / "work", tmp_path / "log")
    rtl = small_build.folder
    with pytest.raises(RadioMLError, match=message):
        build_bitfile(runner, rtl / "finn" / "with_fifos.onnx", load_board("Pynq-Z2"), rtl / "rtl",
                      rtl / "package.zip", tmp_path / "bitfile", hls_dma)  # fmt: skip
    assert not list((tmp_path / "bitfile").rglob("package.zip"))


def test_vivado_ends_with_a_killed_build_and_the_next_build_begins_anew(small_build, tools, tmp_path):
    folder = vendor_tools.copied(small_build.folder, tmp_path / "build")
    vendor_tools.behave(tools, sleeps="vivado")
    mark = new_mark()
    command = [sys.executable, "-m", "radioml", "build", small_build.model, "--board", "Pynq-Z2", "--until", "bitfile",
               "--target-fps", str(FPS), "--out", folder]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "MARK": mark}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    until(lambda: bool(vendor_tools.calls(tools)) or process.poll() is not None, "the vendor's tool did not start")
    assert process.poll() is None and len(processes_of(mark)) > 2
    process.kill()
    process.wait()
    until(lambda: not processes_of(mark), f"left: {processes_of(mark)}")
    vendor_tools.behave(tools)
    assert build(small_build.model, "Pynq-Z2", "bitfile", folder, target_fps=FPS).reused == ("estimate", "rtl")
    assert not (folder / "finn" / "vendor").exists()


@pytest.mark.parametrize(
    ("timing", "message"),
    [
        ({"mhz": 50}, r"no clock of the fabric has 100 MHz: \{'clk_fpga_0': 100.0, 'clk_out1\S+: 50.0"),
        ({"state": "Synthesized"}, "the design is Synthesized, not Routed"),
        ({"hold": "NA NA NA NA"}, "hold: no path was checked"),
        (None, r"timing\.rpt: the tools wrote no such report"),
    ],
)
def test_reports_that_do_not_let_a_bitfile_pass(made, tmp_path, timing, message):
    output = shutil.copytree(made.work / "finn", tmp_path / "finn")
    report = output / "report" / "post_route_timing.rpt"
    if timing is None:
        report.unlink()
    else:
        report.write_text(vivado_texts.timing(**timing))
    (project,) = made.work.glob("vivado_zynq_proj_*")
    with pytest.raises(RadioMLError, match=message):
        collect_zynq(project, load_board("Pynq-Z2"), output, tmp_path / "bitfile")
    assert not (tmp_path / "bitfile" / BITFILE).exists()


def test_alveo(small_build, tools, forked_finn, tmp_path):
    """The same network's HDL for a U250: FINN's Vitis steps, an xclbin, and then a clock that Vitis lowered."""
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.rtl.hdl import generate_hdl

    board, sized = load_board("U250"), small_build.folder / "finn" / "with_fifos.onnx"
    with finn_session(tmp_path / "hdl", tmp_path / "log"):
        generate_hdl(ModelWrapper(str(sized)), board, tmp_path / "rtl")
    runner = StepRunner(Console(quiet=True), tmp_path / "work", tmp_path / "log")
    build_bitfile(runner, sized, board, tmp_path / "rtl", small_build.folder / "package.zip", tmp_path / "bitfile")
    package = open_package(tmp_path / "bitfile" / "package.zip", tmp_path / "package")
    assert {XCLBIN, IMPLEMENTATION} < set(package.manifest.files)
    assert read_json(package.folder / IMPLEMENTATION)["clocks_mhz"]["DATA_CLK"] == 250
    (call,) = [call for call in vendor_tools.calls(tools) if call["tool"] == "v++"]
    assert "xilinx_u250_gen3x16_xdma_4_1_202210_1" in call["arguments"]
    assert call["arguments"][-2:] == ["--kernel_frequency", "250"]
    (link,) = (path.parent for path in tmp_path.glob("work/vitis_link_device_0_*/a.xclbin"))
    (link / "a.xclbin.info").write_text(vivado_texts.xclbin_info(200))
    with pytest.raises(RadioMLError, match=r"200 MHz \(DATA_CLK\) instead of 250"):
        collect_vitis(link, board, tmp_path / "work" / "finn", tmp_path / "slow")
    assert not (tmp_path / "slow" / XCLBIN).exists()
