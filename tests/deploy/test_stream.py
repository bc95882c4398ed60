"""`radioml stream`: frames of a recording through a real simulated accelerator, while the next ones are prepared."""

from __future__ import annotations

import csv
import json
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from deploy.accelerator import Inference, open_accelerator
from deploy.backends.interrupts import interrupted_afterwards
from deploy.pipeline import UNUSABLE, ahead, classified, quantised
from deploy.rows import STDOUT, row_writer
from deploy.sources.opening import Reading, open_source
from deploy.sources.source import WAITING, Block
from deploy.stream import Demands, report, stream
from radioml.constants import CLASSES
from radioml.contract.package import open_package
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from tests.killing import until

FRAMES = 30


@pytest.fixture(scope="module")
def iq() -> np.ndarray:
    return generate_spread(FRAMES, 21).iq


@pytest.fixture(scope="module")
def package(small_package, tmp_path_factory):
    return open_package(small_package, tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def logits(package, iq) -> np.ndarray:
    with open_accelerator(package, "software") as accelerator:
        return accelerator.infer(package.manifest.quantiser(iq)).logits


@pytest.fixture
def recording(iq, tmp_path) -> Path:
    iq.tofile(tmp_path / "capture.cf32")
    return tmp_path / "capture.cf32"


@pytest.mark.parametrize("sizes", [(30,), (1,) * 30, (7, 16, 7), (29, 1)])
@pytest.mark.parametrize("batch", [1, 8, 30, 64])
def test_blocks_of_any_size_become_batches_of_one_size(package, iq, sizes, batch):
    blocks = [Block(part, {"sample": part[:, 0, 0]}) for part in np.split(iq, np.cumsum(sizes)[:-1])]
    found = list(quantised(blocks, package.manifest.quantiser, batch))
    batches = [part for _, part in found]
    assert [len(part.integers) for part in batches[:-1]] == [batch] * (len(batches) - 1)
    assert np.array_equal(np.concatenate([block.tags["sample"] for block, _ in found]), iq[:, 0, 0])
    assert np.array_equal(np.concatenate([block.iq for block, _ in found]), iq)
    assert np.array_equal(np.concatenate([part.integers for part in batches]), package.manifest.quantiser(iq))
    assert sum(part.clipped for part in batches) == package.manifest.quantiser.frames(iq).clipped


def test_quantised_frames_pass_unchanged(package, iq):
    integers = package.manifest.quantiser(iq)
    ((_, batch),) = quantised([Block(integers)], package.manifest.quantiser, 64)
    assert np.array_equal(batch.integers, integers) and batch.usable.all()
    assert batch.clipped == 0


def test_frames_with_nan_get_no_class(package, iq, logits):
    broken = iq.copy()
    broken[3, 5, 0], broken[17, 1023, 1] = np.nan, np.inf
    with open_accelerator(package, "software") as accelerator:
        (batch,) = classified(accelerator, [Block(broken)])
        (nothing,) = classified(accelerator, [Block(np.full_like(iq[:2], np.nan))])
    expected = logits.argmax(1)
    expected[[3, 17]] = UNUSABLE
    assert np.array_equal(batch.class_index, expected)
    assert np.isnan(batch.probability[[3, 17]]).all()
    assert nothing.class_index.tolist() == [UNUSABLE] * 2 and nothing.inference is None


def test_probabilities_are_the_softmax(package, iq, logits):
    with open_accelerator(package, "software") as accelerator:
        (batch,) = classified(accelerator, [Block(iq)])
    exponential = np.exp(logits * package.manifest.logit_scale)
    assert np.allclose(batch.probability, (exponential / exponential.sum(1, keepdims=True)).max(1))


class Slow:
    """An accelerator that waits for an event before it answers."""

    batch_frames = 2

    def __init__(self, manifest) -> None:
        self.network, self.go = manifest, threading.Event()

    def infer(self, integers: np.ndarray) -> Inference:
        assert self.go.wait(10)
        return Inference(np.zeros((len(integers), 24), np.int64), None, 0, 0.0)


def test_the_next_batch_is_quantised_while_the_accelerator_works(package, iq):
    accelerator, drawn = Slow(package.manifest), []

    def blocks():
        for at in range(0, 12, 2):
            drawn.append(at)
            if at == 2:
                accelerator.go.set()  # reached only if it is drawn while the first batch is in the accelerator
            yield Block(iq[at : at + 2])

    assert [batch.first for batch in classified(accelerator, blocks())] == [0, 2, 4, 6, 8, 10]
    assert drawn == [0, 2, 4, 6, 8, 10]


def test_looking_ahead_is_bounded_and_ends(iq):
    drawn = []

    def items():
        for number in range(1000):
            drawn.append(number)
            yield number

    iterator = ahead(items())
    assert [next(iterator) for _ in range(3)] == [0, 1, 2]
    until(lambda: len(drawn) >= 5, "nothing is drawn ahead")
    assert len(drawn) == 5  # one in the queue, one waiting for room there
    iterator.close()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "ahead"], "the thread goes on")


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        raise RadioMLError("the cable came out")

    iterator = ahead(items())
    assert next(iterator) == 1
    with pytest.raises(RadioMLError, match="cable"):
        next(iterator)


def test_rows_say_where_and_what(package, small_package, iq, logits, tmp_path, monkeypatch):
    np.save(tmp_path / "samples.npy", iq.reshape(-1, 2).view(np.complex64)[:, 0])
    source = open_source(str(tmp_path / "samples.npy"), Reading(normalise=False))
    source.sample_rate = 2e6
    found = []
    summary = stream(small_package, source, "simulation", 1, found.append)
    assert [row["class"] for row in found] == [CLASSES[index] for index in logits.argmax(1)]
    assert [(row["frame"], row["sample"], row["time"]) for row in found[:2]] == [(0, 0, 0.0), (1, 1024, 512e-6)]
    assert summary.frames == FRAMES == sum(summary.counts.values())
    assert report(summary, source)["problem"] == ""


def test_frames_without_a_signal_have_no_class(small_package, iq, logits, package, tmp_path):
    """A muted receiver: zeros; one value; a level under the squelch; all of it counted, with the reason."""
    frames = iq[:6].copy()
    frames[1] = 0
    frames[2] = (0.25, -0.5)
    frames[3] *= np.float32(1e-3)
    frames[4, 7, 0] = np.nan
    frames.tofile(tmp_path / "x.cf32")
    found = []
    demands = Demands(squelch_db=-40)
    summary = stream(
        small_package, open_source(str(tmp_path / "x.cf32")), "software", None, found.append, demands=demands
    )
    reasons = [row["reason"] for row in found]
    assert reasons == [None, "no signal", "no signal", "no signal", "not finite", None]
    assert [row["class"] is None for row in found] == [bool(reason) for reason in reasons]
    assert [row["probability"] is None for row in found] == [bool(reason) for reason in reasons]
    assert summary.unclassified == {"no signal": 3, "not finite": 1} and sum(summary.counts.values()) == 2
    written = report(summary, open_source(str(tmp_path / "x.cf32")))
    assert written["without_class"] == {"no signal": 3, "not finite": 1}
    summary = stream(small_package, open_source(str(tmp_path / "x.cf32")), "software", None, None)
    assert summary.unclassified == {"no signal": 2, "not finite": 1}, "without a squelch a low level is a signal"


def test_frames_that_vanish_in_the_quantisers_first_step_have_no_signal(small_package, iq, tmp_path):
    np.save(tmp_path / "x.npy", iq[:3] * np.float32(1e-4))
    summary = stream(small_package, open_source(str(tmp_path / "x.npy")), "software", None, None)
    assert summary.unclassified == {"no signal": 3}


def test_unsure_frames_have_no_class_where_that_is_asked_for(small_package, recording):
    every, some = [], []
    stream(small_package, open_source(str(recording)), "software", None, every.append)
    limit = float(np.median([row["probability"] for row in every]))
    demands = Demands(confidence=limit)
    summary = stream(small_package, open_source(str(recording)), "software", None, some.append, demands=demands)
    for was, row in zip(every, some, strict=True):
        unsure = was["probability"] < limit - 1e-6
        assert row["reason"] == ("low confidence" if unsure else None)
        assert row["class"] == (None if unsure else was["class"]) and row["probability"] == was["probability"]
    assert 0 < summary.unclassified["low confidence"] < FRAMES


@pytest.mark.parametrize(
    ("frames", "reading", "warned"),
    [
        (lambda iq: np.rint(iq * 64).clip(-128, 127), Reading(), ["deviation is 6", "most values", "--normalise"]),
        (lambda iq: iq * 0.01 + np.float32(0.3), Reading(normalise=True), ["most values", "--dc-block"]),
        (lambda iq: iq * 0.01 + np.float32(0.3), Reading(normalise=True, dc_block=True), []),
        (lambda iq: np.rint(iq * 64).clip(-128, 127), Reading(normalise=True), []),
    ],
)  # fmt: skip
def test_a_run_of_which_most_values_clip_is_warned_of(small_package, iq, tmp_path, frames, reading, warned):
    digital = iq[[number for number in range(FRAMES) if 3 <= number % 24 <= 16]]  # classes without a constant part
    np.save(tmp_path / "x.npy", frames(digital).astype(np.float32))
    summary = stream(small_package, open_source(str(tmp_path / "x.npy"), reading), "software", None, None)
    text = "\n".join(summary.warnings)
    assert all(part in text for part in warned) and bool(text) == bool(warned), text


def test_rows_say_which_capture_and_frequency(small_package, iq, tmp_path):
    iq[:3].tofile(tmp_path / "r.sigmf-data")
    captures = [
        {"core:sample_start": 0, "core:frequency": 433.92e6},
        {"core:sample_start": 1500, "core:frequency": 8e8},
    ]
    whole = {"core:datatype": "cf32_le", "core:version": "1.2.0", "core:sample_rate": 1e6}
    (tmp_path / "r.sigmf-meta").write_text(json.dumps({"global": whole, "captures": captures, "annotations": []}))
    found = []
    source = open_source(str(tmp_path / "r.sigmf-meta"))
    stream(small_package, source, "software", None, found.append)
    shown = [(row["sample"], row["time"], row["capture"], row["frequency"]) for row in found]
    assert shown == [(0, 0.0, 0, 433.92e6), (1500, 0.0015, 1, 8e8)]
    assert source.left_over == f"{1500 - 1024 + 1572 - 1024} samples"


def test_a_batch_does_not_wait_for_frames_that_are_not_at_hand(package, iq):
    blocks = [Block(iq[:3]), WAITING, WAITING, Block(iq[3:4]), WAITING, Block(iq[4:])]
    found = [len(block) for block, _ in quantised(blocks, package.manifest.quantiser, 8)]
    assert found == [3, 1, 8, 8, 8, FRAMES - 28]


def test_without_a_writer_there_are_neither_rows_nor_probabilities(small_package, recording, monkeypatch):
    def never(*arguments):
        raise AssertionError("nobody asked for it")

    monkeypatch.setattr("deploy.stream.rows", never)
    monkeypatch.setattr("deploy.pipeline.ClassifiedBatch.probability", property(never))
    with row_writer(None) as write:
        summary = stream(small_package, open_source(str(recording)), "software", None, write)
    assert summary.frames == FRAMES == sum(summary.counts.values())


def test_a_source_that_breaks_keeps_its_rows(small_package, iq, recording):
    source = open_source(str(recording))
    blocks = source.blocks

    def breaks():
        yield from blocks
        raise RadioMLError("the antenna fell off")

    source.blocks = breaks()
    found = []
    summary = stream(small_package, source, "software", None, found.append)
    assert summary.problem == "the antenna fell off"
    assert summary.frames == len(found) == FRAMES


def test_rows_and_counts_agree_when_a_signal_comes_between_them(small_package, recording):
    """The signal comes at the first row, when none of its batch is counted."""
    found = []

    def write(row):
        if not found:
            signal.raise_signal(signal.SIGINT)
        found.append(row)

    source = open_source(str(recording))
    summary = stream(small_package, source, "software", None, write, whole=interrupted_afterwards)
    assert summary.interrupted and summary.frames == len(found) > 0


def test_results_become_files(tmp_path, capsys):
    some = [{"frame": 0, "class": "BPSK", "probability": 0.5}, {"frame": 1, "class": None, "probability": None}]
    for out in (tmp_path / "x.jsonl", tmp_path / "x.csv", STDOUT):
        with row_writer(str(out)) as write:
            for row in some:
                write(row)
    assert [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()] == some
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == some
    with (tmp_path / "x.csv").open(newline="") as file:
        assert next(iter(csv.DictReader(file))) == {"frame": "0", "class": "BPSK", "probability": "0.5"}
    with pytest.raises(RadioMLError, match=r"\.jsonl or \.csv"), row_writer(str(tmp_path / "x.xls")):
        pass


def test_a_failed_run_leaves_its_rows_and_an_empty_one_the_old_file(tmp_path):
    path = tmp_path / "x.jsonl"
    with pytest.raises(KeyboardInterrupt), row_writer(str(path)) as write:
        write({"frame": 0})
        raise KeyboardInterrupt
    assert json.loads(path.read_text()) == {"frame": 0}
    with pytest.raises(RadioMLError), row_writer(str(path)):
        raise RadioMLError("no accelerator")
    assert json.loads(path.read_text()) == {"frame": 0}
    assert list(tmp_path.iterdir()) == [path]


def test_two_streams_do_not_share_a_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    with row_writer(str(path)) as write:
        write({"frame": 0})
        with pytest.raises(RadioMLError, match="another process is writing"), row_writer(str(path)):
            pass
        write({"frame": 1})
    assert len(path.read_text().splitlines()) == 2
    (folder := tmp_path / "x.csv").mkdir()
    with pytest.raises(RadioMLError, match="a folder"), row_writer(str(folder)):
        pass
    assert not list(folder.iterdir())


def test_the_command_reads_a_recording(radioml, small_package, recording, logits, tmp_path):
    out = tmp_path / "out.jsonl"
    arguments = ("stream", small_package, recording, "--as-is", "--out", out, "--backend", "simulation")
    done = radioml(*arguments, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{FRAMES} of {FRAMES} frames" in done.stderr
    found = [json.loads(line)["class"] for line in out.read_text().splitlines()]
    assert found == [CLASSES[index] for index in logits.argmax(1)]


def test_a_recording_that_is_too_short_is_a_user_error(radioml, small_package, tmp_path):
    (tmp_path / "x.cs8").write_bytes(bytes(100))
    done = radioml("stream", small_package, tmp_path / "x.cs8", "--out", tmp_path / "x.jsonl", home=tmp_path)
    assert done.returncode == 2
    assert "50 samples; a frame has 1024" in done.stderr
    assert not (tmp_path / "x.jsonl").exists()
