"""Where the tests find the repository and, beside its checkout, what is shared."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"
