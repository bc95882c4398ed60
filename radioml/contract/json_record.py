"""What the JSON files of a run have in common: each is one dataclass, written and read through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.reading.records import read_record, values

R = TypeVar("R", bound="JsonRecord")


class JsonRecord:
    """A dataclass that is a JSON file.

    MADE_BY: the command that writes the file.
    """

    MADE_BY: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """The fields as values for JSON."""
        return values(self)

    def write(self, path: Path) -> None:
        """Write the file in one step."""
        write_json(path, self.to_json())

    @classmethod
    def read(cls: type[R], path: Path) -> R:
        """Read what `write` wrote.

        Raises RadioMLError for a file that is missing, damaged or of another version: the file, the field, and the
        command that makes the file again.
        """
        try:
            return read_record(path, cls)
        except RadioMLError as error:
            raise RadioMLError(f"{error}; `{cls.MADE_BY}` makes the file again") from error
