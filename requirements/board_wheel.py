"""Build the wheel that a board needs: `radioml` and `deploy` alone, with the dependencies of the extra `board`.

`python requirements/board_wheel.py FOLDER` writes FOLDER/radioml_fpga_board-VERSION-py3-none-any.whl. The one source of
names, versions and dependencies is pyproject.toml.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import tomllib
from setuptools import find_packages

REPOSITORY = Path(__file__).resolve().parents[1]
ROOMS = ("radioml", "deploy")
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
"""Program that builds the wheel of the working directory; what pip calls, in one process instead of four."""


def requirements(project: dict) -> list[str]:
    """The project's own dependencies and those of its extra `board`, extras that it names resolved."""
    found = list(project["dependencies"])
    extras = ["board"]
    for extra in extras:
        for line in project["optional-dependencies"][extra]:
            own = re.fullmatch(rf"{project['name']}\[(.*)\]", line)
            if own:
                extras += [name for name in own[1].split(",") if name not in extras]
            else:
                found.append(line)
    return found


def build(folder: Path) -> Path:
    """Write the wheel into `folder`; returns its path. Raises SystemExit with the messages of setuptools."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    project, packaging = settings["project"], settings["tool"]["setuptools"]
    packages = find_packages(str(REPOSITORY), include=[f"{room}*" for room in ROOMS])
    data = {name: files for name, files in packaging["package-data"].items() if name in packages}
    lines = [
        "[build-system]", 'requires = ["setuptools>=77"]', 'build-backend = "setuptools.build_meta"',
        "[project]", f'name = "{project["name"]}-board"', f'version = "{project["version"]}"',
        f"requires-python = {json.dumps(project['requires-python'])}",
        f"dependencies = {json.dumps(requirements(project))}",
        "[project.scripts]", f"radioml = {json.dumps(project['scripts']['radioml'])}",
        "[tool.setuptools]", f"packages = {json.dumps(packages)}",
        "[tool.setuptools.package-data]", *(f'"{name}" = {json.dumps(files)}' for name, files in data.items()),
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as stage:
        for room in ROOMS:
            shutil.copytree(REPOSITORY / room, Path(stage) / room, ignore=shutil.ignore_patterns("__pycache__"))
        Path(stage, "pyproject.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        wheels = Path(stage, "wheels")
        command = [sys.executable, "-c", BUILD, str(wheels)]
        done = subprocess.run(command, cwd=stage, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        (wheel,) = wheels.glob("*.whl")
        return Path(shutil.move(wheel, folder / wheel.name))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(build(Path(sys.argv[1])))
