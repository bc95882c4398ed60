"""The resources that Yosys counts in a synthesised design: what synthesis/synthesis.json holds."""

from __future__ import annotations

from dataclasses import dataclass

from radioml.contract.estimate import Resources, demand_all
from radioml.contract.json_record import JsonRecord

KIND = "synthesised by Yosys, not Vivado"
CAVEATS = (
    "Yosys maps each layer by itself; Vivado maps, packs and shares otherwise, and place and route adds to both",
    "a LUT is one of Yosys' cells: two small ones that could share a LUT count as two",
    "no timing is known",
)


@dataclass(frozen=True)
class LayerSynthesis:
    """One layer, with the width converters and FIFOs in front of it and its weight memory, as the estimate counts it.

    resources: what the netlist takes.
    estimated: FINN's estimate and our correction (estimate.json).
    cells: Yosys' count of each cell of the vendor's library.
    seconds: time that the synthesis took.
    """

    name: str
    resources: Resources
    estimated: Resources
    cells: dict[str, int]
    seconds: float


@dataclass(frozen=True)
class Synthesis(JsonRecord):
    """The layers of a design and their sum.

    kind: always `KIND`.
    caveats: remarks on the figures.
    tool: version and command of Yosys.
    """

    MADE_BY = "radioml build ... --until synthesis"

    kind: str
    caveats: tuple[str, ...]
    tool: str
    board: str
    part: str
    layers: tuple[LayerSynthesis, ...]
    total: Resources
    estimated: Resources

    def __post_init__(self) -> None:
        """Refuse a sum that lacks a resource; raises ValueError."""
        demand_all(total=self.total)

    def summary(self) -> str:
        """The sum against the estimate, in one line."""
        parts = []
        for name, counted in self.total.items():
            estimated = self.estimated.get(name)
            if counted or estimated:
                parts.append(f"{counted:,} {name}" + ("" if estimated is None else f" ({estimated:,} estimated)"))
        return f"Synthesised by {self.tool.partition(' (')[0]}, not Vivado, no timing: {', '.join(parts)}"
