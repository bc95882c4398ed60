"""What came of simulating a build's RTL: what simulation/cycles.json and simulation/simulation.json hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from radioml.contract.json_record import JsonRecord
from radioml.errors import RadioMLError
from radioml.reading.text import read_json


@dataclass(frozen=True)
class GoldenSimulation(JsonRecord):
    """Counts of a simulation of the golden frames whose logits were all equal.

    cycles_per_frame: the initiation interval.
    latency_cycles: from the first word of frame 0 in to its last logit out.
    frames: number of golden frames.
    """

    MADE_BY = "radioml build"

    cycles_per_frame: int
    latency_cycles: int
    frames: int


@dataclass(frozen=True)
class Mismatch:
    """The first logit that differs: its frame, with class and SNR, the class of the logit, and both integers."""

    frame: int
    class_: str
    snr_db: int
    logit: str
    expected: int
    found: int


@dataclass(frozen=True)
class SimulationReport(JsonRecord):
    """Frames through the RTL, every logit compared with the network's.

    kind: always "simulated RTL". reference, data: what gave the expected logits, and what the frames are, in words.
    frames, mismatching_frames: that were simulated, and those of them with a different logit.
    cycles_per_frame: the initiation interval; latency_cycles, latency_us: from a frame's first word to its last logit.
    frames_per_second: at the board's clock, clock_mhz.
    simulated_cycles, seconds: of the simulation on this host, and their quotient.
    """

    MADE_BY = "radioml simulate"

    kind: str
    reference: str
    data: str
    frames: int
    mismatching_frames: int
    first_mismatch: Mismatch | None
    cycles_per_frame: int
    estimated_cycles_per_frame: int
    latency_cycles: int
    latency_us: float
    board: str
    clock_mhz: float
    frames_per_second: float
    simulated_cycles: int
    seconds: float
    simulated_cycles_per_second: int

    @property
    def equal_frames(self) -> int:
        """Frames whose logits are all equal."""
        return self.frames - self.mismatching_frames


def read_fifo_depths(path: Path) -> dict[str, int]:
    """Read simulation/fifo_depths.json: FIFO -> depth in words; raises RadioMLError for a file that is damaged."""
    value = read_json(path)
    if not isinstance(value, dict) or not all(type(depth) is int for depth in value.values()):
        raise RadioMLError(f"{path}: not a depth in words for each FIFO; `radioml build` makes the file again")
    return value
