"""Builds that are interrupted, repeated with other inputs, altered, or of another version."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import yaml
from rich.console import Console

from finn_build.build import build
from finn_build.engine.paths import CYCLES, RECEIPTS
from finn_build.engine.record import load_record
from finn_build.steps import GRAPH_STEPS
from radioml.contract.package import open_package
from radioml.errors import RadioMLError
from radioml.run_directory import FIFO_DEPTHS, RTL
from radioml.simulation.compiled import simulator_cache, simulator_key
from tests.killing import until
from tests.repository import REPOSITORY

pytestmark = pytest.mark.rtl

OF_THE_BOARD = [step.title for step in GRAPH_STEPS if step.depends_on_board]


class Build:
    """A build in this process, which of its steps it did and which results came from the cache."""

    def __init__(self, model: Path, out: Path, until: str = "estimate", board: str = "Pynq-Z2", fps: int = 400_000):
        output = io.StringIO()
        self.build = build(model, board, until, out, target_fps=fps, console=Console(file=output, width=200))
        lines = [line.strip() for line in output.getvalue().splitlines()]
        self.cached = [line.removesuffix("cached").strip() for line in lines if line.endswith("cached")]
        self.done = [line.rsplit(maxsplit=2)[0] for line in lines if line.endswith(" s")]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def steps_of(folder: Path) -> dict[str, str]:
    """Id of each finished step -> its receipt."""
    return {path.stem: path.read_text() for path in (folder / RECEIPTS).glob("[!.]*.json")}


def objects_of_a_compiler(temporary: Path) -> list[Path]:
    """Object files of a simulator that is being compiled; none while the build renews its folders."""
    with suppress(FileNotFoundError):
        return list(temporary.glob("verilated.*/*.o"))
    return []


def test_killed_build_continues_where_it_stopped_and_gives_the_same(small_build, tmp_path):
    folder, places = tmp_path / "build", [tmp_path / name for name in ("home", "temporary", "here")]
    for place in places:
        place.mkdir()
    home, temporary, here = places
    # The simulator, which the third run would compile last and longest, is in this cache; FIFO depths are not.
    cache = tmp_path / "cache" / "simulators"
    cache.mkdir(parents=True)
    built = simulator_cache().folder
    key = simulator_key(small_build.folder / RTL, gauge=False)
    for name in (f"{key}.so", f"{key}.json"):
        shutil.copy(built / name, cache)
    left_out = ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "RADIOML_CACHE")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment |= {"RADIOML_CACHE": str(tmp_path / "cache")}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    command = [sys.executable, "-m", "radioml", "build", str(small_build.model), "--board", "Pynq-Z2", "--until", "rtl",
               "--target-fps", "400000", "--out", str(folder)]  # fmt: skip
    train = contents(small_build.model.parent)

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, cwd=here, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def killed_when(condition) -> None:
        with start() as process:
            until(lambda: condition() or process.poll() is not None, "the step did not begin")
            assert process.poll() is None, "the build ended before it could be interrupted"
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL

    killed_when(lambda: "raise_to_2d" in steps_of(folder))
    first = steps_of(folder)
    assert "fold" not in first
    killed_when(lambda: objects_of_a_compiler(folder / "finn" / "tmp"))
    second = steps_of(folder)
    assert all(second[name] == first[name] for name in first), "a finished step was done again"
    assert "compile_gauge" not in second

    with start() as process:
        output, _ = process.communicate()
    assert process.returncode == 0, output
    lines = [line.strip() for line in output.splitlines()]
    cached = [line.removesuffix("cached").strip() for line in lines if line.endswith("cached")]
    before = ["compute golden frames in software", "insert converters and FIFOs", "generate HDL"]
    assert cached == [*before, "compile the simulator"]
    assert next(line for line in lines if line.endswith(" s")).startswith("compile the FIFO gauge")
    assert contents(folder / RTL) == contents(small_build.folder / RTL)
    for name in (FIFO_DEPTHS, CYCLES, "folding.json"):
        assert (folder / name).read_bytes() == (small_build.folder / name).read_bytes()
    manifests = []
    for number, made in enumerate((folder, small_build.folder)):
        manifests.append(open_package(made / "package.zip", tmp_path / f"package{number}").manifest)
    assert manifests[0] == manifests[1]
    assert [list(place.iterdir()) for place in places] == [[], [], []], "files outside the build folder"
    assert contents(small_build.model.parent) == train


def test_only_what_depends_on_a_changed_input_is_done_again(small_model, tmp_path):
    out = tmp_path / "build"
    first = Build(small_model, out)
    graph = first.done[:-1]
    assert (first.cached, first.done[-1]) == ([], "fold and estimate")

    again = Build(small_model, out)
    assert (again.build.reused, again.done, again.cached) == (("estimate",), [], [])

    other_folding = Build(small_model, out, fps=100_000)
    assert (other_folding.done, other_folding.cached) == (["fold and estimate"], graph)

    other_board = Build(small_model, out, board="ZCU104", fps=100_000)
    assert other_board.cached == [name for name in graph if name not in OF_THE_BOARD]
    assert set(other_board.done) <= {*OF_THE_BOARD, "fold and estimate"}
    assert other_board.build.estimate.board == "ZCU104"

    other_model = tmp_path / "model.onnx"
    other_model.write_bytes(small_model.read_bytes() + b"\x32\x00")  # an empty description
    assert (changed := Build(other_model, out, board="ZCU104", fps=100_000)).cached == []
    assert changed.done == first.done


def test_other_golden_frames_are_simulated_and_packaged_by_the_same_rtl(small_build, tmp_path):
    folder = Path(shutil.copytree(small_build.folder, tmp_path / "build"))
    model = Path(shutil.copy(small_build.model, tmp_path))
    with np.load(small_build.model.with_name("golden.npz")) as golden:
        np.savez(tmp_path / "golden.npz", iq=golden["iq"][:5], logits=golden["logits"][:5])
    again = Build(model, folder, "rtl")
    assert again.build.reused == ("estimate",)
    assert again.done == ["compute golden frames in software", "simulate golden frames", "package"]
    assert len(open_package(folder / "package.zip", tmp_path / "package").golden()[0]) == 5


def test_altered_result_is_made_anew_and_what_follows_is_cached(small_build, tmp_path):
    folder = Path(shutil.copytree(small_build.folder, tmp_path / "build"))
    weights = next((folder / RTL).glob("*.dat"))
    sound = weights.read_bytes()
    weights.write_bytes(sound + b"00\n")
    again = Build(small_build.model, folder, "rtl")
    assert weights.read_bytes() == sound
    assert again.done == ["generate HDL with sized FIFOs", "package"]


def test_stale_results_do_not_outlive_an_interrupted_build(small_build, tmp_path, monkeypatch):
    """Until the rebuild is complete, no file in the folder may look like its result."""
    folder = Path(shutil.copytree(small_build.folder, tmp_path / "build"))

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("finn_build.stages.estimate.choose_folding", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Build(small_build.model, folder, "rtl", fps=100_000)
    assert not (folder / "package.zip").exists()
    assert not (folder / "estimate.json").exists()
    assert load_record(folder).stages == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda record: record["inputs"]["tool"].update(version="0.0.1"), r"version 0\.0\.1 of this tool"),
        (lambda record: record.update(format=99), "layout 99"),
        (lambda record: record.pop("format"), "with layout 1;"),
        (lambda record: record["versions"].update({"finn-plus": "1.5.0"}), r"finn-plus 1\.5\.0 \(here "),
    ],
)
def test_folder_of_another_version_is_refused_with_the_reason(small_build, tmp_path, change, reason):
    folder = tmp_path / "build"
    folder.mkdir()
    record = yaml.safe_load((small_build.folder / "build.yaml").read_text())
    change(record)
    (folder / "build.yaml").write_text(yaml.safe_dump(record))
    before = contents(folder)
    with pytest.raises(RadioMLError, match=reason):
        Build(small_build.model, folder)
    assert contents(folder) == before


def test_refusal_is_exit_code_2(radioml_here, small_build, tmp_path):
    record = (small_build.folder / "build.yaml").read_text()
    (tmp_path / "build.yaml").write_text(record.replace("version: 0.", "version: 99."))
    for command in (["build", small_build.model, "--board", "Pynq-Z2", "--until", "rtl", "--out", tmp_path],
                    ["simulate", tmp_path, "--frames", 24]):  # fmt: skip
        done = radioml_here(*command)
        assert done.returncode == 2
        assert "version 99." in done.stderr
        assert "--out" in done.stderr
