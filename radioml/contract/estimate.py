"""The estimate of a folded network: what estimate.json holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from radioml.contract.json_record import JsonRecord

Resource = Literal["LUT", "FF", "BRAM_18K", "URAM", "DSP"]
"""What an FPGA has."""
RESOURCES: tuple[Resource, ...] = ("LUT", "BRAM_18K", "URAM", "DSP")
"""What is estimated; flip-flops are not."""
Resources = dict[Resource, int]
"""Name of each of `RESOURCES` -> number."""


def demand_all(**counts: Resources) -> None:
    """Raise ValueError for the first of `RESOURCES` that one of these lacks."""
    for where, resources in counts.items():
        if missing := [name for name in RESOURCES if name not in resources]:
            raise ValueError(f"{where}.{missing[0]} is missing")


@dataclass(frozen=True)
class LayerEstimate:
    """One layer: cycles a frame, PE and SIMD, FINN's resources and what `finn_build.estimate.corrections` adds to them.

    inputs: names of the layers whose streams it reads, none for the first.
    """

    name: str
    inputs: tuple[str, ...]
    cycles: int
    folding: dict[str, int]
    finn: Resources
    correction: Resources

    def __post_init__(self) -> None:
        """Refuse counts that lack a resource; raises ValueError."""
        demand_all(finn=self.finn, correction=self.correction)


@dataclass(frozen=True)
class Folded:
    """How a folding was chosen.

    limit: why the slowest layer is not faster, in words.
    target_frames_per_second, folding_sha256, fit_margin_percent: the goal, one of the three
        (see `finn_build.exploration.choose_folding.Goal`).
    estimates, seconds: foldings that `--fit` tried, and how long that took; budget: what they had to fit.
    """

    limit: str
    target_frames_per_second: int | None = None
    folding_sha256: str | None = None
    fit_margin_percent: int | None = None
    estimates: int | None = None
    seconds: float | None = None
    budget: Resources | None = None


@dataclass(frozen=True)
class Estimate(JsonRecord):
    """Cycles, rate, latency and resources of a folded network on a board, by formulas.

    kind: always "estimated"; caveats: limits of the figures, in words.
    clock_mhz: the board's clock, to which rates and times refer.
    cycles_per_frame: the initiation interval, which is the cycles of the slowest layer.
    latency_cycles_at_most, latency_us_at_most: the sum of all layers' cycles, though layers overlap.
    finn, correction, total: FINN's resources, what `corrections` adds, and both.
    available: what the board leaves to a design; fits: whether the total is within it.
    folded: how the folding was chosen; seconds: from the QONNX network to the estimate.
    """

    MADE_BY = "radioml build"

    kind: str
    caveats: tuple[str, ...]
    board: str
    part: str
    clock_mhz: float
    cycles_per_frame: int
    slowest_layer: str
    frames_per_second: float
    latency_cycles_at_most: int
    latency_us_at_most: float
    layers: tuple[LayerEstimate, ...]
    finn: Resources
    correction: Resources
    total: Resources
    available: Resources
    fits: bool
    folded: Folded | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse counts that lack a resource; raises ValueError."""
        demand_all(finn=self.finn, correction=self.correction, total=self.total, available=self.available)

    def excess(self, budget: Resources) -> list[str]:
        """The resources of which the design needs more than the budget has, in words."""
        return [
            f"{self.total[name]:,} {name} of {budget[name]:,}" for name in RESOURCES if self.total[name] > budget[name]
        ]
