from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from finn_build.verify.comparison import compare
from radioml.contract.package import RTL_FOLDER, open_package, write_package
from radioml.errors import RadioMLError
from radioml.reading.text import read_json
from radioml.simulation.compiled import packaged_simulator
from radioml.simulation.rtl_simulator import RtlSimulator


@pytest.fixture(scope="module")
def package(small_build, tmp_path_factory):
    """The package, unpacked in another place than that of the build."""
    return open_package(small_build.folder / "package.zip", tmp_path_factory.mktemp("unpacked"))


def simulator(package, data=None):
    manifest = package.manifest
    library, own = packaged_simulator(package)
    return RtlSimulator(library, data or own, manifest.input, manifest.output)


def test_every_frame_is_integer_equal(radioml_here, small_build, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    done = radioml_here("simulate", small_build.folder, "--frames", 48)
    assert done.returncode == 0, done.stderr
    assert "all integers equal" in done.stdout
    report = read_json(small_build.folder / "simulation" / "simulation.json")
    assert report["frames"] == 48
    assert report["mismatching_frames"] == 0
    assert report["cycles_per_frame"] == report["estimated_cycles_per_frame"]
    assert list(tmp_path.iterdir()) == [], "files outside the build folder"


def test_stalls_and_repeats_give_the_same_integers(package):
    iq, logits = package.golden()
    integers = package.manifest.quantiser(iq)
    with simulator(package) as design:
        for seed in (1, 2, 0):
            run = design.run(integers, stall_seed=seed)
            assert np.array_equal(run.integers, logits)
        assert run.cycles_per_frame == package.manifest.cycles_per_frame
        assert run.latency_cycles == package.manifest.latency_cycles
        stalled = design.run(integers, stall_seed=3)
        assert stalled.cycles > run.cycles


def test_throttled_input_sets_the_rate(package):
    iq, logits = package.golden()
    initiation_interval = 2 * package.manifest.cycles_per_frame
    done = []
    with simulator(package) as design:
        run = design.run(package.manifest.quantiser(iq), initiation_interval=initiation_interval, progress=done.append)
    assert run.cycles_per_frame == initiation_interval
    assert np.array_equal(run.integers, logits)
    assert done[-1] == len(iq)


def test_pauses_between_frames_hold_no_word_within_one(package):
    iq, logits = package.golden()
    integers = package.manifest.quantiser(iq[:4])
    pauses = np.array([3, 500, 1, 0])
    with simulator(package) as design:
        close = design.run(integers[:1])
        run = design.run(integers, pauses=pauses)
        with pytest.raises(ValueError, match="pauses for 4 frames"):
            design.run(integers, pauses=pauses[:3])
    assert np.array_equal(run.integers, logits[:4])
    assert np.array_equal(run.first_in[1:] - run.last_in[:-1] > pauses[:-1], [True] * 3)
    assert run.first_in[2] - run.last_in[1] == 501
    assert run.last_in[0] - run.first_in[0] == close.last_in[0] - close.first_in[0]


def test_recorded_words_are_those_of_every_activation(package):
    iq, _ = package.golden()
    integers = package.manifest.quantiser(iq[:5])
    with simulator(package) as design:
        run = design.run(integers, record=True)
        stalled = design.run(integers, record=True, stall_seed=1)
        one = design.run(integers[3:4], record=True)
        assert not design.run(integers[:1]).recorded
    assert list(run.recorded) == ["Thresholding_rtl_0", "Thresholding_rtl_1"]
    for name, words in run.recorded.items():
        assert len(np.unique(words)) > 4
        assert np.array_equal(words, stalled.recorded[name])
        assert np.array_equal(words.reshape(5, -1, words.shape[1])[3], one.recorded[name])


@pytest.mark.parametrize("source", ["int sim_open(void) { return 0; }", "int sim_interface(void) { return 1; }"])
def test_library_of_another_version_is_refused(source, package, tmp_path):
    library = tmp_path / "libaccelerator.so"
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(command, input=source, text=True, check=True)
    with pytest.raises(RadioMLError, match=r"libaccelerator\.so: .* another version of this tool; build it again"):
        RtlSimulator(library, package.folder, package.manifest.input, package.manifest.output)


def test_stalled_stream_ends_with_an_error(package):
    iq, _ = package.golden()
    with simulator(package) as design, pytest.raises(RadioMLError, match=r"deadlocked at cycle \d+, \d+ of \d+ words"):
        design.run(package.manifest.quantiser(iq[:1]), timeout_cycles=1)


def test_missing_weights_are_an_error(package, tmp_path):
    for path in (package.folder / RTL_FOLDER).glob("*.dat"):
        shutil.copy(path, tmp_path)
    (tmp_path / "MVAU_rtl_1_memblock.dat").unlink()
    with pytest.raises(RadioMLError, match="cannot read its weights"):
        simulator(package, tmp_path)


def test_corrupted_weight_is_reported(radioml_here, small_build, package, tmp_path):
    """Flipping the top bit of a weight of the classifier changes one logit by 8 x the weight's activation."""
    iq, logits = package.golden()
    contents = tmp_path / "package"
    shutil.copytree(package.folder, contents)
    weights = contents / RTL_FOLDER / "MVAU_rtl_2_memblock.dat"
    lines = weights.read_text().split("\n")
    lines[1] = f"{int(lines[1][0], 16) ^ 8:x}{lines[1][1:]}"
    weights.write_text("\n".join(lines))
    with simulator(package, contents / RTL_FOLDER) as design:
        found = design.run(package.manifest.quantiser(iq)).integers
    assert not compare(logits, found).equal
    difference = found - logits
    assert len(np.flatnonzero(difference.any(axis=0))) == 1
    assert set(np.unique(np.abs(difference))) <= {8 * activation for activation in range(16)}

    folder = tmp_path / "build"
    shutil.copytree(small_build.folder, folder)
    names = list(package.manifest.files)
    write_package(folder / "package.zip", replace(package.manifest, files={}), contents, names)
    checkpoint = small_build.run / "train" / "checkpoint.pth"
    done = radioml_here("simulate", folder, "--frames", 24, "--checkpoint", checkpoint)
    assert done.returncode == 1, done.stderr
    assert "first difference" in done.stdout
    report = read_json(folder / "simulation" / "simulation.json")
    assert report["mismatching_frames"] > 0
    assert set(report["first_mismatch"]) == {"frame", "class", "snr_db", "logit", "expected", "found"}


def test_other_checkpoint_is_refused(radioml_here, small_build, tmp_path):
    other = tmp_path / "checkpoint.pth"
    other.write_bytes(b"other weights")
    done = radioml_here("simulate", small_build.folder, "--frames", 24, "--checkpoint", other)
    assert done.returncode == 2
    assert "not the file that this model was made from" in done.stderr


def test_folder_that_is_no_build_is_refused(radioml_here, tmp_path):
    done = radioml_here("simulate", tmp_path, "--frames", 24)
    assert done.returncode == 2
    assert "not a build folder" in done.stderr
