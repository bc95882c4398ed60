"""The software backend: the network on the CPU gives the accelerator's integers."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from deploy.accelerator import open_accelerator
from radioml.contract.package import open_package, write_package
from radioml.errors import RadioMLError
from radioml.run_directory import GOLDEN, MODEL


@pytest.fixture
def package(small_package, tmp_path):
    return open_package(small_package, tmp_path / "package")


def test_golden_frames_come_out_equal_and_in_order(package):
    iq, logits = package.golden()
    integers = package.manifest.quantiser(iq)
    with open_accelerator(package, "software") as accelerator:
        inference = accelerator.infer(integers)
        again = accelerator.infer(integers[5:6])
        many = accelerator.infer(np.concatenate([integers[::-1]] * 3))
    assert inference.logits.dtype == np.int64
    assert np.array_equal(inference.logits, logits)
    assert np.array_equal(again.logits, logits[5:6])
    assert np.array_equal(many.logits, np.concatenate([logits[::-1]] * 3))
    assert (inference.cycles, inference.initiation_intervals) == (None, 0)
    assert inference.seconds > 0


def test_classify_runs_on_it(radioml_here, small_package, data_file, tmp_path):
    arguments = ("--data", data_file, "--backend", "software", "--frames", 30, "--out", tmp_path / "out")
    done = radioml_here("classify", small_package, *arguments)
    assert done.returncode == 0, done.stderr
    assert "frames/s in software" in done.stdout
    assert (tmp_path / "out" / "accuracy.json").is_file()


def test_a_package_without_the_model_is_refused(package, tmp_path):
    write_package(tmp_path / "bare.zip", package.manifest, package.folder, [GOLDEN])
    with pytest.raises(RadioMLError, match=r"no model\.onnx.*build it again"):
        open_accelerator(open_package(tmp_path / "bare.zip", tmp_path / "bare"), "software")


def test_another_model_is_refused(repack, package, tmp_path):
    model = onnx.load(package.folder / MODEL)
    model.producer_name += " and another"
    changed = repack(files={MODEL: model.SerializeToString()})
    with pytest.raises(RadioMLError, match=r"model\.onnx is not the one its accelerator was built from"):
        open_accelerator(open_package(changed, tmp_path / "changed"), "software")


def test_logits_that_are_no_integers_are_not_rounded_away(repack, package, tmp_path):
    changed = open_package(repack({"logit_scale": 1.5 * package.manifest.logit_scale}), tmp_path / "changed")
    with (
        open_accelerator(changed, "software") as accelerator,
        pytest.raises(RadioMLError, match=r"not multiples of logit_scale .*build the package again"),
    ):
        accelerator.infer(changed.manifest.quantiser(changed.golden()[0]))


@pytest.mark.parametrize("integers", [np.zeros((1, 2, 1024), np.int8), np.zeros((0, 1024, 2), np.int8)])
def test_frames_that_do_not_fit_are_refused(package, integers):
    with (
        open_accelerator(package, "software") as accelerator,
        pytest.raises(RadioMLError, match=r"takes int8 frames \(N, 1024, 2\)"),
    ):
        accelerator.infer(integers)
