"""The folder of HDL that a unit becomes: its module, its parts, and the accelerator's top."""

from __future__ import annotations

import shutil
from pathlib import Path

from finn_build.boards import Board
from finn_build.rtl.readme import README, packing
from finn_build.rtl.top import stitch
from finn_build.rtl_layers.wrapper import wrapper
from finn_build.statistics_unit.modules import INSTANCE, MODULE, PARTS
from finn_build.statistics_unit.schedule import Schedule
from finn_build.statistics_unit.unit import NAME, Unit
from finn_build.statistics_unit.verilog import unit_module
from radioml.constants import FRAME_LENGTH
from radioml.contract.package import StreamFormat
from radioml.files import write_text
from radioml.simulation.design import FILE_LIST, TOP, Design, Layer, Wire
from radioml.simulation.verilator import READ_OPTIONS

_PARTS = tuple(part.name for part in PARTS)
WRAPPER = "FrameStatistics_rtl_0"
"""The layer's module: the unit in Verilog, under the name that FINN gives it on the way to a bitfile."""


def write_hdl(unit: Unit, timing: Schedule, board: Board, folder: Path) -> Design:
    """Write all sources, files.f, design.json and a README to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        shutil.copyfile(part, folder / part.name)
    write_text(folder / f"{MODULE}.sv", unit_module(unit, timing))
    design = design_of(unit)
    write_text(folder / f"{TOP}.v", stitch(design.layers))
    (layer,) = design.layers
    streams = ({"in0_V": layer.inputs[0].bits}, {"out0_V": layer.outputs[0].bits})
    write_text(folder / f"{WRAPPER}.v", wrapper(WRAPPER, INSTANCE, *streams))
    write_text(folder / FILE_LIST, "\n".join([*_PARTS, f"{MODULE}.sv", f"{WRAPPER}.v", f"{TOP}.v"]) + "\n")
    write_text(folder / README, _readme(design, board))
    design.write(folder)
    return design


def design_of(unit: Unit) -> Design:
    """The unit as a design of one layer: samples in, one integer logit a word out."""
    output = unit.wires[unit.output]
    word = StreamFormat((FRAME_LENGTH, 2), 2 * unit.lanes, 8, True, 2 * unit.lanes)
    logit = StreamFormat((unit.classes,), 1, output.bits, output.signed, (output.bits + 7) // 8)
    ends = (Wire("samples", 8 * word.word_bytes, word.words), Wire("logits", 8 * logit.word_bytes, logit.words))
    return Design(word, logit, (Layer(NAME, WRAPPER, (ends[0],), (ends[1],)),), ())


def _readme(design: Design, board: Board) -> str:
    """Markdown for a person who has this folder and nothing else."""
    return f"""# {TOP}: RTL of a modulation classifier on statistics

For {board.name} ({board.part}) at {board.clock_mhz:g} MHz. No file names a path: the folder may be moved.

| file | what it is |
|---|---|
| `{FILE_LIST}` | all sources, one a line |
| `{TOP}.v` | the top module, `{TOP}` |
| `{MODULE}.sv` | the network as a pipeline, written from its QONNX graph: one register or more a wire |
| `{WRAPPER}.v` | the same module in Verilog, which a block design of Vivado takes |
| `design.json` | streams and layers, for this project's simulation |
| {", ".join(f"`{name}`" for name in _PARTS)} | its two ends and its delay lines |

`ap_clk` is the clock, `ap_rst_n` the synchronous reset, active low. Frames follow each other without a mark; a result
appears for each frame, in their order.

- **In** (`s_axis`): {packing(design.input)}
- **Out** (`m_axis`): {packing(design.output)}

Lint: `verilator {" ".join(("--lint-only", *READ_OPTIONS, "-f", FILE_LIST))}`. No primitive of a vendor is used.
"""
