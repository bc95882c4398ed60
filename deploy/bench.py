"""Measures an accelerator: a sweep over batch sizes with the time of each part, one frame's latency, streaming."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deploy.accelerator import Accelerator, Runs, open_accelerator
from deploy.checks.golden import check_golden
from deploy.pipeline import classified
from deploy.sources.source import Block
from radioml.constants import CLASSES, SNRS_DB
from radioml.contract.package import Manifest, open_package
from radioml.errors import INTERRUPTED, RadioMLError, problem
from radioml.temporary import temporary_folder

PARTS = ("quantise", "pack", "transfer", "accelerator", "unpack", "other")
"""Parts of a call's time. other: time that the backend does not tell apart; on a board Python around the parts, on
other backends everything except quantising."""
SEED = 2018
_NOT_A_BOARD: dict[Runs, str] = {
    "RTL simulation": "RTL simulation on this host",
    "software": "the network in software on this host",
    "simulated board": "simulated board",
}
_CLOCK_TOLERANCE = 0.01
"""Relative; PYNQ also warns of clocks that are off by more."""


@dataclass(frozen=True)
class Call:
    """One batch, quantised and then classified, with nothing running beside it.

    quantise, infer: wall-clock seconds.
    cpu: CPU seconds of this process, in all its threads.
    parts: as in `deploy.accelerator.Inference`.
    """

    quantise: float
    infer: float
    cpu: float
    parts: dict[str, float]

    @property
    def seconds(self) -> float:
        """Wall-clock time from samples to logits."""
        return self.quantise + self.infer

    @property
    def overlapped(self) -> float:
        """Seconds that the parts of a call in several transfers ran side by side."""
        return max(sum(self.parts.values()) - self.infer, 0.0)

    def part(self, name: str) -> float | None:
        """Seconds of one of `PARTS`; None where the backend does not tell this part apart."""
        if name == "quantise":
            return self.quantise
        if name == "other":
            return max(self.infer - sum(self.parts.values()), 0.0)
        return self.parts.get(name)


@dataclass
class Benchmark:
    """What was measured so far.

    runs_on: see `Accelerator`.
    board: the board's name, None without a board.
    clock_mhz: read back from the board.
    calls: batch size -> repetitions; size 1 is always among them.
    streaming_frames, streaming_seconds: of `deploy.pipeline.classified`, with batches of `streaming_batch` frames.
    cycles, initiation_intervals: as in `deploy.accelerator.Inference`.
    problem: why the benchmark ended early, or "".
    """

    manifest: Manifest
    backend: str
    runs_on: Runs
    target: str | None
    board: str | None
    clock_mhz: float | None
    golden_frames: int
    streaming_batch: int
    calls: dict[int, list[Call]] = field(default_factory=dict)
    streaming_frames: int = 0
    streaming_seconds: float = 0.0
    cycles: int = 0
    initiation_intervals: int = 0
    problem: str = ""

    @property
    def interrupted(self) -> bool:
        """Whether the user ended the benchmark."""
        return self.problem == INTERRUPTED

    @property
    def figures(self) -> str:
        """The kind of the figures: measured on a board, or not a board's speed."""
        if self.runs_on == "board":
            return f"measured on {self.board}" + (", over the network" if self.target else "")
        return f"{_NOT_A_BOARD[self.runs_on]}: not a board's speed"

    @property
    def clock_agrees(self) -> bool | None:
        """Whether the clock read back is the manifest's, within 1 %; None without a clock to read."""
        if self.clock_mhz is None:
            return None
        return abs(self.clock_mhz - self.manifest.clock_mhz) <= _CLOCK_TOLERANCE * self.manifest.clock_mhz


def bench(
    package: Path,
    backend: str,
    batches: Sequence[int],
    seconds: float,
    processes: int | None = None,
    target: str | None = None,
    progress: Callable[[str], object] = lambda what: None,
) -> Benchmark:
    """Check an accelerator's golden frames, then measure each batch size for `seconds`, at least once.

    Frames are synthetic ones of all classes and SNRs, from a fixed seed. After the first measurement a
    KeyboardInterrupt or an error of the accelerator ends the benchmark, which keeps what was measured.

    Args:
        package: the package.
        backend, processes, target: as in `open_accelerator`.
        batches: frames a batch; batches of 1 frame are always measured, too.
        seconds: for each batch size, and for streaming.
        progress: called with a description of the next measurement.

    Raises RadioMLError and MismatchError for a failure before the first measurement.
    """
    from radioml.data.synthetic import generate_spread

    if not batches or min(batches) < 1 or seconds <= 0:
        raise RadioMLError(f"batch sizes and seconds must be above 0, not {list(batches)} frames and {seconds} s")
    frames = generate_spread(len(CLASSES) * len(SNRS_DB), SEED).iq
    with temporary_folder("radioml-package") as folder:
        opened = open_package(package, folder)
        with open_accelerator(opened, backend, processes, target) as accelerator:
            progress("golden frames")
            golden = check_golden(accelerator, opened)
            result = Benchmark(
                opened.manifest, backend, accelerator.runs_on, target, accelerator.board_name(),
                accelerator.clock_mhz(), golden, accelerator.batch_frames,
            )  # fmt: skip
            try:
                for size in sorted({1, *batches}):
                    progress(f"batches of {size:,} frames")
                    _repeat(accelerator, _batch(frames, size), seconds, result)
                progress("streaming")
                _streaming(accelerator, _batch(frames, result.streaming_batch), seconds, result)
            except (KeyboardInterrupt, RadioMLError) as error:
                if not result.calls:
                    raise
                result.problem = problem(error)
    return result


def _batch(frames: np.ndarray, size: int) -> np.ndarray:
    """`size` frames, float32 (size, 1024, 2), which repeat the given frames."""
    return np.resize(frames, (size, *frames.shape[1:]))


def _repeat(accelerator: Accelerator, iq: np.ndarray, seconds: float, result: Benchmark) -> None:
    """Measure one batch repeatedly for `seconds`."""
    until = time.perf_counter() + seconds
    while True:
        start, cpu = time.perf_counter(), time.process_time()
        integers = result.manifest.quantiser.frames(iq).integers
        quantise = time.perf_counter() - start
        inference = accelerator.infer(integers)
        call = Call(quantise, inference.seconds, time.process_time() - cpu, dict(inference.parts))
        result.calls.setdefault(len(iq), []).append(call)
        if inference.cycles is not None:
            result.cycles += inference.cycles
            result.initiation_intervals += inference.initiation_intervals
        if time.perf_counter() >= until:
            return


def _streaming(accelerator: Accelerator, iq: np.ndarray, seconds: float, result: Benchmark) -> None:
    """Measure streaming as in `radioml classify` and `stream`: a batch is quantised while another is classified."""
    start = time.perf_counter()

    def blocks() -> Iterator[Block]:
        yield Block(iq)
        while time.perf_counter() < start + seconds:
            yield Block(iq)

    with closing(classified(accelerator, blocks())) as batches:
        for batch in batches:
            result.streaming_frames += len(batch.class_index)
            result.streaming_seconds = time.perf_counter() - start
