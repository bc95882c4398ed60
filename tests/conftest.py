"""Fixtures of all rooms: a small network through the whole chain, and the tiers of the tests."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.repository import REPOSITORY, SHARED

# Before torch is loaded: OpenMP threads that spin while they wait take the processor from every other test process.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes that share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests that a shell starts in the background, and all their child processes, ignore Ctrl-C; under nohup they ignore a
# lost terminal. Some tests send both signals.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

MARKED_BY = {"board_python": "board", "pynq_3": "board", "published_network": "reference", "small_build": "rtl",
             "browser": "browser"}  # fmt: skip
"""Fixture -> marker of every test that uses it."""
TIERS = ("rtl", "board", "training", "reference", "browser")
SMALL_NETWORK = Path(__file__).parent / "small_network"
"""A small trained network: shipped, because a training in the tests would give other weights on other processors."""


def pytest_configure(config: pytest.Config) -> None:
    """Let all tests, and what they start, share one cache of simulators and one of fonts, in place of the user's."""
    gc.disable()
    if "PYTEST_XDIST_WORKER" not in os.environ:  # else the first process has done it
        folder = tempfile.TemporaryDirectory(prefix="radioml-cache-")
        config.add_cleanup(folder.cleanup)
        os.environ["XDG_CACHE_HOME"] = folder.name
        os.environ["MPLCONFIGDIR"] = str(Path(folder.name, "matplotlib"))


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their fixtures, and group them for several processes.

    A group is a file, or all tests of the small build, so that one process makes that build. Tests with markers take
    long and come first, so that all processes end at about the same time.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        for marker in {MARKED_BY[name] for name in fixtures & MARKED_BY.keys()}:
            item.add_marker(marker)
        item.add_marker(pytest.mark.xdist_group("small build" if "small_build" in fixtures else str(item.path)))
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: not any(item.get_closest_marker(tier) for tier in TIERS))


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what imports and collection made, which lives as long as the process.

    The collector rests until here (`pytest_configure`), and then runs less often than by default.
    """
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a skipped test of the board's environment fail if RADIOML_REQUIRE_BOARD is set."""
    report = yield
    if report.skipped and os.environ.get("RADIOML_REQUIRE_BOARD") and item.get_closest_marker("board"):
        report.outcome = "failed"
        report.longrepr = f"RADIOML_REQUIRE_BOARD is set, and this test is skipped: {report.longrepr[2]}"
    return report


@pytest.fixture(scope="session")
def published_network() -> Path:
    """Folder with the VGG10 that the challenge's authors trained on the real data set, as checkpoint and ONNX."""
    if not (SHARED / "reference").exists():
        pytest.skip("../shared/reference (a network trained on the real data set) is absent")
    return SHARED / "reference"


def run_radioml(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in another working directory, with an empty home."""
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    command = [sys.executable, "-m", "radioml", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment, check=False)


@pytest.fixture(scope="session")
def radioml() -> Callable[..., subprocess.CompletedProcess[str]]:
    return run_radioml


@pytest.fixture
def radioml_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Run the command line in this process, in the test's folder: a process of its own imports everything anew."""
    from radioml.cli import main

    taken = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)  # by the command line
    handlers = {number: signal.getsignal(number) for number in taken}

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = ["radioml", *map(str, arguments)]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", command)
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            main()
        return subprocess.CompletedProcess(command, ended.value.code or 0, *capsys.readouterr())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.onnx of the network in tests/small_network, in a run directory as after `radioml train` and `export`."""
    import yaml

    from radioml.reading.records import values
    from training.experiments.experiment import load_experiment
    from training.trained.checkpoint import load_checkpoint
    from training.trained.export import export

    run = tmp_path_factory.mktemp("runs") / "small network"
    claim = {"data": values(load_checkpoint(SMALL_NETWORK / "checkpoint.pth").training_data)}
    run.mkdir()
    experiment = load_experiment(str(SMALL_NETWORK / "small.yaml"))
    (run / "config.yaml").write_text(experiment.to_yaml() + yaml.safe_dump(claim, sort_keys=False))
    return export(SMALL_NETWORK / "checkpoint.pth", run / "train")


@pytest.fixture(scope="session")
def synthetic_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A function: the synthetic file with that many frames a cell and seed 1. A test that changes it takes a copy."""
    from radioml.data.synthetic import write_dataset

    folder = tmp_path_factory.mktemp("synthetic")

    @cache
    def written(frames_per_cell: int) -> Path:
        path = folder / f"{frames_per_cell}.hdf5"
        write_dataset(path, frames_per_cell, seed=1)
        return path

    return written


@pytest.fixture(scope="module")
def quick_simulators() -> Iterator[None]:
    """Let this process compile simulators without g++'s optimiser, which takes longer than a few frames in them."""
    from radioml.simulation import verilator

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verilator, "_OPTIMISE", verilator._QUICK)
        yield


@dataclass(frozen=True)
class SmallBuild:
    """A finished `--until rtl` build of the small network."""

    run: Path
    model: Path
    folder: Path
    home: Path
    output: str


@pytest.fixture(scope="session")
def small_build(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    home = tmp_path_factory.mktemp("user") / "home"
    home.mkdir()
    done = run_radioml("build", small_model, "--board", "Pynq-Z2", "--until", "rtl", "--target-fps", 400_000, home=home)
    assert done.returncode == 0, done.stderr
    run = small_model.parent.parent
    return SmallBuild(run, small_model, run / "build" / "Pynq-Z2", home, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def small_package(small_build: SmallBuild) -> Path:
    return small_build.folder / "package.zip"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium: Debian's, driven by Playwright."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is absent (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=options, timeout=300_000)
        yield started
        started.close()
