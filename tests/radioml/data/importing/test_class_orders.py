"""Import of labels whose order is not that of the data set, and of frames without SNRs."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from radioml.constants import CLASSES, SNRS_DB
from radioml.data.class_names import SHIPPED_ORDER
from radioml.data.layout import CELLS, Layout
from radioml.errors import RadioMLError
from tests.radioml.data.importing.sources import (
    CLASS_INDEX,
    NAMES,
    ONE_HOT,
    SNR_DB,
    check,
    imported,
    write_hdf5,
)


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
    assert "are corrected" in "".join(done.notes)
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
