"""SigMF recordings by their specification, of the `sigmf` library and by hand."""

from __future__ import annotations

import tarfile

import numpy as np
import pytest
import sigmf

from deploy.sources.opening import Reading, open_source
from tests.deploy.sources.sigmf_files import SAMPLES, expected, frames_of, refused, starts_of, write


@pytest.mark.parametrize("suffix", [".sigmf-meta", ".sigmf-data", ".sigmf"])
def test_what_the_library_writes_is_read(integers, suffix, tmp_path):
    integers.tofile(tmp_path / "r.sigmf-data")
    meta = sigmf.SigMFFile(
        data_file=str(tmp_path / "r.sigmf-data"), global_info={"core:datatype": "ci16_le", "core:sample_rate": 2e6}
    )
    meta.add_capture(0, {"core:frequency": 433.92e6})
    if suffix == ".sigmf":
        meta.archive(str(tmp_path / "r.sigmf"))
    else:
        meta.tofile(str(tmp_path / "r.sigmf-meta"))
    source = open_source(str(tmp_path / f"r{suffix}"), Reading(normalise=False))
    assert (source.sample_rate, source.captures, source.frames) == (2e6, ((0, 433.92e6),), 3)
    assert np.array_equal(frames_of(tmp_path / f"r{suffix}"), expected(integers))


@pytest.mark.parametrize(
    ("datatype", "dtype", "scale"),
    [("cf32_le", "<f4", 1 / 32768), ("cf64_be", ">f8", 1 / 32768), ("ci32_le", "<i4", 65536), ("ci16_be", ">i2", 1),
     ("ci8", "i1", 1 / 256), ("cf32_be", ">f4", 1 / 32768), ("cf64_le", "<f8", 1 / 32768), ("ci32_be", ">i4", 65536)],
)  # fmt: skip
def test_every_complex_type(integers, datatype, dtype, scale, tmp_path):
    data = (integers.astype(np.float64) * scale).astype(dtype).tobytes()
    assert np.array_equal(frames_of(write(tmp_path, data, [], datatype)), expected(integers))


def test_the_library_agrees_on_unsigned_samples_within_half_a_step(integers, tmp_path):
    """Half a step of 2^-7: the library takes 128 for 0, we the middle of 0 to 255."""
    data = ((integers // 256) + 128).astype(np.uint8).tobytes()
    path = write(tmp_path, data, [{"core:sample_start": 0}], "cu8")
    library = sigmf.fromfile(str(path)).read_samples().astype(np.complex64).view(np.float32)
    found = frames_of(path)
    assert abs(found.reshape(-1) - library[: found.size]).max() < 1 / 127


def test_header_bytes_of_every_capture_are_no_samples(tmp_path):
    """A non-conforming data set: 4 bytes of full scale before each capture. Without them the frames are the same."""
    values = np.random.default_rng(2).integers(100, 156, (3072, 2), np.uint8)
    plain = write(tmp_path, values.tobytes(), [{"core:sample_start": 0}], "cu8", "plain")
    header = b"\xff" * 4
    data = header + values[:1500].tobytes() + header + values[1500:].tobytes() + b"tail!"
    captures = [{"core:sample_start": 0, "core:header_bytes": 4}, {"core:sample_start": 1500, "core:header_bytes": 4}]
    path = write(tmp_path, data, captures, "cu8", "ncd", core_dataset="ncd.dat", core_trailing_bytes=5)
    assert np.array_equal(frames_of(path), frames_of(plain)) and starts_of(path) == starts_of(plain) == [0, 1024, 2048]


def test_no_frame_mixes_captures_of_two_frequencies(integers, tmp_path):
    frequencies = {0: 433.92e6, 1500: 8e8, 1600: 9e8, 2000: 9e8}
    captures = [{"core:sample_start": at, "core:frequency": value} for at, value in frequencies.items()]
    path = write(tmp_path, integers.tobytes(), captures)
    source = open_source(str(path), Reading(normalise=False))
    found = np.concatenate([block.iq for block in source.blocks])
    assert source.frames == len(found) == 2 and starts_of(path) == [0, 1600]
    assert np.array_equal(found[0], expected(integers)[0])
    assert np.array_equal(found[1], expected(integers[1600:])[0])
    assert source.left_over == f"{1500 - 1024 + 100 + SAMPLES - 1600 - 1024} samples"
    assert source.captures == ((0, 433.92e6), (1500, 8e8), (1600, 9e8), (2000, 9e8))


def test_a_gap_in_the_receivers_count_is_a_border(integers, tmp_path):
    captures = [{"core:sample_start": 0, "core:global_index": 50}, {"core:sample_start": 500, "core:global_index": 550},
                {"core:sample_start": 1100, "core:global_index": 9000}]  # fmt: skip
    assert starts_of(write(tmp_path, integers.tobytes(), captures)) == [0, 1100, 2124]


def test_bytes_behind_the_last_sample_are_counted_as_in_raw_files(integers, tmp_path):
    source = open_source(str(write(tmp_path, integers.tobytes() + b"abc", [])))
    (tmp_path / "r.cs16").write_bytes(integers.tobytes() + b"abc")
    raw = open_source(str(tmp_path / "r.cs16"))
    for opened in (source, raw):
        assert sum(len(block) for block in opened.blocks) == 3
        assert opened.left_over == "3 bytes of a sample and 200 samples"


def test_one_of_several_channels_is_chosen(integers, tmp_path):
    other = (integers[::-1] // 2).astype("<i2")
    both = np.stack([integers, other], 1)
    path = write(tmp_path, both.tobytes() + b"abc", [], core_num_channels=2)
    assert "2 channels; --channel 0 to 1 chooses one" in refused(path)
    assert "no channel 2: it has 2 channels" in refused(path, channel=2)
    assert np.array_equal(frames_of(path, channel=0), expected(integers))
    assert np.array_equal(frames_of(path, channel=1), expected(other))


def test_one_of_several_recordings_in_an_archive_is_chosen(integers, tmp_path):
    one = write(tmp_path, integers.tobytes(), [], name="one")
    two = write(tmp_path, integers[::-1].tobytes(), [], name="two")
    with tarfile.open(tmp_path / "r.sigmf", "w") as archive:
        for path in (one, two):
            archive.add(path, f"folder/{path.name}")
            archive.add(path.with_suffix(".sigmf-data"), f"folder/{path.stem}.sigmf-data")
    assert "an archive of 2 recordings; --recording chooses one: one, two" in refused(tmp_path / "r.sigmf")
    assert "no recording 'three'; there are: one, two" in refused(tmp_path / "r.sigmf", recording="three")
    assert np.array_equal(frames_of(tmp_path / "r.sigmf", recording="two"), expected(integers[::-1]))
