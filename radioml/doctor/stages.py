"""Every stage with its needs on this machine, and what to do next here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from radioml.doctor.distributions import board_packages, packages
from radioml.doctor.need import Need, folder, missing
from radioml.doctor.tools import SYNTHESIS, WORKSTATION, bitstream_needs, simulation_tools, synthesis_needs
from radioml.doctor.vivado import bitfile_needs

DATASET = "GOLD_XYZ_OSC.0001_1024.hdf5"


def stages() -> dict[str, list[Need]]:
    """Every stage with its needs, on this machine, in this environment."""
    return {
        "training": packages("training", WORKSTATION),
        "build": packages("build", WORKSTATION),
        "simulation": [*packages("simulation", WORKSTATION), *simulation_tools()],
        "synthesis": synthesis_needs(),
        "bitfile-zynq": bitfile_needs("zynq"),
        "bitfile-alveo": bitfile_needs("vitis"),
        "bitfile-ulx3s": bitstream_needs(),
        "serial": packages("serial", SYNTHESIS),
        "board": _board(),
        "data": _data(),
    }


def next_steps(known: Mapping[str, list[Need]]) -> list[str]:
    """What to do next on this machine, a sentence each; known: the needs of all stages, as `stages` gives them."""
    if lines := [line for stage in ("training", "build", "simulation") for line in missing(known[stage])]:
        return [f"next, for training, estimates and simulation: {line}" for line in dict.fromkeys(lines)]
    data = Path("data") / DATASET
    if missing(known["data"]):
        data = Path("data/synthetic.hdf5")
        steps = [
            f"next: `radioml data synth {data}` makes frames to train and test on; `make demo` runs the whole chain"
        ]
    else:
        steps = [f"next: `radioml data check {data}` looks through the real data"]
    steps.append(f"`radioml train polyphase --data {data}` trains a network")
    steps += [
        f"`radioml build MODEL --board {board} --until bitfile` makes a bitfile"
        for stage, board in (("bitfile-zynq", "ZCU104"), ("bitfile-alveo", "U250"), ("bitfile-ulx3s", "ULX3S"))
        if not missing(known[stage])
    ]
    return steps


def _board() -> list[Need]:
    get = "run on the board, in PYNQ's environment (source /etc/profile.d/xrt_setup.sh)"
    return [*board_packages(), folder("XILINX_XRT", os.environ, get)]


def _data() -> list[Need]:
    path = Path("data") / DATASET
    get = (
        "RadioML 2018.01A from deepsig.ai after registration, put there; without it `radioml data synth` makes "
        "synthetic frames"
    )
    return [Need(str(path), str(path.resolve()) if path.is_file() else None, get)]
