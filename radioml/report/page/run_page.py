"""The page of one run, and of several beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from radioml.contract.estimate import Estimate, Resources
from radioml.report.page.accuracy import accuracy_section, over_snr
from radioml.report.page.cost import cost_section, pareto
from radioml.report.page.dataflow import Node
from radioml.report.page.driver import driver_section
from radioml.report.page.hardware import estimate_section, implementation_section, ladder_section, rtl_section
from radioml.report.page.parts import (
    COMPUTED,
    ESTIMATED,
    SIMULATED,
    SYNTHESISED,
    Headline,
    Page,
    Section,
    Table,
    frames_of,
)
from radioml.report.page.run_content import BuildContent, Measurement, RunContent
from radioml.report.tradeoff_plot import Point


def run_page(run: RunContent, published: Sequence[Point] = ()) -> Page:
    """The page of a run; published: entries of the challenge, drawn beside the run."""
    headlines: list[Headline] = []
    sections: list[Section] = []
    if run.score:
        headlines.append(_score_headline(run))
    if run.measurements:
        headlines += _accuracy_headlines(run.measurements[0])
        sections.append(accuracy_section(run.measurements))
    if run.score:
        sections.append(cost_section(run.score, _points([run]), published))
    for build in run.builds:
        headlines += _build_headlines(build)
        sections += _build_sections(build)
    if run.bench:
        sections.append(driver_section(run.bench))
    measured = f"accuracy measured on {run.measurements[0].kind} data" if run.measurements else "accuracy not measured"
    return Page(f"Run {run.name}", f"Radio modulation recognition on an FPGA; {measured}.", headlines, sections)


def comparison_page(runs: Sequence[RunContent], published: Sequence[Point] = ()) -> Page:
    """Several runs on one page: cost against accuracy, accuracy over SNR, and a table of all figures."""
    points = _points(runs)
    measured = [Measurement(run.name, one.metrics, one.kind, one.data) for run in runs for one in run.measurements[:1]]
    sections = [
        Section("runs", "Runs", "", "One row a run, with its measurement over the most frames.", [_runs_table(runs)])
    ]
    if points:
        text = "Accuracies compare only where they were measured on the same data."
        sections.append(Section("cost", "Cost against accuracy", COMPUTED, text, [pareto(points, published)]))
    if measured:
        kinds = {one.kind for one in measured}
        condition = frames_of(kinds.pop()) if len(kinds) == 1 else ""
        sections.append(Section("accuracy", "Accuracy over SNR", condition, "", [over_snr(measured)]))
    return Page(f"{len(runs)} runs", f"Comparison of {', '.join(run.name for run in runs)}.", [], sections)


def _points(runs: Sequence[RunContent]) -> list[tuple[str, Point]]:
    """Data in words and the point of every run that has both figures."""
    found = []
    for run in runs:
        if run.score and run.score.valid and run.measurements:
            one = run.measurements[0]
            overall = one.metrics.overall
            assert overall.accuracy is not None  # of one frame at least
            interval = overall.low, overall.high
            point = Point(run.name, run.score.score, overall.accuracy, interval, run.score.conservative)
            found.append((one.data, point))
    return found


def _runs_table(runs: Sequence[RunContent]) -> Table:
    rows = []
    for run in runs:
        score = "" if run.valid_score is None else f"{run.valid_score:.6f}"
        accuracy, data = "", ""
        if run.measurements:
            overall = run.measurements[0].metrics.overall
            accuracy = f"{overall.accuracy:.2%} ({overall.low:.2%} to {overall.high:.2%})"
            data = f"{overall.frames:,} frames, {run.measurements[0].data}"
        rates = "; ".join(
            f"{build.board}: {build.frames_per_second:,.0f} ({SIMULATED if build.simulation else ESTIMATED})"
            for build in run.builds
        )
        rows.append((run.name, score, accuracy, data, rates))
    return Table(("run", "score", "accuracy, all SNRs (95 % interval)", "measured on", "frames/s"), rows)


def _score_headline(run: RunContent) -> Headline:
    if run.valid_score is None:
        return Headline("score", "none", COMPUTED, "The official cost function does not know all operations.")
    assert run.score is not None
    conservative = f" Conservative score: {run.score.conservative:.6f}."
    return Headline(
        "score", f"{run.valid_score:.6f}", COMPUTED, f"VGG10 W8A8 baseline: 1; lower is cheaper.{conservative}"
    )


def _accuracy_headlines(measured: Measurement) -> list[Headline]:
    overall, top = measured.metrics.overall, measured.metrics.at_30_db
    detail = f"{overall.low:.2%} to {overall.high:.2%} (95 %) of {overall.frames:,} frames: {measured.data}."
    condition = frames_of(measured.kind)
    over = measured.metrics.over
    found = [Headline(f"accuracy, {over}", f"{overall.accuracy:.2%}", condition, detail)]
    if top.frames:
        found.append(Headline("accuracy at +30 dB", f"{top.accuracy:.2%}", condition))
    return found


def _build_headlines(build: BuildContent) -> list[Headline]:
    estimate, simulation, board = build.estimate, build.simulation, build.board
    clock = f"{board} at {estimate.clock_mhz:g} MHz"
    if simulation:
        found = [
            Headline("throughput", f"{simulation.frames_per_second:,.0f} frames/s", SIMULATED,
                     f"{clock}, {simulation.cycles_per_frame:,} cycles a frame counted."),
            Headline("latency", f"{simulation.latency_us:.1f} us", SIMULATED, f"{clock}."),
            Headline("frames integer-equal", f"{simulation.equal_frames:,} of {simulation.frames:,}", SIMULATED,
                     f"RTL for {board} against the trained network."),
        ]  # fmt: skip
    else:
        found = [
            Headline("throughput", f"{estimate.frames_per_second:,.0f} frames/s", ESTIMATED,
                     f"{clock}, {estimate.cycles_per_frame:,} cycles a frame."),
        ]  # fmt: skip
    found.append(_resources(board, estimate.total, ESTIMATED))
    if build.synthesis:
        found.append(_resources(board, build.synthesis.total, SYNTHESISED))
    return found


def _resources(board: str, total: Resources, condition: str) -> Headline:
    memories = " and ".join(f"{total[name]:,} {name}" for name in ("BRAM_18K", "URAM") if total[name])
    value = f"{total['LUT']:,} LUT, {total['DSP']:,} DSP"
    return Headline(f"resources, {board}", value, condition, f"With {memories}." if memories else "")


def _build_sections(build: BuildContent) -> list[Section]:
    sections = [estimate_section(build.estimate, build.synthesis)]
    if build.depths:
        sections.append(rtl_section(build.board, _nodes(build.estimate), build.depths, build.simulation))
    if build.ladder:
        sections.append(ladder_section(build.board, build.ladder))
    if build.implementation:
        sections.append(implementation_section(build.board, build.implementation))
    return sections


def _nodes(estimate: Estimate) -> list[Node]:
    """The layers of the estimate with the streams between them."""
    slowest = estimate.slowest_layer
    return [
        Node(layer.name, layer.inputs, f"{layer.cycles:,} cycles", layer.name == slowest) for layer in estimate.layers
    ]
