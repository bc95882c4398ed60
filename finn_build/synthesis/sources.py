"""The files of an HDL folder that one layer needs, and changes to copies of them that Yosys needs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from finn_build.rtl.library_patches import Patch, patch_copy
from finn_build.synthesis.scripts import ECP5
from radioml.simulation.design import FILE_LIST, TOP

_SHIFT_REGISTERS = (
    "Yosys infers a shift register from a descending array with the newest word at index 0. The slang front end "
    "mirrors the address of an ascending array, and flip-flops with multiplexers would be counted."
)
_NET_TYPE = "slang accepts `default_nettype only outside of modules, as IEEE 1800-2017, 22.8, demands."
PATCHES: tuple[Patch, ...] = (
    Patch("fifo.sv", _NET_TYPE, (("`default_nettype none\n", ""), ("`default_nettype wire\n", ""))),
    Patch("vpc.sv", _NET_TYPE, (("`default_nettype none\n", ""), ("`default_nettype wire\n", ""))),
    Patch(
        "mvu.sv",
        "A check for simulations waits 100 ns, and a delay cannot be synthesised.",
        (("if(1) begin : blkRecoveryWatch", "if(0) begin : blkRecoveryWatch"),),
    ),
    Patch(
        "thresholding.sv",
        "A slice in an assertion runs backwards in the last stage, which slang refuses.",
        (("p.ptr[M-1:SN+1] < 2**stage", "(p.ptr[M-1:0] >> (SN+1)) < 2**stage"),),
    ),
    Patch(
        "fifo.sv",
        _SHIFT_REGISTERS,
        (
            ("dat_t  A[DEPTH_IMPL];", "dat_t  A[DEPTH_IMPL-1:0];"),
            ("A <= { idat, A[0:DEPTH_IMPL-2] };", "A <= { A[DEPTH_IMPL-2:0], idat };"),
        ),
    ),
    Patch(
        "memstream.sv",
        _SHIFT_REGISTERS,
        (
            ("OSrl[FULL_CREDIT-1];", "OSrl[FULL_CREDIT-2:0];"),
            ("OSrl <= { Dat3, OSrl[0:FULL_CREDIT-3] };", "OSrl <= { OSrl[FULL_CREDIT-3:0], Dat3 };"),
        ),
    ),
    Patch(
        "mvu_vvu_axi.sv",
        _SHIFT_REGISTERS,
        (
            ("OBuf[0:MAX_IN_FLIGHT];", "OBuf[MAX_IN_FLIGHT:0];"),
            ("OBuf <= { odat, OBuf[0:MAX_IN_FLIGHT-1] };", "OBuf <= { OBuf[MAX_IN_FLIGHT-1:0], odat };"),
        ),
    ),
    Patch("thresholding.sv", _SHIFT_REGISTERS, (("ADat[A_DEPTH];", "ADat[A_DEPTH-1:0];"),)),
)
_WIDTH = "A_WIDTH = 25 + 2*(VERSION > 1);     "
_LANES = "The multiplier of the ECP5 takes 18 bits by 18, where a DSP48 takes 25 or 27 by 18."
ECP5_PATCHES: tuple[Patch, ...] = (
    Patch("mvu.sv", _LANES, ((_WIDTH, "A_WIDTH = 18;"),)),
    Patch("mvu_vvu_axi.sv", _LANES, ((_WIDTH, "A_WIDTH = 18;"),)),
)
"""What the copies for an ECP5 get beside `PATCHES`."""
_DECLARED = re.compile(r"^\s*(?:module|package|interface)\s+(\w+)", re.M)
_WORD = re.compile(r"\w+")


def sources_of(top: str, hdl: Path) -> tuple[str, ...]:
    """Names of the files of an HDL folder that declare what the Verilog text `top` uses, at any depth.

    They come in the order of the folder's list. The folder's own top module is not among them.
    """
    texts = {name: (hdl / name).read_text(encoding="utf-8") for name in _listed(hdl)}
    declaring = {module: name for name, text in texts.items() for module in _DECLARED.findall(text)}
    needed: set[str] = set()
    waiting = [top]
    while waiting:
        new = {declaring[word] for word in _WORD.findall(waiting.pop()) if word in declaring} - needed
        needed |= new
        waiting += [texts[name] for name in new]
    return tuple(name for name in texts if name in needed)


def data_of(layers: Sequence[str], hdl: Path) -> tuple[str, ...]:
    """Names of the .dat files of these layers, which their modules read with $readmemh."""
    prefixes = tuple(f"{name}_" for name in layers)
    return tuple(sorted(path.name for path in hdl.glob("*.dat") if path.name.startswith(prefixes)))


def patches_for(family: str) -> tuple[Patch, ...]:
    """The changes for a family, by Yosys' name of it."""
    return (*PATCHES, *ECP5_PATCHES) if family == ECP5 else PATCHES


def copy_patched(names: Sequence[str], hdl: Path, folder: Path, patches: tuple[Patch, ...]) -> None:
    """Copy files of an HDL folder; raises RadioMLError where a patch does not fit (`library_patches.patch_copy`)."""
    for name in names:
        shutil.copyfile(hdl / name, folder / name)
        patch_copy(folder / name, patches)


def _listed(hdl: Path) -> list[str]:
    names = (hdl / FILE_LIST).read_text(encoding="utf-8").split()
    return [name for name in names if name != f"{TOP}.v"]
