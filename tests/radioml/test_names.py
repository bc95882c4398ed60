"""Names of files and folders that look like rich's markup are shown unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import radioml.cli.commands.build
import radioml.cli.commands.data
import radioml.cli.commands.evaluation
import radioml.cli.commands.summary
import radioml.cli.commands.training  # noqa: F401  (each registers)
from radioml.cli import app

pytestmark = pytest.mark.training

SMALL = {"phases": 32, "channels": [4, 4], "kernels": [3, 3], "strides": [2, 2]}
EXPERIMENT = f"name: small\ntopology: polyphase\nparameters: {SMALL}\ntraining: {{epochs: 1, batch_size: 64}}\n"
DATA, RUN = "d[/b].h5", "r[red]"
MODEL = f"{RUN}/train/model.onnx"
TRAIN = ["train", "small.yaml", "--data", DATA, "--run", RUN]


def test_no_command_takes_a_name_for_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(EXPERIMENT)
    for arguments, shown in [
        (["data", "synth", DATA, "--frames-per-cell", "4", "--processes", "1"], f"wrote {DATA}: synthetic"),
        (["data", "check", DATA], DATA),
        (TRAIN, f"radioml export '{RUN}/train/checkpoint.pth' --run '{RUN}'"),
        (TRAIN, f"{RUN} is trained already"),
        (["export", f"{RUN}/train/checkpoint.pth", "--run", RUN], f"{MODEL}: 26 of 26"),
        (["score", MODEL], f"inference cost of {MODEL}"),
        (["build", MODEL, "--board", "ZCU104", "--check"], f"{MODEL}: can be built"),
        (["evaluate", MODEL, "--data", DATA, "--frames", "24"], f"{RUN}/evaluation"),
        (["summary", RUN], f"run {RUN}"),
    ]:
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "250"}, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert shown in done.output, arguments
