"""Import of NumPy, MATLAB and pickled files, and what is said of those that cannot be read."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from radioml.constants import CLASSES
from radioml.data.importing.importer import import_data
from radioml.data.importing.labelled import Wanted
from radioml.errors import RadioMLError
from tests.radioml.data.importing.sources import (
    CLASS_INDEX,
    NAMES,
    ONE_HOT,
    SNR_DB,
    SNRS,
    check,
    compound,
    imported,
)


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
