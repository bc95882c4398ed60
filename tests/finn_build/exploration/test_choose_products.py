"""Products of depthwise units move to DSPs where LUTs are short: the largest unit's first, and no more than needed."""

from __future__ import annotations

import pytest
from finn.util.basic import getHWCustomOp
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from finn_build.boards import load_board
from finn_build.exploration.choose_products import choose_products
from finn_build.rtl_layers import register

CHANNELS = 4
SIMDS = (1, 3, 9)
"""Products a cycle of the three units are 4 times these."""


@pytest.fixture(scope="module")
def three_units() -> ModelWrapper:
    """Three depthwise units in a row, each with a kernel of nine pixels."""
    register()
    names = [f"t{i}" for i in range(len(SIMDS) + 1)]
    nodes = [
        helper.make_node(
            "DepthwiseUnit_rtl", [names[i], f"w{i}"], [names[i + 1]], f"unit{i}",
            domain="finn.custom_op.fpgadataflow.rtl", backend="fpgadataflow", PE=CHANNELS, SIMD=simd, Channels=CHANNELS,
            Kernel=[9, 1], Dim=[4, 1], inputDataType="UINT6", weightDataType="INT6", outputDataType="INT16",
            noActivation=1,
        )
        for i, simd in enumerate(SIMDS)
    ]  # fmt: skip
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, 1, CHANNELS]) for name in names]
    graph = helper.make_graph(nodes, "three", tensors[:1], tensors[-1:], value_info=tensors[1:-1])
    model = ModelWrapper(helper.make_model(graph))
    for name in names:
        model.set_tensor_datatype(name, DataType["UINT6"])
    return model


@pytest.mark.parametrize(
    ("short_of", "dsps", "moved"),
    [
        (0, 1000, []),
        (1, 1000, ["unit2"]),
        (100, 35, ["unit1"]),
        (2500, 1000, ["unit2", "unit1"]),
        (1 << 20, 40, ["unit2", "unit0"]),
        (1, 3, []),
    ],
)
def test_what_moves(three_units: ModelWrapper, short_of: int, dsps: int, moved: list[str]):
    board = load_board("ZCU104")
    plenty = {"LUT": 1 << 30, "DSP": 0, "BRAM18": 100, "URAM": 100}
    before = choose_products(three_units, board, plenty).total
    assert before["DSP"] == 0
    budget = plenty | {"LUT": before["LUT"] - short_of, "DSP": dsps}
    after = choose_products(three_units, board, budget).total
    found = [n.name for n in three_units.graph.node if getHWCustomOp(n).get_nodeattr("products") == "dsp"]
    assert sorted(found) == sorted(moved)
    assert after["DSP"] == sum(CHANNELS * SIMDS[int(name[-1])] for name in moved)
    assert (after["LUT"] < before["LUT"]) == bool(moved)
