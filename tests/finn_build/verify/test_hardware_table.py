"""The table of topologies in simulated hardware says what was run, and nothing else."""

from __future__ import annotations

import shutil

from finn_build.engine.paths import CYCLES
from finn_build.estimate.result import read_estimate
from finn_build.verify.golden_simulation import read_golden_simulation
from radioml.files import write_json
from radioml.run_directory import ESTIMATE, SIMULATION, SIMULATION_REPORT, VERIFY
from tests.bench.hardware import HEADER, markdown, row


def test_a_row_has_what_was_run(small_build, tmp_path):
    shutil.copy(small_build.folder / ESTIMATE, tmp_path)
    estimate = read_estimate(tmp_path / ESTIMATE)
    cells = dict(zip(HEADER, row("small", tmp_path), strict=True))
    assert cells["cycles, estimated"] == f"{estimate.cycles_per_frame:,}"
    assert {name for name, cell in cells.items() if cell == "-"} == {
        "simulated", "frames/s", "latency", "frames equal", "rungs equal",
    }  # fmt: skip

    (tmp_path / SIMULATION).mkdir()
    shutil.copy(small_build.folder / CYCLES, tmp_path / CYCLES)
    write_json(tmp_path / SIMULATION_REPORT, {"frames": 624, "mismatching_frames": 2})
    rungs = [{"equal": True, "layers_compared": ["a", "b"]}, {"equal": False, "layers_compared": ["b"]}]
    write_json(tmp_path / VERIFY, {"rungs": rungs, "layers": 2, "frames": 26})
    cells = dict(zip(HEADER, row("small", tmp_path), strict=True))
    assert cells["simulated"] == f"{read_golden_simulation(tmp_path / CYCLES).cycles_per_frame:,}"
    assert cells["frames equal"] == "622 of 624"
    assert cells["rungs equal"] == "1 of 2; 1 of 2 layers"
    assert markdown([list(cells.values())]).count("\n") == 3
