"""The table of networks in simulated hardware says what was run, and nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from finn_build.engine.paths import CYCLES
from finn_build.exploration.choose_folding import DoesNotFitError
from radioml.contract.estimate import Estimate
from radioml.contract.ladder import LadderReport
from radioml.contract.simulation import GoldenSimulation, SimulationReport
from radioml.errors import RadioMLError
from radioml.files import write_json
from radioml.run_directory import ESTIMATE, SIMULATION, SIMULATION_REPORT, VERIFY
from tests.bench import hardware
from tests.bench.hardware_row import HEADER, Row, markdown, read_row, row_of
from tests.radioml.contract.written import WRITTEN

BEGUN = Row("small", "ZCU104", "random", 250.0)


def cells(row: Row) -> dict[str, str]:
    return dict(zip(HEADER, row.cells(), strict=True))


def test_a_row_has_what_was_run(small_build, tmp_path):
    shutil.copy(small_build.folder / ESTIMATE, tmp_path)
    estimate = Estimate.read(tmp_path / ESTIMATE)
    row = row_of(BEGUN, tmp_path)
    assert cells(row)["cycles a frame, estimated"] == f"{estimate.cycles_per_frame:,}"
    assert cells(row)["frames/s"].endswith(", estimated")
    assert {name for name, cell in cells(row).items() if cell == "-"} == {
        "simulated", "latency", "frames equal", "rungs equal", "layers compared in RTL",
    }  # fmt: skip
    assert row.is_finished("estimate", 624, 26) and not row.is_finished("rtl", 2, 0)

    (tmp_path / SIMULATION).mkdir()
    shutil.copy(small_build.folder / CYCLES, tmp_path / CYCLES)
    golden = GoldenSimulation.read(tmp_path / CYCLES)
    row = row_of(BEGUN, tmp_path)
    assert cells(row)["simulated"] == f"{golden.cycles_per_frame:,}"
    assert cells(row)["frames/s"] == f"{250e6 / golden.cycles_per_frame:,.0f}"
    assert cells(row)["frames equal"] == f"{golden.frames} of {golden.frames}"
    assert row.is_sound() and row.is_finished("rtl", golden.frames, 0)

    write_json(tmp_path / SIMULATION_REPORT, {**WRITTEN[SimulationReport], "frames": 624, "mismatching_frames": 2})
    write_json(tmp_path / VERIFY, WRITTEN[LadderReport])
    row = row_of(BEGUN, tmp_path)
    assert cells(row)["frames equal"] == "622 of 624"
    assert cells(row)["rungs equal"] == "2 of 3, 26 frames each"
    assert cells(row)["layers compared in RTL"] == "1 of 2"
    assert row.is_finished("rtl", 624, 26) and not row.is_finished("rtl", 625, 26)
    assert not row.is_sound() and not replace(row, rungs_equal=3).is_sound() and not replace(row, frames=622).is_sound()
    row.write(tmp_path / "row.json")
    assert read_row(tmp_path / "row.json") == row
    assert markdown([row]).count("\n") == 3


def test_a_network_that_does_not_fit_says_what_is_short(small_build, tmp_path, monkeypatch):
    def build(*_, **__):
        raise DoesNotFitError(Estimate.read(small_build.folder / ESTIMATE), ["300 DSP of 198"], "one lane")

    monkeypatch.setattr(hardware, "build", build)
    (row,) = hardware.rows_of("small", _network(small_build), "Pynq-Z2", tmp_path, "rtl", 2, 0)
    assert cells(row)["cycles a frame, estimated"] == "does not fit: 300 DSP of 198"
    assert row.is_finished("rtl", 624, 26) and row.is_sound()


def test_a_network_that_cannot_be_built_is_tried_again(small_build, tmp_path, monkeypatch):
    def build(*_, **__):
        raise RadioMLError("a layer without RTL\n  and another")

    monkeypatch.setattr(hardware, "build", build)
    (row,) = hardware.rows_of("small", _network(small_build), "Pynq-Z2", tmp_path, "rtl", 2, 0)
    assert row.problem == "a layer without RTL"
    assert not row.is_finished("rtl", 0, 0) and not row.is_sound()


def _network(small_build):
    """A network whose model is exported already."""

    class Exported(hardware.Network):
        def model(self, run):
            return small_build.model

    return Exported()


def test_every_topology_has_a_row_and_an_experiment_that_differs_in_training_has_none():
    names = list(hardware.networks())
    assert names[:3] == ["robust_record", "robust_record_by_1", "polyphase_small"] and names[-1] == "vgg10"
    assert {"aaronnet", "amc_team", "bacalhaunet", "imperial_ipc", "polyphase", "polyphase_large"} <= set(names)
    assert not {"polyphase_small_distilled", "symbol_statistics"} & set(names)


def test_a_row_of_another_checkpoint_is_not_finished(tmp_path):
    (checkpoint := tmp_path / "shipped.pth").write_bytes(b"before")
    network = hardware.Network(checkpoint=checkpoint)
    row = replace(BEGUN, weights=network.weights(), frames=2, frames_equal=2, verified=0)
    row.write(path := tmp_path / "row.json")
    assert hardware.finished_row(path, network, "rtl", 2, 0) == row
    checkpoint.write_bytes(b"after")
    assert hardware.finished_row(path, network, "rtl", 2, 0) is None


@pytest.mark.rtl
def test_a_finished_row_is_read_and_one_interrupted_goes_on(small_build, tmp_path, monkeypatch):
    """The build that a row needs is made again only in name: its folder has all stages."""
    calls = []
    monkeypatch.setattr(hardware, "build", lambda *_, **__: calls.append("build"))
    monkeypatch.setattr(hardware, "build_folder", lambda *_: small_build.folder)
    monkeypatch.setattr(hardware, "networks", lambda: {"small": _network(small_build)})
    monkeypatch.setattr(
        "sys.argv", ["hardware", str(tmp_path), "--board", "ZCU104", "--frames", "2", "--verified", "0"]
    )
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            hardware.main()
        assert ended.value.code == 0
    assert calls == ["build"]
    table = (tmp_path / "hardware.md").read_text()
    assert "small" in table and table == markdown([read_row(tmp_path / "small" / "ZCU104.json")])
