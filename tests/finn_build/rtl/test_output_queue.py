"""The defect of the library's multiplier that `library_patches` mends, shown on bare multipliers.

A multiplier has S = 4 + ceil(log2 SIMD) + (SIMD = 1) stages (mvu.sv, PIPELINE_DEPTH). Under back pressure it stops
taking words one cycle after the output register holds a word and the queue holds another. Up to then it has taken S
more words. With one result a cycle (SIMD = MW) the queue must hold S + 1 words beyond its first.

The library's MAX_IN_FLIGHT is S where SIMD is a power of two, and S - 1 elsewhere. So the queue overflows by one or two
words under back pressure of about S cycles without a break. Random pauses in a third of the cycles hardly ever last so
long. The patched S + 1 is the smallest depth that suffices. With SIMD < MW at most every second cycle brings a result,
and the library's queue is long enough.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import finn
import pytest

from finn_build.rtl.library_patches import patch_copy
from tests.verilated import compile_bench

pytestmark = pytest.mark.rtl

BENCH = Path(__file__).with_name("output_queue.cpp")
SIMD_AND_FOLDS = [(simd, fold) for fold in (1, 2, 3) for simd in (1, 2, 3, 4, 5, 8)]
FILES = ("mvu_pkg.sv", "replay_buffer.sv", "add_multi.sv", "mvu.sv", "mvu_vvu_8sx9_dsp58.sv", "mvu_vvu_axi.sv")
DEPTH = "5 + $clog2(SIMD) + (SIMD == 1);"
PATTERN_BITS = 12


def top() -> str:
    """Multipliers with one processing element each, 8-bit unsigned activations and 4-bit weights."""
    count = len(SIMD_AND_FOLDS)
    instances = "".join(
        f"""
  wire [15:0] word{i};
  mvu_vvu_axi #(.IS_MVU(1), .VERSION(2), .MW({simd * fold}), .MH(1), .PE(1), .SIMD({simd}), .ACTIVATION_WIDTH(8),
    .WEIGHT_WIDTH(4), .ACCU_WIDTH(16), .NARROW_WEIGHTS(1)) unit{i} (.ap_clk, .ap_clk2x(ap_clk), .ap_rst_n,
    .s_axis_weights_tdata({{{simd}{{4'd1}}}}), .s_axis_weights_tvalid(1'b1), .s_axis_weights_tready(),
    .s_axis_input_tdata({8 * simd}'(count[{i}])), .s_axis_input_tvalid(valid[{i}]), .s_axis_input_tready(taken[{i}]),
    .m_axis_output_tdata(word{i}), .m_axis_output_tvalid(given[{i}]), .m_axis_output_tready(ready));
  assign result[{i}] = word{i};"""
        for i, (simd, fold) in enumerate(SIMD_AND_FOLDS)
    )
    return f"""module queues(input logic ap_clk, input logic ap_rst_n, input logic ready,
  input logic valid[{count}], input logic [7:0] count[{count}],
  output logic taken[{count}], output logic given[{count}], output logic [15:0] result[{count}]);{instances}
endmodule
"""


def overflows(folder: Path, depth: str, offer: int = 4) -> dict[tuple[int, int], int]:
    """Patterns with wrong results for each (SIMD, cycles a result), of a queue with MAX_IN_FLIGHT = `depth`."""
    (library,) = [path for root in finn.__path__ for path in Path(root, "finn-rtllib").glob("mvu")]
    if not (folder / "bench").exists():
        for name in FILES:
            shutil.copy(library / name, folder)
            patch_copy(folder / name)
        source = (folder / "mvu_vvu_axi.sv").read_text()
        assert source.count(DEPTH) == 1
        (folder / "mvu_vvu_axi.sv").write_text(source.replace(DEPTH, depth))
        (folder / "queues.sv").write_text(top())
        folds = ",".join(str(fold) for _, fold in SIMD_AND_FOLDS)
        compile_bench(folder, "queues", [BENCH, *FILES, "queues.sv"], f"-DFOLDS={folds} -DVL_USER_STOP", fast="-O1")
    found = subprocess.run(
        [folder / "bench", str(PATTERN_BITS), str(offer)], capture_output=True, text=True, check=True
    ).stdout.splitlines()[-1]
    return dict(zip(SIMD_AND_FOLDS, map(int, found.split()), strict=True))


def test_the_library_s_queue_overflows_where_every_cycle_brings_a_result(tmp_path):
    wrong = overflows(tmp_path, "3 + $clog2(SIMD+1) + (SIMD == 1);")
    assert {key for key, count in wrong.items() if count} == {key for key in SIMD_AND_FOLDS if key[1] == 1}


@pytest.mark.parametrize("offer", [4, 3])
def test_the_patched_queue_never_does(tmp_path_factory, offer):
    folder = tmp_path_factory.getbasetemp() / "patched_queue"
    folder.mkdir(exist_ok=True)
    assert not any(overflows(folder, DEPTH, offer).values())
