"""The board's notebook: stored without outputs, and executed, cell by cell, with the simulated board."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np
import pytest

from deploy.accelerator import open_accelerator
from deploy.classify import classify
from radioml.constants import CLASSES
from radioml.contract.package import open_package
from radioml.data.dataset import read_frames, read_layout
from radioml.reading.text import read_json
from tests.deploy.conftest import in_board_environment
from tests.repository import REPOSITORY

NOTEBOOK = REPOSITORY / "deploy" / "notebooks" / "classify.ipynb"
FRAMES = 96


def test_it_is_stored_without_outputs():
    for cell in code_cells(read_json(NOTEBOOK)):
        assert cell["outputs"] == [] and cell["execution_count"] is None, cell["id"]


@pytest.fixture(scope="module")
def executed(board_python, bitfile_package, data_file, tmp_path_factory) -> dict[str, dict[str, Any]]:
    """Each code cell after the run, by its name."""
    folder = tmp_path_factory.mktemp("jupyter")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "PACKAGE": bitfile_package, "DATA": data_file, "FRAMES": FRAMES, "RESULTS": folder / "results"
        }.items():  # fmt: skip
            patch.setenv(f"RADIOML_{name}", str(value))
        script = REPOSITORY / "tests" / "board" / "notebook.py"
        done = in_board_environment(board_python, script, NOTEBOOK, folder / "executed.ipynb", home=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "results" / "accuracy.json").is_file()
    return {cell["id"]: cell for cell in code_cells(read_json(folder / "executed.ipynb"))}


def test_it_runs_from_top_to_bottom_without_a_warning(executed):
    assert [cell["execution_count"] for cell in executed.values()] == list(range(1, len(executed) + 1))
    outputs = [output for cell in executed.values() for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "stream" and output["name"] == "stderr"] == []


def test_its_figures_are_those_of_the_command(executed, small_package, data_file):
    assert "26 golden frames are equal to the trained network's" in text(executed["batch"])
    expected = classify(small_package, data_file, "simulation", FRAMES, processes=1)
    right = re.search(r"right: (\d+) of (\d+) frames, ([\d.]+)%", text(executed["accuracy"]))
    overall = expected.metrics.overall
    assert right and right.groups() == (str(overall.correct), str(FRAMES), f"{100 * overall.accuracy:.2f}")
    assert f"{expected.clipped_samples} values cut off" in text(executed["accuracy"])
    assert "synthetic data" in text(executed["accuracy"])


def test_it_classifies_a_frame_of_each_modulation(executed, small_package, data_file, tmp_path):
    package = open_package(small_package, tmp_path)
    positions = (np.arange(24) * 26 + 25) * read_layout(
        data_file
    ).frames_per_cell  # of each modulation's first frame at +30 dB
    with open_accelerator(package, "software") as accelerator:
        integers = package.manifest.quantiser(read_frames(data_file, positions).iq)
        answers = [CLASSES[index] for index in accelerator.infer(integers).logits.argmax(1)]
    rows = text(executed["batch"]).split("\n\n")[1].splitlines()
    assert [tuple(row.split()[:2]) for row in rows] == list(zip(CLASSES, answers, strict=True))
    assert [row.endswith("<- wrong") for row in rows] == [a != b for a, b in zip(CLASSES, answers, strict=True)]


@pytest.mark.parametrize(("cell", "count"), [("frame", 1), ("plots", 2)])
def test_its_plots_are_there(executed, cell, count):
    images = [output["data"]["image/png"] for output in executed[cell]["outputs"] if "image/png" in output["data"]]
    assert len(images) == count
    for image in images:
        content = base64.b64decode(image)
        assert content.startswith(b"\x89PNG") and len(content) > 10_000


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def text(cell: dict[str, Any]) -> str:
    """What a cell printed."""
    printed = (output["text"] for output in cell["outputs"] if output["output_type"] == "stream")
    return "".join("".join(part) for part in printed)
