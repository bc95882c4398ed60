"""The RTL of our own layers alone, in Verilator, against NumPy: values, order, rate and pauses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.finn_build.rtl_layers.layer_bench import PAUSES, Bench, Port, Streamed, packed

pytestmark = pytest.mark.rtl

WORDS = 960  # whole windows and frames of all layers below


@dataclass(frozen=True)
class Pool:
    """A max_pool: windows of k words, words of pe elements, elements of some bits."""

    k: int
    pe: int
    bits: int
    signed: bool
    module: str = "max_pool"

    def parameters(self) -> dict[str, object]:
        return {"K": self.k, "PE": self.pe, "WIDTH": self.bits, "IS_SIGNED": int(self.signed)}

    def inputs(self) -> list[Port]:
        return [Port(WORDS, self.pe, self.bits, self.signed)]

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        return [packed(values.reshape(-1, self.k, self.pe).max(axis=1), self.bits)]


@dataclass(frozen=True)
class Bias:
    """A channel_bias of frames of `words` words of pe elements; sums are two bits wider than the elements."""

    words: int
    pe: int
    bits: int
    signed: bool
    module: str = "channel_bias"

    def biases(self) -> np.ndarray:
        limit = 2 ** (self.bits - 1)
        return np.random.default_rng(5).integers(-limit, limit, (self.words, self.pe))

    def parameters(self) -> dict[str, object]:
        bits = self.bits + 2
        table = sum((int(bias) % 2**bits) << (index * bits) for index, bias in enumerate(self.biases().ravel()))
        return {
            "WORDS": self.words, "PE": self.pe, "IN_WIDTH": self.bits, "OUT_WIDTH": bits,
            "IN_SIGNED": int(self.signed), "BIASES": f"{self.words * self.pe * bits}'h{table:x}",
        }  # fmt: skip

    def inputs(self) -> list[Port]:
        return [Port(WORDS, self.pe, self.bits, self.signed)]

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        return [packed(values + np.tile(self.biases(), (WORDS // self.words, 1)), self.bits + 2)]


LAYERS = [
    Pool(2, 4, 4, False), Pool(2, 4, 4, True), Pool(3, 3, 5, True), Pool(3, 5, 7, False), Pool(1, 2, 7, True),
    Pool(16, 1, 1, False), Pool(5, 8, 8, True), Pool(2, 1, 32, True), Pool(2, 2, 32, False),
    Bias(24, 1, 14, True), Bias(6, 4, 10, True), Bias(1, 3, 6, False), Bias(12, 2, 20, True),
]  # fmt: skip


FAULTS = {
    Pool(2, 4, 4, False, "minimum"): ("max_pool", "above = x > ", "above = x < "),
    Pool(3, 3, 5, True, "unsigned_only"): ("max_pool", "$signed(x) > $signed(Highest[i])", "x > Highest[i]"),
    Pool(2, 4, 4, False, "overwrites"): ("max_pool", "!last || !Valid || m_axis_tready", "1"),
    Pool(3, 3, 5, False, "never_begins"): ("max_pool", "first || above?", "above?"),
    Bias(6, 4, 10, True, "one_for_all"): ("channel_bias", "biases[i] + ", "biases[0] + "),
    Bias(6, 4, 10, True, "zero_extended"): (
        "channel_bias", "IN_SIGNED? OUT_WIDTH'($signed(x)) : OUT_WIDTH'(x)", "OUT_WIDTH'(x)",
    ),
}  # fmt: skip
"""Layers with one change to the text of their module, under another name."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("layers"), LAYERS, FAULTS)


def test_a_word_a_cycle_without_a_gap(bench):
    """The last result comes in the cycle after the last word."""
    streamed = bench.stream(4, 4)
    assert {layer: streamed[layer] for layer in LAYERS} == {layer: [Streamed(True, WORDS, 0)] for layer in LAYERS}


@pytest.mark.parametrize(("offer", "take"), PAUSES)
def test_pauses_on_both_sides(bench, offer, take):
    streamed = bench.stream(offer, take)
    for layer in LAYERS:
        assert streamed[layer][0].sound, layer


def test_a_pool_waits_with_its_last_word_alone(bench):
    """A consumer that takes a word in half of the cycles slows down what gives a word a cycle, but no pool of 16."""
    streamed = bench.stream(4, 2)
    assert streamed[Pool(16, 1, 1, False)][0].last < 1.01 * WORDS
    assert streamed[Bias(1, 3, 6, False)][0].last > 1.8 * WORDS


def test_every_planted_fault_is_seen(bench):
    runs = [bench.stream(offer, take) for offer, take in PAUSES]
    for layer in FAULTS:
        assert not all(run[layer][0].sound for run in runs), layer
