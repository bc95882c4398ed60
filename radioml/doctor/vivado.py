"""The vendor's tools for bitfiles: Vivado, Vitis, XRT, and what FINN fetches for them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from radioml.doctor.need import Need, folder

VIVADO_VERSIONS = ((2022, 2), (2024, 2))
"""The releases of Vivado, Vitis HLS and Vitis that FINN 1.6.1 names as tested."""
_SUPPORTED = " or ".join(f"{year}.{minor}" for year, minor in VIVADO_VERSIONS)
_UNIFIED = (2024, 2)
"""The last release whose HLS compiler is called `vitis_hls`; FINN calls later ones `vitis-run`."""
_INSTALL_VIVADO = (
    f"install Vivado and Vitis {_SUPPORTED} (licensed, from amd.com) and source their settings64.sh; Dockerfile.finn "
    "takes them mounted"
)
_INSTALL_XRT = "install XRT and the card's development platform (from amd.com), source /opt/xilinx/xrt/setup.sh"


def bitfile_needs(shell: str, environment: Mapping[str, str] | None = None, hls_dma: bool = False) -> list[Need]:
    """What FINN's own bitfile steps need for a board of this shell ("zynq" or "vitis"), beside the build's packages.

    FINN reads the release from the path in XILINX_VIVADO, chooses the HLS compiler by it, and finds the HLS library of
    its DMA engines and the boards' definitions in FINN_DEPS. A Zynq needs the HLS compiler only with `hls_dma`.
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
    return needs + [folder(name, environment, get) for name, get in variables.items()]


def _release(environment: Mapping[str, str]) -> tuple[int, int] | None:
    """Year and minor version in the path of XILINX_VIVADO, found as FINN does."""
    match = re.search(r"\b(20\d{2})\.(1|2)\b", environment.get("XILINX_VIVADO", ""))
    return (int(match[1]), int(match[2])) if match else None


def _vivado_variable(environment: Mapping[str, str]) -> Need:
    need = folder("XILINX_VIVADO", environment, _INSTALL_VIVADO)
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


def _dependency(name: str, environment: Mapping[str, str]) -> Need:
    root = environment.get("FINN_DEPS")
    path = Path(root) / name if root else None
    found = str(path) if path is not None and path.is_dir() and any(path.iterdir()) else None
    get = (
        ".venv/bin/python requirements/finn_deps.py FOLDER (fetches what FINN pins), then set FINN_DEPS to that folder"
    )
    return Need(f"FINN_DEPS/{name}", found, get)
