"""One small network carried through the whole chain, for the tests of all rooms: trained, exported, built."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.repository import REPOSITORY, SHARED

# A shell that starts the tests in the background lets them, and all that they start, ignore Ctrl-C; some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

SMALL = {"phases": 32, "channels": [4, 4], "kernels": [3, 3], "strides": [2, 2]}


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder with a network that others trained on the real data set."""
    if not (SHARED / "reference").exists():
        pytest.skip("../shared/reference (a network trained on the real data set) is absent")
    return SHARED / "reference"


def run_radioml(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would: another working directory, an empty home."""
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    environment["MPLCONFIGDIR"] = str(home.parent / "matplotlib")
    command = [sys.executable, "-m", "radioml", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment, check=False)


@pytest.fixture(scope="session")
def radioml() -> Callable[..., subprocess.CompletedProcess[str]]:
    return run_radioml


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.onnx of a small polyphase network that was trained for a few seconds, enough to be better than chance."""
    from rich.console import Console

    from radioml.data.synthetic import write_dataset
    from training.experiment import Experiment
    from training.export import export
    from training.loop import train

    folder = tmp_path_factory.mktemp("runs")
    write_dataset(folder / "data.hdf5", 16, seed=3, processes=2)
    settings = {"epochs": 3, "batch_size": 64, "minimum_snr_db": 0}
    experiment = Experiment(name="small", topology="polyphase", parameters=SMALL, training=settings)
    trained = train(experiment, folder / "data.hdf5", folder / "small network", Console(quiet=True))
    assert trained.accuracy["overall"] > 2 / 24
    return export(folder / "small network" / "train" / "checkpoint.pth", folder / "small network" / "train")


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
