"""`radioml models list`: a table that is computed ahead, and what the code computes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import radioml.cli.commands.models  # noqa: F401  (registers the command)
from radioml.cli import app
from tests.repository import REPOSITORY
from training.experiments.zoo import compute_zoo, read_zoo
from training.models import topologies, topology

pytestmark = pytest.mark.training


def test_the_table_of_the_zoo_is_what_the_code_computes():
    """Where it is not: python -m training.experiments.zoo"""
    assert read_zoo() == compute_zoo()


def test_models_list_shows_ours_beside_the_published(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(app, ["models", "list"])
    assert result.exit_code == 0, result.output
    tables = [line for line in result.output.splitlines() if "https" not in line and "this repository" not in line]
    assert max(map(len, tables)) <= 80
    lines = [line.split() for line in tables if line.split()]
    costs, published = ([line for line in lines if line[0] == "bacalhaunet"][n] for n in (0, 1))
    assert costs == ["bacalhaunet", "10,029", "96,933,888", "55,908", "0.082460"]
    assert published == ["bacalhaunet", "0.016211", "56.24%", "1st", "place;", "pruned"]
    assert ["vgg10_w4a4", "55.90%", "FINN's", "demonstrator"] in lines
    assert not any(line[0] == "bacalhaunet_pruned" for line in lines), "it starts from a network of the table"
    for name in topologies():
        assert topology(name).source in result.output


def test_models_list_needs_no_torch(tmp_path: Path):
    script = (
        "import sys\n"
        "from radioml.cli import app\nfrom radioml.cli.commands import models\n"
        "app(['models', 'list'], standalone_mode=False)\n"
        "print('torch' in sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "False", done.stderr
