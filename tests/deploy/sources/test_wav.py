"""WAV files of I and Q by other programs; mono, damaged and unfinished files are refused with a message or read."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from deploy.sources.opening import Reading, open_source
from radioml.errors import RadioMLError
from tests.radioml.reading.damage import damaged

RATE = 2_400_000


@pytest.fixture(scope="module")
def iq() -> np.ndarray:
    """I and Q, multiples of 1/128 below full scale, float32 (2500, 2)."""
    return (np.random.default_rng(1).integers(-127, 128, (2500, 2)) / 128).astype(np.float32)


def frames_of(path: Path) -> np.ndarray:
    source = open_source(str(path), Reading(normalise=False))
    assert source.sample_rate == RATE and source.frames == 2
    return np.concatenate([block.iq for block in source.blocks])


def expected(iq: np.ndarray) -> np.ndarray:
    return iq[:2048].reshape(2, 1024, 2)


@pytest.mark.parametrize(("dtype", "scale"), [("i2", 32768), ("i4", 1 << 31), ("f4", 1), ("f8", 1)])
def test_what_scipy_writes_is_read(iq, dtype, scale, tmp_path):
    wavfile.write(tmp_path / "baseband_433920000Hz_12-00-00_01-01-2025.wav", RATE, (iq * scale).astype(dtype))
    assert np.array_equal(frames_of(tmp_path / "baseband_433920000Hz_12-00-00_01-01-2025.wav"), expected(iq))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_what_pythons_own_module_writes_is_read(iq, width, tmp_path):
    values = np.rint(iq.astype(np.float64) * 2 ** (8 * width - 1)).astype("<i8")
    if width == 1:
        values = values + 128
    data = values.reshape(-1, 1).view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setparams((2, width, RATE, 0, "NONE", ""))
        file.writeframes(data)
    tolerance = 0.01 if width == 1 else 0  # unsigned: around 127.5 instead of 128
    assert np.allclose(frames_of(tmp_path / "x.wav"), expected(iq), atol=tolerance)


def header(
    size: int, extra: bytes = b"", kind: bytes = b"RIFF", tag: int = 1, channels: int = 2, bits: int = 16
) -> bytes:
    form = struct.pack("<HHIIHH", tag, channels, RATE, RATE * 4, 4, bits)
    chunks = extra + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size)
    return kind + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + chunks


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 10_000_000])
def test_a_receiver_that_was_stopped_leaves_a_wrong_size(iq, size, tmp_path):
    data = (iq * 32768).astype("<i2").tobytes()
    (tmp_path / "x.wav").write_bytes(header(size) + data + b"a")
    assert np.array_equal(frames_of(tmp_path / "x.wav"), expected(iq))
    source = open_source(str(tmp_path / "x.wav"))
    list(source.blocks)
    assert source.left_over == "1 bytes of a sample and 452 samples"


def test_other_chunks_are_passed_over_and_long_files_have_their_size_elsewhere(iq, tmp_path):
    data = (iq * 32768).astype("<i2").tobytes()
    chunk = b"auxi" + struct.pack("<I", 5) + b"abcde\0"
    (tmp_path / "x.wav").write_bytes(header(len(data), chunk) + data + b"LIST\4\0\0\0abcd")
    assert np.array_equal(frames_of(tmp_path / "x.wav"), expected(iq))
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, len(data), 0, 0)
    (tmp_path / "x.wav").write_bytes(header(0xFFFFFFFF, ds64, b"RF64") + data + b"LIST\4\0\0\0abcd")
    assert np.array_equal(frames_of(tmp_path / "x.wav"), expected(iq))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"RIFF", "ends within its header"),
        (b"RIFX\0\0\0\0WAVE", "not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "without data"),
        (header(4, channels=1), "1 channel; expected two, I and Q"),
        (header(4, channels=4), "4 channels; expected two, I and Q"),
        (header(4, tag=7, bits=8), "format 7 with 8 bits; PCM of 8, 16, 24 and 32 bits"),
        (header(4) + b"abcd", "1 samples; a frame has 1024"),
    ],
)
def test_what_is_no_recording_of_i_and_q_is_told(content, message, tmp_path):
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(RadioMLError, match=message):
        open_source(str(tmp_path / "x.wav"))


def test_damaged_files_are_refused_or_read(iq, tmp_path):
    """Fuzzing: damaged bytes raise RadioMLError alone."""
    content = header(0xFFFFFFFF, b"ds64" + struct.pack("<IQQQI", 28, 0, 4400, 0, 0), b"RF64") + iq[:1100].tobytes()
    for changed in damaged(content):
        (tmp_path / "x.wav").write_bytes(changed)
        try:
            found = [block.iq for block in open_source(str(tmp_path / "x.wav")).blocks]
        except RadioMLError as error:
            assert "x.wav" in str(error)
        else:
            assert sum(map(len, found)) <= 4
