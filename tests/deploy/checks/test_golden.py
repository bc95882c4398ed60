"""The golden check: no difference goes unnoticed, and the usual causes are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.accelerator import Inference, open_accelerator
from deploy.checks.diagnosis import _reordered
from deploy.checks.golden import check_golden
from radioml.constants import CLASSES
from radioml.contract.package import Package, StreamFormat, open_package
from radioml.contract.quantiser import InputQuantiser
from radioml.errors import MismatchError
from radioml.run_directory import GOLDEN

QUANTISER = InputQuantiser(8, 1 / 64)
IQ = np.random.default_rng(4).normal(0, 0.8, (12, 1024, 2)).astype(np.float32)


def logits_of(integers: np.ndarray) -> np.ndarray:
    """A stand-in network whose logits depend on every sample, and on I and Q in different ways."""
    weights = np.random.default_rng(5).integers(-7, 8, (2048, 24))
    return integers.reshape(len(integers), -1).astype(np.int64) @ weights


class StandIn:
    """An accelerator that computes `logits_of` and changes the results."""

    def __init__(self, package: Package, fault: Any = lambda logits: logits) -> None:
        self.manifest, self.fault, self.batch_frames = package.manifest, fault, 8

    def infer(self, integers: np.ndarray) -> Inference:
        return Inference(self.fault(logits_of(integers)), None, 0, 1.0)


class StandInManifest:
    """The fields of a manifest that the golden check reads."""

    quantiser, classes = QUANTISER, CLASSES
    input = StreamFormat((1024, 2), 16, 8, True, 16)
    output = StreamFormat((24,), 1, 32, True, 4)


def package(folder: Path, golden_logits: np.ndarray) -> Package:
    np.savez(folder / GOLDEN, iq=IQ, logits=golden_logits)
    return Package(StandInManifest, folder)


def in_groups(integers: np.ndarray, size: int) -> np.ndarray:
    """The integers with each group of `size` consecutive ones reversed."""
    return integers.reshape(-1, size)[:, ::-1].reshape(integers.shape)


def test_equal_logits_pass(tmp_path):
    opened = package(tmp_path, logits_of(QUANTISER(IQ)))
    assert check_golden(StandIn(opened), opened) == len(IQ)


@pytest.mark.parametrize(
    ("network_input", "cause"),
    [
        (np.clip(np.floor(IQ * 64), -128, 127).astype(np.int8), "rounded down"),
        (InputQuantiser(8, 1 / 32)(IQ), "twice the scale"),
        (InputQuantiser(8, 1 / 128)(IQ), "half the scale"),
    ],
)
def test_a_network_trained_with_another_quantiser_is_told(tmp_path, network_input, cause):
    opened = package(tmp_path, logits_of(network_input))
    with pytest.raises(MismatchError, match=rf"{cause}.*the manifest's input quantiser is not the network's"):
        check_golden(StandIn(opened), opened)


@pytest.mark.parametrize(
    ("network_input", "cause"),
    [
        (in_groups(QUANTISER(IQ), 2), "I and Q exchanged"),
        (QUANTISER(IQ).transpose(0, 2, 1).reshape(IQ.shape), "all I before all Q"),
        (in_groups(QUANTISER(IQ), 16), "elements of a word in reverse"),
        (in_groups(QUANTISER(IQ), 4), "bytes of 32-bit numbers in reverse"),
        (in_groups(QUANTISER(IQ), 8), "bytes of 64-bit numbers in reverse"),
    ],
)
def test_an_accelerator_with_another_input_packing_is_told(tmp_path, network_input, cause):
    opened = package(tmp_path, logits_of(network_input))
    with pytest.raises(MismatchError, match=rf"{cause}: the manifest's input packing is not the accelerator's"):
        check_golden(StandIn(opened), opened)


def test_an_accelerator_with_another_order_of_nibbles_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(StandInManifest, "quantiser", InputQuantiser(4, 1 / 4))
    monkeypatch.setattr(StandInManifest, "input", StreamFormat((1024, 2), 4, 4, True, 2))
    integers = StandInManifest.quantiser(IQ)
    for network_input, cause in (
        (in_groups(integers, 4), "elements of a word in reverse"),
        (in_groups(in_groups(integers, 4), 2), "bytes of 16-bit numbers in reverse"),
    ):
        opened = package(tmp_path, logits_of(network_input))
        with pytest.raises(MismatchError, match=rf"{cause}: the manifest's input packing"):
            check_golden(StandIn(opened), opened)
    # one sample a byte: exchanging its nibbles exchanges I and Q
    orders = dict(_reordered(integers, StandInManifest.input))
    assert np.array_equal(orders["with the nibbles of a byte exchanged"], in_groups(integers, 2))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda logits: logits[:, ::-1], "in another order"),
        (
            lambda logits: logits + 1,
            "12 of 12 golden frames differ.*288 of 288 logits.*wrong accelerator.*bitfile.*another build",
        ),
        (lambda logits: np.zeros_like(logits), "Every frame gets the same logits.*wrong bitfile"),
        (lambda logits: np.roll(logits, 2, 0), r"right but 2 frame\(s\) late.*Load the bitfile again"),
        (
            lambda logits: logits.astype("<i4").byteswap().astype(np.int64),
            "right but with the bytes of 32-bit numbers in reverse: the manifest's output packing",
        ),
        (lambda logits: logits * (np.arange(12) != 3)[:, None], "1 of 12 .*frame 3.*Most frames agree"),
        (lambda logits: logits[:, :20], r"logits \(12, 20\) for golden logits \(12, 24\)"),
    ],
)
def test_a_faulty_accelerator_is_told(tmp_path, fault, message):
    opened = package(tmp_path, logits_of(QUANTISER(IQ)))
    with pytest.raises(MismatchError, match=message):
        check_golden(StandIn(opened, fault), opened)


def test_one_changed_logit_of_a_real_package_is_noticed(repack, tmp_path):
    def change(logits: np.ndarray) -> np.ndarray:
        logits[1, 2] += 1
        return logits

    opened = open_package(repack(logits=change), tmp_path / "changed")
    found, expected = opened.golden()[1][1, 2] - 1, opened.golden()[1][1, 2]
    with open_accelerator(opened, "simulation", 1) as accelerator, pytest.raises(MismatchError) as caught:
        check_golden(accelerator, opened)
    assert f"1 of {len(opened.golden()[0])} golden frames differ" in str(caught.value)
    assert f"the first is 8ASK of frame 1: {found} instead of {expected}" in str(caught.value)


def test_a_wrong_scale_in_a_real_package_is_named(repack, small_package, tmp_path):
    quantiser = open_package(small_package, tmp_path / "original").manifest.quantiser
    opened = open_package(
        repack({"quantiser": InputQuantiser(quantiser.bits, 2 * quantiser.scale)}), tmp_path / "changed"
    )
    with (
        open_accelerator(opened, "simulation", 1) as accelerator,
        pytest.raises(MismatchError, match="half the scale: the manifest's input quantiser is not the network's"),
    ):
        check_golden(accelerator, opened)
