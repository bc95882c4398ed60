"""One look at a run directory: what each stage left there, gathered from its JSON files."""

from __future__ import annotations

from pathlib import Path

from radioml.data.provenance import described, kind_of_data
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from radioml.report.metrics import over


def summarise(run: Path) -> list[tuple[str, str]]:
    """Rows of (what, figure) for the stages that a run has finished, in the order of the chain.

    Raises RadioMLError when `run` holds no result at all.
    """
    rows = []
    if (path := run / "train" / "score.json").exists():
        score = read_json(path)
        rows.append(("inference cost score", f"{score['score']:.4f} (VGG10 W8A8 baseline: 1; lower is better)"))
    for folder in sorted((run / "build").glob("*/")):
        rows += _build(folder)
    if (path := run / "deploy" / "accuracy.json").exists():
        rows += _accuracy(path)
    if not rows:
        rows = _begun(run)
    rows += [("plot", str(path)) for path in sorted(run.glob("*/*.png"))]
    return rows


def _begun(run: Path) -> list[tuple[str, str]]:
    """What lies in a run directory that has no figures yet, and what comes next; raises RadioMLError for none."""
    train = run / "train"
    if (model := train / "model.onnx").exists():
        return [("exported", str(model)), ("next", f"radioml score {model}")]
    if (checkpoint := train / "checkpoint.pth").exists():
        return [("trained", str(checkpoint)), ("next", f"radioml export {checkpoint} --run {run}")]
    if (train / "last.ckpt").exists():
        return [("training", "interrupted, or under way"), ("next", "the same `radioml train` command continues it")]
    raise RadioMLError(f"{run}: no results there; a run directory is what `radioml train` and `export` write")


def _build(folder: Path) -> list[tuple[str, str]]:
    rows = []
    if (path := folder / "estimate.json").exists():
        value = read_json(path)
        rows.append((
            f"{value['board']}, estimated",
            f"{value['cycles_per_frame']:,} cycles a frame, {value['frames_per_second']:,.0f} frames/s at "
            f"{value['clock_mhz']:g} MHz, {'fits' if value['fits'] else 'does not fit'}",
        ))  # fmt: skip
    if (path := folder / "simulation" / "simulation.json").exists():
        value = read_json(path)
        equal = value["frames"] - value["mismatching_frames"]
        rows.append((
            f"{value['board']}, RTL simulated",
            f"{value['cycles_per_frame']:,} cycles a frame, {value['frames_per_second']:,.0f} frames/s at "
            f"{value['clock_mhz']:g} MHz, latency {value['latency_us']:.1f} us",
        ))  # fmt: skip
        rows.append((f"RTL against {value['reference']}", f"{equal:,} of {value['frames']:,} frames integer-equal"))
    return rows


def _accuracy(path: Path) -> list[tuple[str, str]]:
    value = read_json(path)
    trained = value["training_data"]
    rows = [("network trained on", described(trained))]
    if measured := value["accuracy_of_the_trained_network"]:
        rows.append((
            "its accuracy, after training",
            f"{measured['overall']:.2%} over {over(measured)}, of {measured['frames']:,} frames: {measured['data']}",
        ))  # fmt: skip
    for name, key in ((f"over {value.get('over', 'all classes and SNRs')}", "overall"), ("at +30 dB", "at_30_db")):
        part = value[key]
        if part["frames"]:
            rows.append((
                f"accuracy {name}",
                f"{part['accuracy']:.1%} ({part['low']:.1%} to {part['high']:.1%} with 95 % confidence) of "
                f"{part['frames']:,} frames of {kind_of_data(value['data'])}, classified by {value['backend']}",
            ))  # fmt: skip
    return rows
