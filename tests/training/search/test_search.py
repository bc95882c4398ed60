from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import optuna
import pytest
from optuna.trial import TrialState
from rich.console import Console

import training.search.study
from radioml.contract.search import SearchReport
from radioml.data.dataset import read_iq, read_layout
from radioml.data.split import fixed_split
from radioml.data.synthetic import write_dataset
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from tests.repository import REPOSITORY
from training.experiments.experiment import CONFIGS, load_experiment, read_claim
from training.models import create, topologies
from training.search.results import front_table, write_results
from training.search.space import SPACES, load_space, suggest
from training.search.study import Search, open_study, run_trials
from training.trained.evaluate import evaluate

pytestmark = pytest.mark.training

QUIET = Console(quiet=True)
EXPERIMENT = """
name: small
topology: polyphase
parameters: {phases: 32, channels: [4], kernels: [3], strides: [8]}
training: {epochs: 1, batch_size: 64, minimum_snr_db: 20}
"""
SPACE = """
parameters.channels: {type: int, low: 4, high: 8, entries: 1}
parameters.weight_bits: {type: categorical, values: [3, 4]}
training.learning_rate: {type: float, low: 0.001, high: 0.02, log: true}
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "three.hdf5"
    write_dataset(path, 3, seed=1)
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(EXPERIMENT)
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path


def _search(files: Path, data: Path, *changes: str, out: str = "out") -> Search:
    return Search.of(str(files / "small.yaml"), changes, files / "space.yaml", data, files / out)


def _open(search: Search) -> optuna.Study:
    return open_study(search, search.default_url(), lambda what, done, total: None)


def _worker(files: Path, data: Path, trials: int, before: str = "") -> subprocess.Popen[str]:
    """`radioml search` in a process of its own; before: Python code that runs first."""
    script = f"from radioml.cli import main\nimport training.search.study\n{before}\nmain()"
    arguments = ["search", "small.yaml", "--data", data, "--space", "space.yaml", "--out", "out", "--trials", trials]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=files, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("topology", topologies())
def test_shipped_spaces_are_of_networks_that_can_be_built(topology: str):
    config = next(path for path in sorted(CONFIGS.glob("*.yaml")) if load_experiment(str(path)).topology == topology)
    space = load_space(None, str(config), [])
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(3):
        experiment = load_experiment(str(config), suggest(study.ask(), space))
        create(experiment.topology, experiment.parameters)
    assert set(SPACES.glob("*.yaml")) <= {SPACES / f"{name}.yaml" for name in topologies()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training.learning_rate: {type: float, low: 1, high: 0.1}", "learning_rate.*not less than high"),
        ("training.learning_rate: {type: float, low: 0, high: 0.1, log: true}", "log needs low > 0"),
        ("training.learning_rate: {type: real, low: 0, high: 1}", "learning_rate: .*'float'"),
        ("training.learning_rate: {type: float, low: 0, high: 1, step: 2}", "learning_rate.*step: Extra inputs"),
        ("training.rate: {type: float, low: 0.1, high: 1}", r"training.rate: .*\n.*an unknown key"),
        ("training.epochs: {type: categorical, values: [many, more]}", r"training.epochs: .*\n.*found 'many'"),
        ("training.epochs: {type: categorical, values: [3]}", "values: List should have at least 2"),
        ("parameters.colour: {type: int, low: 1, high: 2}", "no such parameter; it has phases"),
        ("- 1", "expected keys"),
        ("a: [", "not valid YAML"),
    ],
)
def test_mistakes_in_a_space_are_named_with_their_key(files: Path, text: str, message: str):
    (files / "space.yaml").write_text(text)
    with pytest.raises(RadioMLError, match=message):
        load_space(files / "space.yaml", str(files / "small.yaml"), [])


def test_a_study_grows_and_keeps_every_run(files: Path, original: Path):
    search = _search(files, original)
    run_trials(search, _open(search), 2, QUIET)
    study = _open(search)
    before = study.trials
    run_trials(search, study, 3, QUIET)
    assert study.trials[:2] == before and len(study.trials) == 3
    for trial in study.trials:
        folder = Path(trial.user_attrs["run"]) / "train"
        assert trial.values[0] == read_json(folder / "score.json")["score"]
        assert trial.values[1] == evaluate(folder / "checkpoint.pth", original, "validation").metrics.overall.accuracy
    write_results(study, search.folder, "synthetic data")
    table = front_table(study, "synthetic data")
    found = SearchReport.read(search.folder / "pareto.json").trials
    front = [trial.trial for trial in found if trial.on_front]
    dominated = [
        any(
            other.values != trial.values and other.values[0] <= trial.values[0] and other.values[1] >= trial.values[1]
            for other in study.trials
        )
        for trial in study.trials
    ]
    assert front == [number for number, worse in enumerate(dominated) if not worse]
    assert table.row_count == len(front) and (search.folder / "pareto.png").stat().st_size > 10_000
    with pytest.raises(RadioMLError, match=r"study 'small' in sqlite.* has another experiment"):
        _open(_search(files, original, "training.epochs=2"))


@pytest.mark.usefixtures("undrawn")
def test_test_frames_have_no_influence(files: Path, original: Path):
    altered = files / "altered.hdf5"
    altered.write_bytes(original.read_bytes())
    with h5py.File(altered, "r+") as file:
        frames = file["X"][:]
        frames[fixed_split(read_layout(original)).test] = 0
        file["X"][:] = frames
    point = {"parameters.channels.0": 8, "parameters.weight_bits": "4", "training.learning_rate": 0.01}
    values, test_accuracies = [], []
    for data in (original, altered):
        search = _search(files, data, "training.epochs=15", out=data.stem)
        study = _open(search)
        study.enqueue_trial(point)
        run_trials(search, study, 1, QUIET)
        values.append(study.trials[0].values)
        checkpoint = Path(study.trials[0].user_attrs["run"], "train", "checkpoint.pth")
        test_accuracies.append(evaluate(checkpoint, data, "test").metrics.overall.accuracy)
    assert values[0] == values[1]
    assert test_accuracies[0] != test_accuracies[1], "else the test could not fail"


@pytest.mark.usefixtures("undrawn")
def test_impossible_diverging_and_repeated_networks_are_pruned_with_the_reason(files: Path, original: Path):
    (files / "space.yaml").write_text(
        "parameters.phases: {type: categorical, values: [24, 32]}\n"
        "training.learning_rate: {type: categorical, values: [0.01, 10]}\n"
    )
    changes = ("training.epochs=15", "training.schedule=constant", "training.weight_decay=10")
    search = _search(files, original, *changes)
    study = _open(search)
    for phases, rate in (("24", "0.01"), ("32", "10"), ("32", "0.01"), ("32", "0.01")):
        study.enqueue_trial({"parameters.phases": phases, "training.learning_rate": rate})
    run_trials(search, study, 4, QUIET)
    reasons = [trial.user_attrs.get("reason") for trial in study.trials]
    assert "phases = 24 does not divide 1024" in reasons[0]
    assert "the loss became" in reasons[1]
    assert reasons[2:] == [None, "the same as trial 2"]
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.PRUNED, TrialState.PRUNED, TrialState.COMPLETE, TrialState.PRUNED]


BOTH = """
import os, time

def when_both_have_a_trial(module):
    open(f"training-{os.getpid()}", "w").close()
    while sum(name.startswith("training-") for name in os.listdir()) < 2:
        time.sleep(0.05)

import training.loop.classifier
training.loop.classifier.ModulationClassifier.on_train_epoch_start = when_both_have_a_trial
"""


def test_two_workers_share_a_study(files: Path, original: Path):
    workers = [_worker(files, original, 4, BOTH) for _ in range(2)]
    outputs = [worker.communicate(timeout=600)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    done = [{int(number) for number in re.findall(r"^trial (\d+): ", output, re.MULTILINE)} for output in outputs]
    assert done[0] and done[1] and not done[0] & done[1]
    study = _open(_search(files, original))
    assert done[0] | done[1] == {trial.number for trial in study.trials} == set(range(4))
    assert {trial.state for trial in study.trials} <= {TrialState.COMPLETE, TrialState.PRUNED}


@pytest.mark.usefixtures("undrawn")
def test_a_trial_whose_worker_was_killed_is_continued(files: Path, original: Path, monkeypatch: pytest.MonkeyPatch):
    (files / "small.yaml").write_text(EXPERIMENT.replace("epochs: 1", "epochs: 2"))
    worker = _worker(
        files, original, 1,
        "training.search.study.HEARTBEAT_SECONDS = 1\n"
        "import time, training.loop.classifier\n"
        "def stop(module):\n"
        "    if module.current_epoch == 1:\n"
        "        print('in the second epoch', flush=True)\n"
        "        time.sleep(600)\n"
        "training.loop.classifier.ModulationClassifier.on_train_epoch_start = stop\n",
    )  # fmt: skip
    while "in the second epoch" not in (line := worker.stdout.readline()):
        assert line, "the worker ended before it trained"
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    monkeypatch.setattr(training.search.study, "HEARTBEAT_SECONDS", 1)
    search = _search(files, original)
    study = _open(search)
    assert study.trials[0].state == TrialState.RUNNING
    console = Console(file=io.StringIO())
    run_trials(search, study, 1, console)
    assert "continuing the interrupted run" in console.file.getvalue()
    killed, again = study.trials
    assert killed.state == TrialState.FAIL and again.state == TrialState.COMPLETE
    assert again.params == killed.params and Path(again.user_attrs["run"]) == search.folder / "trial-0000"


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("where", ["training", "evaluation"])
def test_an_interrupted_trial_is_tried_again(where: str, files: Path, original: Path, monkeypatch: pytest.MonkeyPatch):
    search = _search(files, original)
    study = _open(search)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    batches = iter([read_iq, interrupt])  # evaluation takes two: there are results when the second is interrupted
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if where == "training":
            patch.setattr(training.search.study, "train", interrupt)
        else:
            patch.setattr("radioml.data.dataset.read_iq", lambda *arguments: next(batches)(*arguments))
        run_trials(search, study, 1, QUIET)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.WAITING]
    run_trials(search, study, 1, QUIET)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


@pytest.mark.usefixtures("undrawn")
def test_a_study_is_of_the_experiment_as_it_was_read(files: Path, original: Path):
    search = _search(files, original)
    (files / "small.yaml").write_text(EXPERIMENT.replace("epochs: 1", "epochs: 2"))
    study = _open(search)
    run_trials(search, study, 1, QUIET)
    (trial,) = study.trials
    assert "epochs: 1\n" in study.user_attrs["experiment"]
    assert read_claim(Path(trial.user_attrs["run"], "config.yaml"))[0].training.epochs == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "nonsense: "),
        ("postgresql://nobody:secret@localhost:1/x", r"postgresql://nobody:\*\*\*@localhost"),
        ("oracle://localhost:1/x", r"oracle://localhost:1/x: No module named '\w+'; install the database's"),
        ("sqlite:////proc/x/study.db", "/proc/x"),
    ],
)
def test_a_database_that_cannot_be_opened_is_named(
    files: Path, original: Path, url: str, message: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training.search.study, "POLL_SECONDS", 0)
    with pytest.raises((RadioMLError, OSError), match=message):
        open_study(_search(files, original), url, lambda what, done, total: None)
