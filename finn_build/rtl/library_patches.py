"""Changes to copies of FINN's RTL library that Verilator, or the hardware, needs.

Each change names the exact text that it replaces. The text must be in the file exactly once, so that another version of
the library is refused until a person has looked at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radioml.errors import RadioMLError


@dataclass(frozen=True)
class Patch:
    """One change: `replacements` are (old text, new text), applied in order to the file called `file`."""

    file: str
    reason: str
    replacements: tuple[tuple[str, str], ...]


_LEAF_LOAD_TABLE = """		// Compute the count of decendents for all nodes in the reduction trees.
		typedef int unsigned  leaf_load_t[2*N-1];
		function leaf_load_t init_leaf_loads();
			automatic leaf_load_t  res;
			for(int unsigned  i = 2*N-1; i-- > N-1;)  res[i] = 1;
			for(int unsigned  i =   N-1; i-- >   0;)  res[i] = res[2*i+1] + res[2*i+2];
			return  res;
		endfunction : init_leaf_loads
		localparam leaf_load_t   LEAF_LOAD = init_leaf_loads();
"""
_LEVELS = "	localparam int unsigned  L = $clog2(N);  // Number of levels with reductions\n"
_LEAF_LOAD_FUNCTION = """
	// Leaves below a node of the heap-ordered tree: on every level its descendants are one index range.
	function automatic int unsigned leaf_load(input int unsigned  node);
		automatic int unsigned  lo = node;
		automatic int unsigned  hi = node;
		automatic int unsigned  res = 0;
		while(lo < 2*N-1) begin
			automatic int unsigned  l = lo < N-1? N-1 : lo;
			automatic int unsigned  h = hi > 2*N-2? 2*N-2 : hi;
			if(h >= l)  res = res + (h - l + 1);
			lo = 2*lo + 1;
			hi = 2*hi + 2;
		end
		return  res;
	endfunction : leaf_load
"""

PATCHES: tuple[Patch, ...] = (
    Patch(
        "fifo.sv",
        "Verilator evaluates constant functions over packed structures only.",
        (("typedef struct {\n\t\tint unsigned  lo;", "typedef struct packed {\n\t\tint unsigned  lo;"),),
    ),
    Patch(
        "add_multi.sv",
        "Verilator does not evaluate a constant function that is declared inside a generate block and returns an "
        "unpacked array: the same numbers from a function at module scope.",
        (
            (_LEAF_LOAD_TABLE, ""),
            (_LEVELS, _LEVELS + _LEAF_LOAD_FUNCTION),
            ("LEAF_LOAD[i]", "leaf_load(i)"),
            ("LEAF_LOAD[LIDX]", "leaf_load(LIDX)"),
            ("LEAF_LOAD[RIDX]", "leaf_load(RIDX)"),
        ),
    ),
    Patch(
        "mvu_vvu_axi.sv",
        "A defect, in hardware too. Where every cycle brings a result (SIMD = MW) and the output is held back for "
        "about as many cycles as the multiplier has stages, the output queue overflows and words are lost. The queue "
        "must hold one word more than there are stages. The library's queue holds as many words as there are stages, "
        "or one less where SIMD is no power of two.",
        (
            ("3 + $clog2(SIMD+1) + (SIMD == 1);", "5 + $clog2(SIMD) + (SIMD == 1);"),
        ),
    ),
)  # fmt: skip


def patch_copy(path: Path, patches: Sequence[Patch] = PATCHES) -> None:
    """Apply the patches of this file's name to a copy of a library file. Files without a patch stay as they are.

    Raises RadioMLError when a text that a patch replaces is not there exactly once.
    """
    for patch in (patch for patch in patches if patch.file == path.name):
        text = path.read_text(encoding="utf-8")
        for old, new in patch.replacements:
            if (found := text.count(old)) != 1:
                raise RadioMLError(
                    f"{path}: the patch of {patch.file} expects {old.strip().splitlines()[0]!r} once and found it "
                    f"{found} times: this is another version of FINN's RTL library than the one the patch was written "
                    f"for (finn-plus 1.6.1). Why the patch exists: {patch.reason}"
                )
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
