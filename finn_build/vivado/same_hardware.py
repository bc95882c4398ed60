"""Whether FINN's project for Vivado holds the hardware that was simulated."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from radioml.errors import MismatchError
from radioml.simulation.design import FILE_LIST, TOP

_SCRIPT = "make_project.tcl"
_EXTRA = {"sim_ctrl.v"}
"""Files that FINN adds to every project. Without FINN_SIMULATION they define a constant that drives nothing."""
_STREAM = re.compile(r"^connect_bd_intf_net \[get_bd_intf_pins (\S+)/out0_V\] \[get_bd_intf_pins (\S+)/in0_V\]$", re.M)
_INSTANCE = re.compile(r"^  \S+ (\S+) \(\n    \.ap_clk\(ap_clk\)", re.M)
_WEIGHTS = "_memstream_wrapper.v"


def check_same_hardware(project: Path, prefix: str, library: Path, rtl: Path) -> None:
    """Compare the sources, data files and chain of layers in `project` (its make_project.tcl) with the folder `rtl`.

    FINN puts the partition's name in front of every layer's name, and absolute paths in front of data files. All other
    text must be the same.

    Args:
        project: folder of FINN's project.
        prefix: name of the partition.
        library: the RTL library that the project reads as FINN_RTLLIB.
        rtl: folder of the simulated HDL.

    Raises MismatchError naming each file that is missing, foreign or different, and each stream that joins other
    layers.
    """
    script = (project / _SCRIPT).read_text(encoding="utf-8").replace("$::env(FINN_RTLLIB)", str(library))
    # Files in the project folder are left out: Vivado itself writes the wrapper.
    paths = [Path(name) for name in re.findall(r"^add_files -norecurse (\S+)$", script, re.M)]
    given = _given([path for path in paths if project not in path.parents], prefix)
    simulated = {name: (rtl / name).read_text(encoding="utf-8") for name in _simulated(rtl)}
    problems = [f"{name}: simulated, not given to Vivado" for name in simulated if name not in given]
    problems += [f"{name}: given to Vivado, not simulated" for name in given if name not in {*simulated, *_EXTRA}]
    problems += [f"{name}: differs" for name in simulated if name in given and given[name] != simulated[name]]
    layers = [name for name in _INSTANCE.findall((rtl / f"{TOP}.v").read_text()) if not name.endswith("_weights")]
    chain, expected = set(_STREAM.findall(script.replace(f"{prefix}_", ""))), list(pairwise(layers))
    problems += [f"{left} -> {right}: this stream is not in the project" for left, right in expected
                 if (left, right) not in chain]  # fmt: skip
    if len(chain) != len(expected):
        problems.append(f"{len(chain)} streams in the project, {len(expected)} simulated")
    if problems:
        raise MismatchError(
            "\n  ".join(["Vivado was given other hardware than was simulated; no bitfile was made:", *problems[:20]])
        )


def _simulated(rtl: Path) -> list[str]:
    sources = (rtl / FILE_LIST).read_text(encoding="utf-8").split()
    return [*(name for name in sources if name != f"{TOP}.v"), *(path.name for path in rtl.glob("*.dat"))]


def _given(paths: list[Path], prefix: str) -> dict[str, str]:
    """Name in rtl/ -> text, of every source and of the data files beside the sources."""
    texts: dict[str, str] = {}
    for path in paths:
        layer = path.name.replace(f"{prefix}_", "").removesuffix(_WEIGHTS)
        for file in [path, *sorted(path.parent.glob("*.dat"))]:
            name = file.name.replace(f"{prefix}_", "")
            if name == "memblock.dat":
                if not path.name.endswith(_WEIGHTS):
                    continue
                name = f"{layer}_memblock.dat"
            text = file.read_text(encoding="utf-8").replace(f"{path.parent}/memblock.dat", f"{layer}_memblock.dat")
            texts[name] = text.replace(f'"{path.parent}/', '"./').replace(f"{prefix}_", "")
    return texts
