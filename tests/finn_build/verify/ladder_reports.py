"""What the tests of the ladder look for in its reports."""

from __future__ import annotations

from finn_build.verify.rtl_rungs import BACK_TO_BACK, FRAME_GAPS, STALLS, WORD_GAPS

RTL_RUNGS = (BACK_TO_BACK, WORD_GAPS, FRAME_GAPS, STALLS)


def wrong(report) -> list[str]:
    return [rung.name for rung in report.rungs if not rung.equal]
