"""The page of one run: what lies in its directory, gathered into chapters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radioml.errors import RadioMLError
from radioml.files import read_json
from radioml.report.page.accuracy import accuracy_section
from radioml.report.page.cost import cost_section
from radioml.report.page.dataflow import Node
from radioml.report.page.driver import driver_section
from radioml.report.page.hardware import (
    estimate_section,
    implementation_section,
    ladder_section,
    rtl_section,
)
from radioml.report.page.parts import (
    COMPUTED,
    ESTIMATED,
    SIMULATED,
    Headline,
    Page,
    Section,
    frames_of,
)
from radioml.report.tradeoff_plot import Point


def run_page(run: Path, published: Sequence[Point] = ()) -> Page:
    """The page of a run directory.

    Args:
        run: the directory; stages that have not run are left out.
        published: published entries of the challenge, drawn beside the run.

    Raises:
        RadioMLError: nothing in the directory can be reported, or a file of it is damaged.
    """
    measured, kind, on = _measured(run)
    headlines: list[Headline] = []
    sections: list[Section] = []
    if score := _read(run / "train" / "score.json"):
        headlines += _score_headlines(score)
        own = []
        if measured and score["valid"]:
            overall = next(iter(measured.values()))["overall"]
            own = [
                (on, Point(run.resolve().name, score["score"], overall["accuracy"], (overall["low"], overall["high"])))
            ]
        cost = [cost_section(score, own, published)]
    else:
        cost = []
    if measured:
        headlines += _accuracy_headlines(measured, kind, on)
        sections.append(accuracy_section(measured, kind))
    sections += cost
    for folder in sorted((run / "build").glob("*/")):
        found, chapters = _build(folder)
        headlines += found
        sections += chapters
    if bench := _read(run / "deploy" / "bench.json"):
        sections.append(driver_section(bench))
    if not sections:
        raise RadioMLError(
            f"{run}: nothing to report; a run directory is what `radioml train`, `export` and `score` write"
        )
    trained = f"network trained on {kind} data" if kind else "accuracy not measured"
    return Page(
        f"Run {run.resolve().name}", f"Radio modulation recognition on an FPGA; {trained}.", headlines, sections
    )


def _read(path: Path) -> Any:
    return read_json(path) if path.is_file() else None


def _measured(run: Path) -> tuple[dict[str, dict[str, Any]], str, str]:
    """Every measurement of accuracy, by its name, that with most frames first; kind and words for the first's data."""
    found = []
    if training := _read(run / "train" / "metrics.json"):
        found.append(("after training, test part", training, training["data"]))
    for path in sorted(run.glob("evaluation/*/evaluation.json")):
        value = read_json(path)
        found.append((f"evaluated: {path.parent.name}", value, value["data"]))
    if driver := _read(run / "deploy" / "accuracy.json"):
        found.append((f"driver, backend {driver['backend']}", driver, driver["data"]))
    found = [entry for entry in found if entry[1]["overall"]["frames"]]
    found.sort(key=lambda entry: -entry[1]["overall"]["frames"])
    if not found:
        return {}, "", ""
    data = found[0][2]
    return {name: value for name, value, _ in found}, data["kind"], f"{data['kind']} data ({data['identity']})"


def _score_headlines(score: dict[str, Any]) -> list[Headline]:
    if not score["valid"]:
        return [Headline("score", "none", COMPUTED, "The official cost function does not know all operations.")]
    return [Headline("score", f"{score['score']:.6f}", COMPUTED, "VGG10 W8A8 baseline: 1; lower is cheaper.")]


def _accuracy_headlines(measured: dict[str, dict[str, Any]], kind: str, on: str) -> list[Headline]:
    first = next(iter(measured.values()))
    overall, top = first["overall"], first["at_30_db"]
    detail = f"{overall['low']:.2%} to {overall['high']:.2%} (95 %) of {overall['frames']:,} frames: {on}."
    found = [Headline("accuracy, all SNRs", f"{overall['accuracy']:.2%}", frames_of(kind), detail)]
    if top["frames"]:
        found.append(Headline("accuracy at +30 dB", f"{top['accuracy']:.2%}", frames_of(kind)))
    return found


def _build(folder: Path) -> tuple[list[Headline], list[Section]]:
    """Headlines and chapters of one build folder."""
    estimate = _read(folder / "estimate.json")
    if not estimate:
        return [], []
    board, simulation = estimate["board"], _read(folder / "simulation" / "simulation.json")
    clock = f"{board} at {estimate['clock_mhz']:g} MHz"
    chapters = [estimate_section(estimate)]
    if simulation:
        equal = simulation["frames"] - simulation["mismatching_frames"]
        headlines = [
            Headline("throughput", f"{simulation['frames_per_second']:,.0f} frames/s", SIMULATED,
                     f"{clock}, {simulation['cycles_per_frame']:,} cycles a frame counted."),
            Headline("latency", f"{simulation['latency_us']:.1f} us", SIMULATED, f"{clock}."),
            Headline("frames integer-equal", f"{equal:,} of {simulation['frames']:,}", SIMULATED,
                     f"RTL for {board} against the trained network."),
        ]  # fmt: skip
    else:
        headlines = [
            Headline("throughput", f"{estimate['frames_per_second']:,.0f} frames/s", ESTIMATED,
                     f"{clock}, {estimate['interval_cycles']:,} cycles a frame."),
        ]  # fmt: skip
    total = estimate["total"]
    headlines.append(Headline(f"resources, {board}", f"{total['LUT']:,} LUT, {total['DSP']:,} DSP", ESTIMATED))
    if depths := _read(folder / "simulation" / "fifo_depths.json"):
        chapters.append(rtl_section(board, _nodes(folder, estimate), depths, simulation))
    if ladder := _read(folder / "verify.json"):
        chapters.append(ladder_section(board, ladder))
    if bitfile := _read(folder / "bitfile" / "implementation.json"):
        chapters.append(implementation_section(board, bitfile))
    return headlines, chapters


def _nodes(folder: Path, estimate: dict[str, Any]) -> list[Node]:
    """The layers of the estimate, as a chain."""
    names = [layer["name"] for layer in estimate["layers"]]
    return [
        Node(layer["name"], tuple(names[index - 1 : index]), f"{layer['cycles']:,} cycles",
             layer["name"] == estimate["slowest_layer"])
        for index, layer in enumerate(estimate["layers"])
    ]  # fmt: skip
