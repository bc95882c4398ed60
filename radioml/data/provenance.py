"""The origin of frames, and whether a network has seen them: frames seen in training prove no accuracy.

A network carries `training_data`: `kind` and `identity` of the file that it was trained on, as `Origin` has them. Where
training started from another checkpoint's weights, `started_from` is the `training_data` of that checkpoint.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from radioml.contract.training_data import TrainingData
from radioml.data.conditions import NOMINAL
from radioml.data.dataset import damaged, open_dataset, read_layout, read_slice
from radioml.data.layout import Layout
from radioml.data.source_digest import Progress, known_sha256, silent, source_sha256

if TYPE_CHECKING:
    import h5py

PUBLISHED = "RadioML 2018.01A"
PUBLISHED_BYTES = 21_449_148_312
PUBLISHED_SHA256 = "e3dd0bef66a3426959ee66a1709a8c0a95d4f8395d18aaf6f1214bdbc763bd38"
"""Size and SHA-256 of GOLD_XYZ_OSC.0001_1024.hdf5, as four public projects independently state them for their
download from DeepSig or its mirror on Hugging Face. The file itself was not at hand here."""
SYNTHETIC_MARK = "radioml synthetic"
"""Value of the attribute `generator` that `radioml.data.synthetic.write_dataset` leaves in its files."""
SYNTHETIC_ATTRIBUTES = ("generator", "generator_version", "seed", "preset")
CUT_SHA256, FIRST_FRAMES = "cut_from_sha256", "first_frames"
"""Attributes of a file that was cut out of the published one: its SHA-256, and `first_frames` of the new file."""
REORDERED = "reordered"
"""Attribute of a file whose frames came from elsewhere and are not known to be in the order of their origin."""


@dataclass(frozen=True)
class Origin:
    """Where a file's frames come from.

    kind: "synthetic" when this project's generator has marked the file; "real" when it is the published file, by its
        SHA-256, or was cut out of that by `radioml data`; else "unknown".
    identity: content and size of the file. Of a synthetic file: "generator VERSION, seed SEED, N frames per cell", with
        "preset NAME" after the version unless the preset is nominal. Of other files: "NAME, frames FINGERPRINT,
        N frames per cell"; files of equal fingerprint and size have equal frames. NAME of a real file begins with
        "RadioML 2018.01A".
    """

    kind: str
    identity: str

    def __str__(self) -> str:
        """As a phrase for titles and tables; figures from synthetic frames must carry it."""
        return described(self)


def described(data: Origin | TrainingData) -> str:
    """The kind and the identity of data as a phrase for titles and tables."""
    return f"{kind_of_data(data.kind)} ({data.identity or 'unnamed'})"


def kind_of_data(kind: str) -> str:
    """The kind of data in words: "synthetic data", "real data" or "data of unknown origin"."""
    return "data of unknown origin" if kind == "unknown" else f"{kind} data"


def origin(path: Path | str, progress: Progress = silent) -> Origin:
    """Where the frames of a file come from.

    A file of the published file's size is read whole once, for its SHA-256; `progress` shows that. Raises RadioMLError
    when the file is no RadioML file.
    """
    path = Path(path)
    layout = read_layout(path)
    with open_dataset(path) as file:
        with damaged(path):
            marks = {name: str(file.attrs.get(name)) for name in (*SYNTHETIC_ATTRIBUTES, CUT_SHA256, FIRST_FRAMES)}
            reordered = bool(file.attrs.get(REORDERED))
            preset = str(file.attrs.get("preset", NOMINAL))
        synthetic = marks["generator"] == SYNTHETIC_MARK
        made_of = f"generator {marks['generator_version']}{'' if preset == NOMINAL else f', preset {preset}'}"
        made_of += f", seed {marks['seed']}"
        if synthetic and not (reordered or layout.cut_from):
            return Origin("synthetic", f"{made_of}, {layout}")
        fingerprint = first_frames(path, file, layout)
    contents = f"frames {fingerprint}, {layout}"
    if synthetic:
        cut = f"{Layout(layout.cut_from.counts)}, cut to" if layout.cut_from else "reordered,"
        return Origin("synthetic", f"{made_of}, {cut} {contents}")
    if path.stat().st_size == PUBLISHED_BYTES and source_sha256(path, progress) == PUBLISHED_SHA256:
        return Origin("real", f"{PUBLISHED} ({path.name}), {contents}")
    if layout.cut_from and (marks[CUT_SHA256], marks[FIRST_FRAMES]) == (PUBLISHED_SHA256, fingerprint):
        return Origin("real", f"{PUBLISHED}, a part ({path.name}), {contents}")
    return Origin("unknown", f"{path.name}, {contents}")


def is_generated(path: Path) -> bool:
    """Whether the project's generator has marked a file as its own; raises RadioMLError where it is no RadioML file."""
    path = Path(path)
    read_layout(path)
    with open_dataset(path) as file, damaged(path):
        return str(file.attrs.get("generator")) == SYNTHETIC_MARK


def takes_long(path: Path) -> bool:
    """Whether `origin` has to read a whole file of 20 GB first."""
    return path.is_file() and path.stat().st_size == PUBLISHED_BYTES and known_sha256(path) is None


def learnt_from(training_data: TrainingData) -> list[TrainingData]:
    """Training data of a network, of the one whose weights its training started from, and so on."""
    start = training_data.started_from
    return [training_data, *(learnt_from(start.training_data) if start else ())]


def seen_in_training(training_data: TrainingData, frames: Origin, part: str) -> str | None:
    """Why a network may have learnt from frames of this part of a file; None where it has not, as far as is known.

    Training takes the part "train" of its file, and chooses the checkpoint by "validation".
    """
    for step, data in enumerate(learnt_from(training_data)):
        first = "its weights started from a network that was " if step else ""
        trained = f"{first}trained on {described(data)}"
        if same_file(data, frames):
            known = {
                "train": "these frames trained the network",
                "validation": "these frames chose the network's checkpoint",
                "all": "most of these frames trained the network, or chose its checkpoint",
            }.get(part)
            if known:
                return known
        elif data.kind == frames.kind and _whole(frames) == _whole(data):
            if part != "test":  # both files keep the split of one whole file
                return f"{trained}: a part of the same whole, which shares frames with this"
        elif _may_share(data, frames):
            return f"{trained} that may share frames with this"
    return None


def _may_share(training_data: TrainingData, frames: Origin) -> bool:
    """Whether two files whose splits are not the same may have frames in common."""
    kinds = (training_data.kind, frames.kind)
    if "unknown" in kinds:  # it may be a copy of any
        return kinds[0] in ("real", "synthetic", "unknown")
    if kinds == ("synthetic", "synthetic"):
        return _generator(training_data) == _generator(frames)
    return kinds == ("real", "real")


def same_file(training_data: TrainingData, frames: Origin) -> bool:
    """Whether a network was trained on the file that these frames are from; the file's name may differ."""
    if training_data.kind != frames.kind:
        return False
    ours, theirs = frames.identity, str(training_data.identity)
    if frames.kind != "synthetic":
        ours, theirs = (identity.rpartition(", frames ")[2] for identity in (ours, theirs))
    return ours == theirs


def _whole(data: Origin | TrainingData) -> str:
    """The whole file, whose split its parts keep: the identity without a cut; of the published file, the name."""
    identity = str(data.identity)
    if data.kind == "real" and identity.startswith(PUBLISHED):
        return PUBLISHED
    return identity.partition(", cut to ")[0]


def _generator(data: Origin | TrainingData) -> list[str]:
    """Version and seed: synthetic files that have them in common may share symbols and noise, whatever the preset."""
    return re.findall(r"generator [^,]+|seed [^,]+", str(data.identity))


def first_frames(path: Path | str, file: h5py.File, layout: Layout) -> str:
    """Fingerprint of 12 hexadecimal digits: SHA-256 of the first frame of every cell.

    A SHA-256 of all frames would take minutes on a board.
    """
    digest, frames = hashlib.sha256(), file["X"]
    for first in layout.first_of_cells:
        digest.update(read_slice(path, frames, first, first + 1).astype("<f4").tobytes())
    return digest.hexdigest()[:12]
