"""Stand-ins for vivado, vitis_hls, v++ and kernelinfo: they record what they are told and write made-up files.

With the stand-ins, a test runs FINN's own bitfile steps from end to end. Nothing is synthesised: a bitfile is a word.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

from tests.finn_build.vivado import vivado_texts as texts
from tests.repository import REPOSITORY

_CALLS, _BEHAVIOUR = "calls.jsonl", "behaviour.json"
_SCRIPT = """#!{python}
import sys
sys.path.insert(0, {repository!r})
from tests.finn_build.vivado.vendor_tools import run
run({name!r}, {folder!r})
"""


def install(root: Path, monkeypatch, release: str = "2022.2", **behaviour) -> Path:
    """Put the stand-ins on the PATH and set what a sourced settings64.sh and FINN_DEPS would; returns their folder.

    behaviour: `timing` (arguments of vivado_texts.timing), `mhz` (DATA_CLK of the xclbin), `without` (file names that
    are not written), `fails` and `sleeps` (name of the tool that does).
    """
    tools = root / "Vivado" / release
    for folder in (tools / "bin", root / "deps" / "finn-hlslib", root / "deps" / "board_files" / "a", root / "xrt"):
        folder.mkdir(parents=True)
    (root / "deps" / "finn-hlslib" / "dma.h").touch()
    for name in ("vivado", "vitis_hls", "v++", "kernelinfo"):
        script = tools / "bin" / name
        script.write_text(
            _SCRIPT.format(python=sys.executable, repository=str(REPOSITORY), name=name, folder=str(tools))
        )
        script.chmod(0o755)
    (tools / _BEHAVIOUR).write_text(json.dumps(behaviour))
    monkeypatch.setenv("PATH", f"{tools / 'bin'}{os.pathsep}{os.environ['PATH']}")
    for name, path in {"XILINX_VIVADO": tools, "XILINX_VITIS": tools, "FINN_DEPS": root / "deps",
                       "XILINX_XRT": root / "xrt", "PLATFORM_REPO_PATHS": root / "xrt"}.items():  # fmt: skip
        monkeypatch.setenv(name, str(path))
    return tools


def behave(tools: Path, **behaviour) -> None:
    (tools / _BEHAVIOUR).write_text(json.dumps(behaviour))


def calls(tools: Path) -> list[dict]:
    """The calls in their order: `tool`, `arguments`, and `tcl`, the text of the script."""
    path = tools / _CALLS
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run(name: str, folder: str) -> None:
    """The work of a stand-in."""
    tools = Path(folder)
    behaviour = json.loads((tools / _BEHAVIOUR).read_text())
    script = next((Path(word) for word in sys.argv[1:] if word.endswith(".tcl")), None)
    tcl = script.read_text() if script else ""
    tcl = re.sub(r"\$::env\((\w+)\)", lambda match: os.environ[match[1]], tcl)
    with (tools / _CALLS).open("a") as stream:
        stream.write(json.dumps({"tool": name, "arguments": sys.argv[1:], "tcl": tcl}) + "\n")
    if behaviour.get("sleeps") == name:
        time.sleep(3600)
    missing = [path for path in re.findall(r"^add_files -norecurse (\S+)", tcl, re.M)
               if not Path(path).exists() and Path.cwd() not in Path(path).parents]  # fmt: skip
    missing += [path for path in re.findall(r'^set config_(?:bnnlib|customhls|hwsrc)dir "(.*)"', tcl, re.M)
                if not Path(path).is_dir()]  # fmt: skip
    if missing or behaviour.get("fails") == name:
        log = {"v++": "v++_a.log"}.get(name, f"{name}.log")
        Path(log).write_text(f"INFO: started\nERROR: [Stand-in 1-1] told to fail, or missing: {missing}\n")
        sys.exit(1)
    files = {"vivado": _vivado, "vitis_hls": _hls, "v++": _link, "kernelinfo": _kernel}[name](tcl, behaviour)
    for path, text in files.items():
        if path.name not in behaviour.get("without", ()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def _vivado(tcl: str, behaviour: dict) -> dict[Path, str]:
    here = Path.cwd()
    if packaged := re.search(r"^ipx::package_project -root_dir (\S+)", tcl, re.M):
        (wrapper,) = [p for p in re.findall(r"^add_files -norecurse (\S+)", tcl, re.M) if p.endswith("_wrapper.v")
                      and str(here) in p]  # fmt: skip
        return {Path(packaged[1]) / "component.xml": "made up\n", Path(wrapper): "// made up\n"}
    if xo := re.search(r"-xo_path (\S+)", tcl):
        return {Path(xo[1]): "made up\n"}
    hierarchy = texts.hierarchy(("top_wrapper", 24047), ("  StreamingDataflowPartition_1", 20000))
    if "open_project" in tcl:
        return {Path(re.search(r"-file (\S+)", tcl)[1]): hierarchy}
    run = here / "finn_zynq_link.runs" / "impl_1"
    return {
        run / "top_wrapper.bit": "made up bitfile\n",
        here / "finn_zynq_link.gen/sources_1/bd/top/hw_handoff/top.hwh": "<EDKSYSTEM/>\n",
        here / "synth_report.xml": hierarchy,
        run / "top_wrapper_timing_summary_routed.rpt": texts.timing(**behaviour.get("timing", {})),
        run / "top_wrapper_utilization_placed.rpt": texts.SEVEN_SERIES,
        run / "top_wrapper_power_routed.rpt": texts.POWER,
    }


def _hls(tcl: str, behaviour: dict) -> dict[Path, str]:
    project = re.search(r"project_\w+", tcl)[0]
    return {Path.cwd() / project / "sol1" / "impl" / "ip" / "component.xml": "made up\n"}


def _link(tcl: str, behaviour: dict) -> dict[Path, str]:
    here = Path.cwd()
    reports = here / "_x" / "reports" / "link" / "imp"
    return {
        here / "a.xclbin": "made up xclbin\n",
        here / "a.xclbin.info": texts.xclbin_info(behaviour.get("mhz", 250)),
        reports / "impl_1_full_util_routed.rpt": texts.ULTRASCALE,
        reports / "impl_1_timing_summary_routed.rpt": texts.timing(**behaviour.get("timing", {})),
    }


def _kernel(tcl: str, behaviour: dict) -> dict[Path, str]:
    ports = [{"name": name} for name in ("s_axi_control", "m_axi_gmem0", "s_axis_0", "m_axis_0")]
    print(json.dumps({"kernelDefs": [{"name": Path(sys.argv[-1]).stem, "ports": ports}]}))
    return {}


def copied(folder: Path, to: Path) -> Path:
    """A copy of a build folder, so that a test leaves the session's build as it is."""
    shutil.copytree(folder, to)
    return to
