"""A run directory after training: the checkpoint with its model and score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from radioml.contract.metadata import load_exported
from radioml.contract.score import Score
from radioml.errors import RadioMLError
from radioml.files import sha256
from radioml.run_directory import CHECKPOINT, LAST, MODEL, SCORE, TRAIN
from training.cost.score import score_model
from training.trained.checkpoint import TrainedNetwork, load_checkpoint
from training.trained.export import export


@dataclass(frozen=True)
class TrainedRun:
    """A finished training.

    path: the run directory. checkpoint, model: files in it. trained: content of the checkpoint. score: of the model.
    """

    path: Path
    checkpoint: Path
    model: Path
    trained: TrainedNetwork
    score: Score


def open_trained_run(path: Path, progress: Callable[[int, int], object] = lambda frames, total: None) -> TrainedRun:
    """Open a run; a missing train/model.onnx, or one of another checkpoint, is exported first, with its score.json.

    progress: called while exporting, with the number of golden frames compared and of all. Raises RadioMLError for a
    run whose training has not ended, a damaged checkpoint, and a model that differs from Brevitas.
    """
    folder = path / TRAIN
    checkpoint, model = folder / CHECKPOINT, folder / MODEL
    if not checkpoint.exists():
        unfinished = (folder / LAST).exists()
        what = "its training has not ended: run `radioml train` again" if unfinished else "`radioml train` makes a run"
        raise RadioMLError(f"{path}: no {TRAIN}/{CHECKPOINT} there; {what}")
    trained = load_checkpoint(checkpoint)
    outdated = not model.exists() or load_exported(model)[1].checkpoint_sha256 != sha256(checkpoint)
    if outdated:
        export(checkpoint, folder, progress=progress)
    score = score_model(model)
    if outdated:
        score.write(folder / SCORE)
    return TrainedRun(path, checkpoint, model, trained, score)
