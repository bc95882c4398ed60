"""`python -m tests.bench.serial_chip BUILD FRAMES`: golden frames through the chip's netlist, over a serial line.

The netlist is the one that was placed, with shell, accelerator and the rate of the board's line. The driver is the
serial backend, the line a pseudo-terminal. Exit code 1 where a logit differs from the network's.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import numpy as np

from deploy.accelerator import open_accelerator
from deploy.backends import serial_line
from deploy.backends.serial_line import SerialAccelerator
from finn_build.ecp5.chip import CHIP
from finn_build.ecp5.netlist import CHIP_NETLIST
from finn_build.engine import paths
from finn_build.synthesis.scripts import ECP5
from finn_build.synthesis.yosys import run_yosys
from finn_build.verify.gate_design import models_of
from radioml.contract.package import open_package
from radioml.contract.serial_link import SILENCE_CYCLES, rate_of
from radioml.run_directory import BITFILE_FOLDER, PACKAGE
from radioml.simulation.serial_chip import SerialChip, compile_chip
from radioml.temporary import temporary_folder


def main(build: Path, frames: int) -> bool:
    """Print what came back and how long it took; whether all logits are equal."""
    serial_line._ANSWER_SECONDS = 3600.0  # a netlist takes minutes where the board takes milliseconds
    with temporary_folder("serial-chip") as work, temporary_folder("package") as unpacked:
        netlist = (build / paths.CHIP / CHIP_NETLIST).resolve()
        run_yosys(f"read_json {netlist}\nselect {CHIP}\nwrite_verilog -noattr -selected chip.v\n", work)
        text = (work / "chip.v").read_text(encoding="utf-8")
        cells = set(re.findall(r"^  ([A-Z]\w+) (?:#\(|[\w\\])", text, re.M))
        (work / "cells.v").write_text(models_of(cells, ECP5), encoding="utf-8")
        start = time.perf_counter()
        program = compile_chip(CHIP, [work / "cells.v", work / "chip.v"])
        compiled = time.perf_counter()
        package = open_package(build / BITFILE_FOLDER / PACKAGE, unpacked)
        iq, logits = package.golden()
        rate = rate_of(package.manifest.clock_mhz)
        with (
            SerialChip(program, work, rate.bit_cycles, 2 * SILENCE_CYCLES) as chip,
            open_accelerator(package, "serial", target=chip.port) as accelerator,
        ):
            assert isinstance(accelerator, SerialAccelerator)
            found = accelerator.infer(package.manifest.quantiser(iq[:frames])).logits
            equal = np.array_equal(found, logits[:frames])
            print(
                f"{frames} golden frames over {rate.bits_a_second:,} bits/s, {rate.bit_cycles} cycles a bit: "
                f"{'equal' if equal else 'DIFFERENT'}, {accelerator.repeated} requests repeated; "
                f"{compiled - start:.0f} s to compile, {time.perf_counter() - compiled:.0f} s to simulate"
            )
    return equal


if __name__ == "__main__":
    sys.exit(not main(Path(sys.argv[1]), int(sys.argv[2])))
