"""The parsers on texts written after the documented formats (vivado_texts.py), whole, truncated and foreign."""

from __future__ import annotations

import pytest

from finn_build.vivado.reports import (
    parse_hierarchy,
    parse_power,
    parse_timing,
    parse_utilisation,
    parse_xclbin_clocks,
)
from radioml.contract.implementation import Use
from radioml.errors import RadioMLError
from tests.finn_build.vivado import vendor_tools
from tests.finn_build.vivado import vivado_texts as texts


@pytest.fixture
def written(tmp_path):
    def write(text: str):
        path = tmp_path / "report"
        path.write_text(text)
        return path

    return write


def test_timing_that_is_met(written):
    timing = parse_timing(written(texts.timing(250)))
    assert timing.met and timing.failures() == ""
    assert timing.tool.startswith("Vivado v.2022.2") and timing.state == "Routed"
    assert timing.checks["setup"].worst_slack_ns == 0.521
    assert timing.checks["hold"].endpoints == 19043
    assert timing.checks["pulse_width"].worst_slack_ns == 3.75
    assert timing.clocks_mhz["clk_out1_top_clk_wiz_0_0"] == 250


@pytest.mark.parametrize(
    ("check", "row", "words"),
    [
        ("setup", "-0.133 -4.700 61 19043", "setup: worst slack -0.133 ns, 61 of 19043 fail"),
        ("hold", "-0.001 -0.001 1 19043", "hold: worst slack -0.001 ns, 1 of 19043 fail"),
        ("pulse", "-0.200 -0.400 2 7893", "pulse_width: worst slack -0.2 ns, 2 of 7893 fail"),
        ("setup", "NA NA NA NA", "setup: no path was checked"),
    ],
)
def test_timing_that_fails(written, check, row, words):
    timing = parse_timing(written(texts.timing(**{check: row})))
    assert not timing.met
    assert timing.failures() == words


def test_older_vivado_does_not_say_the_state(written):
    text = "".join(line for line in texts.timing().splitlines(True) if "Design State" not in line)
    assert parse_timing(written(text)).state == ""


def test_utilisation_of_both_families(written):
    small = parse_utilisation(written(texts.SEVEN_SERIES))
    assert small["LUT"] == Use(24047, 53200)
    assert small["FF"].used == 41312
    assert small["BRAM_36K"].used == 10 and small["BRAM_18K"].used == 5
    assert small["DSP"] == Use(24, 220)
    assert small["URAM"] == Use(0, 0)
    large = parse_utilisation(written(texts.ULTRASCALE))
    assert large["LUT"].used == 63563 and large["URAM"] == Use(1, 96)
    assert large["DSP"].used == 832


def test_hierarchy(written):
    text = texts.hierarchy(("top_wrapper", 24047), ("  StreamingDataflowPartition_1", 20000))
    found = parse_hierarchy(written(text))
    assert list(found) == ["top_wrapper", "StreamingDataflowPartition_1"]
    assert found["top_wrapper"] == {
        "LUT": 24047, "FF": 48094, "BRAM_36K": 3, "BRAM_18K": 2, "URAM": 0, "DSP": 24,
    }  # fmt: skip


def test_power(written):
    assert parse_power(written(texts.POWER)) == {"total": 2.345, "dynamic": 2.201, "static": 0.144}


def test_clocks_of_an_xclbin(written):
    assert parse_xclbin_clocks(written(texts.xclbin_info(233.3))) == {"DATA_CLK": 233.3, "KERNEL_CLK": 500}


WHOLE = [
    (parse_timing, texts.timing()),
    (parse_utilisation, texts.SEVEN_SERIES),
    (parse_utilisation, texts.ULTRASCALE),
    (parse_hierarchy, texts.hierarchy(("top", 7))),
    (parse_power, texts.POWER),
    (parse_xclbin_clocks, texts.xclbin_info()),
]


@pytest.mark.parametrize(("parse", "text"), WHOLE)
def test_truncated_anywhere_is_refused_or_whole(written, parse, text):
    """Cut after any line: either RadioMLError, or all that the whole report says."""
    whole = parse(written(text))
    lines = text.splitlines(True)
    refused = 0
    for end in range(len(lines)):
        try:
            part = parse(written("".join(lines[:end])))
        except RadioMLError:
            refused += 1
            continue
        if parse is parse_timing:
            assert part.checks == whole.checks
        elif parse is parse_xclbin_clocks:
            assert part.items() <= whole.items()
        else:
            assert part == whole
    assert refused > len(lines) // 2


@pytest.mark.parametrize(("parse", "text"), WHOLE)
def test_foreign_reports_are_refused(written, parse, text):
    for other, foreign in [*WHOLE, (None, ""), (None, "segmentation fault\n")]:
        if other is not parse:
            with pytest.raises(RadioMLError, match="report"):
                parse(written(foreign))


@pytest.mark.parametrize(("parse", "text"), WHOLE)
def test_missing_report(tmp_path, parse, text):
    with pytest.raises(RadioMLError, match="absent"):
        parse(tmp_path / "absent.rpt")


def test_report_texts_are_labelled_as_made_up():
    assert "made-up" in texts.__doc__ and "made-up" in vendor_tools.__doc__
