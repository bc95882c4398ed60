from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from radioml.contract.package import StreamFormat
from radioml.contract.packing import pack, unpack
from tests.repository import REPOSITORY

BOARD_PYTHON = Path(os.environ.get("RADIOML_BOARD_PYTHON") or REPOSITORY / ".venv-board" / "bin" / "python")

FORMATS = [
    StreamFormat((1024, 2), 2, 8, True, 2),
    StreamFormat((1024, 2), 16, 8, True, 16),
    StreamFormat((16, 6), 3, 4, False, 2),
    StreamFormat((16, 6), 6, 4, True, 3),
    StreamFormat((1024, 2), 4, 4, True, 2),
    StreamFormat((16, 6), 6, 4, False, 8),
    StreamFormat((16, 8), 8, 2, True, 2),
    StreamFormat((16, 8), 16, 1, False, 3),
    StreamFormat((16, 6), 3, 2, True, 1),
    StreamFormat((24,), 4, 8, False, 4),
    StreamFormat((24,), 1, 16, True, 2),
    StreamFormat((24,), 1, 13, True, 2),
    StreamFormat((24,), 1, 13, False, 4),
    StreamFormat((24,), 1, 13, True, 3),
    StreamFormat((24,), 1, 4, True, 1),
    StreamFormat((24,), 1, 7, False, 1),
    StreamFormat((24,), 1, 40, True, 8),
    StreamFormat((24,), 3, 19, True, 8),
    StreamFormat((24,), 2, 17, False, 5),
    StreamFormat((24,), 24, 3, True, 9),
    StreamFormat((8,), 1, 32, True, 4),
]


def slowly(integers: np.ndarray, stream: StreamFormat) -> np.ndarray:
    """Word by word, bit by bit: element 0 in the lowest bits, bytes little-endian."""
    words = []
    for word in integers.reshape(-1, stream.elements).tolist():
        value = 0
        for position, element in enumerate(word):
            for bit in range(stream.bits):
                value |= ((element >> bit) & 1) << (position * stream.bits + bit)
        words.append(list(value.to_bytes(stream.word_bytes, "little")))
    return np.array(words, np.uint8)


def limits(stream: StreamFormat) -> tuple[int, int]:
    low = -(2 ** (stream.bits - 1)) if stream.signed else 0
    return low, low + 2**stream.bits - 1


@pytest.mark.parametrize("stream", FORMATS, ids=str)
def test_packs_as_the_slow_reference_and_back(stream):
    low, high = limits(stream)
    integers = np.random.default_rng(0).integers(low, high, (3, *stream.shape), endpoint=True)
    integers.reshape(-1)[:2] = low, high
    words = pack(integers, stream)
    assert words.dtype == np.uint8
    assert words.shape == (3 * stream.words, stream.word_bytes)
    assert np.array_equal(words, slowly(integers, stream))
    assert np.array_equal(unpack(words, stream), integers)
    assert unpack(words, stream).dtype == np.int64


def test_int8_frames_are_not_copied():
    integers = np.zeros((5, 1024, 2), np.int8)
    assert np.shares_memory(pack(integers, FORMATS[0]), integers)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_more_frames_than_are_folded_at_once(bits: int):
    stream = StreamFormat((1024, 2), 16, bits, False, 2 * bits)
    integers = np.random.default_rng(0).integers(0, 2**bits, (70, 1024, 2), np.uint8)
    assert np.array_equal(pack(integers, stream), slowly(integers, stream))


@pytest.mark.parametrize("stream", FORMATS, ids=str)
def test_unpacks_to_the_type_that_is_asked_for(stream):
    low, high = limits(stream)
    words = pack(np.random.default_rng(0).integers(low, high, (3, *stream.shape), endpoint=True), stream)
    expected = unpack(words, stream)
    for dtype in (np.int8, np.int16, np.int32, np.uint8, np.uint32):
        if low >= np.iinfo(dtype).min and high <= np.iinfo(dtype).max:
            integers = unpack(words, stream, dtype)
            assert integers.dtype == dtype
            assert np.array_equal(integers, expected.astype(dtype))
        else:
            with pytest.raises(ValueError, match="does not hold"):
                unpack(words, stream, dtype)


def test_int8_words_are_not_copied():
    words = np.zeros((5 * 1024, 2), np.uint8)
    assert np.shares_memory(unpack(words, FORMATS[0], np.int8), words)


def test_padding_bits_are_ignored():
    stream = StreamFormat((24,), 1, 13, True, 2)
    integers = np.arange(-12, 12)[None]
    words = pack(integers, stream)
    words[:, 1] |= 0xE0
    assert np.array_equal(unpack(words, stream), integers)


@pytest.mark.parametrize("stream", FORMATS, ids=str)
@pytest.mark.parametrize("side", [0, 1])
def test_out_of_range_is_refused(stream, side):
    integers = np.zeros((1, *stream.shape), np.int64)
    integers.reshape(-1)[-1] = limits(stream)[side] + (1 if side else -1)
    with pytest.raises(ValueError, match="exceed"):
        pack(integers, stream)


@pytest.mark.parametrize("wrong", [np.zeros((1, 1024, 3), np.int8), np.zeros((1, 1024, 2), np.float32)])
def test_wrong_shape_or_type_is_refused(wrong):
    with pytest.raises(ValueError, match="cannot be packed"):
        pack(wrong, FORMATS[0])


def test_half_a_frame_is_refused():
    with pytest.raises(ValueError, match="whole frames"):
        unpack(np.zeros((1023, 2), np.uint8), FORMATS[0])


@pytest.mark.parametrize(
    "python",
    [Path(sys.executable), pytest.param(BOARD_PYTHON, marks=pytest.mark.board)],
    ids=["finn", "finn_plus_driver"],
)
def test_gives_the_bytes_of_finn_s_own_packing(python: Path):
    if not python.exists():
        pytest.skip(".venv-board is absent: make board-setup, or name an interpreter in RADIOML_BOARD_PYTHON")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])}
    program = "from bench.packing import check_same_bytes; check_same_bytes()"
    done = subprocess.run([python, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
