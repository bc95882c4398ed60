"""Threshold files of 64-bit integers: as FINN writes small ones, and exact where single precision rounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from finn_build.engine.finn_session import finn_session
from finn_build.rtl.threshold_files import write_thresholds
from radioml.errors import RadioMLError


@pytest.fixture
def session(tmp_path):
    with finn_session(tmp_path / "work", tmp_path / "log"):
        yield


def layer(folder: Path, channels: int, pe: int, bits: int, steps: int = 7):
    """A thresholding layer whose thresholds have so many bits."""
    from finn.util.basic import getHWCustomOp

    folder.mkdir(exist_ok=True)
    node = helper.make_node(
        "Thresholding_rtl", ["in", "thresholds"], ["out"], "T", domain="finn.custom_op.fpgadataflow.rtl",
        backend="fpgadataflow", NumChannels=channels, PE=pe, numSteps=steps, inputDataType=f"INT{bits}",
        weightDataType=f"INT{bits}", outputDataType="UINT3", numInputVectors=[1, 4, 1], ActVal=0,
        code_gen_dir_ipgen=str(folder),
    )  # fmt: skip
    return getHWCustomOp(node)


def written(folder: Path) -> dict[str, list[int]]:
    return {file.name: [int(line, 16) for line in file.read_text().split()] for file in folder.glob("*_threshs_*.dat")}


def table(channels: int, largest: int, steps: int = 7) -> np.ndarray:
    return np.sort(np.random.default_rng(3).integers(-largest, largest, (channels, steps)), axis=1)


@pytest.mark.parametrize(("rows", "channels", "pe", "steps"), [(6, 6, 2, 7), (6, 6, 6, 7), (1, 6, 3, 7), (4, 4, 1, 6)])
def test_files_are_those_of_finn_where_single_precision_holds_them(rows, channels, pe, steps, session, tmp_path):
    operator, thresholds = layer(tmp_path / "T", channels, pe, 13, steps), table(rows, 2**12, steps)
    operator.make_weight_file(thresholds.astype(np.float32), "internal_embedded", str(tmp_path / "T" / "memblock.dat"))
    by_finn = {file.name: file.read_text() for file in (tmp_path / "T").glob("*.dat")}
    assert len(by_finn) == 3 * pe
    write_thresholds(operator, thresholds.astype(np.float32), tmp_path / "T")
    assert {file.name: file.read_text() for file in (tmp_path / "T").glob("*.dat")} == by_finn


def test_thresholds_above_2_to_the_24_are_not_rounded(session, tmp_path):
    operator, thresholds = layer(tmp_path / "T", 4, 2, 32), table(4, 2**30) | 1
    operator.make_weight_file(thresholds.astype(np.float64), "internal_embedded", str(tmp_path / "T" / "memblock.dat"))
    by_finn = written(tmp_path / "T")
    write_thresholds(operator, thresholds.astype(np.float64), tmp_path / "T")
    exact = written(tmp_path / "T")
    assert sorted(value for values in exact.values() for value in values) == sorted(thresholds.ravel() % 2**32)
    assert exact != by_finn, "FINN writes these exactly: the file needs no more than its own"


@pytest.mark.parametrize("wrong", [0.5, 2.0**31])
def test_what_is_no_integer_of_the_type_is_refused(wrong, session, tmp_path):
    operator, thresholds = layer(tmp_path / "T", 4, 2, 32), table(4, 100).astype(np.float64)
    thresholds[0, -1] = wrong
    with pytest.raises(RadioMLError, match="T: thresholds that are no integers of type INT32"):
        write_thresholds(operator, thresholds, tmp_path / "T")
