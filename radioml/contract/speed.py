"""How fast an accelerator is: what bench.json and throughput.json hold. Times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from radioml.contract.json_record import JsonRecord


@dataclass(frozen=True)
class AtTheClock:
    """Rate and latency at a board's clock, computed from counted cycles.

    figures: this in words. counted_in: "this run" or "the build".
    """

    board: str
    figures: str
    clock_mhz: float
    cycles_per_frame: float
    counted_in: str
    cycles_per_frame_of_the_build: int
    frames_per_second: float
    latency_cycles: int
    latency_microseconds: float


@dataclass(frozen=True)
class HostSpeed:
    """Speed of the machine that a command ran on."""

    seconds: float
    frames_per_second: float


@dataclass(frozen=True)
class ThroughputReport(JsonRecord):
    """Speed of a classification.

    host: of this machine. board: None for a network without a build.
    """

    MADE_BY = "radioml classify"

    backend: str
    frames: int
    host: HostSpeed
    board: AtTheClock | None


@dataclass(frozen=True)
class SyntheticFrames:
    """Frames of the generator."""

    kind: str
    seed: int


@dataclass(frozen=True)
class Clock:
    """The clock of the package and the one that was read back from the board; None where there is none to read."""

    manifest_mhz: float
    read_back_mhz: float | None
    agrees: bool | None


@dataclass(frozen=True)
class Latency:
    """Time of one frame alone; the quantile is None for few repetitions."""

    repeats: int
    median_seconds: float
    quantile_99_seconds: float | None
    maximum_seconds: float


@dataclass(frozen=True)
class BatchSpeed:
    """Batches of one size, one after the other; times are means over the repetitions.

    parts_seconds: see `deploy.bench.PARTS`; None where the backend does not tell a part.
    overlapped_seconds: that parts ran side by side. exposed_host_seconds: that the accelerator waits for the host.
    cpu_seconds: CPU time of this process in all its threads.
    """

    frames: int
    repeats: int
    seconds: float
    frames_per_second: float
    frames_per_second_without_quantising: float
    parts_seconds: dict[str, float | None]
    overlapped_seconds: float
    exposed_host_seconds: float | None
    cpu_seconds: float


@dataclass(frozen=True)
class StreamingSpeed:
    """Batches of frames, the next quantised while one is classified; no rate where the run ended before."""

    batch: int
    frames: int
    frames_per_second: float | None


@dataclass(frozen=True)
class BenchReport(JsonRecord):
    """A benchmark.

    figures: what was measured, in words; runs_on: the same as `deploy.accelerator.Runs`.
    board, target: name and address of the board, None where there is none.
    golden_frames_equal: number of golden frames, all equal. problem: why it ended early, or "".
    """

    MADE_BY = "radioml bench"

    backend: str
    figures: str
    runs_on: str
    board: str | None
    target: str | None
    model_sha256: str
    golden_frames_equal: int
    frames: SyntheticFrames
    problem: str
    clock: Clock
    latency_of_one_frame: Latency
    batches: tuple[BatchSpeed, ...]
    streaming: StreamingSpeed
    at_the_clock: AtTheClock
