from __future__ import annotations

import pytest
import yaml

from finn_build.boards import CATALOGUE, RESOURCES, board_names, load_board, read_board
from radioml.errors import RadioMLError

BOARDS = board_names()


def test_the_catalogue_is_complete():
    assert set(BOARDS) == {
        "Pynq-Z1", "Pynq-Z2", "Ultra96", "Ultra96-V2", "KV260", "ZCU104", "ZCU102", "ZCU111", "RFSoC2x2", "RFSoC4x2",
        "U50", "U200", "U250", "U280", "ULX3S",
    }  # fmt: skip


@pytest.mark.parametrize("name", BOARDS)
def test_what_finn_knows_is_what_the_board_says(name):
    from finn.util.basic import alveo_part_map, part_map, pynq_native_port_width, pynq_part_map
    from finn.util.platforms import platforms

    board = load_board(name)
    known = board.finn.board
    if known is None:
        assert name not in part_map
        assert board.part not in part_map.values()
        return
    assert board.part == part_map[known]
    assert known in (pynq_part_map if board.shell == "zynq" else alveo_part_map)
    assert board.memory_port_bits == pynq_native_port_width.get(known, 512)
    assert board.finn.resource_table == (known in platforms)


@pytest.mark.parametrize("name", [name for name in BOARDS if load_board(name).finn.resource_table])
def test_usable_resources_against_finns_table(name):
    from finn.util.platforms import platforms

    board = load_board(name)
    regions = platforms[board.finn.board]().compute_resources
    table = dict(zip(RESOURCES, map(sum, zip(*regions, strict=True)), strict=True))
    if board.shell == "vitis":
        assert board.usable == table
    else:  # FINN's tables of these devices are rounded
        assert board.usable == board.resources
        assert board.usable == pytest.approx(table, rel=0.05)


def test_finn_sees_the_family_that_the_board_names():
    from finn.util.basic import get_dsp_block

    for board in map(load_board, BOARDS):
        assert get_dsp_block(board.part) == ("DSP48E1" if board.family == "Zynq-7000" else "DSP48E2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clock": 100}, r"clock: an unknown key; did you mean 'clock_mhz'\? There are name, .*\(found 100\)"),
        ({"part": None}, r"part: Input should be a valid string \(found None\)"),
        ({"part": " "}, r"part: String should have at least 1 character"),
        ({"part": 7}, r"part: Input should be a valid string \(found 7\)"),
        ({"clock_mhz": "fast"}, r"clock_mhz: Input should be a valid number \(found 'fast'\)"),
        ({"clock_mhz": "250"}, r"clock_mhz: Input should be a valid number"),
        ({"clock_mhz": 900}, r"clock_mhz: 900 is above clock_limit_mhz, 400$"),
        ({"clock_mhz": 0}, r"clock_mhz: Input should be greater than 0"),
        ({"clock_mhz": float("nan")}, r"clock_mhz: Input should be (a finite number|greater than 0)"),
        ({"memory_port_bits": True}, r"memory_port_bits: Input should be a valid integer \(found True\)"),
        ({"shell": "pcie"}, r"shell: Input should be 'zynq', 'vitis' or 'serial'"),
        ({"family": "Versal"}, r"family: Input should be 'Zynq-7000'"),
        ({"resources": 7}, r"resources: Input should be a valid dictionary"),
        ({"resources": {"LUT": 1.5}}, r"resources.LUT: Input should be a valid integer[\s\S]*resources.FF: Field requ"),
        ({"finn": {"board": 3, "resource_table": True}}, r"finn.board: Input should be a valid string"),
        ({"finn": {"board": None, "resource_table": "no"}}, r"finn.resource_table: Input should be a valid boolean"),
        ({"name": "ZCU105"}, r"name: 'ZCU105' is not the file's name"),
        ({"usable": {"LUT": 9**9, "FF": 0, "BRAM_18K": 0, "URAM": 0, "DSP": 0}}, r"usable.LUT: 387420489 of 230400"),
        ({"usable": {"LUT": -1, "FF": 0, "BRAM_18K": 0, "URAM": 0, "DSP": 0}}, r"usable.LUT: Input should be greater"),
        ({"usable": {"LUT": 1, "FF": 0, "BRAM_18K": 0, "URAM": 0, "DSP": 0, "GT": 1}}, r"usable.GT: Extra inputs"),
    ],
)  # fmt: skip
def test_malformed_board_names_file_and_key(change, message, tmp_path):
    value = yaml.safe_load((CATALOGUE / "ZCU104.yaml").read_text())
    path = tmp_path / "ZCU104.yaml"
    path.write_text(yaml.safe_dump(value))
    assert read_board(path) == load_board("ZCU104")
    path.write_text(yaml.safe_dump({**value, **change}))
    with pytest.raises(RadioMLError, match=r"ZCU104.yaml: not a board description:\n  " + message):
        read_board(path)


@pytest.mark.parametrize("key", yaml.safe_load((CATALOGUE / "ZCU104.yaml").read_text()))
def test_missing_key_is_named(key, tmp_path):
    value = yaml.safe_load((CATALOGUE / "ZCU104.yaml").read_text())
    del value[key]
    (tmp_path / "ZCU104.yaml").write_text(yaml.safe_dump(value))
    with pytest.raises(RadioMLError, match=rf"\n  {key}: Field required"):
        read_board(tmp_path / "ZCU104.yaml")


@pytest.mark.parametrize("text", ["a: [", "", "- 1", "7"])
def test_file_that_is_no_mapping(text, tmp_path):
    (tmp_path / "X.yaml").write_text(text)
    with pytest.raises(RadioMLError, match=r"X.yaml: not (valid YAML|a board description)"):
        read_board(tmp_path / "X.yaml")


def test_commands(radioml_here):
    listed = radioml_here("boards", "list")
    assert listed.returncode == 0, listed.stderr
    assert all(name in listed.stdout for name in BOARDS)
    shown = radioml_here("boards", "show", "U50")
    assert "xcu50-fsvh2104-2L-e" in shown.stdout
    assert "742,560 LUT" in shown.stdout
    unknown = radioml_here("boards", "show", "U51")
    assert unknown.returncode == 2
    assert "unknown board 'U51'" in unknown.stderr
