"""Which of the arrays in the files of others are frames, which are their classes, and which their SNRs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from radioml.constants import FRAME_LENGTH
from radioml.data.importing.arrays import Array, Axes, frame_axes
from radioml.errors import RadioMLError

_FRAMES = {"x", "xdata", "iq", "iqdata", "data", "signal", "signals", "sample", "samples", "frame", "frames", "input",
           "inputs", "features"}  # fmt: skip
_CLASSES = {"y", "ydata", "yonehot", "onehot", "label", "labels", "lbl", "lbls", "mod", "mods", "modulation",
            "modulations", "modtype", "class", "classes", "classlabel", "target", "targets"}  # fmt: skip
_SNRS = {"z", "zdata", "snr", "snrs", "snrdb", "snrsdb", "snrlabel", "snrlabels"}
_LISTS = {"classes", "classnames", "classlist", "names", "labelnames", "mods", "modulations", "modclasses", "labels"}
_SETS = {"train": "train", "training": "train", "test": "test", "testing": "test", "val": "val", "valid": "val",
         "validation": "val", "dev": "val"}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """Frames and their labels.

    frames: the array, with its axes. classes, snrs: arrays with an axis of as many elements; `snrs` None where there
    are none. names: a list of class names that the file has, None where it has none.
    """

    frames: Array
    axes: Axes
    classes: Array
    snrs: Array | None
    names: Array | None

    @property
    def count(self) -> int:
        """Number of frames."""
        return self.frames.shape[self.axes.frames]


@dataclass(frozen=True)
class Names:
    """Names of arrays that the user has given, None where they are to be found."""

    frames: str | None = None
    classes: str | None = None
    snrs: str | None = None


def find_parts(files: Sequence[Sequence[Array]], names: Names) -> list[Part]:
    """Find the frames and labels in the arrays of some files.

    Each file is searched, and each of its sets (X_train, X_test). Arrays that lie alone in their files (X.npy, Y.npy)
    belong together. Raises RadioMLError, with a list of the arrays, where frames and labels cannot be told apart.
    """
    parts, alone = [], []
    for arrays in files:
        groups = _sets(arrays)
        whole = {name: _roles(group, names) for name, group in groups.items()}
        shared = next((roles["list"] for roles in whole.values() if "list" in roles), None)
        for name, roles in whole.items():
            if "frames" in roles and "classes" in roles:
                parts.append(_part(roles, shared))
            else:
                alone += groups[name]
    for group in _sets(alone).values():
        roles = _roles(group, names)
        if "frames" in roles and "classes" in roles:
            parts.append(_part(roles, None))
        elif "frames" in roles:
            raise _not_told("no classes for the frames", [roles["frames"]], group, "--y NAME names them")
    if not parts:
        arrays = [array for group in files for array in group]
        raise _not_told(f"no frames of {FRAME_LENGTH} samples", [], arrays, "--x NAME names them")
    return parts


def _part(roles: dict[str, Array], shared: Array | None) -> Part:
    frames, axes = roles["frames"], frame_axes(roles["frames"])
    assert axes is not None
    return Part(frames, axes, roles["classes"], roles.get("snrs"), roles.get("list", shared))


def _sets(arrays: Sequence[Array]) -> dict[str, list[Array]]:
    """Arrays by the set that their names contain: train, test, val or none."""
    groups: dict[str, list[Array]] = {}
    for array in arrays:
        groups.setdefault(_named(array)[1], []).append(array)
    return groups


def _named(array: Array) -> tuple[str, str]:
    """The name of an array without its set, in lower case, and the set; "" for no set."""
    words = [word for word in re.split(r"[^a-z0-9]+", array.name.lower()) if word]
    found = next((_SETS[word] for word in words if word in _SETS), "")
    words = [word for word in words if word not in _SETS]
    joined = "".join(words)
    return (joined if joined in _FRAMES | _CLASSES | _SNRS | _LISTS else "".join(words[-1:])), found


def _roles(group: Sequence[Array], names: Names) -> dict[str, Array]:
    """The arrays of one set by what they are: frames, classes, snrs, list."""
    roles: dict[str, Array] = {}
    chosen = [array for array in group if names.frames in (None, array.name) and frame_axes(array) is not None]
    if len(chosen) > 1 and names.frames is None:
        chosen = [array for array in chosen if _named(array)[0] in _FRAMES]
    if len(chosen) > 1:
        raise _not_told("several arrays of frames", chosen, group, "--x NAME chooses one")
    rest = [array for array in group if array not in chosen]
    if chosen:
        axes = frame_axes(chosen[0])
        assert axes is not None
        roles["frames"], count = chosen[0], chosen[0].shape[axes.frames]
        labels = [array for array in rest if count in array.shape and len(array.shape) <= 2]
    else:
        labels = rest
    snrs = [a for a in labels if (a.name == names.snrs if names.snrs else _named(a)[0] in _SNRS)]
    classes = [a for a in labels if (a.name == names.classes if names.classes else _named(a)[0] in _CLASSES)]
    if not classes and names.classes is None:
        classes = [a for a in labels if a not in snrs and (a.is_text or (len(a.shape) == 2 and min(a.shape) > 1))]
    for role, found, option in (("snrs", snrs, "--z"), ("classes", classes, "--y")):
        if len(found) > 1 and chosen:
            raise _not_told(f"several arrays of {role}", found, group, f"{option} NAME chooses one")
        if found:
            roles[role] = found[0]
    lists = [a for a in rest if a.is_text and _named(a)[0] in _LISTS and a not in roles.values() and len(a.shape) <= 2]
    if lists:
        roles["list"] = lists[0]
    return roles


def _not_told(what: str, found: Sequence[Array], arrays: Sequence[Array], remedy: str) -> RadioMLError:
    source = arrays[0].source if arrays else "the file"
    there = ", ".join(map(str, found or arrays)) or "no arrays"
    frames = "" if found else _lengths(arrays)
    return RadioMLError(f"{source}: {what}; there are: {there}{frames}; {remedy}")


def _lengths(arrays: Sequence[Array]) -> str:
    """A remark on arrays that would be frames if they had the right length."""
    for array in arrays:
        for length in {size for size in array.shape if size > 2} - {FRAME_LENGTH}:
            if len(array.shape) > 2 - array.is_complex and frame_axes(array, length):
                return f" ({array.name}: frames of {length} samples; expected {FRAME_LENGTH})"
    return ""
