"""The wheel for a board, installed alone: it classifies, and names what it lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.repository import REPOSITORY


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "requirements/board_wheel.py", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def sources(wheel: Path) -> dict[str, str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")}


def test_it_holds_the_driver_alone(wheel):
    rooms = {name.split("/")[0] for name in sources(wheel)}
    assert rooms == {"radioml", "deploy"}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith("METADATA"))
        required = archive.read(metadata).decode()
    tracked = {str(path.relative_to(REPOSITORY)) for room in rooms for path in (REPOSITORY / room).rglob("*.py")}
    assert tracked <= names
    assert {"radioml/data/synthesis_parameters.json", "radioml/shipped/polyphase.onnx"} <= names
    assert "deploy/notebooks/classify.ipynb" in names
    for line in ("Requires-Dist: pynq", "Requires-Dist: finn-plus-driver", "Requires-Dist: numpy<2", ">=3.10"):
        assert line in required
    assert "torch" not in required and "Requires-Dist: radioml" not in required


def test_python_3_10_compiles_it(wheel, tmp_path):
    python = shutil.which("python3.10")
    environment = {**os.environ, "PYENV_VERSION": "3.10"}  # pyenv's command of this name may stand for none
    if python is None or subprocess.run([python, "-V"], capture_output=True, env=environment, check=False).returncode:
        pytest.skip("python3.10 is not on the PATH")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    command = [python, "-m", "compileall", "-q", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def installed(wheel, board_python, tmp_path_factory) -> Path:
    """bin/ of an environment with the wheel and with the board's packages, but without their commands."""
    folder = tmp_path_factory.mktemp("board")
    subprocess.run([board_python, "-m", "venv", "--without-pip", folder], check=True)
    pip = [board_python, "-m", "pip", "--disable-pip-version-check", "--python", folder / "bin" / "python"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", wheel], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    others = subprocess.run([board_python, "-c", ask], capture_output=True, text=True, check=True).stdout
    (packages / "board.pth").write_text(others)
    return folder / "bin"


def run(*command: object, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(home), "MPLCONFIGDIR": str(home), "COLUMNS": "200"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        [*map(str, command)], capture_output=True, text=True, cwd=home, env=environment, check=False, timeout=300
    )


def test_every_module_is_imported(installed, wheel, tmp_path):
    modules = [name.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for name in sources(wheel)]
    modules = [name for name in modules if not name.endswith("__main__")]
    lines = "import importlib\n" + "".join(f"importlib.import_module({name!r})\n" for name in sorted(modules))
    done = run(installed / "python", "-c", lines + "import radioml; print(radioml.__file__)", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(installed.parent) in done.stdout


def test_the_doctor_finds_the_board_ready(installed, tmp_path, monkeypatch):
    monkeypatch.setenv("XILINX_XRT", str(tmp_path))  # what the board's profile sets
    done = run(installed / "radioml", "doctor", "board", home=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "ready" in done.stdout and "radioml-fpga-board" in done.stdout


def test_it_classifies(installed, small_package, data_file, tmp_path):
    board = tmp_path / "board.zip"
    assert (
        run(installed / "python", "-m", "deploy.simulated.bitfile", small_package, board, home=tmp_path).returncode == 0
    )
    arguments = ("classify", board, "--data", data_file, "--backend", "pynq", "--frames", 26, "--out", tmp_path / "out")
    done = run(installed / "python", "-m", "deploy.simulated.board", *arguments, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "golden frames" in done.stdout


def test_the_shipped_network_runs_on_a_board_without_a_build(installed, data_file, tmp_path):
    done = run(
        installed / "radioml", "classify", "--data", data_file, "--frames", 26, "--out", tmp_path / "out", home=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "frames/s in software" in done.stdout


def test_commands_of_the_workstation_say_so(installed, tmp_path):
    done = run(installed / "radioml", "train", "polyphase", "--data", "x.hdf5", home=tmp_path)
    assert done.returncode == 3
    assert "`training` is not installed here; this command is for the workstation" in done.stderr
