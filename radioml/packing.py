"""Integers of frames to words of an AXI stream and back, as `StreamFormat` describes them."""

from __future__ import annotations

import sys

import numpy as np

from radioml.package import StreamFormat

_ALIGNED_BITS = (8, 16, 32, 64)


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
    elements = integers.astype("<i8").reshape(words, stream.elements, 1).view(np.uint8)
    bits = np.unpackbits(elements, axis=2, count=stream.bits, bitorder="little")
    packed = np.zeros((words, stream.word_bytes), np.uint8)
    used = np.packbits(bits.reshape(words, -1), axis=1, bitorder="little")
    packed[:, : used.shape[1]] = used
    return packed


def unpack(words: np.ndarray, stream: StreamFormat) -> np.ndarray:
    """Unpack uint8 (N x words, word_bytes) to int64 (N, *stream.shape); the inverse of `pack`, padding is ignored.

    Raises ValueError for another type or shape.
    """
    if words.dtype != np.uint8 or words.ndim != 2 or words.shape[1] != stream.word_bytes or len(words) % stream.words:
        raise ValueError(
            f"{words.dtype} {words.shape} is not whole frames of {stream.words} words of {stream.word_bytes} bytes"
        )
    shape = (len(words) // stream.words, *stream.shape)
    if _aligned(stream):
        return np.ascontiguousarray(words).view(_element_type(stream)).astype(np.int64).reshape(shape)
    bits = np.unpackbits(words, axis=1, count=stream.elements * stream.bits, bitorder="little")
    bits = bits.reshape(-1, stream.bits)
    packed = np.packbits(bits, axis=1, bitorder="little")
    values = np.zeros((len(packed), 8), np.uint8)
    values[:, : packed.shape[1]] = packed
    integers = values.view("<i8").ravel()
    if stream.signed:  # the sign bit, moved to bit 63 and back, fills the bits above
        unused = 64 - stream.bits
        integers = (integers << unused) >> unused
    return integers.astype(np.int64, copy=False).reshape(shape)


def _check_range(integers: np.ndarray, stream: StreamFormat) -> None:
    low = -(1 << (stream.bits - 1)) if stream.signed else 0
    high = low + (1 << stream.bits) - 1
    if np.iinfo(integers.dtype).min >= low and np.iinfo(integers.dtype).max <= high:
        return
    if integers.size and (integers.min() < low or integers.max() > high):
        raise ValueError(f"integers {integers.min()} to {integers.max()} exceed the stream's {low} to {high}")


def _aligned(stream: StreamFormat) -> bool:
    """Whether a word is an unpadded array of integers that the machine knows."""
    unpadded = stream.elements * stream.bits == 8 * stream.word_bytes
    return unpadded and stream.bits in _ALIGNED_BITS and sys.byteorder == "little"


def _element_type(stream: StreamFormat) -> np.dtype:
    return np.dtype(f"<{'i' if stream.signed else 'u'}{stream.bits // 8}")
