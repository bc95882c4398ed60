"""Sources of frames without labels: every format gives the frames that its samples mean."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import sigmf

from deploy.sources.conditioning import normalised
from deploy.sources.opening import Reading, open_source
from radioml.data.dataset import read_frames
from radioml.errors import RadioMLError

SAMPLES = 5 * 1024 + 100
RAW = {
    ".cf32": ("<f4", 1), ".cfile": ("<f4", 1), ".fc32": ("<f4", 1), ".cf64": ("<f8", 1), ".fc64": ("<f8", 1),
    ".cf16": ("<f2", 1), ".cs8": ("i1", 128), ".sc8": ("i1", 128), ".ci8": ("i1", 128), ".cs16": ("<i2", 32768),
    ".sc16": ("<i2", 32768), ".ci16": ("<i2", 32768), ".ci16_le": ("<i2", 32768), ".ci16_be": (">i2", 32768),
    ".cs16be": (">i2", 32768), ".cf32_be": (">f4", 1), ".cs32": ("<i4", 1 << 31), ".CFILE": ("<f4", 1),
}  # fmt: skip


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Complex samples whose I and Q are multiples of 1/128 below full scale: exact in every format."""
    rng = np.random.default_rng(1)
    return (rng.integers(-128, 128, (SAMPLES, 2)) / 128).astype(np.float32).view(np.complex64)[:, 0]


def frames_of(source) -> np.ndarray:
    return np.concatenate([block.iq for block in source.blocks])


def cut(samples: np.ndarray, overlap: int = 0) -> np.ndarray:
    """The frames, one by one."""
    starts = range(0, len(samples) - 1023, 1024 - overlap)
    return np.stack([samples[at : at + 1024].view(np.float32).reshape(1024, 2) for at in starts])


def write(path: Path, samples: np.ndarray) -> Path:
    iq = samples.view(np.float32)
    kind = path.suffix
    if kind in RAW:
        dtype, scale = RAW[kind]
        (iq * scale).astype(dtype).tofile(path)
    elif kind == ".npy":
        np.save(path, samples)
    else:
        data = path.with_suffix(".sigmf-data")
        (iq * 32768).astype("<i2").tofile(data)
        meta = sigmf.SigMFFile(data_file=str(data), global_info={"core:datatype": "ci16_le", "core:sample_rate": 1e6})
        meta.add_capture(0)
        meta.tofile(str(path))
    return path


@pytest.mark.parametrize("overlap", [0, 1, 512, 1000])
@pytest.mark.parametrize("suffix", [*RAW, ".npy", ".sigmf-meta"])
def test_every_format_gives_the_frames_of_its_samples(samples, suffix, overlap, tmp_path):
    source = open_source(str(write(tmp_path / f"x{suffix}", samples)), Reading(overlap=overlap, normalise=False))
    expected = cut(samples, overlap)
    assert source.frames == len(expected)
    assert np.array_equal(frames_of(source), expected)
    left = (SAMPLES - 1024) % (1024 - overlap)
    assert source.left_over == (f"{left} samples" if left else "")
    assert source.sample_rate == (1e6 if suffix == ".sigmf-meta" else None)


def test_a_long_recording_is_cut_without_a_seam(tmp_path):
    samples = np.arange(600 * 1024, dtype=np.float32).view(np.complex64)
    source = open_source(str(write(tmp_path / "x.cf32", samples)), Reading(overlap=24, normalise=False))
    assert np.array_equal(frames_of(source), cut(samples, 24))


def pipe_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Put bytes in front of the standard input, in pieces of 777."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as end:
            for at in range(0, len(data), 777):
                end.write(data[at : at + 777])

    threading.Thread(target=write, daemon=True).start()
    monkeypatch.setattr(sys, "stdin", os.fdopen(reading))


def test_the_standard_input_comes_in_pieces(samples, monkeypatch):
    pipe_in(monkeypatch, samples.astype("<c8").tobytes() + b"abc")
    source = open_source("-", Reading("cf32", normalise=False))
    assert source.frames is None
    assert np.array_equal(frames_of(source), cut(samples))
    assert source.left_over == "3 bytes of a sample and 100 samples"


def test_samples_are_normalised_as_radioml_frames_are(samples, data_file, tmp_path):
    loud = samples * np.float32(37) + np.complex64(3 + 1j)
    frames = frames_of(open_source(str(write(tmp_path / "x.cf32", loud))))
    assert np.allclose(frames.view(np.complex64)[..., 0].std(1), 1, atol=1e-5)
    assert np.allclose(frames, cut(loud) / cut(loud).view(np.complex64).std(1, keepdims=True), atol=1e-5)
    radioml = read_frames(data_file, np.arange(0, 1248, 50)).iq
    again, level = normalised(radioml)
    assert np.allclose(again, radioml, atol=1e-4) and np.allclose(level, 1, atol=1e-4)
    silence = np.zeros((1, 1024, 2), np.float32)
    assert np.array_equal(normalised(silence)[0], silence) and normalised(silence)[1] == 0
    for level in (1e30, 1e-30):  # the squares are no float32 any more
        scaled, found = normalised(radioml * np.float32(level))
        assert np.allclose(scaled, again, atol=1e-5) and np.allclose(found, level, rtol=1e-4)
    broken = radioml.copy()
    broken[0, 5, 1] = np.nan
    assert not np.isfinite(normalised(broken)[0][0]).all() and np.array_equal(normalised(broken)[0][1:], again[1:])


def test_whole_frames_are_taken_as_they_are(samples, data_file, tmp_path):
    expected = cut(samples)
    path = tmp_path / "frames.npy"
    for array in (
        expected, expected.view(np.complex64)[..., 0], expected.astype(np.float64), expected.astype(">f4"),
        expected.transpose(0, 2, 1), expected.transpose(0, 2, 1)[:, None], expected[..., None], expected[None],
    ):  # fmt: skip
        np.save(path, array)
        assert np.array_equal(frames_of(open_source(str(path))), expected)
    integers = (expected * 128).astype(np.int8)
    np.save(path, integers)
    taken = frames_of(open_source(str(path)))
    assert taken.dtype == np.int8 and np.array_equal(taken, integers)
    with pytest.raises(RadioMLError, match="own integers"):
        frames_of(open_source(str(path), Reading(normalise=True)))
    source = open_source(str(data_file))
    assert np.array_equal(frames_of(source), read_frames(data_file, np.arange(source.frames)).iq)
    with pytest.raises(RadioMLError, match="cannot overlap"):
        open_source(str(data_file), Reading(overlap=3))


def test_arrays_of_samples(samples, tmp_path):
    path = tmp_path / "x.npy"
    integers = (samples.view(np.float32) * 32768).astype(np.int16)
    plain = samples.view(np.float32)
    for array in (integers, integers.reshape(-1, 2), integers.reshape(-1, 2).T, plain, plain.reshape(-1, 2).T):
        np.save(path, array)
        assert np.array_equal(frames_of(open_source(str(path), Reading(normalise=False))), cut(samples))


def refused(name: Path | str, **options) -> str:
    with pytest.raises(RadioMLError) as caught:
        frames_of(open_source(str(name), Reading(**options)))
    return str(caught.value)


def test_unusable_sources_are_named(samples, tmp_path, monkeypatch):
    assert "no such file" in refused(tmp_path / "none.cf32")
    (tmp_path / "x.dat").write_bytes(np.arange(20_000, dtype=np.int16).tobytes())
    message = refused(tmp_path / "x.dat")
    assert "unknown kind of source" in message and "`rtl_sdr` writes cu8" in message
    assert "unknown format 'cf128'; raw samples are cu8, cs8" in refused(tmp_path / "x.dat", format="cf128")
    assert "0 to 1023" in refused(tmp_path / "x.dat", overlap=1024)
    for value in (0, -5, float("inf"), float("nan")):
        assert "a positive number" in refused(tmp_path / "x.dat", sample_rate=value)
    assert "a folder" in refused(tmp_path)
    assert "--sample-rate HZ" in refused(write(tmp_path / "x.cs16", samples), offset_hz=10)
    assert "for SigMF recordings" in refused(tmp_path / "x.cs16", channel=1)
    assert "raw samples on the standard input need --format" in refused("-")
    assert "1000 samples; a frame has 1024" in refused(write(tmp_path / "short.cf32", samples[:1000]))
    pipe_in(monkeypatch, bytes(80))
    assert "standard input: ended after 10 samples" in refused("-", format="cf32")
    path = tmp_path / "x.npy"
    for array in (np.zeros((4, 1000, 2), np.float32), np.zeros(3001, np.int16), np.zeros((3, 3, 1024, 2))):
        np.save(path, array)
        assert "expected frames of 1024 samples" in refused(path)
    np.savez(tmp_path / "x.npz", np.zeros((4, 1024, 2)))
    for content in (b"\x93NUMPY", (tmp_path / "x.npz").read_bytes()):
        path.write_bytes(content)
        assert "not a NumPy array" in refused(path)
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    assert "not an array of numbers" in refused(path)


def test_unsigned_samples_lie_around_the_middle_of_their_range(tmp_path):
    """What rtl_sdr writes: 0 to 255 for -1 to 1."""
    integers = np.random.default_rng(3).integers(0, 256, (2048, 2), np.uint8)
    for path, options in ((tmp_path / "x.cu8", {}), (tmp_path / "x.bin", {"format": "cu8"})):
        integers.tofile(path)
        found = frames_of(open_source(str(path), Reading(normalise=False, **options)))
        assert np.allclose(found.reshape(-1, 2), integers / 127.5 - 1, atol=1e-6)
        assert abs(found).max() == 1
    wide = integers.astype("<u2") * 257
    wide.tofile(tmp_path / "x.cu16")
    found = frames_of(open_source(str(tmp_path / "x.cu16"), Reading(normalise=False)))
    assert np.allclose(found.reshape(-1, 2), integers / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("name", ["x.iq", "x.raw", "x.bin", "x.dat", "x", "x.32fc"])
@pytest.mark.parametrize("dtype", ["<c8", "<c16", ">c8"])
def test_floating_point_samples_are_recognised_under_any_name(samples, name, dtype, tmp_path):
    (samples * 1e-4).astype(dtype).tofile(tmp_path / name)
    found = frames_of(open_source(str(tmp_path / name), Reading(normalise=False)))
    assert np.allclose(found, cut(samples) * 1e-4, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, ">i2"])
@pytest.mark.parametrize("level", [0.01, 0.3])
def test_integers_are_not_taken_for_floating_point(dtype, level, tmp_path):
    noise = np.random.default_rng(0).normal(0, level, 100_000).clip(-1, 1)
    half = 2 ** (8 * np.dtype(dtype).itemsize - 1) - 1
    ((noise * half) + (half + 1 if np.dtype(dtype).kind == "u" else 0)).astype(dtype).tofile(tmp_path / "x.iq")
    assert "unknown kind of source" in refused(tmp_path / "x.iq")


def test_a_name_of_gqrx_says_rate_and_frequency(samples, tmp_path):
    path = write(tmp_path / "x.cf32", samples).rename(tmp_path / "gqrx_20250101_120000_433920000_1800000_fc.raw")
    source = open_source(str(path), Reading(normalise=False))
    assert (source.sample_rate, source.captures) == (1.8e6, ((0, 433.92e6),))
    assert np.array_equal(frames_of(source), cut(samples))
    assert open_source(str(path.rename(tmp_path / "mine_fc.raw"))).frames == 5


def test_a_pipe_with_a_name_is_read_as_it_comes(samples, tmp_path):
    os.mkfifo(tmp_path / "x.cs16")
    data = (samples.view(np.float32) * 32768).astype("<i2").tobytes()
    threading.Thread(target=lambda: (tmp_path / "x.cs16").write_bytes(data), daemon=True).start()
    source = open_source(str(tmp_path / "x.cs16"), Reading(normalise=False))
    assert source.frames is None
    assert np.array_equal(frames_of(source), cut(samples))


def test_a_file_that_shrinks_is_told(samples, tmp_path):
    path = write(tmp_path / "x.cf32", np.concatenate([samples] * 60))
    source = open_source(str(path))
    os.truncate(path, 200_000)
    with pytest.raises(RadioMLError, match="became shorter while it was read"):
        frames_of(source)
