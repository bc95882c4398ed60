"""Layers on streams at random widths and foldings, with what NumPy says of them: see `layer_bench`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from finn_build.rtl_layers.function_table import table_words
from tests.finn_build.rtl_layers.layer_bench import Port, packed

WORDS = 240
"""Approximate number of words that go into a unit."""


def pe_of(random: np.random.Generator, bits: int, most: int = 6) -> int:
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
        return cls(int(random.integers(2, 5)), pe_of(random, bits), bits)

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
        return replace(unit, pe=pe_of(random, max(unit.sum_bits(), a, b)))

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
class Product:
    pe: int
    bits: tuple[int, int]
    signed: tuple[bool, bool]
    module: str = "stream_product"
    latency = 3

    @classmethod
    def random(cls, random: np.random.Generator) -> Product:
        a, b = (int(value) for value in random.integers(1, 17, 2))
        return cls(pe_of(random, a + b), (a, b), (bool(random.integers(2)), bool(random.integers(2))))

    def parameters(self) -> dict[str, object]:
        (a, b), (a_signed, b_signed) = self.bits, self.signed
        return {"PE": self.pe, "A_WIDTH": a, "A_SIGNED": int(a_signed), "B_WIDTH": b, "B_SIGNED": int(b_signed)}

    def inputs(self) -> list[Port]:
        return [Port(WORDS, self.pe, bits, signed) for bits, signed in zip(self.bits, self.signed, strict=True)]

    def outputs(self, a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        return [packed(a * b, sum(self.bits))]


@dataclass(frozen=True)
class Table:
    """words: of a pixel that have functions of their own; the results are made of this seed and lie in `folder`."""

    words: int
    pe: int
    bits: int
    out_bits: int
    signed: bool
    seed: int
    folder: Path = Path()
    module: str = "function_table"
    latency = 2

    @classmethod
    def random(cls, random: np.random.Generator) -> Table:
        bits, out_bits = (int(value) for value in random.integers(1, 9, 2))
        words, seed = (int(random.integers(*ends)) for ends in ((1, 5), (0, 999)))
        return cls(words, pe_of(random, max(bits, out_bits)), bits, out_bits, bool(random.integers(2)), seed)

    def table(self) -> np.ndarray:
        functions = self.words * self.pe if self.words > 1 else 1
        return np.random.default_rng(self.seed).integers(0, 2**self.out_bits, (functions, 2**self.bits))

    def parameters(self) -> dict[str, object]:
        file = self.folder / f"table_{abs(hash(self))}.dat"
        file.write_text(table_words(self.table(), self.pe, self.signed, self.out_bits))
        return {
            "WORDS": self.words, "PE": self.pe, "IN_WIDTH": self.bits, "OUT_WIDTH": self.out_bits, "TABLE": f'"{file}"',
        }  # fmt: skip

    def inputs(self) -> list[Port]:
        return [Port(WORDS // self.words * self.words, self.pe, self.bits, self.signed)]

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        channels = values.reshape(-1, self.words * self.pe)
        index = channels + (2 ** (self.bits - 1) if self.signed else 0)
        found = self.table()[np.arange(channels.shape[1]) % len(self.table()), index]
        return [packed(found.reshape(-1, self.pe), self.out_bits)]


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
        return cls(pe_of(random, max(bits) + 1), words, bits, signed)

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


def _constants(values: Sequence[int], bits: int) -> str:
    return f"{{{', '.join(f'{bits}{chr(39)}d{int(value)}' for value in reversed(values))}}}"
