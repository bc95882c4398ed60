from __future__ import annotations

import pytest
from qonnx.core.modelwrapper import ModelWrapper

from finn_build.boards import load_board
from finn_build.engine.finn_session import finn_session
from finn_build.estimate.corrections import (
    COUNTED,
    Multiplier,
    corrections,
    counted_luts,
    fifo_luts,
    padding_luts,
    stream_luts,
    weight_memory_luts,
)
from finn_build.estimate.estimate import estimate
from finn_build.estimate.table import estimate_table
from finn_build.folding.folding import fold_to_cycles
from finn_build.rtl.hdl import insert_fifos, set_fifo_depths
from finn_build.steps import Context, apply_steps
from radioml.contract.estimate import RESOURCES
from radioml.contract.metadata import load_exported

BOARD = load_board("ZCU104")
SYNTHESISED = [
    (Multiplier(1, 1, 4, 4, 12, 27, True, 48), 1, 79),
    (Multiplier(4, 8, 4, 4, 12, 27, True, 6), 8, 758),
    (Multiplier(8, 8, 4, 4, 12, 27, True, 6), 16, 1430),
    (Multiplier(16, 8, 4, 4, 12, 27, True, 0), 32, 3110),
    (Multiplier(4, 16, 4, 4, 14, 27, True, 3), 16, 1435),
    (Multiplier(4, 48, 4, 4, 14, 27, True, 1), 48, 3635),
    (Multiplier(16, 48, 4, 4, 14, 27, True, 0), 192, 14007),
    (Multiplier(4, 8, 8, 8, 20, 27, True, 6), 16, 1113),
    (Multiplier(16, 16, 8, 8, 20, 27, True, 0), 128, 7971),
    (Multiplier(8, 16, 4, 8, 16, 27, True, 3), 48, 3213),
    (Multiplier(8, 12, 2, 4, 10, 27, True, 4), 24, 1789),
    (Multiplier(4, 12, 4, 4, 14, 25, True, 4), 12, 1144),
    (Multiplier(64, 6, 4, 4, 14, 27, True, 0), 96, 9570),
    (Multiplier(1, 32, 4, 4, 14, 27, True, 2), 32, 659),
    (Multiplier(2, 64, 4, 4, 15, 27, True, 3), 64, 2412),
]
"""DSPs and LUTs (those of memories included) that Yosys 0.70, synth_xilinx, counts for mvu_vvu_axi.sv."""


@pytest.fixture(scope="module")
def folded(small_model, tmp_path_factory):
    work = tmp_path_factory.mktemp("finn")
    proto, metadata = load_exported(small_model)
    model = network = ModelWrapper(proto)
    with finn_session(work, work / "log"):
        model = apply_steps(model, Context(network, metadata, BOARD, work))
        yield fold_to_cycles(model, 100)


@pytest.mark.parametrize(("multiplier", "dsps", "luts"), SYNTHESISED)
def test_multiplier_against_synthesis(multiplier, dsps, luts):
    assert multiplier.dsps() == dsps
    assert multiplier.luts() == pytest.approx(luts, rel=0.15)


@pytest.mark.parametrize(
    ("weight_bits", "activation_bits", "narrow", "lanes"),
    [(8, 8, True, 2), (8, 8, False, 2), (6, 6, True, 2), (4, 8, True, 3), (4, 4, True, 4), (2, 4, False, 5)],
)  # fmt: skip
def test_multiplications_a_dsp(weight_bits, activation_bits, narrow, lanes):
    shape = Multiplier(1, 1, weight_bits, activation_bits, 20, 27, narrow, 0)
    assert shape.lanes() == lanes


def test_packing_differs_from_finns():
    """Four 8-bit multiplications need two DSPs; FINN counts one."""
    assert Multiplier(4, 1, 8, 8, 20, 27, True, 0).dsps() == 2
    assert Multiplier(3, 1, 4, 4, 12, 25, True, 0).dsps() == 1
    assert Multiplier(3, 1, 4, 4, 12, 18, True, 0).dsps() == 1
    assert Multiplier(2, 1, 8, 8, 20, 18, True, 0).dsps() == 2


def test_streams_are_what_finn_estimates_of_the_layers_it_inserts(folded):
    from finn.util.basic import getHWCustomOp

    inserted = insert_fifos(folded, BOARD)
    fifos = [node.name for node in inserted.get_nodes_by_op_type("StreamingFIFO_rtl")]
    assert any(node.op_type.startswith("StreamingDataWidthConverter") for node in inserted.graph.node)
    set_fifo_depths(inserted, dict.fromkeys(fifos, 18))
    by_finn = sum(
        getHWCustomOp(node).lut_estimation(BOARD.part)
        for node in inserted.graph.node
        if node.op_type.startswith("Streaming")
    )
    ours = 0
    for node in folded.graph.node:
        operator = getHWCustomOp(node)
        ours += corrections(folded, BOARD)[node.name]["LUT"]
        if node.op_type == "FMPadding_rtl":
            ours -= padding_luts(operator.get_instream_width())
        if node.op_type == "MVAU_rtl":
            weights = folded.get_initializer(node.input[1])
            ours -= Multiplier.of(operator, weights, BOARD).luts() + weight_memory_luts(operator)
        if node.op_type in COUNTED:
            ours -= counted_luts(operator, BOARD.part)
    assert ours == by_finn


@pytest.mark.parametrize(
    ("kind", "without", "counted"),
    [("Thresholding", [111, 79], [172, 123]), ("ConvolutionInputGenerator", [571, 335], [351, 147])],
)
def test_factors_against_synthesis(folded, kind, without, counted):
    """LUTs of layers with their streams: estimated without the factor, and counted by Yosys 0.70."""
    from finn.util.basic import getHWCustomOp

    slower = fold_to_cycles(folded, 625)  # 400,000 frames/s
    found = corrections(slower, BOARD)
    for node, before, luts in zip(slower.get_nodes_by_op_type(f"{kind}_rtl"), without, counted, strict=True):
        operator = getHWCustomOp(node)
        value = operator.node_res_estimation(BOARD.part)["LUT"] + found[node.name]["LUT"]
        assert value - counted_luts(operator, BOARD.part) == before
        assert abs(value - luts) < abs(before - luts) / 2


def test_converter_costs_more_than_a_fifo():
    assert stream_luts(32, 32) == fifo_luts(32)
    assert stream_luts(32, 64) > fifo_luts(32) + fifo_luts(64)
    assert stream_luts(24, 16) > stream_luts(32, 16)


def test_estimate_and_correction_are_apart_and_fits_goes_by_both(folded):
    value = estimate(folded, BOARD)
    for name in RESOURCES:
        assert value.total[name] == value.finn[name] + value.correction[name]
        assert value.finn[name] == sum(layer.finn[name] for layer in value.layers)
    assert value.correction["LUT"] > 0
    assert all(layer.finn["LUT"] == 0 < layer.correction["LUT"] for layer in value.layers if "MVAU" in layer.name)
    assert value.fits
    short = BOARD.model_copy(update={"usable": {**BOARD.usable, "LUT": value.finn["LUT"]}})
    assert not estimate(folded, short).fits
    table = estimate_table(value)
    assert {"LUT", "+LUT", "DSP", "+DSP"} <= {column.header for column in table.columns}
