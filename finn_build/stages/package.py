"""The package of a simulated design."""

from __future__ import annotations

import shutil
from pathlib import Path

import radioml
from finn_build.boards import Board
from radioml.contract.estimate import Estimate
from radioml.contract.metadata import ModelMetadata
from radioml.contract.package import RTL_FOLDER, Manifest, write_package
from radioml.contract.simulation import GoldenSimulation
from radioml.run_directory import GOLDEN, MODEL
from radioml.simulation.design import Design
from radioml.temporary import temporary_folder


def manifest_of(
    model_sha256: str,
    metadata: ModelMetadata,
    board: Board,
    design: Design,
    estimated: Estimate,
    simulated: GoldenSimulation,
) -> Manifest:
    """The manifest of a simulation package.

    Args:
        model_sha256, metadata: digest and metadata of the QONNX file that was built.
        board: the board that the design was built for.
        design: has the streams.
        estimated: has the folding of each layer.
        simulated: cycles that were counted in the simulation of the golden frames.
    """
    return Manifest(
        kind="simulation",
        version=radioml.__version__,
        board=board.name,
        clock_mhz=board.clock_mhz,
        model_sha256=model_sha256,
        classes=metadata.classes,
        quantiser=metadata.quantiser,
        logit_scale=metadata.logit_scale,
        training_data=metadata.training_data,
        accuracy=metadata.accuracy,
        input=design.input,
        output=design.output,
        folding={layer.name: layer.folding for layer in estimated.layers if layer.folding},
        cycles_per_frame=simulated.cycles_per_frame,
        latency_cycles=simulated.latency_cycles,
    )


def write_simulation_package(package: Path, manifest: Manifest, rtl: Path, golden: Path, network: Path) -> None:
    """Write package.zip; rtl: folder of the HDL; golden, network: golden.npz and the QONNX file."""
    with temporary_folder("radioml-package") as contents:
        shutil.copytree(rtl, contents / RTL_FOLDER)
        shutil.copyfile(golden, contents / GOLDEN)
        shutil.copyfile(network, contents / MODEL)
        names = [str(file.relative_to(contents)) for file in sorted(contents.rglob("*")) if file.is_file()]
        write_package(package, manifest, contents, names)
