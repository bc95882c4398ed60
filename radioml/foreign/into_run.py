"""`radioml import`: a run directory of an ONNX file that others made, like those that `radioml export` makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioml.constants import CLASSES
from radioml.contract.accuracy import TrainedAccuracy
from radioml.contract.golden import GOLDEN_FRAMES, GOLDEN_SEED
from radioml.contract.metadata import IMPORTED as OF_OTHERS
from radioml.contract.metadata import ImportOptions, ModelMetadata, attach
from radioml.contract.training_data import TrainingData
from radioml.data.class_names import class_indices, read_class_list
from radioml.data.layout import CELLS
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.files import refuse_inputs, replacing, sha256
from radioml.foreign.importing import Network, import_network
from radioml.foreign.reading import copy_foreign
from radioml.foreign.reference import reference_logits
from radioml.network.exact_qonnx import logits_as_integers
from radioml.network.integer_qonnx import IntegerQonnx
from radioml.run_directory import CHECKPOINT, GOLDEN, IMPORTED, MODEL, SCORE

STANDARD = "standard"
"""Word for RadioML's own order of classes, instead of a list."""
_TRIED_FRAMES, _TRIED_SEED, _TRIED_FROM_DB = CELLS, 20180102, 10
_GUESSING = 3
"""Factor by which a network's accuracy on strong signals should exceed that of guessing."""


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    model: path of the QONNX file. network: as `import_network` gives it. frames: number of golden frames on which model
    and file give the same integers. right, tried: synthetic frames of +10 dB and more, correctly classified and in all.
    """

    model: Path
    network: Network
    frames: int
    right: int
    tried: int

    @property
    def doubtful(self) -> bool:
        """Whether the network is hardly better than guessing."""
        return self.right * self.network.classes < _GUESSING * self.tried


def import_model(
    path: Path,
    folder: Path,
    classes: str | None,
    options: ImportOptions,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Imported:
    """Write `imported.onnx`, `model.onnx` and `golden.npz` to `folder`; an older `score.json` there is removed.

    imported.onnx is the file itself. golden.npz holds synthetic frames with the logits that the file's own graph gives,
    frame by frame; the model must give the same logits for all frames in one batch.

    Args:
        classes: the class of each logit: a list or its file (see `read_class_list`), or `STANDARD`.
        progress: called with the golden frames done and their number.

    Raises RadioMLError for what `import_network` refuses, for classes that are not those of the logits, a folder that
    holds a trained network, and a model that differs from the file.
    """
    network = import_network(path, options)
    names = _classes(path, classes, network.classes)
    target = folder / MODEL
    if (folder / CHECKPOINT).exists():
        raise RadioMLError(f"{folder} holds a network that was trained here; choose another --run")
    refuse_inputs([target, folder / GOLDEN, folder / SCORE], [path])
    frames = generate_spread(GOLDEN_FRAMES, GOLDEN_SEED)
    logits = reference_logits(network, frames.iq, progress)
    fast = IntegerQonnx(network.model)
    _compare(path, network, fast, frames.iq, logits)
    if not (folder / IMPORTED).exists() or not path.samefile(folder / IMPORTED):
        with replacing(folder / IMPORTED) as copy:
            copy_foreign(path, copy)
    metadata = ModelMetadata(
        topology=OF_OTHERS,
        classes=names,
        quantiser=network.quantiser,
        logit_scale=network.logit_scale,
        checkpoint_sha256=sha256(folder / IMPORTED),
        training_data=TrainingData("unknown", path.name, ""),
        accuracy=TrainedAccuracy(),
        imported=options,
    )
    attach(network.model, metadata)
    with replacing(target) as temporary:
        temporary.write_bytes(network.model.SerializeToString())
        with replacing(folder / GOLDEN) as golden:
            np.savez_compressed(golden, iq=frames.iq, logits=logits)
        (folder / SCORE).unlink(missing_ok=True)
    right, tried = _try(network, fast, names)
    return Imported(target, network, len(frames), right, tried)


def _classes(path: Path, given: str | None, count: int) -> tuple[str, ...]:
    if given is None:
        raise RadioMLError(
            f"{path}: the file names no classes for its {count} logits. Give --classes: "
            f"a list of names, a file with one name a line, or `{STANDARD}` for the order of RadioML's labels"
        )
    names = CLASSES if given == STANDARD else [CLASSES[index] for index in class_indices(read_class_list(given))]
    if len(names) != count or len(set(names)) != count:
        raise RadioMLError(f"{path}: {count} logits, and {len(set(names))} different classes in --classes")
    return tuple(names)


def _compare(path: Path, network: Network, fast: IntegerQonnx, iq: np.ndarray, expected: np.ndarray) -> None:
    """All frames at once against the file's own graph, frame by frame."""
    samples = network.quantiser.dequantise(network.quantiser(iq))
    found = logits_as_integers(fast(samples), network.logit_scale)
    if (different := found != expected).any():
        frame, logit = np.argwhere(different)[0]
        raise RadioMLError(
            f"{path}: its network in QONNX gives other logits than the file: frame {frame}, logit {logit}: "
            f"{found[frame, logit]} instead of {expected[frame, logit]} (in {different.any(1).sum()} of {len(iq)} "
            "frames). The import has an error; please report it with the file"
        )


def _try(network: Network, fast: IntegerQonnx, names: tuple[str, ...]) -> tuple[int, int]:
    """How many strong synthetic frames of the network's classes it classifies rightly, and of how many."""
    frames = generate_spread(_TRIED_FRAMES, _TRIED_SEED)
    chosen = (frames.snr_db >= _TRIED_FROM_DB) & np.isin(frames.class_index, class_indices(names))
    samples = network.quantiser.dequantise(network.quantiser(frames.iq[chosen]))
    predicted = np.array(class_indices(names))[fast(samples).argmax(1)]
    return int((predicted == frames.class_index[chosen]).sum()), int(chosen.sum())
