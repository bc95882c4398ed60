from __future__ import annotations

from pathlib import Path

import pytest

from tests.finn_build.vivado import vendor_tools
from tests.finn_build.vivado.forked_finn import fork_finn


@pytest.fixture
def forked_finn(monkeypatch) -> None:
    fork_finn(monkeypatch)


@pytest.fixture
def tools(tmp_path, monkeypatch) -> Path:
    """The folder of the stand-ins for the vendor's commands, which are on the PATH."""
    return vendor_tools.install(tmp_path / "vendor", monkeypatch)
