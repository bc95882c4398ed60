"""What lies where in a run directory, to which each stage adds its results.

    RUN/config.yaml                   the experiment, by `radioml train`
    RUN/train/                        checkpoint.pth, metrics.json, by `radioml train`; model.onnx, golden.npz, by
                                      `radioml export` or `import`; score.json, by `radioml score`
    RUN/build/BOARD/                  estimate.json, folding.json, rtl/, package.zip, synthesis/, bitfile/, by `radioml
                                      build`;
                                      simulation/, verify.json, by `radioml simulate` and `verify`
    RUN/evaluation/WHAT-PART/         evaluation.json, by `radioml evaluate`
    RUN/deploy/                       accuracy.json, throughput.json, bench.json, by `radioml classify` and `bench`

`finn_build.engine.paths` has what only a build needs of its folder.
"""

from __future__ import annotations

from pathlib import Path

CONFIG = "config.yaml"
TRAIN, BUILD, EVALUATION, DEPLOY = "train", "build", "evaluation", "deploy"
"""Folders of a run."""

CHECKPOINT, METRICS, PRUNING = "checkpoint.pth", "metrics.json", "pruning.json"
HISTORY, BAD_BATCH = "history.json", "bad_batch.npz"
"""Loss and accuracy of each epoch; the batch that ended a training."""
LAST, BEST = "last.ckpt", "best.ckpt"
"""Lightning's checkpoints of a training that has not ended: the last epoch's and the best one's."""
MODEL, GOLDEN, SCORE = "model.onnx", "golden.npz", "score.json"
IMPORTED = "imported.onnx"
"""A network of others, as it was given to `radioml import`; it takes the place of a checkpoint."""

RECORD, ESTIMATE, FOLDING = "build.yaml", "estimate.json", "folding.json"
RTL, SIMULATION, BITFILE_FOLDER, PACKAGE = "rtl", "simulation", "bitfile", "package.zip"
SYNTHESIS = "synthesis"
SYNTHESIS_REPORT = f"{SYNTHESIS}/synthesis.json"
"""Netlists by Yosys and their resources, layer by layer."""
SIMULATION_REPORT, FIFO_DEPTHS = f"{SIMULATION}/simulation.json", f"{SIMULATION}/fifo_depths.json"
VERIFY = "verify.json"
IMPLEMENTATION = "implementation.json"
"""In BITFILE_FOLDER, and in the package there: timing and utilisation, as the vendor's tools reported them."""

EVALUATION_REPORT = "evaluation.json"
REPORT = "report.html"
"""The page of a run."""
ACCURACY, THROUGHPUT, BENCH = "accuracy.json", "throughput.json", "bench.json"


SHIPPED_RUN = "runs/shipped"
"""Where results of the shipped network go; the network itself lies in no run."""


def run_of(path: Path) -> Path | None:
    """The run of a file in RUN/train, of a build folder RUN/build/BOARD or of a file in it; None for other paths."""
    folder = (path if path.is_dir() else path.parent).resolve()
    if folder.name == TRAIN:
        return folder.parent
    return folder.parents[1] if folder.parent.name == BUILD else None


def build_folder(model: Path, board: str) -> Path:
    """Where a model is built for a board: in the run that it lies in, else in the folder beside it."""
    return (run_of(model) or model.resolve().parent) / BUILD / board


def results_folder(package: Path) -> Path:
    """Where the results of a package go: to the run that it lies in, else to the folder beside it."""
    return (run_of(package) or package.resolve().parent) / DEPLOY
