"""Thresholds by pixel, and dense layers with wide weights, at random shapes, widths and foldings: see `layer_bench`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finn_build.rtl_layers.pixel_thresholds import threshold_files
from finn_build.rtl_layers.wide_dense import LIMB, dense_words
from tests.finn_build.rtl_layers.layer_bench import Port, packed
from tests.finn_build.rtl_layers.stream_units import WORDS


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

    @property
    def latency(self) -> int:
        return 2 * self.level_bits

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

    @property
    def latency(self) -> int:
        """After the last word of a frame is taken, all groups of sums except the first are still to be computed."""
        return 5 + self.inputs()[0].words * (self.groups - 1)

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
