"""The files that a benchmark leaves behind: `bench.json` and its plot."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import numpy as np

from deploy.bench import PARTS, SEED, Benchmark, Call
from deploy.results import at_the_clock
from radioml.contract.speed import BatchSpeed, BenchReport, Clock, Latency, StreamingSpeed, SyntheticFrames
from radioml.report.plots import throughput_over_batch_size
from radioml.run_directory import BENCH

_REPEATS_FOR_99 = 100
"""With fewer repetitions, the 99 % quantile would be their maximum."""


def write_benchmark(result: Benchmark, folder: Path) -> None:
    """Write `bench.png` and, beside it, `bench.json` into `folder`, replacing earlier ones."""
    throughput_over_batch_size(
        (folder / BENCH).with_suffix(".png"),
        benchmark(result),
        f"accelerator for {result.manifest.board} ({result.backend})",
    )


def benchmark(result: Benchmark) -> BenchReport:
    """The content of `bench.json`."""
    one = [call.seconds for call in result.calls[1]]
    manifest = result.manifest
    return BenchReport(
        backend=result.backend,
        figures=result.figures,
        runs_on=result.runs_on,
        board=result.board,
        target=result.target,
        model_sha256=manifest.model_sha256,
        golden_frames_equal=result.golden_frames,
        frames=SyntheticFrames("synthetic", SEED),
        problem=result.problem,
        clock=Clock(manifest.clock_mhz, result.clock_mhz, result.clock_agrees),
        latency_of_one_frame=Latency(
            repeats=len(one),
            median_seconds=median(one),
            quantile_99_seconds=float(np.quantile(one, 0.99)) if len(one) >= _REPEATS_FOR_99 else None,
            maximum_seconds=max(one),
        ),
        batches=tuple(_batch_speed(size, calls) for size, calls in result.calls.items()),
        streaming=StreamingSpeed(
            batch=result.streaming_batch,
            frames=result.streaming_frames,
            frames_per_second=result.streaming_frames / result.streaming_seconds if result.streaming_seconds else None,
        ),
        at_the_clock=at_the_clock(
            manifest, result.cycles / result.initiation_intervals if result.initiation_intervals else None
        ),
    )


def _mean(seconds: list[float | None]) -> float | None:
    """The mean of the known times; None where the backend does not tell this part apart."""
    told = [value for value in seconds if value is not None]
    return sum(told) / len(told) if told else None


def _batch_speed(size: int, calls: list[Call]) -> BatchSpeed:
    count = len(calls)
    seconds, infer = sum(call.seconds for call in calls), sum(call.infer for call in calls)
    parts = {name: _mean([call.part(name) for call in calls]) for name in PARTS}
    return BatchSpeed(
        frames=size,
        repeats=count,
        seconds=seconds / count,
        frames_per_second=size * count / seconds,
        frames_per_second_without_quantising=size * count / infer,
        parts_seconds=parts,
        overlapped_seconds=sum(call.overlapped for call in calls) / count,
        exposed_host_seconds=None if parts["accelerator"] is None else seconds / count - parts["accelerator"],
        cpu_seconds=sum(call.cpu for call in calls) / count,
    )
