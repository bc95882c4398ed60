"""`radioml simulate`: frames through a build's simulated RTL, every integer compared with the network's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.markup import escape
from rich.table import Table

from finn_build.engine.paths import CYCLES
from finn_build.engine.record import load_record
from finn_build.verify.comparison import Comparison, compare
from radioml.contract.estimate import Estimate
from radioml.contract.package import Manifest, open_package
from radioml.contract.simulation import GoldenSimulation, Mismatch, SimulationReport
from radioml.errors import RadioMLError
from radioml.run_directory import ESTIMATE, PACKAGE, SIMULATION_REPORT
from radioml.simulation.compiled import packaged_simulator
from radioml.simulation.simulator_pool import PooledRun, SimulatorPool
from radioml.temporary import temporary_folder


@dataclass(frozen=True)
class FrameLabels:
    """Class and SNR in dB of each frame, for messages about a frame."""

    classes: tuple[str, ...]
    snr_db: tuple[int, ...]


def simulate_build(folder: Path, iq: np.ndarray, progress: Callable[[int], None]) -> tuple[Manifest, PooledRun]:
    """Stream float32 IQ frames (N, 1024, 2) through the packaged accelerator of a build folder, on all cores.

    Raises RadioMLError when the folder is no build, has no finished `rtl` stage, or its package was altered.
    """
    record = load_record(folder)
    if "rtl" not in record.stages:
        raise RadioMLError(f"{folder}: has no finished simulator; run `radioml build ... --until rtl` first")
    with temporary_folder("radioml-package") as unpacked:
        package = open_package(folder / PACKAGE, unpacked)
        manifest = package.manifest
        integers = manifest.quantiser(iq)
        with SimulatorPool(*packaged_simulator(package), manifest.input, manifest.output) as simulators:
            return manifest, simulators.run(integers, progress)


def report(
    folder: Path,
    manifest: Manifest,
    run: PooledRun,
    expected: np.ndarray,
    labels: FrameLabels,
    data: str,
    reference: str,
) -> SimulationReport:
    """Compare simulated logits with the network's and write simulation/simulation.json; returns its content.

    Args:
        folder: build folder.
        manifest: of the simulated package.
        run: what the simulation gave, see `simulate_build`.
        expected: the network's integer logits int64 (N, classes).
        labels: of the frames.
        data: what the frames are, in words.
        reference: what computed `expected`, in words.
    """
    comparison = compare(expected, run.integers)
    estimated = Estimate.read(folder / ESTIMATE)
    cycles = run.cycles_per_frame
    found = SimulationReport(
        kind="simulated RTL",
        reference=reference,
        data=data,
        frames=comparison.frames,
        mismatching_frames=len(comparison.mismatching),
        first_mismatch=_first(comparison, manifest, labels),
        cycles_per_frame=cycles,
        estimated_cycles_per_frame=estimated.cycles_per_frame,
        latency_cycles=run.latency_cycles,
        latency_us=run.latency_cycles / manifest.clock_mhz,
        board=manifest.board,
        clock_mhz=manifest.clock_mhz,
        frames_per_second=manifest.clock_mhz * 1e6 / cycles,
        simulated_cycles=run.cycles,
        seconds=round(run.seconds, 3),
        simulated_cycles_per_second=round(run.cycles / run.seconds),
    )
    found.write(folder / SIMULATION_REPORT)
    return found


def build_summary(folder: Path, clock_mhz: float) -> str:
    """One line on the simulation of a build's golden frames, with the estimate for comparison."""
    simulated = GoldenSimulation.read(folder / CYCLES)
    cycles, estimated = simulated.cycles_per_frame, Estimate.read(folder / ESTIMATE).cycles_per_frame
    against = "as estimated" if cycles == estimated else f"{cycles / estimated - 1:+.1%} against the estimate"
    return (
        f"RTL simulated: all {simulated.frames} golden frames integer-equal; {cycles:,} cycles a frame ({against}): "
        f"{clock_mhz * 1e6 / cycles:,.0f} frames/s, latency {simulated.latency_cycles / clock_mhz:.1f} us"
    )


def report_table(found: SimulationReport) -> Table:
    """The report as a table."""
    title = f"Simulated RTL against {found.reference}, {found.board} at {found.clock_mhz:g} MHz"
    table = Table(title=title, show_header=False)
    wrong = found.mismatching_frames
    table.add_row("frames", f"{found.frames:,} ({escape(found.data)})")
    table.add_row("frames with a different logit", f"[red]{wrong:,}[/]" if wrong else "[green]0: all integers equal[/]")
    if first := found.first_mismatch:
        table.add_row(
            "first difference",
            f"frame {first.frame} ({first.class_} at {first.snr_db:+d} dB), logit {first.logit}: "
            f"expected {first.expected}, found {first.found}",
        )
    table.add_row("cycles a frame", f"{found.cycles_per_frame:,} (estimated {found.estimated_cycles_per_frame:,})")
    table.add_row("frames/s at the board's clock", f"{found.frames_per_second:,.0f}")
    table.add_row("latency", f"{found.latency_cycles:,} cycles, {found.latency_us:.1f} us")
    table.add_row("simulated cycles/s", f"{found.simulated_cycles_per_second:,} ({found.seconds:.1f} s)")
    return table


def _first(comparison: Comparison, manifest: Manifest, labels: FrameLabels) -> Mismatch | None:
    if comparison.first is None:
        return None
    frame, logit, expected, found = comparison.first
    return Mismatch(frame, labels.classes[frame], labels.snr_db[frame], manifest.classes[logit], expected, found)
