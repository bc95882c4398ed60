"""`radioml stream`: frames of a recording through a real simulated accelerator, as rows and counts."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import numpy as np
import pytest

from deploy.backends.interrupts import interrupted_afterwards
from deploy.rows import STDOUT, row_writer
from deploy.sources.opening import Reading, open_source
from deploy.stream import Demands, report, stream
from radioml.constants import CLASSES
from radioml.errors import RadioMLError

FRAMES = 30


@pytest.fixture
def recording(iq, tmp_path) -> Path:
    iq.tofile(tmp_path / "capture.cf32")
    return tmp_path / "capture.cf32"


def test_rows_say_where_and_what(package, small_package, iq, logits, tmp_path, monkeypatch):
    np.save(tmp_path / "samples.npy", iq.reshape(-1, 2).view(np.complex64)[:, 0])
    source = open_source(str(tmp_path / "samples.npy"), Reading(normalise=False))
    source.sample_rate = 2e6
    found = []
    summary = stream(small_package, source, "simulation", 1, found.append)
    assert [row["class"] for row in found] == [CLASSES[index] for index in logits.argmax(1)]
    assert [(row["frame"], row["sample"], row["time"]) for row in found[:2]] == [(0, 0, 0.0), (1, 1024, 512e-6)]
    assert summary.frames == FRAMES == sum(summary.counts.values())
    assert report(summary, source).problem == ""


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
    assert written.without_class == {"no signal": 3, "not finite": 1}
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


def test_the_command_reads_a_recording(radioml_here, small_package, recording, logits, tmp_path):
    out = tmp_path / "out.jsonl"
    arguments = ("stream", small_package, recording, "--as-is", "--out", out, "--backend", "simulation")
    done = radioml_here(*arguments)
    assert done.returncode == 0, done.stderr
    assert f"{FRAMES} of {FRAMES} frames" in done.stderr
    found = [json.loads(line)["class"] for line in out.read_text().splitlines()]
    assert found == [CLASSES[index] for index in logits.argmax(1)]


def test_a_recording_that_is_too_short_is_a_user_error(radioml_here, small_package, tmp_path):
    (tmp_path / "x.cs8").write_bytes(bytes(100))
    done = radioml_here("stream", small_package, tmp_path / "x.cs8", "--out", tmp_path / "x.jsonl")
    assert done.returncode == 2
    assert "50 samples; a frame has 1024" in done.stderr
    assert not (tmp_path / "x.jsonl").exists()
