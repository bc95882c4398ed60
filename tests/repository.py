"""Paths of the repository and of the shared folder beside its checkout."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"


def packed(folder: Path) -> list[str]:
    """Names of the files in the folder of an opened package, to pack them again."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
