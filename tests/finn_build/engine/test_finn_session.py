"""What FINN imports in a session: what no build uses is replaced by stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from finn_build.engine.finn_session import finn_session

pytestmark = pytest.mark.rtl


def test_stand_ins_say_what_is_absent(tmp_path: Path):
    with finn_session(tmp_path, tmp_path / "log"):
        from finn import xsi
        from finn.builder import build_dataflow_steps
    for learned in (build_dataflow_steps.empirical_res_estimation, build_dataflow_steps.QoRModelSet):
        with pytest.raises(RuntimeError, match="learned estimates are left out"):
            learned()
    with pytest.raises(RuntimeError, match="Vivado's simulator is not installed"):
        xsi.load_sim_obj()
