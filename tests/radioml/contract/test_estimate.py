from __future__ import annotations

import json
from pathlib import Path

import pytest

from radioml.contract.estimate import Estimate, Folded, LayerEstimate
from radioml.errors import RadioMLError
from radioml.report.page.run_content import read_run

COUNTS = {"LUT": 9, "BRAM_18K": 2, "URAM": 0, "DSP": 1}
ESTIMATE = Estimate(
    kind="estimated", caveats=("no routing",), board="ZCU104", part="xczu7ev", clock_mhz=200.0, cycles_per_frame=128,
    slowest_layer="MVAU_rtl_0", frames_per_second=1562500.0, latency_cycles_at_most=140, latency_us_at_most=0.7,
    layers=(LayerEstimate("MVAU_rtl_0", (), 128, {"PE": 2, "SIMD": 4}, COUNTS, COUNTS),), finn=COUNTS,
    correction=COUNTS, total=COUNTS, available={**COUNTS, "LUT": 8}, fits=False, folded=Folded("goal met"),
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "build" / "ZCU104").mkdir(parents=True)
    path = tmp_path / "build" / "ZCU104" / "estimate.json"
    ESTIMATE.write(path)
    return path


def test_what_is_written_is_read(path: Path, tmp_path: Path):
    assert Estimate.read(path) == ESTIMATE
    assert ESTIMATE.excess(ESTIMATE.available) == ["9 LUT of 8"]
    (build,) = read_run(tmp_path).builds
    assert (build.board, build.frames_per_second) == ("ZCU104", 1562500.0)


@pytest.mark.parametrize("key", ["clock_mhz", "layers"])
def test_a_file_of_another_version_is_told_with_the_way_out(key: str, path: Path, tmp_path: Path):
    value = json.loads(path.read_text())
    del value[key]
    path.write_text(json.dumps(value))
    with pytest.raises(RadioMLError, match=rf"estimate\.json: {key} is missing; `radioml build` makes the file again"):
        read_run(tmp_path)
