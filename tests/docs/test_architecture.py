"""The page of the architecture names every wing."""

from __future__ import annotations

import pytest

from tests.repository import REPOSITORY

WINGS = sorted(
    path.parent.relative_to(REPOSITORY).as_posix()
    for room in ("radioml", "training", "finn_build", "deploy")
    for path in (REPOSITORY / room).glob("*/__init__.py")
)


@pytest.mark.parametrize("wing", WINGS)
def test_the_wing_is_named(wing: str):
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert f"`{wing.split('/')[1]}/`" in page
