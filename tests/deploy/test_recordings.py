"""Sources of frames without labels: every format gives the frames that its samples mean."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sigmf

from deploy.recordings import normalised, open_source
from radioml.data.dataset import read_frames
from radioml.errors import RadioMLError

SAMPLES = 5 * 1024 + 100


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Complex samples whose I and Q are multiples of 1/128 below full scale: exact in every format."""
    rng = np.random.default_rng(1)
    return (rng.integers(-128, 128, (SAMPLES, 2)) / 128).astype(np.float32).view(np.complex64)[:, 0]


def frames_of(source) -> np.ndarray:
    return np.concatenate(list(source.blocks))


def cut(samples: np.ndarray, overlap: int = 0) -> np.ndarray:
    """The frames, one by one."""
    starts = range(0, len(samples) - 1023, 1024 - overlap)
    return np.stack([samples[at : at + 1024].view(np.float32).reshape(1024, 2) for at in starts])


def write(path: Path, samples: np.ndarray) -> Path:
    iq = samples.view(np.float32)
    kind = path.suffix
    if kind == ".cf32":
        iq.astype("<f4").tofile(path)
    elif kind == ".cs16":
        (iq * 32768).astype("<i2").tofile(path)
    elif kind == ".cs8":
        (iq * 128).astype("i1").tofile(path)
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
@pytest.mark.parametrize("suffix", [".cf32", ".cs16", ".cs8", ".npy", ".sigmf-meta"])
def test_every_format_gives_the_frames_of_its_samples(samples, suffix, overlap, tmp_path):
    source = open_source(str(write(tmp_path / f"x{suffix}", samples)), overlap=overlap, normalise=False)
    expected = cut(samples, overlap)
    assert source.frames == len(expected)
    assert np.array_equal(frames_of(source), expected)
    left = (SAMPLES - 1024) % (1024 - overlap)
    assert source.left_over == (f"{left} samples" if left else "")
    assert source.sample_rate == (1e6 if suffix == ".sigmf-meta" else None)


def test_a_long_recording_is_cut_without_a_seam(tmp_path):
    samples = np.arange(600 * 1024, dtype=np.float32).view(np.complex64)
    source = open_source(str(write(tmp_path / "x.cf32", samples)), overlap=24, normalise=False)
    assert np.array_equal(frames_of(source), cut(samples, 24))


def test_the_standard_input_comes_in_pieces(samples, monkeypatch):
    class Pipe(io.BytesIO):
        def read(self, size: int = -1) -> bytes:
            return super().read(min(size, 777))

    monkeypatch.setattr(
        sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(raw=Pipe(samples.astype("<c8").tobytes() + b"abc")))
    )
    source = open_source("-", "cf32", normalise=False)
    assert source.frames is None
    assert np.array_equal(frames_of(source), cut(samples))
    assert source.left_over == "3 bytes of a sample and 100 samples"


def test_samples_are_normalised_as_radioml_frames_are(samples, data_file, tmp_path):
    loud = samples * np.float32(37) + np.complex64(3 + 1j)
    frames = frames_of(open_source(str(write(tmp_path / "x.cf32", loud))))
    assert np.allclose(frames.view(np.complex64)[..., 0].std(1), 1, atol=1e-5)
    assert np.allclose(frames, cut(loud) / cut(loud).view(np.complex64).std(1, keepdims=True), atol=1e-5)
    radioml = read_frames(data_file, np.arange(0, 1248, 50)).iq
    assert np.allclose(normalised(radioml), radioml, atol=1e-4)
    silence = np.zeros((1, 1024, 2), np.float32)
    assert np.array_equal(normalised(silence), silence)
    for level in (1e30, 1e-30):  # the squares are no float32 any more
        assert np.allclose(normalised(radioml * np.float32(level)), normalised(radioml), atol=1e-5)


def test_whole_frames_are_taken_as_they_are(samples, data_file, tmp_path):
    expected = cut(samples)
    path = tmp_path / "frames.npy"
    for array in (expected, expected.view(np.complex64)[..., 0], expected.astype(np.float64)):
        np.save(path, array)
        assert np.array_equal(frames_of(open_source(str(path))), expected)
    integers = (expected * 128).astype(np.int8)
    np.save(path, integers)
    taken = frames_of(open_source(str(path)))
    assert taken.dtype == np.int8 and np.array_equal(taken, integers)
    with pytest.raises(RadioMLError, match="own integers"):
        frames_of(open_source(str(path), normalise=True))
    source = open_source(str(data_file))
    assert np.array_equal(frames_of(source), read_frames(data_file, np.arange(source.frames)).iq)
    with pytest.raises(RadioMLError, match="cannot overlap"):
        open_source(str(data_file), overlap=3)


def test_interleaved_int16_arrays(samples, tmp_path):
    path = tmp_path / "x.npy"
    integers = (samples.view(np.float32) * 32768).astype(np.int16)
    for array in (integers, integers.reshape(-1, 2)):
        np.save(path, array)
        assert np.array_equal(frames_of(open_source(str(path), normalise=False)), cut(samples))


def refused(name: Path | str, **options) -> str:
    with pytest.raises(RadioMLError) as caught:
        frames_of(open_source(str(name), **options))
    return str(caught.value)


def test_unusable_sources_are_named(samples, tmp_path, monkeypatch):
    assert "no such file" in refused(tmp_path / "none.cf32")
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    assert "unknown kind of source" in refused(tmp_path / "x.wav")
    assert "unknown format 'cf64'" in refused(tmp_path / "x.wav", format="cf64")
    assert "0 to 1023" in refused(tmp_path / "x.wav", overlap=1024)
    assert "say which" in refused("-")
    assert "1000 samples; a frame has 1024" in refused(write(tmp_path / "short.cf32", samples[:1000]))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(raw=io.BytesIO(bytes(80)))))
    assert "standard input: ended after 10 samples" in refused("-", format="cf32")
    path = tmp_path / "x.npy"
    for array in (np.zeros((4, 1000, 2), np.float32), np.zeros(5000, bool), np.zeros(3001, np.int16)):
        np.save(path, array)
        refused(path)
    np.savez(tmp_path / "x.npz", np.zeros((4, 1024, 2)))
    for content in (b"\x93NUMPY", (tmp_path / "x.npz").read_bytes()):
        path.write_bytes(content)
        assert "not a NumPy array" in refused(path)
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    assert "not an array of numbers" in refused(path)


def test_broken_sigmf_recordings_are_named(samples, tmp_path):
    path = write(tmp_path / "x.sigmf-meta", samples)
    with (tmp_path / "x.sigmf-data").open("r+b") as data:
        data.write(b"changed")
    assert "not a readable SigMF recording" in refused(path)  # its digest
    (tmp_path / "x.sigmf-data").unlink()
    assert "x.sigmf-meta" in refused(path)
    path.write_text("{}")
    assert "x.sigmf-meta" in refused(path)
    path = write(tmp_path / "rate.sigmf-meta", samples)
    described = json.loads(path.read_text())
    for rate in ("fast", -5, 0):
        described["global"]["core:sample_rate"] = rate
        path.write_text(json.dumps(described))
        assert "a sample rate of" in refused(path)
    path.write_text("no JSON")
    assert "not a readable SigMF recording" in refused(path)
