"""`radioml classify`: from a RadioML file to accuracy and throughput, on a real simulated accelerator."""

from __future__ import annotations

import json
import re
import shutil
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from deploy import accelerator as accelerators
from deploy.accelerator import Inference, open_accelerator
from deploy.classify import classify
from deploy.expectation import expectation
from deploy.results import accuracy, throughput, write_results
from radioml.constants import CLASSES
from radioml.contract.accuracy import TrainedAccuracy
from radioml.contract.package import open_package
from radioml.contract.training_data import TrainingData
from radioml.data.dataset import read_frames
from radioml.data.layout import Layout
from radioml.data.provenance import Origin
from radioml.data.split import spread_indices
from radioml.errors import RadioMLError
from radioml.report.metrics import Proportion, measure
from radioml.run_directory import results_folder

FRAMES = 40


@pytest.fixture(scope="module")
def result(small_package, data_file):
    return classify(small_package, data_file, "simulation", FRAMES, "all", processes=2)


def test_it_is_quantise_infer_and_argmax(result, small_package, data_file, tmp_path):
    package = open_package(small_package, tmp_path)
    frames = read_frames(data_file, spread_indices(Layout.full(2), FRAMES, "all"))
    with open_accelerator(package, "simulation", 1) as accelerator:
        logits = accelerator.infer(package.manifest.quantiser(frames.iq)).logits
    assert np.array_equal(result.predicted, logits.argmax(1))
    assert np.array_equal(result.class_index, frames.class_index)
    assert np.array_equal(result.snr_db, frames.snr_db)
    assert np.array_equal(result.metrics.counts, measure(frames.class_index, frames.snr_db, logits.argmax(1)).counts)
    quantiser = package.manifest.quantiser
    unclipped = np.rint(frames.iq / np.float32(quantiser.scale))
    assert result.clipped_samples == ((unclipped > quantiser.maximum) | (unclipped < quantiser.minimum)).sum() > 0


def test_it_says_what_it_measured_on_what(result, small_package, data_file, tmp_path):
    assert result.golden_frames == len(open_package(small_package, tmp_path / "package").golden()[0])
    assert not result.interrupted
    write_results(result, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "accuracy.json").read_text())
    assert written["data"] == {
        "kind": "synthetic",
        "identity": "generator 1, seed 11, 2 frames per cell",
        "part": "all",
    }
    assert (written["frames"], written["overall"]["frames"], written["problem"]) == (FRAMES, FRAMES, "")
    assert written["overall"]["correct"] == (result.predicted == result.class_index).sum()
    speed = json.loads((tmp_path / "out" / "throughput.json").read_text())
    manifest = result.manifest
    assert speed["board"]["counted_in"] == "this run"
    assert speed["board"]["cycles_per_frame"] == pytest.approx(manifest.cycles_per_frame, rel=0.05)
    assert speed["board"]["frames_per_second"] == pytest.approx(
        manifest.clock_mhz * 1e6 / speed["board"]["cycles_per_frame"]
    )
    assert "simulated" in speed["board"]["figures"]
    assert speed["host"]["frames_per_second"] == pytest.approx(FRAMES / result.seconds)
    for name in ("accuracy_over_snr", "confusion_matrix"):
        assert (tmp_path / "out" / f"{name}.png").stat().st_size > 10_000
        assert "synthetic" in json.loads((tmp_path / "out" / f"{name}.json").read_text())["data"]


def test_frames_too_few_to_time_fall_back_on_the_build(small_package, data_file):
    board = throughput(classify(small_package, data_file, "simulation", 1, "all", processes=1)).board
    assert board.counted_in == "the build"
    assert board.cycles_per_frame == board.cycles_per_frame_of_the_build


def test_an_interrupted_run_keeps_what_is_done(small_package, data_file):
    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    result = classify(small_package, data_file, "simulation", FRAMES, "all", processes=1, progress=interrupt)
    assert 0 < result.frames < FRAMES == result.requested
    assert result.interrupted
    assert result.metrics.overall.frames == result.frames == len(result.indices)


def test_frames_with_nan_are_counted_and_left_out(result, small_package, data_file, tmp_path):
    path = tmp_path / "nan.h5"
    shutil.copyfile(data_file, path)
    frame = spread_indices(Layout.full(2), FRAMES, "all")[3]
    with h5py.File(path, "r+") as file:
        file["X"][frame, 1000, 1] = np.nan
    found = classify(small_package, path, "simulation", FRAMES, "all", processes=1)
    assert found.unusable.tolist() == [frame]
    assert np.array_equal(found.predicted, np.delete(result.predicted, 3))
    assert np.array_equal(found.indices, np.delete(result.indices, 3))
    assert accuracy(found).unusable_frames == (frame,)


def test_nothing_but_nan_is_refused(small_package, data_file, tmp_path):
    path = tmp_path / "nan.h5"
    shutil.copyfile(data_file, path)
    with h5py.File(path, "r+") as file:
        file["X"][:, 0] = np.nan
    with pytest.raises(RadioMLError, match=r"nan\.h5: all 26 frames have NaN or infinite samples"):
        classify(small_package, path, "software", 26, "all")


def test_a_file_that_breaks_keeps_what_is_done(small_package, data_file, tmp_path):
    path = tmp_path / "breaks.h5"
    shutil.copyfile(data_file, path)

    def truncate(done: int, total: int) -> None:
        if done:
            path.write_bytes(b"")

    # many batches of 16, as a few are read ahead
    found = classify(small_package, path, "simulation", 624, "all", processes=1, progress=truncate)
    assert 0 < found.frames < 624
    assert "breaks.h5" in found.problem and not found.interrupted


class Instant:
    """An accelerator that answers at once, with class 0 for every frame."""

    batch_frames = 32

    def __init__(self, package, processes) -> None:
        self.network = package.manifest

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        pass

    def infer(self, integers: np.ndarray) -> Inference:
        return Inference(np.zeros((len(integers), 24), np.int64), None, 0, 1e-3)


def test_memory_does_not_grow_with_the_number_of_frames(small_package, data_file, monkeypatch):
    monkeypatch.setitem(accelerators.BACKENDS, "instant", f"{__name__}:Instant")
    monkeypatch.setattr("deploy.opening.check_golden", lambda accelerator, package: 0)
    peaks = {}
    for frames in (32, 160, 1248):  # the first one warms up
        tracemalloc.start()
        assert classify(small_package, data_file, "instant", frames, "all").frames == frames
        peaks[frames] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    a_frame = (peaks[1248] - peaks[160]) / (1248 - 160)
    assert a_frame < 200, "bytes; its samples alone are 8,192, its integers 2,048 and its logits 192"


def test_a_damaged_block_keeps_what_is_done(small_package, data_file, tmp_path):
    path, indices = tmp_path / "damaged.h5", spread_indices(Layout.full(2), 624, "all")
    with h5py.File(data_file) as source, h5py.File(path, "w") as target:
        frames = source["X"][:]
        target.create_dataset("X", data=frames, chunks=(1, 1024, 2), fletcher32=True)
        for name in "YZ":
            source.copy(name, target)
        target.attrs.update(source.attrs)
    content = bytearray(path.read_bytes())
    content[content.index(frames[indices[-1]].tobytes())] ^= 1
    path.write_bytes(content)
    found = classify(small_package, path, "software", 624, "all")
    assert found.frames in (128, 256, 384, 512)  # whole batches; a batch's neighbours are read with it
    assert "damaged.h5: X cannot be read from frame" in found.problem


def test_the_accuracy_is_held_against_the_trained_networks(result, repack):
    # None of the frames at +30 dB is right, so that no network makes 99.9 % of the few frames there plausible.
    predicted = np.where(result.snr_db == 30, (result.class_index + 1) % len(CLASSES), result.predicted)
    result = replace(result, predicted=predicted)
    assert expectation(result).comparable and expectation(result).met
    trained = result.network.accuracy
    trained = replace(trained, frames=100_000)
    for other, where in (
        (replace(trained, overall=0.99), "over all classes and SNRs"),
        (replace(trained, overall=result.metrics.overall.accuracy, at_30_db=0.999), "at [+]30 dB"),
    ):
        network = replace(result.network, accuracy=other)
        verdict = expectation(replace(result, network=network))
        assert verdict.comparable and not verdict.met
        assert re.search(where, verdict.reason)
    for other in (
        replace(result, origin=replace(result.origin, kind="real")),
        replace(result, network=replace(result.network, accuracy=TrainedAccuracy())),
        replace(result, network=replace(result.network, training_data=TrainingData(**vars(result.origin)))),
        replace(
            result,
            part="test",
            network=replace(result.network, training_data=_other_size(result.origin)),
        ),
    ):
        assert not expectation(other).comparable


def _other_size(origin: Origin) -> TrainingData:
    """Frames of the same generator and seed in a file of another size: some may be the same."""
    return TrainingData(origin.kind, origin.identity.replace("2 frames per cell", "800 frames per cell"))


def test_identical_frames_must_be_nearly_as_accurate(result):
    """A difference that chance explains on other frames is an alarm on the frames of the report."""
    correct = int(result.metrics.overall.correct)
    whole = replace(
        result, part="test", network=replace(result.network, training_data=TrainingData(**vars(result.origin)))
    )

    def verdict(more: int, frames: int = FRAMES):
        accuracy = TrainedAccuracy(overall=(correct + more) / FRAMES, frames=frames)
        return expectation(replace(whole, network=replace(whole.network, accuracy=accuracy)))

    assert verdict(1).met and "rounding explains" in verdict(1).reason
    assert not verdict(3).met and "on the same frames: rounding explains" in verdict(3).reason
    assert verdict(3, FRAMES + 1).met, "another number of frames: not the same ones"


def test_one_right_accelerator_in_a_thousand_is_suspected_at_most(result, monkeypatch):
    """Both tests together, on classes that are drawn right or wrong with the report's accuracy."""
    trials, frames, rng = 20_000, 2600, np.random.default_rng(0)
    monkeypatch.setattr("deploy.expectation._FALSE_ALARMS", 0.05)  # so that there are some to count
    alarms = 0
    right_at_30, right_below = rng.binomial(frames // 26, 0.9, trials), rng.binomial(frames - frames // 26, 0.5, trials)
    reported_at_30, reported_below = (
        rng.binomial(frames // 26, 0.9, trials), rng.binomial(frames - frames // 26, 0.5, trials)
    )  # fmt: skip
    for at_30, below, report_30, report_below in zip(
        right_at_30, right_below, reported_at_30, reported_below, strict=True
    ):
        accuracy = TrainedAccuracy((report_30 + report_below) / frames, report_30 / (frames // 26), frames=frames)
        found = SimpleNamespace(
            network=SimpleNamespace(accuracy=accuracy, training_data=TrainingData("synthetic", "another")),
            origin=result.origin, part="test", frames=frames,
            metrics=SimpleNamespace(scope="all classes and SNRs", overall=Proportion(int(at_30 + below), frames),
                                    at_30_db=Proportion(int(at_30), frames // 26)),
        )  # fmt: skip
        alarms += not expectation(found).met
    assert 0.02 < alarms / trials < 0.05


def test_another_accuracy_than_the_trained_networks_ends_with_1(radioml_here, repack, data_file, tmp_path):
    package = repack({"accuracy": TrainedAccuracy(0.999, frames=10_000)})
    done = radioml_here("classify", package, "--data", data_file, "--frames", 48, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "where the trained network had 99.90%" in done.stderr
    assert json.loads((tmp_path / "out" / "accuracy.json").read_text())["expectation"]["met"] is False


def test_results_lie_in_the_run_or_beside_the_package(tmp_path):
    run = tmp_path / "runs" / "demo"
    assert results_folder(run / "build" / "ZCU104" / "package.zip") == run / "deploy"
    assert results_folder(tmp_path / "package.zip") == tmp_path / "deploy"


def test_the_command_prints_and_writes(radioml_here, small_package, data_file, tmp_path):
    out = tmp_path / "out"
    done = radioml_here("classify", small_package, "--data", data_file, "--frames", 26, "--out", out)
    assert done.returncode == 0, done.stderr
    data = "synthetic data (generator 1, seed 11, 2 frames per cell)"
    for text in (data, "part test", "accuracy over all classes and SNRs", "(simulated)", "cycles"):
        assert text in done.stdout
    assert {path.name for path in out.iterdir()} >= {"accuracy.json", "throughput.json", "accuracy_over_snr.png"}


def test_the_command_ends_with_1_on_a_golden_mismatch(radioml_here, repack, data_file, tmp_path):
    package = repack(logits=lambda logits: logits + (np.arange(24) == 7))
    out = tmp_path / "out"
    done = radioml_here("classify", package, "--data", data_file, "--out", out)
    assert done.returncode == 1
    assert "mismatch:" in done.stderr and "golden frames differ" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(("package", "data"), [(None, "nowhere.h5"), ("nowhere.zip", None)])
def test_missing_files_are_user_errors(small_package, data_file, tmp_path, package, data):
    package = tmp_path / package if package else small_package
    data = tmp_path / data if data else data_file
    with pytest.raises(RadioMLError, match=r"nowhere.*: no such"):
        classify(package, data, "simulation")
