"""Import of other data: every layout, type and order of frames and labels gives the same RadioML file."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from radioml.constants import CLASSES, SNRS_DB
from radioml.data.check import check_dataset
from radioml.data.class_names import SHIPPED_ORDER
from radioml.data.dataset import read_iq, read_layout
from radioml.data.importing.importer import Imported, import_data
from radioml.data.importing.labelled import Wanted
from radioml.data.importing.tables import Names
from radioml.data.layout import CELLS, Layout
from radioml.data.provenance import origin
from radioml.data.synthetic import generate_cell
from radioml.errors import RadioMLError

SNRS = (10, 30)
EACH = 5


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Five frames of each class at 10 and at 30 dB, in the order of the data set, float32 (240, 1024, 2)."""
    rng = np.random.default_rng(8)
    return np.concatenate([generate_cell(rng, EACH, name, snr_db) for name in CLASSES for snr_db in SNRS])


CLASS_INDEX = np.repeat(np.arange(24), EACH * len(SNRS))
SNR_DB = np.tile(np.repeat(SNRS, EACH), 24)
ONE_HOT = np.eye(24, dtype=np.int64)[CLASS_INDEX]
NAMES = np.array(CLASSES)[CLASS_INDEX]
SHUFFLED = np.random.default_rng(1).permutation(len(CLASS_INDEX))


def write_hdf5(path: Path, **arrays: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


def check(path: Path, frames: np.ndarray, kept: np.ndarray | None = None, rtol: float = 0) -> None:
    """The file has these frames, in the order of the data set, with their labels."""
    kept = np.arange(len(frames)) if kept is None else kept
    layout = read_layout(path)
    class_index, snr_db = layout.labels(np.arange(layout.frames))
    assert np.array_equal(class_index, CLASS_INDEX[kept]) and np.array_equal(snr_db, SNR_DB[kept])
    assert np.allclose(read_iq(path, np.arange(layout.frames)), frames[kept], rtol=rtol, atol=rtol)
    assert check_dataset(path).problems == ()
    assert origin(path).kind == "unknown"
    assert not [file for file in path.parent.iterdir() if ".tmp" in file.name]


def imported(path: Path, out: Path, **wanted: Any) -> Imported:
    return import_data([path], out, Wanted(**wanted))


COMPOUND = np.dtype([("real", "<f8"), ("imag", "<f8")])


def compound(values: np.ndarray) -> np.ndarray:
    pairs = np.empty(values.shape, COMPOUND)
    pairs["real"], pairs["imag"] = values.real, values.imag
    return pairs


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


@pytest.mark.parametrize("packed", [False, True])
def test_npz(packed: bool, frames: np.ndarray, tmp_path: Path):
    save = np.savez_compressed if packed else np.savez
    save(tmp_path / "source.npz", X=frames, Y=ONE_HOT, Z=SNR_DB)
    imported(tmp_path / "source.npz", tmp_path / "out.h5")
    check(tmp_path / "out.h5", frames)


def test_npz_with_names_as_objects(frames: np.ndarray, tmp_path: Path):
    np.savez(tmp_path / "source.npz", X=np.asfortranarray(frames), mods=NAMES.astype(object), snr=SNR_DB)
    imported(tmp_path / "source.npz", tmp_path / "out.h5")
    check(tmp_path / "out.h5", frames)


@pytest.mark.parametrize("suffix", ["", "_train"])
def test_arrays_in_files_of_their_own(suffix: str, frames: np.ndarray, tmp_path: Path):
    paths = [tmp_path / f"{name}{suffix}.npy" for name in ("X", "y", "snr")]
    for path, values in zip(paths, (frames.transpose(0, 2, 1), NAMES, SNR_DB), strict=True):
        np.save(path, values)
    import_data(paths, tmp_path / "out.h5", Wanted())
    check(tmp_path / "out.h5", frames)


def write_matlab_73(path: Path, names: str, frames: np.ndarray) -> Path:
    """What MATLAB writes with -v7.3: dimensions the other way round, names as codes or references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["X"] = compound(frames.astype(np.float64).view(np.complex128)[..., 0]).T
        file["snr"] = SNR_DB[None].astype(np.float64)
        if names == "cell":
            file.create_dataset("modulation", (1, len(frames)), h5py.ref_dtype)
            for row, name in enumerate(NAMES):
                item = file.create_dataset(f"#refs#/{row}", data=np.array([[ord(c)] for c in name], np.uint16))
                file["modulation"][0, row] = item.ref
        else:
            width = max(map(len, NAMES))
            codes = np.array([[ord(c) for c in name.ljust(width)] for name in NAMES], np.uint16)
            file["modulation"] = codes.T
        for name, kind in (("X", "double"), ("snr", "double"), ("modulation", names)):
            file[name].attrs["MATLAB_class"] = np.bytes_(kind)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path


@pytest.mark.parametrize("names", ["char", "cell"])
def test_matlab_7_3(names: str, frames: np.ndarray, tmp_path: Path):
    imported(write_matlab_73(tmp_path / "source.mat", names, frames), tmp_path / "out.h5")
    check(tmp_path / "out.h5", frames)


def test_a_matlab_object_is_named_with_the_way_out(frames: np.ndarray, tmp_path: Path):
    source = write_matlab_73(tmp_path / "source.mat", "char", frames)
    with h5py.File(source, "r+") as file:
        del file["modulation"]
        file["modulation"] = np.zeros((1, len(frames)), np.uint32)
        file["modulation"].attrs["MATLAB_class"] = np.bytes_("categorical")
    with pytest.raises(RadioMLError, match=r"class categorical; save it as cellstr\(modulation\)"):
        imported(source, tmp_path / "out.h5")


def test_matlab_5(frames: np.ndarray, tmp_path: Path):
    from scipy.io import savemat

    numbers = (CLASS_INDEX + 1).astype(np.float64)[:, None]
    savemat(tmp_path / "source.mat", {"X": frames.transpose(1, 2, 0), "labels": numbers, "snr": SNR_DB[None]})
    imported(tmp_path / "source.mat", tmp_path / "out.h5")
    check(tmp_path / "out.h5", frames)


def test_a_pickle_of_cells_and_a_pickle_of_arrays(frames: np.ndarray, tmp_path: Path):
    rows = frames.transpose(0, 2, 1)
    cells = {
        (name, snr_db): np.ascontiguousarray(rows[(k == CLASS_INDEX) & (snr_db == SNR_DB)])
        for k, name in enumerate(CLASSES) for snr_db in SNRS
    }  # fmt: skip
    arrays = {"X": frames, "Y": ONE_HOT, "Z": SNR_DB.tolist()}
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for value in (cells, arrays):
            (tmp_path / "source.pkl").write_bytes(pickle.dumps(value, protocol))
            imported(tmp_path / "source.pkl", tmp_path / "out.h5")
            check(tmp_path / "out.h5", frames)


def test_a_pickle_of_2016_is_refused_with_the_reason(tmp_path: Path):
    cells = {("PAM4", 0): np.zeros((3, 2, 128), np.float32), ("QPSK", -2): np.zeros((3, 2, 128), np.float32)}
    (tmp_path / "RML2016.10a_dict.pkl").write_bytes(pickle.dumps(cells, 2))
    with pytest.raises(RadioMLError, match=r"frames have 128 samples, like those of RadioML 2016\.10A.*expected 1024"):
        imported(tmp_path / "RML2016.10a_dict.pkl", tmp_path / "out.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["RML2016.10a_dict.pkl"]


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch executed",)


@pytest.mark.parametrize("inside", [Evil(), {"X": Evil()}, [np.zeros(3), Evil()], {"X": np.array([Evil()], object)}])
def test_nothing_in_a_pickle_is_executed(inside: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        Path("source.pkl").write_bytes(pickle.dumps(inside, protocol))
        with pytest.raises(RadioMLError, match=r"asks for (posix|nt)\.system|a pickle of list"):
            imported(Path("source.pkl"), Path("out.h5"))
    np.savez("source.npz", X=np.zeros((2, 1024, 2)), Y=np.array([Evil(), Evil()], object), Z=np.zeros(2))
    with pytest.raises(RadioMLError, match="asks for"):
        imported(Path("source.npz"), Path("out.h5"))
    assert not Path("executed").exists()


def test_the_classes_are_named_in_their_order(frames: np.ndarray, tmp_path: Path):
    chosen = ["OQPSK", "BPSK", "64QAM"]
    kept = np.flatnonzero(np.isin(NAMES, chosen))
    columns = np.array([chosen.index(name) for name in NAMES[kept]])
    for labels in (np.eye(3)[columns], columns):
        source = write_hdf5(tmp_path / "source.h5", X=frames[kept], Y=labels, Z=SNR_DB[kept])
        imported(source, tmp_path / "out.h5", classes=chosen)
        check(tmp_path / "out.h5", frames, kept)
    source = write_hdf5(tmp_path / "source.h5", X=frames[kept], Y=np.eye(3)[columns], Z=SNR_DB[kept])
    with pytest.raises(RadioMLError, match=r"has 3 columns.*--classes NAME,NAME"):
        imported(source, tmp_path / "other.h5")
    with h5py.File(source, "r+") as file:
        file["class_names"] = chosen
    assert "class names in the file" in "".join(imported(source, tmp_path / "out.h5").notes)
    check(tmp_path / "out.h5", frames, kept)


def test_the_wrong_classes_txt_is_recognised_and_explained(frames: np.ndarray, tmp_path: Path):
    source = write_hdf5(tmp_path / "source.h5", X=frames, Y=ONE_HOT, Z=SNR_DB)
    done = imported(source, tmp_path / "out.h5", classes=SHIPPED_ORDER)
    assert "classes.txt as it comes with RadioML 2018.01A has the wrong order" in "".join(done.notes)
    check(tmp_path / "out.h5", frames)
    named_by_it = np.array(SHIPPED_ORDER)[CLASS_INDEX].astype("S")
    source = write_hdf5(tmp_path / "names.h5", X=frames, Y=named_by_it, Z=SNR_DB)
    with pytest.raises(RadioMLError, match=r"contradict the signals: .* wrong list in classes\.txt: --classes classes"):
        imported(source, tmp_path / "names_out.h5")
    assert not (tmp_path / "names_out.h5").exists()
    done = imported(source, tmp_path / "out.h5", classes=SHIPPED_ORDER)
    assert "set right" in "".join(done.notes)
    check(tmp_path / "out.h5", frames)


@pytest.mark.parametrize(
    ("numbers", "remedy", "wanted"),
    [
        (np.array([sorted(CLASSES).index(name) for name in NAMES]), "alphabetical order", {"classes": sorted(CLASSES)}),
        (CLASS_INDEX[CLASS_INDEX < 23] + 1, "--first-class 1", {"first_class": 1}),
    ],
    ids=["alphabetical", "one too high"],
)
def test_numbers_in_another_order_contradict_the_signals(numbers, remedy, wanted, frames: np.ndarray, tmp_path: Path):
    kept = np.arange(len(numbers))
    source = write_hdf5(tmp_path / "source.h5", X=frames[kept], Y=numbers, Z=SNR_DB[kept])
    first = {} if "classes" in wanted else {"first_class": 0}
    with pytest.raises(RadioMLError, match=f"contradict the signals: .*{remedy}"):
        imported(source, tmp_path / "out.h5", **first)
    imported(source, tmp_path / "out.h5", **wanted)
    check(tmp_path / "out.h5", frames, kept)


def test_numbers_that_may_begin_with_0_or_1_are_asked_for(frames: np.ndarray, tmp_path: Path):
    kept = np.flatnonzero((CLASS_INDEX > 2) & (CLASS_INDEX < 20))
    source = write_hdf5(tmp_path / "source.h5", X=frames[kept], Y=CLASS_INDEX[kept], Z=SNR_DB[kept])
    with pytest.raises(RadioMLError, match=r"is the first class 0, as in Python, or 1, as in MATLAB"):
        imported(source, tmp_path / "out.h5")
    imported(source, tmp_path / "out.h5", first_class=0)
    check(tmp_path / "out.h5", frames, kept)


def test_without_snrs(frames: np.ndarray, tmp_path: Path):
    source = write_hdf5(tmp_path / "source.h5", X=frames[SNR_DB == 30], Y=ONE_HOT[SNR_DB == 30])
    with pytest.raises(RadioMLError, match=r"have no SNRs.*--snr DB where all frames have one SNR"):
        imported(source, tmp_path / "out.h5")
    imported(source, tmp_path / "out.h5", snr_db=30)
    check(tmp_path / "out.h5", frames, np.flatnonzero(SNR_DB == 30))
    with pytest.raises(RadioMLError, match="not in the published order"):
        imported(source, tmp_path / "other.h5", by_order=True)
    every = Layout.full(1)
    class_index, _ = every.labels(np.arange(CELLS))
    iq = np.random.default_rng(0).normal(0, 0.7, (CELLS, 1024, 2))
    source = write_hdf5(tmp_path / "whole.h5", X=iq, Y=np.eye(24)[class_index])
    done = imported(source, tmp_path / "whole_out.h5", by_order=True)
    assert done.layout.is_full and done.layout.snrs_db == list(SNRS_DB)


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
    ("content", "message"),
    [
        (b"\x1f\x8b\x08 a gzip file", "packed with gzip; unpack it first"),
        (b"BZh91AY", "packed with bzip2"),
        (b"\0" * 257 + b"ustar  \0", "packed with tar"),
        (b"PK\x03\x04 no archive", "not a readable .npz"),
        (b"\x93NUMPY\x01\x00v\x00{'descr'", "not a readable NumPy array"),
        (b"\x89HDF\r\n\x1a\n truncated", "not an HDF5 file, or a truncated one"),
        (b"MATLAB 5.0 MAT-file, damaged", "not a readable MATLAB file"),
        (b"\x80\x04\x95damaged", "more than numbers, text and NumPy arrays"),
        (b"frame,i,q\n", "unknown kind of file; HDF5"),
        (b"", "unknown kind of file"),
    ],
)
def test_files_that_cannot_be_read_are_named_for_what_they_are(content: bytes, message: str, tmp_path: Path):
    (tmp_path / "source.dat").write_bytes(content)
    with pytest.raises(RadioMLError, match=f"source.dat: .*{message}"):
        imported(tmp_path / "source.dat", tmp_path / "out.h5")


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
