"""A submission to challenge ITU-ML5G-PS-007: one zip with all that the rules ask for, always of the same bytes.

The zip unpacks to this project's source, from which the Dockerfile builds. The folder `submission/` in the zip has the
form, the instructions with two scripts, the model, the checkpoint, the experiment and a report on the rules.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from string import Template

from radioml.errors import RadioMLError
from radioml.files import replacing
from radioml.run_directory import CHECKPOINT, CONFIG, MODEL, SCORE
from training.challenge.rules import FAIL, PASS, UNCHECKED, Verdict, check_rules
from training.experiments.experiment import Experiment, read_claim
from training.models import is_own, loaded, topology
from training.trained.checkpoint import TrainedNetwork
from training.trained.trained_run import TrainedRun, open_trained_run

TEMPLATES = Path(__file__).parent / "submission_templates"
SOURCE = Path(__file__).parents[2]
_FOLDERS = ("boards", "deploy", "finn_build", "radioml", "requirements", "training")
_FILES = ("Dockerfile", "Makefile", "README.md", "pyproject.toml")
_REQUIRED = (
    "submission/form.txt", "submission/README.md", f"submission/{MODEL}", f"submission/{CHECKPOINT}", "Dockerfile",
    "training/loop/train.py", "training/trained/evaluate.py", "training/trained/export.py",
)  # fmt: skip
_ZERO_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest time of the zip format


def write_submission(
    run: Path,
    out: Path,
    repository: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> list[Verdict]:
    """Check the rules for a run, and write the zip unless a rule fails.

    Args:
        run: the run directory.
        out: the zip to write.
        repository: URL for the form; None: the team fills it in.
        progress: called with the number of frames compared and of all, by the export and by the rules.

    Returns:
        The verdicts on all rules.

    Raises:
        RadioMLError: for a run that is not trained, and outside a checkout of the source.
    """
    missing = [name for name in (*_FOLDERS, *_FILES) if not (SOURCE / name).exists()]
    if missing:
        raise RadioMLError(f"{SOURCE} lacks {', '.join(missing)}: a submission is made from a checkout of the source")
    opened = open_trained_run(run, progress)
    experiment, others = _experiment(run, opened)
    contents = _source() | _submission(opened, experiment, repository) | others
    verdicts = [
        _format(contents, repository),
        Verdict("Dockerfile with all dependencies", UNCHECKED, "it is in the zip; its build was not tried"),
        _reproducible(experiment, others),
        *check_rules(opened, progress),
    ]
    if any(verdict.status == FAIL for verdict in verdicts):
        return verdicts
    contents["submission/rules.md"] = report(verdicts).encode()
    with replacing(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, _ZERO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, with permissions in the upper 16 bits of external_attr
            entry.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            archive.writestr(entry, content)
    return verdicts


def report(verdicts: list[Verdict]) -> str:
    """The verdicts as a Markdown table."""
    lines = ["# The rules of ITU-ML5G-PS-007, as far as they can be checked by `radioml submission`", ""]
    lines += ["| rule | status | why |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {v.rule} | {v.status} | {v.why} |" for v in verdicts)]) + "\n"


def _experiment(run: Path, opened: TrainedRun) -> tuple[Experiment | None, dict[str, bytes]]:
    """The run's experiment, None without a config.yaml; and name in the zip -> content of checkpoints that it reads.

    In the experiment that is returned, these checkpoints have their names in the zip.
    """
    path = run / CONFIG
    if not path.exists():
        return None, {}
    experiment, _ = read_claim(path)
    others: dict[str, bytes] = {}
    for section, key in (("training", "start_from"), ("distillation", "teacher")):
        settings = getattr(experiment, section)
        if checkpoint := getattr(settings, key, None):
            name = f"submission/{key}.pth"
            try:
                others[name] = Path(checkpoint).read_bytes()
            except OSError as error:
                raise RadioMLError(f"{path}: a checkpoint that it starts from cannot be read: {error}") from error
            experiment = experiment.model_copy(update={section: settings.model_copy(update={key: name})})
    if experiment.topology != opened.trained.topology:
        raise RadioMLError(
            f"{path} is of topology {experiment.topology!r}, the checkpoint of {opened.trained.topology!r}"
        )
    return experiment, others


def _reproducible(experiment: Experiment | None, others: dict[str, bytes]) -> Verdict:
    rule = "reproducible from training to export"
    if experiment is None:
        return Verdict(rule, FAIL, f"the run has no {CONFIG}: nobody can train it again")
    if others:
        why = f"training starts from {', '.join(others)}, whose own experiments are not in the zip"
        return Verdict(rule, UNCHECKED, why)
    return Verdict(rule, UNCHECKED, "the experiment is in the zip; a second training was not tried")


def _format(contents: dict[str, bytes], repository: str | None) -> Verdict:
    rule = "zip with form, source, ONNX, checkpoint, Dockerfile, instructions"
    if absent := [name for name in _REQUIRED if not contents.get(name)]:
        return Verdict(rule, FAIL, f"{', '.join(absent)} is not in it")
    why = f"all there, {len(contents) + 1} files"
    if left_out := _git_names() and _git_names("--others", "--exclude-standard", "--", *_FOLDERS):
        why += f"; left out, because git does not track them: {', '.join(left_out)}"
    if repository is None:
        return Verdict(rule, UNCHECKED, f"{why}; the form's link is left to the team: --repository URL fills it in")
    return Verdict(rule, PASS, why)


def _submission(run: TrainedRun, experiment: Experiment | None, repository: str | None) -> dict[str, bytes]:
    """Name in the zip -> content, of the folder submission/ without the report on the rules."""
    trained, score = run.trained, run.score
    data, measured = trained.training_data, trained.accuracy
    accuracy = "not measured"
    if measured.overall is not None:
        accuracy = f"{measured.overall:.3%} of {measured.frames:,} frames: {measured.data}"
    values = {
        "name": run.path.resolve().name,
        "topology": trained.topology,
        "source": topology(trained.topology).source,
        "training_data": f"{data.kind} data: {data.identity or 'unknown'}",
        "accuracy": accuracy,
        "score": f"{score.score:.6f}",
        "bit_ops": score.bit_ops,
        "bit_mem": score.bit_mem,
        "repository": repository or "(for the team to fill in)",
        "topology_option": "",
    }
    code = _own_code(trained)
    for name in code:
        own = f"{name}:{trained.topology.rpartition(':')[2]}"
        values["topology_option"] = f" --topology submission/{own}"
        experiment = experiment and experiment.model_copy(update={"topology": own})
    filled = {
        path.name: Template(path.read_text(encoding="utf-8")).substitute(values).encode()
        for path in TEMPLATES.iterdir()
    }
    files = (
        filled
        | code
        | {
            CHECKPOINT: run.checkpoint.read_bytes(),
            MODEL: run.model.read_bytes(),
            SCORE: (json.dumps(score.to_json(), indent=1) + "\n").encode(),
        }
    )
    if experiment is not None:
        files["experiment.yaml"] = experiment.to_yaml().encode()
    return {f"submission/{name}": content for name, content in files.items()}


def _own_code(trained: TrainedNetwork) -> dict[str, bytes]:
    """The file with the code of a topology of the team's own; nothing of another topology."""
    if not is_own(trained.topology):
        return {}
    own = loaded(trained.topology, trained.code_sha256)
    if ".py:" not in own.name:
        raise RadioMLError(
            f"topology {own.name!r} is in a package; a submission takes one in a single file, FILE.py:CLASS"
        )
    return {own.place.name: own.place.read_bytes()}


def _source() -> dict[str, bytes]:
    """Name in the zip -> content, of this project's source; in a checkout of the files that git tracks alone."""
    names = _git_names() or [
        path.relative_to(SOURCE).as_posix()
        for folder in _FOLDERS
        for path in (SOURCE / folder).rglob("*")
        if not any(part.startswith((".", "__pycache__")) for part in path.relative_to(SOURCE).parts)
    ]
    packed = [name for name in names if name.partition("/")[0] in _FOLDERS] + list(_FILES)
    return {name: (SOURCE / name).read_bytes() for name in packed if (SOURCE / name).is_file()}


def _git_names(*options: str) -> list[str]:
    """Names of the files in SOURCE that `git ls-files` lists; none outside a checkout and without git."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z", *options], cwd=SOURCE, capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return listed.stdout.decode().split("\0")[:-1]
