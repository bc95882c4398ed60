#!/usr/bin/env python
"""Fetch what FINN needs for bitfiles beside Vivado: `.venv/bin/python requirements/finn_deps.py FOLDER`.

FINN's own installer clones the HLS library of its DMA engines and downloads the boards' definitions, at the versions
that FINN pins. Set FINN_DEPS to FOLDER afterwards. A dependency that is there at the right version is skipped.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

NOT_NEEDED = ("attention-hlslib", "AuroraFlow", "nlohmann-json")
"""For attention layers, for several cards, and for simulation with Vivado's simulator."""
TOOLS = ("git", "wget", "unzip")
TIMEOUT_S = 600.0


def main() -> int:
    """Install every dependency; returns the exit code, 2 where a dependency could not be fetched."""
    parser = argparse.ArgumentParser(description="Fetch FINN's dependencies for bitfiles.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        print(f"error: {', '.join(missing)} not found (Debian or Ubuntu: apt-get install ...)", file=sys.stderr)
        return 2
    import finn.interface
    from finn.interface.manage_deps import DependencyUpdater

    (beside,) = (Path(root) for root in finn.interface.__path__)
    definitions = Path(os.environ.get("FINN_DEPS_DEFINITIONS", beside / "external_dependencies.yaml"))
    updater = DependencyUpdater(folder, definitions, TIMEOUT_S, non_interactive=True)
    names = [name for name in updater.deps.get_all_dependencies() if name not in NOT_NEEDED]
    failed = []
    for name in names:
        if not updater.is_outdated(name):
            print(f"{name}: there")
        elif updater.install_dependency(name):
            print(f"{name}: fetched")
        else:
            failed.append(name)
    if failed:
        print(f"error: could not fetch {', '.join(failed)} as {definitions} says; is the network reachable?",
              file=sys.stderr)  # fmt: skip
        return 2
    print(f"set FINN_DEPS={folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
