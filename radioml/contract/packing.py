"""Integers of frames to words of an AXI stream and back, as `StreamFormat` describes them."""

from __future__ import annotations

import sys

import numpy as np

from radioml.contract.package import StreamFormat

_ALIGNED_BITS = (8, 16, 32, 64)
_PARTS_OF_A_BYTE = (1, 2, 4)
_ELEMENTS_AT_ONCE = 1 << 17  # whose intermediate results fit a core's cache


def pack(integers: np.ndarray, stream: StreamFormat) -> np.ndarray:
    """Pack frames (N, *stream.shape) of integers into uint8 (N x words, word_bytes).

    Element 0 of a word lies in its least significant bits, bytes are little-endian, padding is zero. An int8 array
    for unpadded words of 8-bit elements is not copied. Raises ValueError for another shape, a type that is no
    integer, or a value outside the format's range.
    """
    integers = np.asarray(integers)
    if integers.shape[1:] != stream.shape or not np.issubdtype(integers.dtype, np.integer):
        raise ValueError(f"{integers.dtype} {integers.shape} cannot be packed: integers (N, *{stream.shape}) can")
    _check_range(integers, stream)
    words = len(integers) * stream.words
    if _aligned(stream):
        elements = np.ascontiguousarray(integers).astype(_element_type(stream), copy=False)
        return elements.reshape(words, stream.elements).view(np.uint8)
    if _one_a_word(stream):
        unsigned = np.dtype(f"<u{stream.word_bytes}")
        used = integers.astype(unsigned).reshape(words, 1) & unsigned.type((1 << stream.bits) - 1)
        return used.view(np.uint8)
    if _divides_bytes(stream):
        used = _fold(integers, stream.bits).reshape(words, -1)
    else:
        elements = integers.astype("<i8").reshape(words, stream.elements, 1).view(np.uint8)
        bits = np.unpackbits(elements, axis=2, count=stream.bits, bitorder="little")
        used = np.packbits(bits.reshape(words, -1), axis=1, bitorder="little")
    if used.shape[1] == stream.word_bytes:
        return used
    packed = np.zeros((words, stream.word_bytes), np.uint8)
    packed[:, : used.shape[1]] = used
    return packed


def unpack(words: np.ndarray, stream: StreamFormat, dtype: type[np.integer] = np.int64) -> np.ndarray:
    """Unpack uint8 (N x words, word_bytes) to `dtype` (N, *stream.shape); the inverse of `pack`, padding is ignored.

    Unpadded words of 8-bit elements are not copied where `dtype` is the elements' own. Raises ValueError for words of
    another type or shape, and for a `dtype` that is too narrow.
    """
    low, high = _limits(stream)
    if not _holds(dtype, low, high):
        raise ValueError(f"{np.dtype(dtype)} does not hold the stream's {low} to {high}")
    if words.dtype != np.uint8 or words.ndim != 2 or words.shape[1] != stream.word_bytes or len(words) % stream.words:
        raise ValueError(
            f"{words.dtype} {words.shape} is not whole frames of {stream.words} words of {stream.word_bytes} bytes"
        )
    shape = (len(words) // stream.words, *stream.shape)
    if _aligned(stream):
        return np.ascontiguousarray(words).view(_element_type(stream)).astype(dtype, copy=False).reshape(shape)
    if _one_a_word(stream):
        unused = 8 * stream.word_bytes - stream.bits
        integers = np.ascontiguousarray(words).view(f"<u{stream.word_bytes}") << unused
        integers = integers.view(f"<{'i' if stream.signed else 'u'}{stream.word_bytes}") >> unused
        return integers.astype(dtype, copy=False).reshape(shape)
    if _divides_bytes(stream):
        used = words[:, : stream.elements * stream.bits // 8]
        return _unfold(used, stream.bits, stream.signed).astype(dtype, copy=False).reshape(shape)
    bits = np.unpackbits(words, axis=1, count=stream.elements * stream.bits, bitorder="little")
    bits = bits.reshape(-1, stream.bits)
    packed = np.packbits(bits, axis=1, bitorder="little")
    values = np.zeros((len(packed), 8), np.uint8)
    values[:, : packed.shape[1]] = packed
    integers = values.view("<i8").ravel()
    if stream.signed:  # the sign bit, moved to bit 63 and back, fills the bits above
        unused = 64 - stream.bits
        integers = (integers << unused) >> unused
    return integers.astype(dtype, copy=False).reshape(shape)


def _limits(stream: StreamFormat) -> tuple[int, int]:
    """Smallest and largest integer."""
    low = -(1 << (stream.bits - 1)) if stream.signed else 0
    return low, low + (1 << stream.bits) - 1


def _holds(dtype: np.dtype | type[np.integer], low: int, high: int) -> bool:
    return np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max


def _check_range(integers: np.ndarray, stream: StreamFormat) -> None:
    low, high = _limits(stream)
    if low <= np.iinfo(integers.dtype).min and np.iinfo(integers.dtype).max <= high:
        return
    if integers.size and (integers.min() < low or integers.max() > high):
        raise ValueError(f"integers {integers.min()} to {integers.max()} exceed the stream's {low} to {high}")


def _aligned(stream: StreamFormat) -> bool:
    """Whether a word is an unpadded array of integers that the machine knows."""
    unpadded = stream.elements * stream.bits == 8 * stream.word_bytes
    return unpadded and stream.bits in _ALIGNED_BITS and sys.byteorder == "little"


def _one_a_word(stream: StreamFormat) -> bool:
    """Whether a word is one padded integer of a size that the machine knows."""
    return stream.elements == 1 and 8 * stream.word_bytes in _ALIGNED_BITS and sys.byteorder == "little"


def _divides_bytes(stream: StreamFormat) -> bool:
    """Whether the elements of a word fill whole bytes, several a byte."""
    return stream.bits in _PARTS_OF_A_BYTE and stream.elements * stream.bits % 8 == 0 and sys.byteorder == "little"


def _fold(integers: np.ndarray, bits: int) -> np.ndarray:
    """The last 1, 2 or 4 `bits` of all integers, first in the lowest bits of a byte, uint8 (bytes,)."""
    values = np.ascontiguousarray(integers).reshape(-1).astype(np.uint8, copy=False)
    folded = np.empty(values.size * bits // 8, np.uint8)
    for start in range(0, values.size, _ELEMENTS_AT_ONCE):
        part, width = values[start : start + _ELEMENTS_AT_ONCE], bits
        while width < 8:  # two neighbours, seen as one 16-bit number, become one byte
            pairs = part.view(np.uint16) & np.uint16(0x0101 * ((1 << width) - 1))
            pairs |= pairs >> np.uint16(8 - width)
            part, width = pairs.astype(np.uint8), 2 * width
        folded[start * bits // 8 :][: part.size] = part
    return folded


def _unfold(packed: np.ndarray, bits: int, signed: bool) -> np.ndarray:
    """The elements of 1, 2 or 4 `bits` in uint8 of any shape, int8 (elements,); the inverse of `_fold`."""
    packed = np.ascontiguousarray(packed).reshape(-1)
    integers = np.empty(packed.size * 8 // bits, np.int8)
    for start in range(0, integers.size, _ELEMENTS_AT_ONCE):
        part, width = packed[start * bits // 8 : (start + _ELEMENTS_AT_ONCE) * bits // 8], 8
        while width > bits:  # each byte becomes two neighbours, seen as one 16-bit number
            width //= 2
            pairs = part.astype(np.uint16)
            pairs |= pairs << np.uint16(8 - width)
            pairs &= np.uint16(0x0101 * ((1 << width) - 1))
            part = pairs.view(np.uint8)
        elements = integers[start : start + _ELEMENTS_AT_ONCE]
        elements[:] = part.view(np.int8)
        if signed:  # the sign bit, moved to the top and back, fills the bits above
            elements <<= 8 - bits
            elements >>= 8 - bits
    return integers


def _element_type(stream: StreamFormat) -> np.dtype:
    return np.dtype(f"<{'i' if stream.signed else 'u'}{stream.bits // 8}")
