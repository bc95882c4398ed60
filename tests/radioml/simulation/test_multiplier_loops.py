"""The simulator's multiplier is the library's, cycle by cycle, over shapes, widths and DSP generations."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import finn
import pytest

from finn_build.rtl.library_patches import patch_copy
from radioml.errors import RadioMLError
from radioml.simulation.multiplier_loops import with_loops
from tests.verilated import compile_bench

pytestmark = pytest.mark.rtl

BENCH = Path(__file__).with_name("multiplier_loops.cpp")
CYCLES = 20_000
# DSP generation, PE, SIMD, weight bits, activation bits, accumulator bits, signed activations, narrow weights
SHAPES = [
    (2, 4, 1, 4, 4, 12, 0, 1), (2, 3, 2, 4, 4, 14, 0, 1), (2, 1, 3, 4, 8, 20, 1, 1), (2, 6, 5, 4, 4, 16, 0, 0),
    (1, 5, 4, 4, 4, 16, 0, 1), (1, 2, 6, 8, 8, 24, 1, 1), (2, 8, 7, 2, 4, 13, 0, 1), (2, 2, 12, 8, 8, 26, 0, 1),
    (2, 4, 16, 3, 5, 18, 1, 0), (2, 1, 48, 4, 4, 16, 0, 1), (2, 5, 9, 6, 4, 20, 0, 1), (1, 9, 8, 2, 2, 12, 0, 1),
]  # fmt: skip


def library(name: str) -> Path:
    (path,) = [path for root in finn.__path__ for path in Path(root, "finn-rtllib").glob(f"mvu/{name}")]
    return path


def top() -> str:
    pairs = ""
    for i, (dsp, pe, simd, weight, activation, accumulator, signed, narrow) in enumerate(SHAPES):
        parameters = (
            f".VERSION({dsp}), .PE({pe}), .SIMD({simd}), .WEIGHT_WIDTH({weight}), .ACTIVATION_WIDTH({activation}), "
            f".ACCU_WIDTH({accumulator}), .SIGNED_ACTIVATIONS({signed}), .NARROW_WEIGHTS({narrow})"
        )
        # Narrow weights exclude the most negative one: its neighbour takes its place.
        least = f"{{1'b1, {{{weight - 1}{{1'b0}}}}}}"
        pairs += f"""
  wire [{pe * simd * weight - 1}:0] w{i};
  for (genvar j = 0; j < {pe * simd}; j++) begin : weights{i}
    wire [{weight - 1}:0] word = w[{weight}*j +: {weight}];
    assign w{i}[{weight}*j +: {weight}] = {narrow} && word == {least} ? word + 1'b1 : word;
  end
  wire vld{i}, loops_vld{i};
  wire [{pe * accumulator - 1}:0] p{i}, loops_p{i};
  mvu #({parameters}) unit{i} (.clk, .rst, .en, .last(last && !zero), .zero, .w(w{i}), .a(a[{simd * activation - 1}:0]),
    .vld(vld{i}), .p(p{i}));
  mvu_loops #({parameters}) loops{i} (.clk, .rst, .en, .last(last && !zero), .zero, .w(w{i}),
    .a(a[{simd * activation - 1}:0]), .vld(loops_vld{i}), .p(loops_p{i}));
  assign valid[{i}] = vld{i};
  assign different[{i}] = vld{i} != loops_vld{i} || (vld{i} && p{i} != loops_p{i});"""
    ports = "input logic clk, rst, en, last, zero, input logic [511:0] w, input logic [511:0] a"
    return f"module pairs({ports}, output logic valid[{len(SHAPES)}], different[{len(SHAPES)}]);{pairs}\nendmodule\n"


def differences(folder: Path, loops: str) -> list[tuple[int, int]]:
    """Differing cycles and compared results of each pair, for this text of the module with loops."""
    for name in ("mvu_pkg.sv", "add_multi.sv", "mvu.sv"):
        shutil.copy(library(name), folder)
        patch_copy(folder / name)
    (folder / "mvu_loops.sv").write_text(re.sub(r"\bmodule mvu\b|: mvu\b", lambda m: m[0] + "_loops", loops))
    (folder / "pairs.sv").write_text(top())
    sources = [BENCH, "mvu_pkg.sv", "add_multi.sv", "mvu.sv", "mvu_loops.sv", "pairs.sv"]
    bench = compile_bench(folder, "pairs", sources, f"-DPAIRS={len(SHAPES)}", "--no-assert", fast="-O1")
    found = subprocess.run([bench, str(CYCLES)], capture_output=True, text=True, check=True).stdout.split()
    numbers = [int(number) for number in found[-2 * len(SHAPES) :]]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_every_result_is_the_library_s(tmp_path):
    found = differences(tmp_path, with_loops(library("mvu.sv").read_text()))
    assert all(results > CYCLES / 20 for _, results in found)
    assert [different for different, _ in found] == [0] * len(SHAPES)


def test_another_version_of_the_library_is_refused():
    text = library("mvu.sv").read_text()
    for changed in (text.replace("M2 + (L[3]", "M2 + (L[2]"), text.replace("// Stage #5", "// Step #5"), ""):
        with pytest.raises(RadioMLError, match=r"not those of finn-plus 1\.6\.1"):
            with_loops(changed)
