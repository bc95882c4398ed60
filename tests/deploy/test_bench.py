"""`radioml bench`: its measurements, their duration and description, and the results after an early end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from deploy.accelerator import open_accelerator
from deploy.backends.verilated import SimulatedAccelerator
from deploy.bench import PARTS, Benchmark, Call, bench
from deploy.bench_results import benchmark, write_benchmark
from radioml.contract.package import open_package, write_package
from radioml.contract.speed import BenchReport, Clock
from radioml.errors import MismatchError, RadioMLError
from radioml.reading.text import read_json
from tests.deploy.conftest import in_board_environment
from tests.repository import REPOSITORY


@pytest.fixture(scope="module")
def result(small_package):
    """A benchmark in RTL simulation."""
    return bench(small_package, "simulation", [8, 3], seconds=0.1, processes=1)


def test_a_split_adds_up_to_the_call():
    call = Call(quantise=0.5, infer=2.0, cpu=1.0, parts={"pack": 0.25, "accelerator": 1.5})
    assert call.seconds == 2.5
    assert [call.part(name) for name in PARTS] == [0.5, 0.25, None, 1.5, None, 0.25]
    assert sum(call.part(name) or 0 for name in PARTS) == call.seconds
    assert call.overlapped == 0


def test_parts_side_by_side_are_not_counted_twice():
    call = Call(quantise=0.5, infer=2.0, cpu=1.0, parts={"pack": 0.75, "accelerator": 1.5})
    assert call.overlapped == 0.25
    assert call.part("other") == 0


def test_each_batch_size_and_one_frame_are_measured_for_the_time_given(result):
    assert list(result.calls) == [1, 3, 8]
    for calls in result.calls.values():
        assert sum(call.seconds for call in calls[:-1]) < 0.1  # the last one may end later
    assert result.streaming_frames % result.streaming_batch == 0 and result.streaming_frames > 0
    assert result.problem == ""


def test_the_report_says_what_was_measured_and_what_was_counted(result):
    report = benchmark(result)
    assert report.figures == "RTL simulation on this host: not a board's speed"
    assert report.clock == Clock(result.manifest.clock_mhz, None, None)
    counted = report.at_the_clock
    assert counted.counted_in == "this run" and "simulated" in counted.figures
    assert counted.cycles_per_frame == result.manifest.cycles_per_frame
    one, calls = report.latency_of_one_frame, result.calls[1]
    assert one.repeats == len(calls)
    assert min(call.seconds for call in calls) <= one.median_seconds <= one.maximum_seconds
    for row, (size, calls) in zip(report.batches, result.calls.items(), strict=True):
        assert (row.frames, row.repeats) == (size, len(calls))
        told = [seconds for seconds in row.parts_seconds.values() if seconds is not None]
        assert sum(told) == pytest.approx(row.seconds)
        assert row.frames_per_second == pytest.approx(size / row.seconds)
        assert row.frames_per_second_without_quantising > row.frames_per_second


@pytest.mark.parametrize(("repeats", "known"), [(99, False), (100, True)])
def test_a_99_per_cent_quantile_needs_a_hundred_repetitions(result, repeats, known):
    calls = [Call(0.0, 0.001 * (k + 1), 0.0, {}) for k in range(repeats)]
    one = benchmark(replace(result, calls={1: calls})).latency_of_one_frame
    assert (one.quantile_99_seconds is not None) == known
    if known:
        assert one.median_seconds < 0.098 < one.quantile_99_seconds < one.maximum_seconds


def test_the_plot_has_its_numbers_beside_it(result, tmp_path):
    write_benchmark(result, tmp_path)
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert BenchReport.read(tmp_path / "bench.json") == benchmark(result)


def test_a_slow_backend_runs_every_size_once(small_package):
    result = bench(small_package, "software", [64, 700], seconds=1e-6)
    assert [len(calls) for calls in result.calls.values()] == [1, 1, 1]
    assert result.figures == "the network in software on this host: not a board's speed"
    assert benchmark(result).at_the_clock.counted_in == "the build"


@pytest.mark.parametrize(("failure", "problem"), [(RadioMLError("gone"), "gone"), (KeyboardInterrupt(), "interrupted")])
def test_an_early_end_keeps_what_was_measured(small_package, monkeypatch, failure, problem):
    infer = SimulatedAccelerator.infer

    def fails_at_four(self, integers):
        if len(integers) == 4:
            raise failure
        return infer(self, integers)

    monkeypatch.setattr(SimulatedAccelerator, "infer", fails_at_four)
    result = bench(small_package, "simulation", [2, 4, 8], seconds=0.01, processes=1)
    assert result.problem == problem
    assert list(result.calls) == [1, 2]
    assert benchmark(result).streaming.frames_per_second is None


def test_a_backend_says_what_it_runs_on_whatever_the_board_is_called(small_package, bitfile_package, tmp_path):
    package = open_package(small_package, tmp_path / "simulation")
    simulated = open_package(bitfile_package, tmp_path / "simulated")
    real = replace(simulated, manifest=replace(simulated.manifest, kind="bitfile"))
    assert open_accelerator(package, "simulation").runs_on == "RTL simulation"
    assert open_accelerator(package, "software").runs_on == "software"
    assert open_accelerator(simulated, "pynq").runs_on == "simulated board"
    assert open_accelerator(real, "pynq").runs_on == "board"
    measured = Benchmark(real.manifest, "pynq", "board", "192.168.2.99", "simulated annealer", 100.0, 26, 256)
    assert measured.figures == "measured on simulated annealer, over the network"
    measured = replace(measured, runs_on="simulated board", board="ZCU104")
    assert measured.figures == "simulated board: not a board's speed"


def test_golden_frames_come_first(repack):
    with pytest.raises(MismatchError, match="golden frames differ"):
        bench(repack(logits=lambda logits: logits + 1), "simulation", [1], seconds=0.01, processes=1)


def test_ctrl_c_keeps_results(small_package, tmp_path):
    sizes = ",".join(map(str, range(1, 301)))  # a second each, so that Ctrl-C comes before streaming
    command = [sys.executable, "-m", "radioml", "bench", small_package, "--seconds", "1", "--batches", sizes]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, "--processes", "1", "--out", "out"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stderr:
        if "batches of 2" in line:
            break
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 130
    assert "stopped early: interrupted" in output
    report = read_json(tmp_path / "out" / "bench.json")
    assert report["problem"] == "interrupted" and report["batches"][0]["frames"] == 1
    assert report["streaming"]["frames"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--batches", "1,many"), "whole numbers separated by commas"),
        (("--batches", "0"), "must be above 0"),
        (("--target", "192.0.2.1"), "the simulation backend has no target"),
    ],
)
def test_wrong_options_are_refused(radioml_here, small_package, tmp_path, arguments, message):
    done = radioml_here("bench", small_package, *arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr


def test_on_the_simulated_board_the_split_is_whole(board_python, bitfile_package, tmp_path):
    arguments = ("-m", "deploy.simulated.board", "bench", bitfile_package, "--backend", "pynq", "--seconds", 0.2)
    done = in_board_environment(
        board_python, *arguments, "--batches", "1,300", "--out", tmp_path / "out", home=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "simulated board: not a board's speed" in done.stdout and "MHz read back" in done.stdout
    report = read_json(tmp_path / "out" / "bench.json")
    assert report["board"] == "simulated board"
    assert report["clock"]["agrees"] is True
    assert report["clock"]["read_back_mhz"] == pytest.approx(report["clock"]["manifest_mhz"], rel=1e-4)
    for row in report["batches"]:
        parts = row["parts_seconds"]
        assert all(seconds is not None for seconds in parts.values())
        assert min(parts[name] for name in PARTS[:-1]) > 0
        assert sum(parts.values()) - row["overlapped_seconds"] >= 0.999 * row["seconds"]
        assert row["exposed_host_seconds"] == pytest.approx(row["seconds"] - parts["accelerator"])


def test_another_clock_than_the_packages_is_said(board_python, bitfile_package, tmp_path):
    opened = open_package(bitfile_package, tmp_path / "opened")
    faster = replace(opened.manifest, clock_mhz=2 * opened.manifest.clock_mhz)
    write_package(tmp_path / "faster.zip", faster, opened.folder, sorted(opened.manifest.files))
    arguments = ("-m", "deploy.simulated.board", "bench", tmp_path / "faster.zip", "--backend", "pynq")
    arguments += ("--batches", "1", "--seconds", 0.1, "--out", tmp_path / "out")
    done = in_board_environment(board_python, *arguments, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"the package is for {faster.clock_mhz:g} MHz" in done.stdout
    assert read_json(tmp_path / "out" / "bench.json")["clock"]["agrees"] is False
