"""IQ frames to words of a stream and back, against FINN's packing; runs in the board's Python environment too.

`packing.py` as a program prints the results as JSON. FINN's functions take integers, held in float32: they are
given quantised frames, while ours start from IQ samples and quantise them.
"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np

from deploy.pipeline import quantised
from deploy.sources.source import Block
from radioml.contract.package import StreamFormat
from radioml.contract.packing import pack, unpack
from radioml.contract.quantiser import InputQuantiser

from .measure import compare, conditions

FRAMES = 1024
_INNERMOST = {"reverse_inner": True, "reverse_endian": True}  # as finn-plus-driver calls its functions
CASES = {
    "INT8 x 2": (InputQuantiser(8, 1 / 64), StreamFormat((1024, 2), 2, 8, True, 2)),
    "INT8 x 16": (InputQuantiser(8, 1 / 64), StreamFormat((1024, 2), 16, 8, True, 16)),
    "INT4 x 2": (InputQuantiser(4, 1 / 4), StreamFormat((1024, 2), 2, 4, True, 1)),
    "INT4 x 16": (InputQuantiser(4, 1 / 4), StreamFormat((1024, 2), 16, 4, True, 8)),
}
"""By type and elements a word: 2 is what most networks take, one sample a cycle, 16 a polyphase one."""


def packing() -> dict[str, Any]:
    """Rates of packing and unpacking at each width, after a check that all give the same bytes and values."""
    iq = np.random.default_rng(0).normal(0, 0.7, (FRAMES, 1024, 2)).astype(np.float32)
    return {name: {"pack": _packing(name, iq), "unpack": _unpacking(name, iq)} for name in CASES} | {
        "conditions": conditions()
    }


def _packing(name: str, iq: np.ndarray) -> dict[str, Any]:
    """From IQ samples by the driver's own steps, which count frames with NaN and values that are cut off."""
    from qonnx.core.datatype import DataType

    library, (quantiser, stream), datatype = _library(), CASES[name], DataType[name.split()[0]]
    integers = _folded(quantiser(iq), stream).astype(np.float32)
    copy = np.empty_like(iq)

    def ours() -> int:
        for _, batch in quantised([Block(iq)], quantiser, len(iq)):
            pack(batch.integers, stream)
        return len(iq)

    def driver() -> int:
        library.finnpy_to_packed_bytearray(integers, datatype, **_INNERMOST)
        return len(integers)

    def classic() -> int:
        classic_packing(library, integers[:1], datatype)
        return 1

    def memory() -> int:
        np.copyto(copy, iq)
        return len(iq)

    ((_, batch),) = quantised([Block(iq)], quantiser, len(iq))
    assert batch.usable.all() and batch.clipped == _clipped(iq, quantiser) > 0
    expected = pack(batch.integers, stream)
    packed = library.finnpy_to_packed_bytearray(integers, datatype, **_INNERMOST)
    assert np.array_equal(expected, packed.reshape(expected.shape))
    assert np.array_equal(expected[: stream.words], classic_packing(library, integers[:1], datatype)[0])
    return compare(
        ours,
        {
            f"{library.__name__}.finnpy_to_packed_bytearray of float32": driver,
            "classic FINN's finnpy_to_packed_bytearray": classic,
            "copy of the IQ samples": memory,
        },
    )


def _unpacking(name: str, iq: np.ndarray) -> dict[str, Any]:
    """To integers in float32, as FINN does."""
    from qonnx.core.datatype import DataType

    library, (quantiser, stream), datatype = _library(), CASES[name], DataType[name.split()[0]]
    words = pack(quantiser(iq), stream)
    theirs = words.reshape(len(iq), stream.words, stream.word_bytes)
    folded = (len(iq), stream.words, stream.elements)

    def ours() -> int:
        unpack(words, stream, np.int8).astype(np.float32)
        return len(iq)

    def driver() -> int:
        library.packed_bytearray_to_finnpy(theirs, datatype, folded, **_INNERMOST)
        return len(iq)

    integers = library.packed_bytearray_to_finnpy(theirs, datatype, folded, **_INNERMOST)
    assert np.array_equal(unpack(words, stream).reshape(folded), integers)
    return compare(ours, {f"{library.__name__}.packed_bytearray_to_finnpy": driver})


def check_same_bytes() -> None:
    """AssertionError unless `pack` gives FINN's bytes, and `unpack` FINN's integers, for integers of many widths."""
    from qonnx.core.datatype import DataType

    library = _library()
    for bits in (*range(2, 18), 24, 32):  # FINN's float32 holds integers exactly up to 24 bits
        for signed in (True, False):
            for elements in (1, 3, 4, 16):
                stream = StreamFormat((48, 2), elements, bits, signed, -(-elements * bits // 8))
                low = -(2 ** (bits - 1)) if signed else 0
                integers = np.random.default_rng(bits).integers(low, low + 2**bits, (3, 48, 2))
                if bits > 24:
                    integers >>= bits - 24
                datatype = DataType[f"{'' if signed else 'U'}INT{bits}"]
                values = _folded(integers, stream).astype(np.float32)
                expected = library.finnpy_to_packed_bytearray(values, datatype, **_INNERMOST)
                words = pack(integers, stream)
                assert np.array_equal(words, expected.reshape(words.shape)), stream
                expected = np.ascontiguousarray(expected)
                back = library.packed_bytearray_to_finnpy(expected, datatype, values.shape, **_INNERMOST)
                assert np.array_equal(unpack(words, stream), back.reshape(integers.shape)), stream


def classic_packing(library: ModuleType, integers: np.ndarray, datatype: Any) -> np.ndarray:
    """What FINN's drivers did until finn-plus vectorised it: words as hexadecimal texts, value by value."""
    padded = -(-integers.shape[-1] * datatype.bitwidth() // 8) * 8
    texts = library.pack_innermost_dim_as_hex_string(integers, datatype, padded, reverse_inner=True)
    words = [[library.hexstring2npbytearray(text) for text in frame] for frame in texts]
    return np.flip(np.array(words), axis=-1)


def _clipped(iq: np.ndarray, quantiser: InputQuantiser) -> int:
    """Values that the quantiser cuts off, as NumPy counts them."""
    steps = np.rint(iq / np.float32(quantiser.scale))
    return int(((steps < quantiser.minimum) | (steps > quantiser.maximum)).sum())


def _folded(integers: np.ndarray, stream: StreamFormat) -> np.ndarray:
    """Frames as FINN folds them, (N, words, elements)."""
    return integers.reshape(len(integers), stream.words, stream.elements)


def _library() -> ModuleType:
    """FINN's packing: the driver's on the board, elsewhere the compiler's, of which the driver has a copy."""
    try:
        from finn_plus_driver import packing as library
    except ImportError:
        from finn.util import data_packing as library
    return library


if __name__ == "__main__":
    print(json.dumps(packing()))
