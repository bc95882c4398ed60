"""`python -m tests.bench.io_dma`: Yosys' resources of the DMA engines, as Markdown, for the streams of two boards."""

from __future__ import annotations

import json
from pathlib import Path

from finn_build.boards import RESOURCES
from finn_build.synthesis.cells import resources_of
from finn_build.synthesis.scripts import LUT_MEMORIES, mapped
from finn_build.synthesis.yosys import lut_memories, run_yosys
from radioml import io_dma
from radioml.files import write_text
from radioml.temporary import temporary_folder

BOARDS = {"Pynq-Z2": ("xc7", 64), "ZCU104": ("xcup", 128)}
"""Family of the FPGA, as synth_xilinx calls it, and bits of the memory port."""
STREAMS = {io_dma.READ: ((16, 2048), (128, 2048)), io_dma.WRITE: ((16, 48), (384, 48))}
"""Bits of a word and bytes of a frame: I and Q of a sample, or of eight; one logit of two bytes, or all 24."""


def cells(engine: str, family: str, parameters: dict[str, int], folder: Path) -> dict[str, int]:
    """Yosys' count of each cell of an engine."""
    given = " ".join(f"-G {name}={value}" for name, value in parameters.items())
    files = " ".join(str(io_dma.FOLDER / f"{name}.sv") for name in (*io_dma.PARTS, engine))
    write_text(folder / LUT_MEMORIES, lut_memories())
    script = [
        f"read_slang --top {engine} {given} {files}",
        *mapped(engine, family),
        "check -assert",
        "tee -q -o cells.json stat -json",
        "",
    ]
    run_yosys("\n".join(script), folder)
    modules = json.loads((folder / "cells.json").read_text())["modules"]
    return modules[f"\\{engine}"]["num_cells_by_type"]


def main() -> None:
    print(f"| engine | board, memory port | word, frame | {' | '.join(RESOURCES)} |")
    print(f"|---|---|---|{'---|' * len(RESOURCES)}")
    for engine, streams in STREAMS.items():
        for board, (family, memory) in BOARDS.items():
            for bits, frame in streams:
                with temporary_folder("dma-synthesis") as folder:
                    parameters = {"MEMORY_BITS": memory, "STREAM_BITS": bits, "FRAME_BYTES": frame}
                    counts = resources_of(cells(engine, family, parameters, folder))
                sizes = f"{board}, {memory} bits | {bits} bits, {frame} bytes"
                print(f"| `{engine}` | {sizes} | {' | '.join(str(counts[name]) for name in RESOURCES)} |", flush=True)


if __name__ == "__main__":
    main()
