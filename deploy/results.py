"""The files that a classification leaves behind (`accuracy.json`, `throughput.json`, two plots), and a benchmark's."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from deploy.bench import PARTS, SEED, Benchmark, Call
from deploy.classify import Classification
from deploy.expectation import expectation
from radioml.constants import FRAME_LENGTH
from radioml.files import write_json
from radioml.package import Manifest
from radioml.plots import accuracy_over_snr, confusion_matrix, throughput_over_batch_size

_REPEATS_FOR_99 = 100
"""With fewer repetitions, the 99 % quantile would be their maximum."""


def default_folder(package: Path) -> Path:
    """`<run>/deploy` for a package in the run directory's `build/<board>/`, else `deploy` beside the package."""
    folder = package.resolve().parent
    return folder.parents[1] / "deploy" if folder.parent.name == "build" else folder / "deploy"


def write_results(result: Classification, folder: Path) -> None:
    """Write all result files into `folder`, replacing earlier ones."""
    metrics = result.metrics
    write_json(folder / "accuracy.json", accuracy(result))
    write_json(folder / "throughput.json", throughput(result))
    title, data = f"accelerator for {result.manifest.board} ({result.backend})", str(result.origin)
    accuracy_over_snr(folder / "accuracy_over_snr.png", {"accelerator": metrics}, title, data)
    confusion_matrix(folder / "confusion_matrix.png", metrics, title, data)


def accuracy(result: Classification) -> dict[str, Any]:
    """The content of `accuracy.json`: what ran on which data, and how often it was right."""
    manifest = result.manifest
    return {
        "backend": result.backend,
        "board": manifest.board,
        "model_sha256": manifest.model_sha256,
        "data": {"kind": result.origin.kind, "identity": result.origin.identity, "part": result.part},
        "frames": result.frames,
        "frames_requested": result.requested,
        "problem": result.problem,
        "unusable_frames": result.unusable.tolist(),
        "golden_frames_equal": result.golden_frames,
        "clipped_samples": result.clipped_samples,
        "samples": result.frames * FRAME_LENGTH * 2,
        "training_data": manifest.training_data,
        "accuracy_of_the_trained_network": manifest.accuracy,
        "expectation": expectation(result).to_dict(),
        **result.metrics.to_dict(),
    }


def throughput(result: Classification) -> dict[str, Any]:
    """The content of `throughput.json`.

    `host` is this machine's speed; `board` holds what the counted cycles come to at the board's clock, not a
    measurement on a board. Where this run counted no cycles, `cycles_per_frame` is the build's measurement.
    """
    return {
        "backend": result.backend,
        "frames": result.frames,
        "host": {"seconds": result.seconds, "frames_per_second": result.frames / result.seconds},
        "board": at_the_clock(result.manifest, result.cycles_per_frame),
    }


def at_the_clock(manifest: Manifest, counted: float | None) -> dict[str, Any]:
    """What cycles a frame, counted in this run or, if None, in the build, come to at the manifest's clock."""
    cycles = manifest.cycles_per_frame if counted is None else counted
    clock = manifest.clock_mhz * 1e6
    return {
        "board": manifest.board,
        "figures": "simulated: cycles counted in RTL simulation at the board's clock",
        "clock_mhz": manifest.clock_mhz,
        "cycles_per_frame": cycles,
        "counted_in": "the build" if counted is None else "this run",
        "cycles_per_frame_of_the_build": manifest.cycles_per_frame,
        "frames_per_second": clock / cycles,
        "latency_cycles": manifest.latency_cycles,
        "latency_microseconds": 1e6 * manifest.latency_cycles / clock,
    }


def write_benchmark(result: Benchmark, folder: Path) -> None:
    """Write `bench.png` and, beside it, `bench.json` into `folder`, replacing earlier ones."""
    throughput_over_batch_size(
        folder / "bench.png", benchmark(result), f"accelerator for {result.manifest.board} ({result.backend})"
    )


def benchmark(result: Benchmark) -> dict[str, Any]:
    """The content of `bench.json`.

    `figures` says what was measured on; `at_the_clock` is not measured but counted. Times are in seconds, those of
    `batches` means over a batch's repetitions; a part that the backend does not tell is null. exposed_host_seconds:
    the accelerator waits for the host; cpu_seconds: this process computed, in all its threads.
    """
    one = [call.seconds for call in result.calls[1]]
    return {
        "backend": result.backend,
        "figures": result.figures,
        "board": result.board,
        "target": result.target,
        "model_sha256": result.manifest.model_sha256,
        "golden_frames_equal": result.golden_frames,
        "frames": {"kind": "synthetic", "seed": SEED},
        "problem": result.problem,
        "clock": {
            "manifest_mhz": result.manifest.clock_mhz,
            "read_back_mhz": result.clock_mhz,
            "agrees": result.clock_agrees,
        },
        "latency_of_one_frame": {
            "repeats": len(one),
            "median_seconds": median(one),
            "quantile_99_seconds": float(np.quantile(one, 0.99)) if len(one) >= _REPEATS_FOR_99 else None,
            "maximum_seconds": max(one),
        },
        "batches": [_sweep_row(size, calls) for size, calls in result.calls.items()],
        "streaming": {
            "batch": result.stream_batch,
            "frames": result.streamed_frames,
            "frames_per_second": result.streamed_frames / result.streamed_seconds if result.streamed_seconds else None,
        },
        "at_the_clock": at_the_clock(result.manifest, result.cycles / result.intervals if result.intervals else None),
    }


def _sweep_row(size: int, calls: list[Call]) -> dict[str, Any]:
    count = len(calls)
    seconds, infer = sum(call.seconds for call in calls), sum(call.infer for call in calls)
    told = ("quantise", *calls[0].parts, "other")
    parts = {name: sum(call.part(name) for call in calls) / count if name in told else None for name in PARTS}
    return {
        "frames": size,
        "repeats": count,
        "seconds": seconds / count,
        "frames_per_second": size * count / seconds,
        "frames_per_second_without_quantising": size * count / infer,
        "parts_seconds": parts,
        "overlapped_seconds": sum(call.overlapped for call in calls) / count,
        "exposed_host_seconds": None if parts["accelerator"] is None else seconds / count - parts["accelerator"],
        "cpu_seconds": sum(call.cpu for call in calls) / count,
    }
