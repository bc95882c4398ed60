"""The names of the classes as people write them, and lists of classes in the wrong order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from radioml.constants import CLASSES
from radioml.errors import RadioMLError
from radioml.suggest import did_you_mean

SHIPPED_ORDER: tuple[str, ...] = (
    "32PSK", "16APSK", "32QAM", "FM", "GMSK", "32APSK", "OQPSK", "8ASK", "BPSK", "8PSK", "AM-SSB-SC", "4ASK", "16PSK",
    "64APSK", "128QAM", "128APSK", "AM-DSB-SC", "AM-SSB-WC", "64QAM", "QPSK", "256QAM", "AM-DSB-WC", "OOK", "16QAM",
)  # fmt: skip
"""The list in the file classes.txt that comes with RadioML 2018.01A. The labels have another order: by this list, the
frames of constant envelope (FM) would be AM-DSB-WC, and the real-valued ones (OOK, ASK, BPSK) 32PSK, 16APSK and 32QAM.
"""
_LARGEST_LIST = 1 << 20
"""Bytes that are read of a file with a list of classes."""


def class_index(name: str) -> int | None:
    """Index of the class of this name, None for an unknown name.

    Case, separators, and the order's place before or after the kind make no difference: 16QAM, QAM16, qam-16.
    """
    return _INDEX.get(_canonical(name))


def _canonical(name: str) -> tuple[str, str]:
    plain = re.sub(r"[^A-Z0-9]", "", name.upper())
    return re.sub(r"\d", "", plain), re.sub(r"\D", "", plain)


_INDEX = {_canonical(name): index for index, name in enumerate(CLASSES)} | {
    ("BPSK", "2"): CLASSES.index("BPSK"),
    ("PSK", "2"): CLASSES.index("BPSK"),
    ("PSK", "4"): CLASSES.index("QPSK"),
    ("QPSK", "4"): CLASSES.index("QPSK"),
}


def class_indices(names: Sequence[str]) -> list[int]:
    """Class indices of names in any order; raises RadioMLError for an unknown one."""
    found = []
    for name in names:
        if (index := class_index(name)) is None:
            raise RadioMLError(f"unknown class {name!r}{did_you_mean(name, CLASSES)} Classes are {', '.join(CLASSES)}")
        found.append(index)
    return found


def read_class_list(value: str) -> list[str]:
    """Class names in order, from a file (classes.txt, JSON, or a name a line) or from text separated by commas.

    Raises RadioMLError for a file that holds no list of names.
    """
    path = Path(value)
    is_file = path.is_file()
    try:
        if is_file:
            with path.open("rb") as file:
                text = file.read(_LARGEST_LIST).decode("utf-8")
        else:
            text = value
    except (OSError, UnicodeDecodeError) as error:
        raise RadioMLError(f"{value}: not a list of classes: {error}") from error
    names = re.findall(r"""["']([^"'\n]+)["']""", text) or [name.strip() for name in re.split(r"[,\n]", text)]
    names = [name for name in names if name]
    if not names or len(set(names)) < len(names):
        what = "a name stands there twice" if names else "it has no names"
        raise RadioMLError(
            f"{value}: expected a list of classes ({what}): BPSK,QPSK,8PSK, or a file with one name a line"
        )
    return names
