"""Where frames come from, and what a network may know of them: frames seen in training prove nothing of its accuracy.

A network carries `training_data`: `kind` and `identity` of the file that it was trained on, as `Origin` has them, and
`started_from`, where training began with another checkpoint's weights: that one's own `training_data`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radioml.data.conditions import NOMINAL
from radioml.data.dataset import CELLS, open_dataset, read_slice

if TYPE_CHECKING:
    import h5py

SYNTHETIC_MARK = "radioml synthetic"
"""Value of the attribute `generator` that `radioml.data.synthetic.write_dataset` leaves in its files."""


@dataclass(frozen=True)
class Origin:
    """Where a file's frames come from.

    kind: "synthetic" when this project's generator has marked the file, else "real".
    identity: what the file is made of, then its size: "generator VERSION, seed SEED, N frames per cell", with "preset
        NAME" behind the version where that is not the nominal one; of real ones
        "NAME, frames FINGERPRINT, N frames per cell", where two files of the same fingerprint and size have the same
        frames, whatever their names.
    """

    kind: str
    identity: str

    def __str__(self) -> str:
        """As a phrase for titles and tables; figures from synthetic frames must carry it."""
        return f"synthetic data ({self.identity})" if self.kind == "synthetic" else f"RadioML data ({self.identity})"


def origin(path: Path | str) -> Origin:
    """Where the frames of a file come from, by the marks that `radioml data synth` leaves in it.

    Raises RadioMLError when it is no RadioML file.
    """
    with open_dataset(path) as file:
        size = f"{len(file['X']) // CELLS} frames per cell"
        mark, version, seed = (str(file.attrs.get(name)) for name in ("generator", "generator_version", "seed"))
        if mark == SYNTHETIC_MARK:
            preset = str(file.attrs.get("preset", NOMINAL))
            made = f"generator {version}" + (f", preset {preset}" if preset != NOMINAL else "")
            return Origin("synthetic", f"{made}, seed {seed}, {size}")
        return Origin("real", f"{Path(path).name}, frames {_fingerprint(path, file)}, {size}")


def learnt_from(training_data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Training data of a network, of the one whose weights its training started from, and so on."""
    start = training_data.get("started_from")
    return [training_data, *(learnt_from(start["training_data"]) if start else ())]


def seen_in_training(training_data: Mapping[str, Any], frames: Origin, part: str) -> str | None:
    """Why a network may have learnt from frames of this part of a file; None where it has not, as far as is known.

    Training takes the part "train" of its file, and chooses the checkpoint by "validation".
    """
    for step, data in enumerate(learnt_from(training_data)):
        if data.get("kind") != frames.kind:
            continue
        first = "its weights started from a network that was " if step else ""
        if same_file(data, frames):
            known = {
                "train": "these frames trained the network",
                "validation": "these frames chose the network's checkpoint",
                "all": "most of these frames trained the network, or chose its checkpoint",
            }.get(part)
            if known:
                return known
        elif frames.kind == "real" or _source(str(data.get("identity"))) == _source(frames.identity):
            # the split depends on the frames per cell, so parts of two files with the same frames overlap
            return f"{first}trained on {data['kind']} data ({data.get('identity')}) that may share frames with this"
    return None


def same_file(training_data: Mapping[str, Any], frames: Origin) -> bool:
    """Whether a network was trained on the very file that these frames are from, be it under another name."""
    if training_data.get("kind") != frames.kind:
        return False
    ours, theirs = frames.identity, str(training_data.get("identity"))
    if frames.kind == "real":
        ours, theirs = (identity.rpartition(", frames ")[2] for identity in (ours, theirs))
    return ours == theirs


def _source(identity: str) -> str:
    """An identity without the size, which the oldest lack, and the preset: what files have in common that may share
    symbols and noise.
    """
    return re.sub(r", preset [^,]+|, \d+ frames per cell$", "", identity)


def _fingerprint(path: Path | str, file: h5py.File) -> str:
    """The first frame of every cell as 12 hexadecimal digits: SHA-256 of all would take minutes on a board."""
    frames = file["X"]
    digest = hashlib.sha256()
    for first in range(0, len(frames), len(frames) // CELLS):
        digest.update(read_slice(path, frames, first, first + 1).tobytes())
    return digest.hexdigest()[:12]
