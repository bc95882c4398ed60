"""One cache for all of the build: results that are used again while everything that they depend on stays the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from radioml.errors import RadioMLError
from radioml.files import sha256, write_json
from radioml.reading.records import read_record


@dataclass(frozen=True)
class Receipt:
    """What a cache knows of a result.

    key: digest of everything that the result depends on (`content_key`).
    files: name -> SHA-256 of the files that were made.
    value: a result that needs no file, as JSON can say it.
    """

    key: str
    files: dict[str, str] = field(default_factory=dict)
    value: Any = None


class Cache:
    """Results by name: files, and a receipt that says what they were made from.

    folder: where the files lie; names are relative to it. receipts: folder of the receipts. A result is valid while its
    receipt has the requested key and its files are unchanged.
    """

    def __init__(self, folder: Path, receipts: Path) -> None:
        self.folder, self._receipts = folder, receipts

    def find(self, name: str, key: str) -> Receipt | None:
        """The receipt of a result with this key; None when there is none, or one that was altered or damaged."""
        try:
            receipt = read_record(self._path(name), Receipt)
        except RadioMLError:  # missing, or damaged
            return None
        return receipt if receipt.key == key and unchanged(self.folder, receipt.files) else None

    def store(self, name: str, key: str, made: Sequence[str] = (), value: Any = None) -> Receipt:
        """Note that a result with this key is complete; made: its files, and folders of files."""
        receipt = Receipt(key, digests(self.folder, made), value)
        write_json(self._path(name), asdict(receipt))
        return receipt

    def forget(self, name: str) -> None:
        """Make `find` give None until the result is stored again."""
        self._path(name).unlink(missing_ok=True)

    def value(self, name: str, key: str, make: Callable[[], Any]) -> Any:
        """The value stored with this key; if there is none, the value of `make()`, which is then stored."""
        receipt = self.find(name, key)
        return receipt.value if receipt else self.store(name, key, value=make()).value

    def _path(self, name: str) -> Path:
        return self._receipts / f"{name}.json"


def content_key(*parts: Any) -> str:
    """SHA-256 of values that JSON can express."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Name -> SHA-256 of the files `names` of a folder, and of each file in those that are folders."""
    files: list[Path] = []
    for name in names:
        path = folder / name
        files += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return {str(file.relative_to(folder)): sha256(file) for file in files}


def unchanged(folder: Path, files: dict[str, str]) -> bool:
    """Whether all of these files are there and have these digests."""
    return all((folder / name).is_file() and sha256(folder / name) == digest for name, digest in files.items())
