"""Import of other data: every layout, type and order of frames and labels gives the same RadioML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radioml.data.dataset import read_iq, read_layout
from radioml.data.importing.importer import import_data
from radioml.data.importing.labelled import Wanted
from radioml.data.importing.tables import Names
from radioml.errors import RadioMLError
from tests.radioml.data.importing.sources import (
    CLASS_INDEX,
    EACH,
    NAMES,
    ONE_HOT,
    SHUFFLED,
    SNR_DB,
    check,
    compound,
    imported,
    write_hdf5,
)

LAYOUTS = {
    "as published": lambda x: x,
    "channels first": lambda x: x.transpose(0, 2, 1),
    "float64": lambda x: x.astype(np.float64),
    "big-endian": lambda x: x.astype(">f4"),
    "big-endian double, channels first": lambda x: x.transpose(0, 2, 1).astype(">f8"),
    "with a channel axis": lambda x: x[:, None],
    "with a channel axis last": lambda x: x[..., None],
    "channels first with a channel axis": lambda x: x.transpose(0, 2, 1)[:, None],
    "complex": lambda x: x.view(np.complex64)[..., 0],
    "complex double": lambda x: x.astype(np.float64).view(np.complex128)[..., 0],
    "pairs": lambda x: compound(x.view(np.complex64)[..., 0]),
    "frames last": lambda x: x.transpose(1, 2, 0),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_every_layout_of_frames_gives_the_same_file(layout: str, order: str, frames: np.ndarray, tmp_path: Path):
    rows = np.arange(len(frames)) if order == "sorted" else SHUFFLED
    source = write_hdf5(tmp_path / "source.h5", X=LAYOUTS[layout](frames[rows]), Y=ONE_HOT[rows], Z=SNR_DB[rows, None])
    done = imported(source, tmp_path / "out.h5")
    where = np.argsort(rows) if order == "sorted" else None
    kept = np.argsort(CLASS_INDEX[rows] * 26 + SNR_DB[rows], kind="stable")
    check(tmp_path / "out.h5", frames[rows][kept] if where is None else frames)
    assert ("not the official one" in "".join(done.notes)) == (order == "shuffled")
    assert done.warnings == ()


LABELS = {
    "float32": ONE_HOT.astype(np.float32),
    "uint8": ONE_HOT.astype(np.uint8),
    "bool": ONE_HOT.astype(bool),
    "big-endian": ONE_HOT.astype(">i8"),
    "numbers": CLASS_INDEX,
    "numbers in a column": CLASS_INDEX[:, None].astype(np.uint8),
    "whole floats": CLASS_INDEX.astype(np.float64),
    "numbers from 1": CLASS_INDEX + 1,
    "names": NAMES.astype("S"),
    "names of any length": NAMES.astype(object),
    "names in other letters": np.char.lower(NAMES).astype("S"),
    "names with the number behind": np.array(["QAM16" if name == "16QAM" else name for name in NAMES]).astype("S"),
}


@pytest.mark.parametrize("labels", LABELS)
def test_every_kind_of_labels_gives_the_same_file(labels: str, frames: np.ndarray, tmp_path: Path):
    source = write_hdf5(tmp_path / "source.h5", X=frames, Y=LABELS[labels], Z=SNR_DB)
    imported(source, tmp_path / "out.h5")
    check(tmp_path / "out.h5", frames)


@pytest.mark.parametrize("snrs", [SNR_DB, SNR_DB[:, None], SNR_DB.astype(np.float32), SNR_DB.astype(np.int8),
                                  SNR_DB.astype("S"), np.char.add(SNR_DB.astype(str), " dB").astype("S")])  # fmt: skip
def test_every_kind_of_snrs_gives_the_same_file(snrs: np.ndarray, frames: np.ndarray, tmp_path: Path):
    imported(write_hdf5(tmp_path / "source.h5", X=frames, Y=ONE_HOT, Z=snrs), tmp_path / "out.h5")
    check(tmp_path / "out.h5", frames)


@pytest.mark.parametrize(
    ("x", "y", "z"),
    [("x", "y", "snr"), ("data/iq", "data/labels", "data/snr"), ("X_data", "Y_onehot", "SNR_dB"),
     ("signals", "modulation", "snrs"), ("my_frames", "one", "Z")],
)  # fmt: skip
def test_arrays_are_found_by_shape_and_name(x: str, y: str, z: str, frames: np.ndarray, tmp_path: Path):
    imported(write_hdf5(tmp_path / "source.h5", **{x: frames, y: ONE_HOT, z: SNR_DB}), tmp_path / "out.h5")
    check(tmp_path / "out.h5", frames)


def test_arrays_can_be_named(frames: np.ndarray, tmp_path: Path):
    arrays = {"a": frames, "b": -frames, "c": CLASS_INDEX, "d": SNR_DB}
    source = write_hdf5(tmp_path / "source.h5", **arrays)
    with pytest.raises(RadioMLError, match=r"several arrays of frames|no array of classes|no frames"):
        imported(source, tmp_path / "out.h5")
    imported(source, tmp_path / "out.h5", names=Names("a", "c", "d"))
    check(tmp_path / "out.h5", frames)


def test_sets_are_joined(frames: np.ndarray, tmp_path: Path):
    test = np.arange(len(frames)) % EACH == 2
    arrays = {f"{name}_{part}": values[rows] for part, rows in (("train", ~test), ("test", test))
              for name, values in (("X", frames), ("Y", ONE_HOT), ("Z", SNR_DB))}  # fmt: skip
    done = imported(write_hdf5(tmp_path / "source.h5", **arrays), tmp_path / "out.h5")
    each = np.arange(len(frames)).reshape(-1, EACH)[:, [2, 0, 1, 3, 4]]  # by name: test before train
    kept = np.arange(len(frames)).reshape(-1, EACH)
    order = np.concatenate([each.ravel()])
    assert read_layout(tmp_path / "out.h5").frames == len(frames)
    assert np.array_equal(read_iq(tmp_path / "out.h5", kept.ravel()), frames[order])
    assert len([note for note in done.notes if "frames X_" in note]) == 2


def test_several_files_are_joined(frames: np.ndarray, tmp_path: Path):
    """One file for each class, as a well-known tutorial cuts the 20 GB file."""
    sources = [
        write_hdf5(tmp_path / f"part{k}.h5", X=frames[rows], Y=ONE_HOT[rows], Z=SNR_DB[rows, None])
        for k in range(24) for rows in [k == CLASS_INDEX]
    ]  # fmt: skip
    import_data(sources[::-1], tmp_path / "out.h5", Wanted())
    check(tmp_path / "out.h5", frames)


def test_frames_that_cannot_be_used_are_left_out_and_counted(frames: np.ndarray, tmp_path: Path):
    spoilt = frames.astype(np.float64)
    spoilt[7, 3, 0], spoilt[100, 1023, 1], spoilt[101, 0, 0] = np.nan, np.inf, 1e300
    done = imported(write_hdf5(tmp_path / "source.h5", X=spoilt, Y=ONE_HOT, Z=SNR_DB), tmp_path / "out.h5")
    assert "3 frames with NaN or infinite samples: left out" in done.notes
    check(tmp_path / "out.h5", frames, np.setdiff1d(np.arange(len(frames)), [7, 100, 101]))


def test_classes_that_radioml_does_not_have(frames: np.ndarray, tmp_path: Path):
    names = NAMES.astype(object)
    names[:20] = "WBFM"
    source = write_hdf5(tmp_path / "source.h5", X=frames, Y=names, Z=SNR_DB)
    with pytest.raises(RadioMLError, match=r"has no classes 'WBFM'.*--skip-unknown"):
        imported(source, tmp_path / "out.h5")
    done = imported(source, tmp_path / "out.h5", skip_unknown=True)
    assert "20 frames of other classes: left out" in done.notes
    check(tmp_path / "out.h5", frames, np.arange(20, len(frames)))


def test_integers_are_normalised_where_that_is_asked_for(frames: np.ndarray, tmp_path: Path):
    integers = np.rint(2000 * frames).astype(np.int16)
    source = write_hdf5(tmp_path / "source.h5", X=integers, Y=ONE_HOT, Z=SNR_DB)
    assert "standard deviation is 2e+03" in imported(source, tmp_path / "out.h5").warnings[0]
    assert imported(source, tmp_path / "out.h5", normalise=True).warnings == ()
    check(tmp_path / "out.h5", frames, rtol=2e-3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.zeros((3, 128, 2)), "Y": np.eye(24)[:3], "Z": [0, 0, 0]}, "frames of 128 samples; expected 1024"),
        ({"X": np.zeros((3, 2048)), "Y": np.eye(24)[:3], "Z": [0, 0, 0]}, "no frames of 1024 samples"),
        ({"X": np.zeros((3, 1024, 2)), "Z": [0, 0, 0]}, "no classes for the frames"),
        ({"X": np.zeros((3, 1024, 2)), "Y": np.full((3, 24), 0.5), "Z": [0, 0, 0]}, "row 0 is not one-hot"),
        ({"X": np.zeros((3, 1024, 2)), "Y": [0.5, 1, 2], "Z": [0, 0, 0]}, "row 0 is 0.5, not a whole number"),
        ({"X": np.zeros((3, 1024, 2)), "Y": [0, 1, 31], "Z": [0, 0, 0]}, "class numbers from 0 to 31"),
        ({"X": np.zeros((3, 1024, 2)), "Y": [0, 1, 2], "Z": [0, 1, 32]}, "SNRs of 1, 32 dB; the data set has"),
        ({"X": np.zeros((3, 1024, 2)), "Y": [0, 1, 2], "Z": [0, 1]}, "have no SNRs"),
        ({"notes": np.zeros(3)}, "no frames of 1024 samples; there are: notes"),
        ({}, "no arrays"),
    ],
)  # fmt: skip
def test_arrays_that_cannot_be_told_are_named(arrays: dict[str, Any], message: str, tmp_path: Path):
    with pytest.raises(RadioMLError, match=message):
        imported(write_hdf5(tmp_path / "source.h5", **arrays), tmp_path / "out.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["source.h5"]
