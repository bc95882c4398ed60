"""The workstation's notebook: stored without outputs, and executed cell by cell with a small network."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radioml.reading.text import read_json
from tests.repository import REPOSITORY
from training.cost.score import score_model

NOTEBOOK = REPOSITORY / "examples" / "from_data_to_estimate.ipynb"
PICTURES = ("data", "phases", "integers", "accuracy", "score", "thresholds", "estimate")

pytestmark = pytest.mark.rtl


def code_cells(notebook: Any) -> dict[str, Any]:
    return {cell["id"]: cell for cell in notebook["cells"] if cell["cell_type"] == "code"}


@pytest.fixture(scope="module")
def executed(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each code cell after the run, by its name."""
    import nbformat
    from nbclient import NotebookClient

    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "RADIOML_MODEL": small_model, "RADIOML_FOLDER": folder / "kept", "RADIOML_FRAMES_PER_CELL": 4,
            "PYTHONPATH": REPOSITORY, "IPYTHONDIR": folder / "ipython",
        }.items():  # fmt: skip
            patch.setenv(name, str(value))
        where = {"metadata": {"path": str(folder)}}
        client = NotebookClient(nbformat.read(NOTEBOOK, 4), timeout=600, kernel_name="python3", resources=where)
        return code_cells(client.execute())


def text(cell: dict[str, Any]) -> str:
    return "".join(output["text"] for output in cell["outputs"] if output["output_type"] == "stream")


def test_it_is_stored_without_outputs():
    for name, cell in code_cells(read_json(NOTEBOOK)).items():
        assert cell["outputs"] == [] and cell["execution_count"] is None, name


def test_it_runs_from_top_to_bottom_without_a_warning(executed: dict[str, Any]):
    assert [cell["execution_count"] for cell in executed.values()] == list(range(1, len(executed) + 1))
    outputs = [output for cell in executed.values() for output in cell["outputs"]]
    assert [output for output in outputs if output.get("name") == "stderr"] == []


@pytest.mark.parametrize("name", PICTURES)
def test_its_pictures_are_there(executed: dict[str, Any], name: str):
    (image,) = [output["data"]["image/png"] for output in executed[name]["outputs"] if "data" in output]
    content = base64.b64decode(image)
    assert content.startswith(b"\x89PNG") and len(content) > 5_000


def test_its_figures_are_those_of_the_commands(executed: dict[str, Any], small_model: Path):
    assert f"score {score_model(small_model).score:.6f}" in text(executed["score"])
    assert "synthetic data" in text(executed["accuracy"])
    assert re.search(r"right: \d+ of 624 frames", text(executed["accuracy"]))
    assert "fits ZCU104" in text(executed["estimate"])


def test_its_exact_thresholds_are_the_next_integers(executed: dict[str, Any]):
    fractions, exact = (np.array(row.split(), float) for row in re.findall(r"\[(.*?)\]", text(executed["thresholds"])))
    assert np.array_equal(exact, np.ceil(fractions))
