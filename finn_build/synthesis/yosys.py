"""Running Yosys: a script in a process of its own, so that an error of Yosys ends the process and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from radioml.errors import RadioMLError
from radioml.files import write_text
from radioml.processes import run_attached

_RUN = "from pyosys import libyosys; libyosys.run_pass('script synthesis.ys', libyosys.Design())"
_SCRIPT, _LOG = "synthesis.ys", "yosys.log"


def run_yosys(script: str, folder: Path) -> None:
    """Run a script in `folder`; raises RadioMLError with the first error that Yosys names.

    The script reads and writes files by names relative to the folder. The script and yosys.log stay there.
    """
    write_text(folder / _SCRIPT, script)
    log = folder / _LOG
    environment = {**os.environ, "TMPDIR": "."}  # ABC, which Yosys calls, takes no blanks in a path
    with log.open("w", encoding="utf-8") as stream:
        code = run_attached(
            [sys.executable, "-c", _RUN], cwd=folder, stdout=stream, stderr=subprocess.STDOUT, env=environment
        )
    if code:
        text = log.read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if re.search(r"\berror\b", line, re.IGNORECASE)]
        raise RadioMLError(f"Yosys failed (exit code {code}): {lines[0] if lines else 'no message'}; its log: {log}")


def yosys_version() -> str:
    """The version of Yosys, as its Python package numbers it."""
    return version("pyosys")


def cell_text(library: str, cell: str) -> str:
    """Verilog of a cell in a library that Yosys brings, such as "xilinx/cells_sim.v"; "" where it lacks the cell."""
    text = (_share() / library).read_text(encoding="utf-8")
    found = re.search(rf"^module {cell} ?\(.*?^endmodule\n", text, re.M | re.S)
    return found[0] if found else ""


def lut_memories() -> str:
    """Yosys' library of UltraScale's LUT memories, in which a memory of 512 words has 9 address bits."""
    path = _share() / "xilinx" / "lutrams_xcu.txt"
    wrong = 'option "ABITS" 16 {\n\t\tabits 16;'
    text = path.read_text(encoding="utf-8")
    if text.count(wrong) != 1:
        raise RadioMLError(f"{path}: not the library of pyosys 0.70")
    return text.replace(wrong, wrong.replace("16", "9"))


def _share() -> Path:
    spec = find_spec("pyosys")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "share"
