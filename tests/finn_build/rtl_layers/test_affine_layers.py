"""Thresholds by pixel and dense layers with wide weights, at random shapes, widths and foldings, against NumPy.

RADIOML_LAYER_CASES is the number of random units of each kind.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from finn_build.rtl_layers.pixel_thresholds import threshold_files
from finn_build.rtl_layers.wide_dense import LIMB, dense_words
from tests.finn_build.rtl_layers.layer_bench import PAUSES, Bench, Fault, Port, Unit, in_bytes, packed

pytestmark = pytest.mark.rtl

CASES = int(os.environ.get("RADIOML_LAYER_CASES", "12"))
WORDS = 200
"""About as many words go into a unit."""


@dataclass(frozen=True)
class Thresholds:
    """The thresholds are made of the seed and lie in `folder`; some are beyond what elements reach."""

    pixels: int
    words: int
    pe: int
    first: int
    last: int
    bits: int
    signed: bool
    level_bits: int
    seed: int
    folder: Path = Path()
    module: str = "pixel_thresholds"

    @classmethod
    def random(cls, random: np.random.Generator) -> Thresholds:
        bits, level_bits = int(random.integers(1, 63)), int(random.integers(1, 7))
        pixels = int(random.integers(1, 9))
        first = int(random.integers(0, pixels + 1))
        last = int(random.integers(0, pixels - first + 1))
        pe = int(random.integers(1, min(4, 64 // max(bits, level_bits)) + 1))
        signed, seed = bool(random.integers(2)), int(random.integers(999))
        return cls(pixels, int(random.integers(1, 5)), pe, first, last, bits, signed, level_bits, seed)

    @property
    def threshold_bits(self) -> int:
        return self.bits + 1

    def table(self) -> np.ndarray:
        sets = self.first + (self.pixels > self.first + self.last) + self.last
        limit = 2**self.bits
        values = np.random.default_rng(self.seed).integers(
            -limit, limit, (sets, self.words * self.pe, 2**self.level_bits - 1)
        )
        return np.sort(values, axis=-1)

    def parameters(self) -> dict[str, object]:
        start = self.folder / f"thresholds_{abs(hash(self))}"
        for ending, text in threshold_files(self.table(), self.pe, self.threshold_bits):
            Path(f"{start}{ending}").write_text(text)
        return {
            "PIXELS": self.pixels, "WORDS": self.words, "PE": self.pe, "FIRST": self.first, "LAST": self.last,
            "IN_WIDTH": self.bits, "IN_SIGNED": int(self.signed), "THRESHOLD_WIDTH": self.threshold_bits,
            "OUT_WIDTH": self.level_bits, "THRESHOLDS": f'"{start}"',
        }  # fmt: skip

    def inputs(self) -> list[Port]:
        frame = self.pixels * self.words
        return [Port(max(3, WORDS // frame) * frame, self.pe, self.bits, self.signed)]

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        frames, table = values.reshape(-1, self.pixels, self.words * self.pe), self.table()
        levels = np.empty_like(frames)
        for pixel in range(self.pixels):
            back = self.pixels - pixel
            own = pixel if pixel < self.first else len(table) - back if back <= self.last else self.first
            levels[:, pixel] = (frames[:, pixel, :, None] >= table[own]).sum(-1)
        return [packed(levels.reshape(-1, self.pe), self.level_bits)]


@dataclass(frozen=True)
class Dense:
    """The weights are made of the seed and lie in `folder`."""

    words: int
    groups: int
    pe: int
    simd: int
    bits: int
    signed: bool
    weight_bits: int
    seed: int
    folder: Path = Path()
    module: str = "wide_dense"

    @classmethod
    def random(cls, random: np.random.Generator) -> Dense:
        simd, pe = int(random.integers(1, 4)), 1 + int(random.integers(4) == 0)
        weight_bits = int(random.integers(2, 46 if pe == 1 else 16))
        bits = int(random.integers(1, min(18, 64 // simd, 64 // pe - 5 - weight_bits) + 1))
        words, groups, seed = (int(random.integers(*ends)) for ends in ((1, 7), (1, 7), (0, 999)))
        return cls(words, groups, pe, simd, bits, bool(random.integers(2)), weight_bits, seed)

    def weights(self) -> np.ndarray:
        limit = 2 ** (self.weight_bits - 1)
        shape = (self.groups * self.pe, self.words * self.simd)
        return np.random.default_rng(self.seed).integers(-limit, limit, shape)

    def sum_bits(self) -> int:
        return self.bits + self.weight_bits + (self.words * self.simd).bit_length()

    def parameters(self) -> dict[str, object]:
        file = self.folder / f"weights_{abs(hash(self))}.dat"
        file.write_text(dense_words(self.weights(), self.pe, self.simd, self.weight_bits))
        return {
            "WORDS": self.words, "GROUPS": self.groups, "PE": self.pe, "SIMD": self.simd, "IN_WIDTH": self.bits,
            "IN_SIGNED": int(self.signed), "WEIGHT_WIDTH": self.weight_bits, "LIMB": LIMB,
            "OUT_WIDTH": self.sum_bits(), "WEIGHTS": f'"{file}"',
        }  # fmt: skip

    def inputs(self) -> list[Port]:
        return [Port(max(3, WORDS // (self.words * self.groups)) * self.words, self.simd, self.bits, self.signed)]

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        sums = values.reshape(-1, self.words * self.simd) @ self.weights().T
        return [packed(sums.reshape(-1, self.pe), self.sum_bits())]


def _planted(kind: type[Thresholds] | type[Dense], module: str) -> Unit:
    """A unit with all there is in it, whose module has this name."""
    if kind is Thresholds:
        return Thresholds(6, 3, 2, 2, 1, 9, True, 4, 1, module=module)
    return Dense(4, 3, 1, 2, 12, True, 40, 1, module=module)


UNITS: list[Unit] = [
    kind.random(np.random.default_rng([11, number])) for kind in (Thresholds, Dense) for number in range(CASES)
]
FAULTS: dict[Unit, Fault] = {
    _planted(kind, name): (kind.module, old, new)
    for kind, name, old, new in (
        (Thresholds, "above_alone", "X[2*s] >= Threshold", "X[2*s] > Threshold"),
        (Thresholds, "one_set_longer", "LAST + 1 < PIXELS", "LAST < PIXELS"),
        (Thresholds, "first_set_shorter", "Pixel >= FIRST &&", "Pixel + 1 >= FIRST &&"),
        (Thresholds, "one_word_back", "fold_t'(WORDS - 1)", "fold_t'(WORDS)"),
        (Thresholds, "without_a_sign", "IN_SIGNED?", "0?"),
        (Thresholds, "drops_levels", "moves = !Valid[DEPTH-1] || m_axis_tready", "moves = 1"),
        (Dense, "off_by_one", "Total <= total;", "Total <= total + 1;"),
        (Dense, "next_weights", "Memory[Address]", "Memory[(Address + 1) % DEPTH]"),
        (Dense, "short_limb", "<<< l*LIMB", "<<< l*(LIMB-1)"),
        (Dense, "old_inputs", ": Inputs[Count]", ": Inputs[0]"),
        (Dense, "never_begins", "First[STAGES-1]? sum_t'(0)", "0? sum_t'(0)"),
        (Dense, "drops_sums", "moves = !Valid || m_axis_tready", "moves = 1"),
    )
}
"""Units with one change to the text of their module, under another name."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    folder = tmp_path_factory.mktemp("layers")
    return Bench(
        folder,
        [replace(unit, folder=folder) for unit in UNITS],
        {replace(unit, folder=folder): fault for unit, fault in FAULTS.items()},
    )


def test_cycles_without_a_gap(bench):
    """The last result comes so many cycles after the last words were begun as the layer has registers."""
    streamed = bench.stream(4, 4)
    for unit in bench.units[: len(UNITS)]:
        (port,), (stream,) = unit.inputs(), streamed[unit]
        cycles, latency = (
            (port.words, 2 * unit.level_bits) if isinstance(unit, Thresholds) else (port.words * unit.groups, 5)
        )
        assert stream.sound and stream.last == cycles - 1 + latency, unit


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
