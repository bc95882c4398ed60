"""Layers on the pixels of windows and frames, at random shapes, widths and foldings: see `layer_bench`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finn_build.rtl_layers.depthwise_unit import weight_words
from tests.finn_build.rtl_layers.layer_bench import Port, packed
from tests.finn_build.rtl_layers.stream_units import WORDS, pe_of


@dataclass(frozen=True)
class Pool:
    """A max_pool: windows of k words, words of pe elements, elements of some bits."""

    k: int
    pe: int
    bits: int
    signed: bool
    module: str = "max_pool"
    latency = 1

    @classmethod
    def random(cls, random: np.random.Generator) -> Pool:
        bits = int(random.integers(1, 17))
        return cls(int(random.integers(1, 20)), pe_of(random, bits), bits, bool(random.integers(2)))

    def parameters(self) -> dict[str, object]:
        return {"K": self.k, "PE": self.pe, "WIDTH": self.bits, "IS_SIGNED": int(self.signed)}

    def inputs(self) -> list[Port]:
        return [Port(WORDS // self.k * self.k, self.pe, self.bits, self.signed)]

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
    latency = 1

    @classmethod
    def random(cls, random: np.random.Generator) -> Bias:
        bits = int(random.integers(1, 15))
        return cls(int(random.integers(1, 20)), pe_of(random, bits + 2), bits, bool(random.integers(2)))

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
        return [Port(WORDS // self.words * self.words, self.pe, self.bits, self.signed)]

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        return [packed(values + np.tile(self.biases(), (len(values) // self.words, 1)), self.bits + 2)]


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
        return cls(pixels, int(random.integers(1, 7)), pe_of(random, bits + 6), bits, bool(random.integers(2)))

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
class WindowSum(Accumulate):
    """The sums of windows whose words follow each other: a frame of one word a pixel to the module."""

    @classmethod
    def random(cls, random: np.random.Generator) -> WindowSum:
        bits, pixels = int(random.integers(1, 13)), int(random.integers(1, 40))
        return cls(pixels, 1, pe_of(random, bits + 6), bits, bool(random.integers(2)))


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
    dsp: bool = False
    folder: Path = Path()
    module: str = "depthwise_unit"

    @classmethod
    def random(cls, random: np.random.Generator) -> Depthwise:
        bits, simd = int(random.integers(1, 9)), int(random.integers(1, 6))
        pe = min(pe_of(random, bits * simd, 4), 64 // (bits + 14))
        groups, words, weight_bits, seed = (int(random.integers(*ends)) for ends in ((1, 5), (1, 6), (2, 9), (0, 999)))
        signed, dsp = (bool(random.integers(2)) for _ in range(2))
        return cls(groups, words, max(1, pe), simd, bits, signed, weight_bits, seed, dsp)

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
            "DSP": int(self.dsp), "WEIGHTS": f'"{file}"',
        }  # fmt: skip

    def inputs(self) -> list[Port]:
        pixel = self.groups * self.words
        return [Port(WORDS // pixel * pixel, self.pe * self.simd, self.bits, self.signed)]

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        windows = values.reshape(-1, self.groups, self.words * self.simd, self.pe)
        kernels = self.kernels().reshape(self.groups, self.pe, -1)
        sums = np.einsum("ngkc,gck->ngc", windows, kernels)
        return [packed(sums.reshape(-1, self.pe), self.sum_bits())]
