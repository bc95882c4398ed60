"""The report as a browser shows it: every figure with its data, no request, no error, keyboard and screen reader."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import radioml.cli.commands.bench
import radioml.cli.commands.build
import radioml.cli.commands.training
import radioml.cli.commands.verify  # noqa: F401  (each registers)
from radioml.cli import app
from radioml.constants import CLASSES, SNRS_DB
from radioml.contract.accuracy import TrainedMetrics
from radioml.contract.training_data import TrainingData
from radioml.report.metrics import measure
from radioml.report.page.render import render
from radioml.report.page.run_content import read_run
from radioml.report.page.run_page import comparison_page, run_page
from radioml.report.tradeoff_plot import Point
from tests.conftest import SmallBuild

PUBLISHED = [Point("winner", 0.0162, 0.5624), Point("baseline", 1.0, 0.5947)]
SYMBOLS = "[role=graphics-symbol]"


@pytest.fixture(scope="module")
def run(small_build: SmallBuild, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with every part of a report."""
    run = tmp_path_factory.mktemp("reported") / "my <run>"
    shutil.copytree(small_build.run, run)
    folder = run / "build" / "Pynq-Z2"
    for command in (
        ("score", run / "train" / "model.onnx"),
        ("simulate", folder, "--frames", 26),
        ("verify", folder, "--frames", 2),
        ("bench", folder / "package.zip", "--batches", "1,4", "--seconds", 0.01),
    ):
        done = CliRunner().invoke(app, [str(word) for word in command], env={"COLUMNS": "200"})
        assert done.exit_code == 0, done.output
    rng = np.random.default_rng(0)
    labels, snrs = rng.integers(len(CLASSES), size=2000), rng.choice(SNRS_DB, 2000)
    predicted = np.where(rng.random(2000) < 0.6, labels, rng.integers(len(CLASSES), size=2000))
    identity = TrainingData("synthetic", "a test's")
    measured = measure(labels, snrs, predicted).measured
    TrainedMetrics(data=identity, **vars(measured)).write(run / "train" / "metrics.json")
    return run


@pytest.fixture(scope="module")
def page(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(run_page(read_run(run), PUBLISHED)), encoding="utf-8")
    return path


def opened(browser: Any, path: Path, width: int = 1280, scheme: str = "light") -> tuple[Any, list[str], list[str]]:
    """The drawn page, the console's errors, and requests for other files."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.set_default_timeout(300_000)
    shown, errors, requests = context.new_page(), [], []
    shown.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    shown.on("pageerror", lambda error: errors.append(str(error)))
    shown.on("request", lambda request: requests.append(request.url))
    shown.goto(path.as_uri())
    shown.wait_for_function(f"document.documentElement.dataset.drawn === '{scheme}' || window.failed")
    return shown, errors, [url for url in requests if url != path.as_uri()]


def labels(shown: Any, figure: str) -> list[str]:
    """A screen reader's text for each mark of a figure."""
    return [mark.get_attribute("aria-label") or "" for mark in shown.query_selector_all(f"#figure-{figure} {SYMBOLS}")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1280])
def test_it_draws_without_errors_and_requests_at_any_width(browser, page, width, scheme):
    shown, errors, requests = opened(browser, page, width, scheme)
    assert (errors, requests) == ([], [])
    figures = shown.query_selector_all(".vega")
    assert len(figures) >= 10
    assert all(figure.query_selector(SYMBOLS) for figure in figures)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"


def test_the_figures_show_the_files_numbers(browser, page, run):
    shown, _, _ = opened(browser, page)
    estimate = json.loads((run / "build" / "Pynq-Z2" / "estimate.json").read_text())
    said = labels(shown, "cycles-Pynq-Z2")
    for layer in estimate["layers"]:
        assert any(
            f"layer: {layer['name']};" in text and f": {layer['cycles']};" in text.replace(",", "") for text in said
        )
    streams = [(source, layer["name"]) for layer in estimate["layers"] for source in layer["inputs"]]
    assert len(streams) == len(estimate["layers"]) - 1, "the small network is a chain"
    assert len(shown.query_selector_all(".dataflow path")) == len(streams)
    metrics = json.loads((run / "train" / "metrics.json").read_text())
    said = labels(shown, "accuracy-by-class")
    for name, part in metrics["per_class"].items():
        assert any(f"class: {name}" in text and f": {part['accuracy']:.0%};" in text for text in said), (name, said)
    depths = json.loads((run / "build" / "Pynq-Z2" / "simulation" / "fifo_depths.json").read_text())
    assert sum("fifo: " in text for text in labels(shown, "fifos-Pynq-Z2")) == len(depths)
    assert {"winner", "baseline"} <= {
        name for text in labels(shown, "pareto") for name in ("winner", "baseline") if name in text
    }


def test_the_confusion_matrix_follows_the_chosen_snr(browser, page, run):
    shown, _, _ = opened(browser, page)
    counts = json.loads((run / "train" / "metrics.json").read_text())["confusion_per_snr"]
    everywhere = np.sum([np.array(rows) for rows in counts.values()], axis=0)

    def cells() -> int:
        return sum("true:" in text for text in labels(shown, "confusion"))

    assert cells() == np.count_nonzero(everywhere)
    shown.select_option("#figure-confusion select", label="+30 dB")
    wanted = np.count_nonzero(counts["30"])
    drawn = "document.querySelectorAll('#figure-confusion [aria-label*=\"true:\"]').length"
    shown.wait_for_function(f"{drawn} === {wanted}", timeout=60_000)
    assert cells() == wanted


def test_headlines_say_their_conditions(browser, page):
    shown, _, _ = opened(browser, page)
    text = shown.inner_text(".headlines")
    for condition in ("synthetic frames", "simulated", "estimated", "computed"):
        assert condition in text
    assert shown.query_selector_all("tr.marked"), "the bottleneck stands out in the table too"
    assert shown.inner_text("h1") == "Run my <run>"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_screen_reader_and_a_keyboard_find_everything(browser, page, scheme):
    from axe_playwright_python.sync_playwright import Axe

    shown, _, _ = opened(browser, page, scheme=scheme)
    found = Axe().run(shown).response["violations"]
    serious = [(one["id"], one["help"]) for one in found if one["impact"] in ("serious", "critical")]
    assert not serious
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "Skip to the content"


def test_runs_are_compared_on_one_page(browser, run, tmp_path):
    content = read_run(run)
    path = tmp_path / "comparison.html"
    path.write_text(render(comparison_page([content, content], PUBLISHED)), encoding="utf-8")
    shown, errors, requests = opened(browser, path)
    assert (errors, requests) == ([], [])
    assert shown.query_selector("#figure-pareto svg") and shown.query_selector("#figure-accuracy-over-snr svg")


def test_the_command_writes_the_page(run, radioml_here):
    done = radioml_here("report", run)
    assert done.returncode == 0, done.stderr
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "my &lt;run&gt;" in text
    assert text.count("<script") == 3


@pytest.mark.parametrize(
    ("content", "said"), [("{", "not valid JSON"), ("[]", "expected score"), ("{}", "score is missing")]
)
def test_a_damaged_file_is_named(radioml_here, tmp_path, content, said):
    broken = tmp_path / "run"
    (broken / "train").mkdir(parents=True)
    (broken / "train" / "score.json").write_text(content)
    done = radioml_here("report", broken)
    assert done.returncode == 2
    assert "score.json" in done.stderr and said in done.stderr.replace("\n", " ")
    assert not (broken / "report.html").exists()


def test_an_empty_directory_is_refused(radioml_here, tmp_path):
    done = radioml_here("report", tmp_path)
    assert done.returncode == 2 and "nothing to report" in done.stderr
