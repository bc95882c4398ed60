from __future__ import annotations

import os
import re
from importlib.metadata import PackageNotFoundError

import pytest
from packaging import markers

from radioml.doctor import distributions, tools
from radioml.doctor.need import Need, missing, require
from radioml.doctor.stages import stages
from radioml.doctor.vivado import bitfile_needs
from radioml.errors import RadioMLError
from tests.repository import REPOSITORY

REQUIREMENTS = REPOSITORY / "requirements"


def test_pins_are_those_of_the_requirements():
    text = "".join(
        (REQUIREMENTS / name).read_text() for name in ("workstation.txt", "workstation-nodeps.txt", "synthesis.txt")
    )
    for stage, pins in distributions.PINNED.items():
        for name, wanted in pins.items():
            found = re.findall(rf"^{re.escape(name)}(?:\[\w+\])?==([^\s;+]+)", text, re.M | re.I)
            assert found == [wanted], f"{stage}: {name}"


def test_what_this_environment_has(radioml, tmp_path):
    done = radioml("doctor", "simulation", home=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "ready" in done.stdout and "5.48.0" in done.stdout
    assert re.search(r"g\+\+ .*\d+\.\d+", done.stdout) and re.search(r"GNU Make \d", done.stdout)
    assert list(tmp_path.iterdir()) == []


def test_every_stage_is_listed_and_an_unknown_one_refused(radioml_here):
    done = radioml_here("doctor")
    assert done.returncode == 0
    bitfiles = ("bitfile-zynq", "bitfile-alveo", "bitfile-ulx3s")
    for name in ("training", "build", "simulation", "synthesis", *bitfiles, "serial", "board", "data"):
        assert re.search(rf"^ {name}\b", done.stdout, re.M), name
    done = radioml_here("doctor", "bitfiles")
    assert done.returncode == 2
    assert "unknown stage 'bitfiles'; the stages are training" in done.stderr


def test_an_incomplete_stage_has_exit_code_3(radioml_here):
    done = radioml_here("doctor", "bitfile")
    assert done.returncode == 3
    text = re.sub(r"\s+", " ", done.stdout)
    assert "XILINX_VIVADO not set: install Vivado and Vitis 2022.2 or 2024.2 (licensed, from amd.com)" in text
    assert "v++ not found" in text
    assert "FINN_DEPS/board_files not found: .venv/bin/python requirements/finn_deps.py FOLDER" in text


@pytest.fixture
def vivado(tmp_path):
    """An environment as after sourcing settings64.sh."""

    def make(release: str, *tools: str) -> dict[str, str]:
        folder = tmp_path / "Vivado" / release
        (folder / "bin").mkdir(parents=True)
        for name in tools:
            (folder / "bin" / name).touch(mode=0o755)
        for name in ("finn-hlslib", "board_files"):
            (tmp_path / "deps" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "deps" / name / "file").touch()
        return {"XILINX_VIVADO": str(folder), "PATH": str(folder / "bin"), "FINN_DEPS": str(tmp_path / "deps")}

    return make


def test_a_complete_zynq_stage(vivado):
    needs = bitfile_needs("zynq", vivado("2024.2", "vivado"))
    assert missing(needs) == []
    assert needs[0].found.startswith("2024.2 in ")
    require("anything", needs)


def test_dma_engines_of_hls_need_its_compiler(vivado):
    needs = bitfile_needs("zynq", vivado("2024.2", "vivado"), hls_dma=True)
    assert [need.name for need in needs if not need.present] == ["vitis_hls"]


def test_an_alveo_needs_more(vivado):
    environment = vivado("2022.2", "vivado", "vitis_hls", "v++", "kernelinfo")
    (line_1, line_2) = missing(bitfile_needs("vitis", environment))
    assert line_1.startswith("XILINX_VITIS (not set): ")
    assert line_2.startswith("XILINX_XRT (not set), PLATFORM_REPO_PATHS (not set): install XRT")


def test_wrong_releases(vivado):
    needs = bitfile_needs("zynq", vivado("2025.1", "vivado", "vitis-run"), hls_dma=True)
    assert "release 2025.1 is here; FINN 1.6.1 was tested with 2022.2 or 2024.2" in missing(needs)[0]
    assert [need.name for need in needs if need.present][:2] == ["vivado", "vitis-run"]
    assert "does not say the release" in missing(bitfile_needs("zynq", vivado("latest", "vivado")))[0]


def test_a_folder_that_is_gone(vivado):
    environment = vivado("2024.2", "vivado", "vitis_hls") | {"XILINX_VIVADO": "/nowhere/Vivado/2024.2"}
    with pytest.raises(RadioMLError, match=r"it cannot start; nothing has been done(.|\n)*/nowhere/\S+ is no folder"):
        require("it", bitfile_needs("zynq", environment))


def test_a_wrong_version_is_said(monkeypatch):
    monkeypatch.setattr(distributions, "version", lambda name: {"torch": "2.13.0+cpu"}.get(name, "0.1"))
    monkeypatch.setattr(distributions, "requires", lambda name: [])
    needs = {need.name: need for need in stages()["training"]}
    assert needs["torch"].present
    assert needs["brevitas"].wrong == "0.1 is here, 0.13.4 is needed"


WHEEL = (
    "numpy>=1.26", "numpy<2,>=1.26", "pynq>=3.0.1", "finn-plus-driver>=1.6.1",
    'onnx==1.21.0; python_version >= "3.11"', 'onnx==1.17.0; python_version < "3.11"',
)  # fmt: skip
IMAGE = {
    "radioml-fpga-board": "0.1.0", "numpy": "1.26.4", "pynq": "3.0.1", "finn-plus-driver": "1.6.1", "onnx": "1.17.0",
}  # fmt: skip


@pytest.fixture
def board(monkeypatch, tmp_path):
    """A function for the needs of a board with these distributions, with the wheel installed in Python 3.10."""
    python = markers.default_environment() | {"python_version": "3.10", "python_full_version": "3.10.4"}
    monkeypatch.setattr(markers, "default_environment", lambda: python)
    monkeypatch.setenv("XILINX_XRT", str(tmp_path))

    def needs(installed: dict[str, str], required: tuple[str, ...] = WHEEL) -> list[Need]:
        def version(name: str) -> str:
            if name not in installed:
                raise PackageNotFoundError(name)
            return installed[name]

        monkeypatch.setattr(distributions, "version", version)
        monkeypatch.setattr(distributions, "requires", lambda name: list(required))
        return stages()["board"]

    return needs


def test_a_board_is_as_its_image_and_the_wheel_make_it(board):
    needs = board(IMAGE)
    assert missing(needs) == []
    assert [need.name for need in needs] == [*IMAGE, "XILINX_XRT"]


def test_what_does_not_fit_a_board_is_told_with_the_range_and_the_wheel(board):
    (line,) = missing(board(IMAGE | {"numpy": "2.4.0", "onnx": "1.21.0"}))
    assert line.startswith("numpy (2.4.0 is here, <2,>=1.26 is needed), onnx (1.21.0 is here, ==1.17.0 is needed): ")
    assert "pip install radioml_fpga_board-*.whl" in line
    (line,) = missing(board({"numpy": "1.26.4"}))
    assert line.startswith("radioml-fpga-board (not found): pip install radioml_fpga_board")


def test_extras_of_extras_are_required_of_a_workstation(board):
    required = (
        'pynq>=3.0.1; extra == "board"', 'radioml-fpga[plots]; extra == "board"', 'matplotlib>=3.10; extra == "plots"',
        'torch==2.13.0; extra == "training"',
    )  # fmt: skip
    needs = board({"radioml-fpga": "0.1.0", "pynq": "4.0.0"}, required)
    assert [need.name for need in needs if not need.present] == ["matplotlib"]
    assert "torch" not in [need.name for need in needs]


@pytest.mark.parametrize("script", ["#!/bin/sh\nsleep 60\n", "not a program"])
def test_a_tool_that_does_not_answer_is_told(script, monkeypatch, tmp_path):
    (tmp_path / "g++").write_text(script)
    (tmp_path / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(tools, "_PATIENCE", 0.2)
    needs = {need.name: need for need in tools.simulation_tools()}
    assert not needs["g++"].present and f"{tmp_path / 'g++'} does not say its version" in needs["g++"].wrong
    assert needs["make"].present
