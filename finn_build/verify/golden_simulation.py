"""What was counted when the RTL simulated the golden frames: simulation/cycles.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from radioml.files import write_json
from radioml.reading.records import read_record


@dataclass(frozen=True)
class GoldenSimulation:
    """Counts of a simulation whose logits were all equal.

    cycles_per_frame: the initiation interval.
    latency_cycles: from the first word of frame 0 in to its last logit out.
    frames: number of golden frames.
    """

    cycles_per_frame: int
    latency_cycles: int
    frames: int

    def write(self, path: Path) -> None:
        """Write the counts as JSON."""
        write_json(path, asdict(self))


def read_golden_simulation(path: Path) -> GoldenSimulation:
    """Read what `GoldenSimulation.write` wrote; raises RadioMLError for a file that is missing or damaged."""
    return read_record(path, GoldenSimulation)
