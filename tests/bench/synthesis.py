"""`python -m tests.bench.synthesis BUILD...`: Yosys beside the estimate, as Markdown, of synthesised build folders."""

from __future__ import annotations

import sys
from pathlib import Path

from finn_build.boards import RESOURCES
from radioml.contract.synthesis import Synthesis
from radioml.run_directory import SYNTHESIS_REPORT


def totals(builds: dict[str, Synthesis]) -> str:
    """A row a build: what Yosys counts and, in brackets, what was estimated."""
    lines = [f"| build | {' | '.join(RESOURCES)} | seconds |", f"|---|{'---|' * (len(RESOURCES) + 1)}"]
    for name, value in builds.items():
        cells = [
            f"{value.total[resource]:,}" + (f" ({value.estimated[resource]:,})" if resource in value.estimated else "")
            for resource in RESOURCES
        ]
        seconds = sum(layer.seconds for layer in value.layers)
        lines.append(f"| {name}, {value.board} | {' | '.join(cells)} | {seconds:,.0f} |")
    return "\n".join(lines)


def by_kind(builds: dict[str, Synthesis]) -> str:
    """A row a kind of layer: LUTs by Yosys over LUTs estimated, and flip-flops over LUTs, both by Yosys."""
    kinds = sorted({layer.name.partition("_rtl")[0] for value in builds.values() for layer in value.layers})
    names = [f"{name}, {value.board}" for name, value in builds.items()]
    lines = [f"| layers | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for kind in kinds:
        cells = []
        for value in builds.values():
            layers = [layer for layer in value.layers if layer.name.partition("_rtl")[0] == kind]
            luts, flip_flops = (sum(layer.resources[name] for layer in layers) for name in ("LUT", "FF"))
            estimated = sum(layer.estimated["LUT"] for layer in layers)
            cells.append(f"{luts / estimated:.2f}; {flip_flops / luts:.2f}" if layers else "")
        lines.append(f"| {kind} ({_count(builds, kind)}) | {' | '.join(cells)} |")
    return "\n".join(lines)


def _count(builds: dict[str, Synthesis], kind: str) -> int:
    return sum(layer.name.partition("_rtl")[0] == kind for value in builds.values() for layer in value.layers)


if __name__ == "__main__":
    found = {str(Path(name)): Synthesis.read(Path(name) / SYNTHESIS_REPORT) for name in sys.argv[1:]}
    print(totals(found), by_kind(found), sep="\n\n")
