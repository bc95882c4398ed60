"""The layers of networks with branches, at random shapes, widths and foldings, in Verilator against NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from finn_build.rtl_layers.depthwise_unit import weight_words
from tests.finn_build.rtl_layers.layer_bench import PAUSES, Bench, Fault, Port, Unit, in_bytes, packed

pytestmark = pytest.mark.rtl

CASES = 24
"""Random units of each kind."""
WORDS = 240
"""About as many words go into a unit."""


def _pe(random: np.random.Generator, bits: int, most: int = 6) -> int:
    """Elements of a word of at most 64 bits."""
    return int(random.integers(1, min(most, 64 // bits) + 1))


@dataclass(frozen=True)
class Fork:
    streams: int
    pe: int
    bits: int
    module: str = "duplicate_streams"
    latency = 0

    @classmethod
    def random(cls, random: np.random.Generator) -> Fork:
        bits = int(random.integers(1, 17))
        return cls(int(random.integers(2, 5)), _pe(random, bits), bits)

    def parameters(self) -> dict[str, object]:
        return {"N": self.streams, "PE": self.pe, "WIDTH": self.bits}

    def inputs(self) -> list[Port]:
        return [Port(WORDS, self.pe, self.bits, signed=False)]

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        return [packed(values, self.bits)] * self.streams


@dataclass(frozen=True)
class Sum:
    pe: int
    bits: tuple[int, int]
    signed: tuple[bool, bool]
    factors: tuple[int, int]
    module: str = "stream_sum"
    latency = 3

    @classmethod
    def random(cls, random: np.random.Generator) -> Sum:
        limit = int(2 ** random.integers(0, 16))
        a, b = (int(value) for value in random.integers(1, 17, 2))
        factors = tuple(int(value) for value in random.integers(-limit, limit + 1, 2))
        unit = cls(1, (a, b), (bool(random.integers(2)), bool(random.integers(2))), (factors[0], factors[1]))
        return replace(unit, pe=_pe(random, max(unit.sum_bits(), a, b)))

    def sum_bits(self) -> int:
        most = sum(abs(f) * 2**bits for f, bits in zip(self.factors, self.bits, strict=True))
        return max(1, most).bit_length() + 1

    def parameters(self) -> dict[str, object]:
        (a, b), (a_signed, b_signed), (a_factor, b_factor) = self.bits, self.signed, self.factors
        return {
            "PE": self.pe, "A_WIDTH": a, "A_SIGNED": int(a_signed), "A_FACTOR": a_factor, "B_WIDTH": b,
            "B_SIGNED": int(b_signed), "B_FACTOR": b_factor, "OUT_WIDTH": self.sum_bits(),
        }  # fmt: skip

    def inputs(self) -> list[Port]:
        return [Port(WORDS, self.pe, bits, signed) for bits, signed in zip(self.bits, self.signed, strict=True)]

    def outputs(self, a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        return [packed(self.factors[0] * a + self.factors[1] * b, self.sum_bits())]


@dataclass(frozen=True)
class Concat:
    simd: int
    words: tuple[int, ...]
    bits: tuple[int, ...]
    signed: tuple[bool, ...]
    module: str = "stream_concat"
    latency = 1

    @classmethod
    def random(cls, random: np.random.Generator) -> Concat:
        streams = int(random.integers(2, 5))
        bits = tuple(int(value) for value in random.integers(1, 13, streams))
        signed = tuple(bool(value) for value in random.integers(0, 2, streams))
        words = tuple(int(value) for value in random.integers(1, 5, streams))
        return cls(_pe(random, max(bits) + 1), words, bits, signed)

    @property
    def pixels(self) -> int:
        return WORDS // sum(self.words)

    def out_bits(self) -> int:
        return max(self.bits) + 1

    def parameters(self) -> dict[str, object]:
        return {
            "N": len(self.words), "SIMD": self.simd, "OUT_WIDTH": self.out_bits(),
            "WORDS": _constants(self.words, 32), "WIDTHS": _constants(self.bits, 32),
            "IS_SIGNED": _constants(self.signed, 1),
        }  # fmt: skip

    def inputs(self) -> list[Port]:
        return [
            Port(words * self.pixels, self.simd, bits, signed)
            for words, bits, signed in zip(self.words, self.bits, self.signed, strict=True)
        ]

    def outputs(self, *values: np.ndarray) -> list[np.ndarray]:
        streams = [v.reshape(self.pixels, words, self.simd) for v, words in zip(values, self.words, strict=True)]
        return [packed(np.concatenate(streams, axis=1).reshape(-1, self.simd), self.out_bits())]


@dataclass(frozen=True)
class Accumulate:
    pixels: int
    words: int
    pe: int
    bits: int
    signed: bool
    module: str = "accumulate_pool"
    latency = 1

    @classmethod
    def random(cls, random: np.random.Generator) -> Accumulate:
        bits, pixels = int(random.integers(1, 13)), int(random.integers(1, 20))
        return cls(pixels, int(random.integers(1, 7)), _pe(random, bits + 6), bits, bool(random.integers(2)))

    def sum_bits(self) -> int:
        return self.bits + self.pixels.bit_length()

    def parameters(self) -> dict[str, object]:
        return {
            "PIXELS": self.pixels, "WORDS": self.words, "PE": self.pe, "IN_WIDTH": self.bits,
            "IN_SIGNED": int(self.signed), "OUT_WIDTH": self.sum_bits(),
        }  # fmt: skip

    def inputs(self) -> list[Port]:
        frame = self.pixels * self.words
        return [Port(WORDS // frame * frame, self.pe, self.bits, self.signed)]

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        sums = values.reshape(-1, self.pixels, self.words, self.pe).sum(1)
        return [packed(sums.reshape(-1, self.pe), self.sum_bits())]


@dataclass(frozen=True)
class Depthwise:
    """kernels: the weights (channels, pixels) are made of this seed and lie in `folder`."""

    groups: int
    words: int
    pe: int
    simd: int
    bits: int
    signed: bool
    weight_bits: int
    seed: int
    folder: Path = Path()
    module: str = "depthwise_unit"

    @classmethod
    def random(cls, random: np.random.Generator) -> Depthwise:
        bits, simd = int(random.integers(1, 9)), int(random.integers(1, 6))
        pe = min(_pe(random, bits * simd, 4), 64 // (bits + 14))
        groups, words, weight_bits, seed = (int(random.integers(*ends)) for ends in ((1, 5), (1, 6), (2, 9), (0, 999)))
        return cls(groups, words, max(1, pe), simd, bits, bool(random.integers(2)), weight_bits, seed)

    @property
    def latency(self) -> int:
        return (self.simd - 1).bit_length() + 3

    def kernels(self) -> np.ndarray:
        limit = 2 ** (self.weight_bits - 1)
        shape = (self.groups * self.pe, self.words * self.simd)
        return np.random.default_rng(self.seed).integers(-limit, limit, shape)

    def sum_bits(self) -> int:
        return self.bits + self.weight_bits + (self.words * self.simd).bit_length()

    def parameters(self) -> dict[str, object]:
        file = self.folder / f"weights_{abs(hash(self))}.dat"
        file.write_text(weight_words(self.kernels(), self.pe, self.simd, self.weight_bits))
        return {
            "GROUPS": self.groups, "WORDS": self.words, "PE": self.pe, "SIMD": self.simd, "IN_WIDTH": self.bits,
            "IN_SIGNED": int(self.signed), "WEIGHT_WIDTH": self.weight_bits, "OUT_WIDTH": self.sum_bits(),
            "WEIGHTS": f'"{file}"',
        }  # fmt: skip

    def inputs(self) -> list[Port]:
        pixel = self.groups * self.words
        return [Port(WORDS // pixel * pixel, self.pe * self.simd, self.bits, self.signed)]

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        windows = values.reshape(-1, self.groups, self.words * self.simd, self.pe)
        kernels = self.kernels().reshape(self.groups, self.pe, -1)
        sums = np.einsum("ngkc,gck->ngc", windows, kernels)
        return [packed(sums.reshape(-1, self.pe), self.sum_bits())]


def _constants(values: Sequence[int], bits: int) -> str:
    return f"{{{', '.join(f'{bits}{chr(39)}d{int(value)}' for value in reversed(values))}}}"


KINDS = (Fork, Sum, Concat, Accumulate, Depthwise)
UNITS = [kind.random(np.random.default_rng([7, number])) for kind in KINDS for number in range(CASES)]
FAULTS: dict[Unit, Fault] = {
    Fork(3, 2, 5, "offers_twice"): ("duplicate_streams", "{N{s_axis_tvalid}} & ~Taken", "{N{s_axis_tvalid}}"),
    Fork(3, 2, 5, "leaves_early"): ("duplicate_streams", "s_axis_tready = &taken", "s_axis_tready = |taken"),
    Sum(2, (5, 9), (True, False), (7, -3), "off_by_one"): ("stream_sum", "A1[i] + B1[i]", "A1[i] + B1[i] + 1"),
    Sum(2, (5, 9), (True, True), (7, 3), "one_factor"): ("stream_sum", "OUT_WIDTH'(B_FACTOR)", "OUT_WIDTH'(A_FACTOR)"),
    Sum(2, (5, 9), (True, True), (7, 3), "takes_alone"): (
        "stream_sum", "{moves && s_axis_tvalid[0], moves && s_axis_tvalid[1]}", "{moves, moves}",
    ),
    Concat(2, (3, 2), (5, 7), (False, True), "one_word_more"): ("stream_concat", "WORDS[Stream] - 1", "WORDS[Stream]"),
    Concat(2, (3, 2), (5, 7), (False, True), "without_sign"): ("stream_concat", "IS_SIGNED[n]?", "0?"),
    Concat(2, (3, 2), (5, 7), (False, True), "loses_words"): (
        "stream_concat", "free = !Valid || m_axis_tready", "free = 1",
    ),
    Accumulate(5, 3, 2, 6, True, "one_pixel_less"): ("accumulate_pool", "Pixel == PIXELS-1", "Pixel == PIXELS-2"),
    Accumulate(5, 3, 2, 6, True, "never_begins"): ("accumulate_pool", "first? OUT_WIDTH'(0) :", "0? OUT_WIDTH'(0) :"),
    Accumulate(5, 3, 2, 6, True, "overwrites_sums"): ("accumulate_pool", "!last || !Valid || m_axis_tready", "1"),
    Depthwise(2, 3, 2, 3, 6, False, 6, 1, module="next_weights"): (
        "depthwise_unit", "Memory[Address]", "Memory[(Address + 1) % DEPTH]",
    ),
    Depthwise(2, 3, 2, 3, 6, False, 6, 1, module="misses_a_word"): ("depthwise_unit", "Count == 0}", "Count == 1}"),
    Depthwise(2, 3, 2, 3, 6, True, 6, 1, module="without_a_sign"): ("depthwise_unit", "IN_SIGNED? ", "0? "),
    Depthwise(2, 3, 2, 3, 6, True, 6, 1, module="drops_results"): (
        "depthwise_unit", "moves = !Valid || m_axis_tready", "moves = 1",
    ),
}  # fmt: skip
"""Units with one change to the text of their module, under another name."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    folder = tmp_path_factory.mktemp("layers")
    placed = {unit: replace(unit, folder=folder) if isinstance(unit, Depthwise) else unit for unit in (*UNITS, *FAULTS)}
    return Bench(folder, [placed[unit] for unit in UNITS], {placed[unit]: fault for unit, fault in FAULTS.items()})


def test_a_word_a_cycle_without_a_gap(bench):
    """The last result comes so many cycles after the last word as the layer has registers."""
    streamed = bench.stream(4, 4)
    for unit in bench.units[: len(UNITS)]:
        words = sum(port.words for port in unit.inputs()) if isinstance(unit, Concat) else unit.inputs()[0].words
        assert all(stream.sound and stream.last == words - 1 + unit.latency for stream in streamed[unit]), unit


@pytest.mark.parametrize(("offer", "take"), PAUSES)
def test_pauses_on_both_sides(bench, offer, take):
    streamed = bench.stream(offer, take)
    for unit in bench.units[: len(UNITS)]:
        assert all(stream.sound for stream in streamed[unit]), unit


def test_every_planted_fault_is_seen(bench):
    runs = [bench.stream(offer, take) for offer, take in PAUSES]
    for unit in bench.units[len(UNITS) :]:
        assert not all(stream.sound for run in runs for stream in run[unit]), unit


def test_no_word_is_wider_than_the_bench(bench):
    for unit in bench.units:
        assert all(in_bytes(port.pe * port.bits) <= 64 for port in unit.inputs()), unit
