"""Every `radioml` command in the documents parses; every quick one runs in one folder, in order.

It runs as it is written, but a file of frames has at most 10 a cell.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from radioml.cli import app
from radioml.data.synthetic import generate_cell, write_dataset
from tests.conftest import SMALL_NETWORK, SmallBuild
from tests.docs.documented import Command, everywhere, in_blocks, in_sentences, parse, unknown_names
from tests.repository import REPOSITORY

VIVADO, BOARD, HOURS, LARGE = "needs Vivado", "needs a board or a receiver", "takes hours", "takes minutes or gigabytes"
MARKED = {
    r"ULX3S|ulx3s|--backend serial": "needs the optional extra `synthesis`, and a board",
    r"bitfile": VIVADO,
    r"--backend pynq|--target |doctor board|stream - ": BOARD,
    r"^train |^search |runs/(vgg10|zoo|polyphase)\b": HOURS,
    r"--frames-per-cell \d{3}|data/(test|drift)\.h5|runs/peers|estimate --all|--board U250|--board \$board": LARGE,
    r"--until synthesis|--gates": "needs the optional extra `synthesis`",
    r"--until rtl": "runs in the fixture small_build, for another board",
    r"runs/theirs|theirs\.onnx": "needs a file of others: tests/chains/test_imported_network.py",
    r"runs/mine|^init mine|mine\.hdf5.*mine\.yaml": "runs in tests/chains/test_own_topology.py",
}
"""Expression -> why commands in which it is found are parsed but not executed."""


def verdict(command: Command) -> str:
    """Why a command is not executed here; "" where it is."""
    text = " ".join(command.words)
    return next((reason for pattern, reason in MARKED.items() if re.search(pattern, text)), "")


COMMANDS = everywhere(in_blocks)
DIFFERENT = list({command.words: command for command in COMMANDS}.values())
RTL_BUILD = "build runs/demo/train/model.onnx --board ZCU104 --until rtl"


def of_few_frames(words: tuple[str, ...]) -> list[str]:
    """The words of a command, its frames a cell being at most 10: synthesising more takes most of this file's time."""
    option = "--frames-per-cell"
    return [
        str(min(int(word), 10)) if before == option else word for before, word in zip(("", *words), words, strict=False)
    ]


def test_every_command_in_a_block_parses():
    problems = []
    for command in COMMANDS:
        try:
            parse(command.words)
        except Exception as error:  # the parser's own, of whatever kind
            problems.append(f"{command.document}: {command.text}: {error}")
    assert problems == []


def test_commands_in_sentences_name_what_exists():
    found = everywhere(in_sentences)
    assert len(found) > 50
    assert [(command, unknown_names(command.words)) for command in found if unknown_names(command.words)] == []


@pytest.mark.parametrize(
    "line",
    ["radioml trian polyphase --data x.h5", "radioml score m.onnx --jason", "radioml train polyphase",
     "radioml build m.onnx --board B --until rtI", "radioml data synth x.h5 --frames-per-cell N",
     "radioml data sinth x.h5"],
)  # fmt: skip
def test_a_slip_in_a_block_is_noticed(line: str):
    (command,) = in_blocks(f"Text:\n\n    OMP_NUM_THREADS=1 {line}     # remark\n", "page.md")
    assert command.words == tuple(line.split()[1:])
    with pytest.raises(Exception, match=r"No such|Missing|Input should be|is not one of"):
        parse(command.words)


@pytest.mark.parametrize("code", ["radioml trian", "radioml score MODEL --jason", "radioml data sinth"])
def test_a_slip_in_a_sentence_is_noticed(code: str):
    (command,) = in_sentences(f"| x |\n|---|\n| Run `{code}` |\n", "page.md")
    assert unknown_names(command.words) == [code.split()[-1]]


def test_blocks_of_every_kind_are_read():
    text = "a\n\n    for b in x; do\n        radioml doctor \\\n          build\n    done\n"
    text += "\n```sh\ncat f | radioml stream - &\n```\n"
    text += "\n```yaml\nradioml x\n```\n\n    .venv/bin/python -m deploy.simulated.board doctor > log\n"
    assert [command.words for command in in_blocks(text, "p")] == [("doctor", "build"), ("stream", "-"), ("doctor",)]


def test_only_large_numbers_of_frames_are_changed():
    words = ("data", "synth", "x.h5", "--frames-per-cell", "80", "--seed", "33")
    assert of_few_frames(words) == [*words[:4], "10", *words[5:]]
    assert of_few_frames(("data", "subset", "--frames-per-cell", "2", "80")) == [
        "data", "subset", "--frames-per-cell", "2", "80"
    ]  # fmt: skip


def test_every_mark_is_of_use():
    for pattern in MARKED:
        assert any(re.search(pattern, " ".join(command.words)) for command in COMMANDS), pattern


def test_the_images_health_check_parses():
    check = re.search(r'^HEALTHCHECK .*CMD \["sh", "-c", "(.*)"\]$', (REPOSITORY / "Dockerfile").read_text(), re.M)
    commands = list(in_blocks(f"    {check[1]}\n", "Dockerfile"))
    assert [command.words for command in commands] == [("doctor", "training"), ("doctor", "build")]
    for command in commands:
        parse(command.words)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the documents' commands find: a small network in the shipped one's place, a recording, files of others."""
    monkeypatch.chdir(tmp_path)
    shipped = tmp_path / "training" / "pretrained"
    shipped.mkdir(parents=True)
    for name in ("polyphase.pth", "robust_record.pth"):
        shutil.copy(SMALL_NETWORK / "checkpoint.pth", shipped / name)
    generate_cell(np.random.default_rng(1), 4, "QPSK", 30).tofile("capture.sigmf-data")
    recorded = {"core:datatype": "cf32_le", "core:sample_rate": 1e6, "core:version": "1.0.0"}
    Path("capture.sigmf-meta").write_text(json.dumps({"global": recorded, "captures": [{"core:sample_start": 0}]}))
    write_dataset("whole.hdf5", 4, seed=2)
    with h5py.File("whole.hdf5") as whole:
        arrays = {name: whole[name][:] for name in "XYZ"}
    for part, rows in (("part0.h5", slice(None, 1248)), ("part1.h5", slice(1248, None))):
        with h5py.File(part, "w") as file:
            for name, values in arrays.items():
                file[name] = values[rows]
    for name, values in arrays.items():
        np.save(f"{name}_train.npy", values)
    chosen = np.flatnonzero((arrays["Z"][:, 0] == 30) & np.isin(arrays["Y"].argmax(1), [12, 14]))
    from scipy.io import savemat

    savemat("qam.mat", {"X": arrays["X"][chosen], "Y": arrays["Y"][chosen][:, [12, 14]]})
    return tmp_path


def test_every_quick_command_runs_as_it_is_written(
    folder: Path, small_build: SmallBuild, capsys: pytest.CaptureFixture[str]
):
    executed = []
    for command in DIFFERENT:
        if " ".join(command.words) == RTL_BUILD:
            shutil.rmtree("runs/demo/build/ZCU104")
            shutil.copytree(small_build.folder, "runs/demo/build/ZCU104")
        if verdict(command):
            continue
        if command.words[:2] == ("data", "import"):
            Path("mine.hdf5").unlink(missing_ok=True)
        done = CliRunner().invoke(app, of_few_frames(command.words), env={"COLUMNS": "200"})
        assert done.exit_code == 0, f"{command.document}: {command.text}\n{done.output}\n{done.exception!r}"
        executed.append(command)
    assert {command.words[0] for command in executed} >= {
        "data", "export", "score", "build", "simulate", "verify", "classify", "bench", "stream", "report"
    }  # fmt: skip
    reasons = Counter(verdict(command) for command in COMMANDS if verdict(command))
    with capsys.disabled():
        print(f"\n{len(COMMANDS)} commands in blocks parsed, {len(executed)} different ones executed;", end=" ")
        print(f"{len(everywhere(in_sentences))} in sentences checked by name; marked:", dict(reasons))
