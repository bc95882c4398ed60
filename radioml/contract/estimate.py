"""The estimate of a folded network: what estimate.json holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.reading.records import read_record

Resource = Literal["LUT", "FF", "BRAM_18K", "URAM", "DSP"]
"""What an FPGA has."""
RESOURCES: tuple[Resource, ...] = ("LUT", "BRAM_18K", "URAM", "DSP")
"""What is estimated; flip-flops are not."""
Resources = dict[Resource, int]
"""Name of each of `RESOURCES` -> number."""


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
class Estimate:
    """Cycles, rate, latency and resources of a folded network on a board, by formulas.

    kind: always "estimated"; caveats: limits of the figures, in words.
    clock_mhz: the board's clock, to which rates and times refer.
    cycles_per_frame: the initiation interval, which is the cycles of the slowest layer.
    latency_cycles_at_most, latency_us_at_most: the sum of all layers' cycles, though layers overlap.
    finn, correction, total: FINN's resources, what `corrections` adds, and both.
    available: what the board leaves to a design; fits: whether the total is within it.
    folded: how the folding was chosen; seconds: from the QONNX network to the estimate.
    """

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

    def excess(self, budget: Resources) -> list[str]:
        """The resources of which the design needs more than the budget has, in words."""
        return [
            f"{self.total[name]:,} {name} of {budget[name]:,}" for name in RESOURCES if self.total[name] > budget[name]
        ]

    def to_json(self) -> dict[str, Any]:
        """The estimate as values for JSON, without unknown values."""
        return _known(asdict(self))

    def write(self, path: Path) -> None:
        """Write the estimate as JSON."""
        write_json(path, self.to_json())


def read_estimate(path: Path) -> Estimate:
    """Read what `Estimate.write` wrote; raises RadioMLError for a file that is missing or damaged."""
    try:
        return read_record(path, Estimate)
    except RadioMLError as error:
        raise RadioMLError(f"{error}; `radioml build` makes the file again") from error


def _known(value: dict[str, Any]) -> dict[str, Any]:
    return {name: _known(item) if isinstance(item, dict) else item for name, item in value.items() if item is not None}
