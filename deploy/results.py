"""The result files of a classification: `accuracy.json`, `throughput.json` and two plots."""

from __future__ import annotations

from pathlib import Path

from deploy.classify import Classification
from deploy.expectation import expectation
from radioml.constants import FRAME_LENGTH
from radioml.contract.accuracy import DriverAccuracy, PartOfFile
from radioml.contract.package import Manifest
from radioml.contract.speed import AtTheClock, HostSpeed, ThroughputReport
from radioml.report.plots import accuracy_over_snr, confusion_matrix
from radioml.run_directory import ACCURACY, THROUGHPUT


def write_results(result: Classification, folder: Path) -> None:
    """Write all result files into `folder`, replacing earlier ones."""
    metrics = result.metrics
    accuracy(result).write(folder / ACCURACY)
    throughput(result).write(folder / THROUGHPUT)
    title, data = result.name, str(result.origin)
    accuracy_over_snr(folder / "accuracy_over_snr.png", {"accelerator": metrics}, title, data)
    confusion_matrix(folder / "confusion_matrix.png", metrics, title, data)


def accuracy(result: Classification) -> DriverAccuracy:
    """The content of `accuracy.json`: what ran on which data, and its accuracy."""
    return DriverAccuracy(
        backend=result.backend,
        board=result.manifest.board if result.manifest else None,
        model_sha256=result.model_sha256,
        data=PartOfFile(result.origin.kind, result.origin.identity, result.part),
        frames=result.frames,
        frames_requested=result.requested,
        problem=result.problem,
        warnings=tuple(result.warnings),
        unusable_frames=tuple(result.unusable.tolist()),
        golden_frames_equal=result.golden_frames,
        clipped_samples=result.clipped_samples,
        samples=result.frames * FRAME_LENGTH * 2,
        training_data=result.network.training_data,
        accuracy_of_the_trained_network=result.network.accuracy,
        expectation=expectation(result),
        **vars(result.metrics.measured),
    )


def throughput(result: Classification) -> ThroughputReport:
    """The content of `throughput.json`: the cycles of this run, or where it counted none, of the build."""
    return ThroughputReport(
        backend=result.backend,
        frames=result.frames,
        host=HostSpeed(result.seconds, result.frames / result.seconds),
        board=at_the_clock(result.manifest, result.cycles_per_frame) if result.manifest else None,
    )


def at_the_clock(manifest: Manifest, counted: float | None) -> AtTheClock:
    """Rate and latency at the manifest's clock; counted: cycles a frame of this run, or None for the build's."""
    cycles = manifest.cycles_per_frame if counted is None else counted
    clock = manifest.clock_mhz * 1e6
    return AtTheClock(
        board=manifest.board,
        figures="simulated: cycles counted in RTL simulation at the board's clock",
        clock_mhz=manifest.clock_mhz,
        cycles_per_frame=cycles,
        counted_in="the build" if counted is None else "this run",
        cycles_per_frame_of_the_build=manifest.cycles_per_frame,
        frames_per_second=clock / cycles,
        latency_cycles=manifest.latency_cycles,
        latency_microseconds=1e6 * manifest.latency_cycles / clock,
    )
