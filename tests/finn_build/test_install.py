"""The installation: the script that fetches FINN's dependencies, and images that use the tested scripts."""

from __future__ import annotations

import contextlib
import functools
import http.server
import importlib.metadata
import os
import re
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.repository import REPOSITORY

SCRIPT = REPOSITORY / "requirements" / "finn_deps.py"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    done = subprocess.run(("git", *identity, *arguments), cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def repository(root: Path, name: str, file: str) -> str:
    """A bare repository root/name.git with one file, for a plain web server; returns its commit."""
    work = root / f"{name}.work"
    (work / file).parent.mkdir(parents=True)
    (work / file).write_text("content\n")
    git(work, "init", "--quiet")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "one")
    git(root, "clone", "--quiet", "--bare", str(work), f"{name}.git")
    git(root / f"{name}.git", "update-server-info")
    return git(work, "rev-parse", "HEAD")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def definitions(tmp_path) -> dict:
    """FINN's list of dependencies, cut to one of a kind, served from this machine."""
    root = tmp_path / "server"
    root.mkdir()
    with zipfile.ZipFile(root / "pynq-z2.zip", "w") as archive:
        archive.writestr("pynq-z2/A.0/board.xml", "<board/>")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    hls = {"url": f"{url}/finn-hlslib.git", "commit": repository(root, "finn-hlslib", "dma.h"), "pip_install": False,
           "install_editable": False}  # fmt: skip
    boards = {"url": f"{url}/bdf.git", "commit": repository(root, "bdf", "boards/ultra96/board.xml")}
    yield {
        "git_deps": {"finn-hlslib": hls, "AuroraFlow": {**hls, "url": f"{url}/absent.git"}},
        "boardfile_deps": {"avnet-bdf": {**boards, "subdirectory": "boards/ultra96"}},
        "direct_download_deps": {
            "pynq-z2": {"url": f"{url}/pynq-z2.zip", "do_unzip": True, "target_directory": "board_files"}
        },
    }
    server.shutdown()
    server.server_close()


def fetch(folder: Path, definitions: dict, home: Path) -> subprocess.CompletedProcess[str]:
    path = home / "definitions.yaml"
    path.write_text(yaml.safe_dump(definitions))
    environment = {**os.environ, "HOME": str(home), "FINN_DEPS_DEFINITIONS": str(path)}
    command = [sys.executable, str(SCRIPT), str(folder)]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)


def test_finn_deps(definitions, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    done = fetch(tmp_path / "deps", definitions, home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "deps" / "finn-hlslib" / "dma.h").is_file()
    for board in ("ultra96", "pynq-z2"):
        assert list((tmp_path / "deps" / "board_files" / board).rglob("board.xml")), board
    assert f"set FINN_DEPS={tmp_path / 'deps'}" in done.stdout
    again = fetch(tmp_path / "deps", definitions, home)
    assert "finn-hlslib: there" in again.stdout
    definitions["git_deps"]["finn-hlslib"]["commit"] = "0" * 40
    failed = fetch(tmp_path / "deps", definitions, home)
    assert failed.returncode == 2
    assert "could not fetch finn-hlslib as" in failed.stderr
    assert {path.name for path in home.iterdir()} == {"definitions.yaml"}


def test_images_install_with_the_scripts_that_the_tests_run():
    """`make test` installs with requirements/install.sh; test_finn_deps runs the other one."""
    assert "@requirements/install.sh $(VENV)" in (REPOSITORY / "Makefile").read_text()
    scripts = {"Dockerfile": "requirements/install.sh .venv", "Dockerfile.finn": "requirements/finn_deps.py"}
    for name, script in scripts.items():
        text = (REPOSITORY / name).read_text().replace("\\\n", " ")
        first, *steps = [line.removeprefix("RUN ") for line in text.splitlines() if line.startswith("RUN ")]
        assert first.startswith("apt-get update") and all(script in step for step in steps), name
    assert re.search(r"^ARG BASE=radioml$", (REPOSITORY / "Dockerfile.finn").read_text(), re.M)


def test_every_pin_takes_the_oldest_python_that_is_promised():
    """Debian 12 has Python 3.11.2; a package may ask for a later 3.11."""
    pins = [line for line in (REPOSITORY / "requirements" / "workstation.txt").read_text().splitlines() if "==" in line]
    wanted = {}
    for line in pins:
        name = line.split("==")[0].strip()
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            wanted[name] = importlib.metadata.metadata(name).get("Requires-Python") or ""
    assert len(wanted) > 0.9 * len(pins)
    assert [name for name, versions in wanted.items() if not SpecifierSet(versions).contains("3.11.2")] == []
    assert not SpecifierSet(">=3.11.5").contains("3.11.2")
