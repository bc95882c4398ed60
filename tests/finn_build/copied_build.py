"""Copies of builds, for tests that plant a fault in one."""

from __future__ import annotations

from pathlib import Path

import yaml


def forget_rtl(folder: Path) -> None:
    """Let a copied build be one that ended before the RTL: the ladder then ends with the graphs."""
    record = yaml.safe_load((folder / "build.yaml").read_text())
    del record["stages"]["rtl"]
    (folder / "build.yaml").write_text(yaml.safe_dump(record))
