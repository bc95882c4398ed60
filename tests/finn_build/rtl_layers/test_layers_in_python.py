"""The Python side of layers without one in FINN: what they compute, their widths, cycles and parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from finn_build.rtl_layers.function_table import FunctionTable_rtl, table_words
from finn_build.rtl_layers.stream_product import StreamProduct_rtl
from finn_build.rtl_layers.window_sum import WindowSum_rtl

SHAPE = [1, 4, 1, 6]


def model_of(kind: str, inputs: dict[str, str], constants: dict[str, np.ndarray], **attributes: Any) -> ModelWrapper:
    """A graph of one layer; inputs: name -> type."""
    node = helper.make_node(
        kind, [*inputs, *constants], ["out"], name="layer", domain="finn.custom_op.fpgadataflow.rtl", **attributes
    )
    streams = [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in inputs]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    model = ModelWrapper(helper.make_model(helper.make_graph([node], "one", streams, [output])))
    for name, value in constants.items():
        model.set_initializer(name, value.astype(np.float32))
    for name, datatype in inputs.items():
        model.set_tensor_datatype(name, DataType[datatype])
    return model


def integers(datatype: str, shape: list[int]) -> np.ndarray:
    kind = DataType[datatype]
    return np.random.default_rng(3).integers(int(kind.min()), int(kind.max()) + 1, shape)


@pytest.mark.parametrize("functions", [1, 6])
@pytest.mark.parametrize(("datatype", "signed"), [("INT4", True), ("UINT4", False)])
def test_a_table(functions, datatype, signed):
    table = np.random.default_rng(1).integers(0, 32, (functions, 16))
    model = model_of(
        "FunctionTable_rtl", {"in": datatype}, {"table": table}, shape=SHAPE, PE=2, inputDataType=datatype,
        outputDataType="UINT5",
    )  # fmt: skip
    layer = FunctionTable_rtl(model.graph.node[0])
    values = integers(datatype, SHAPE)
    context = {"in": values.astype(np.float32), "table": table}
    layer.execute_node(context, None)
    rows = np.broadcast_to(table, (6, 16))
    assert np.array_equal(context["out"], rows[np.arange(6), values - int(DataType[datatype].min())])
    assert layer.get_exp_cycles() == 4 * 6 // 2
    assert layer.parameters(model) == {"WORDS": 3 if functions > 1 else 1, "PE": 2, "IN_WIDTH": 4, "OUT_WIDTH": 5}
    lines = layer.data_files(model)["TABLE"].split()
    assert len(lines) == 16 * (3 if functions > 1 else 1)
    lowest = int(lines[1], 16)  # results for 1 of channels 0 and 1
    assert [lowest & 31, lowest >> 5] == rows[:2, 1 + 8 * signed].tolist()
    layer.infer_node_datatype(model)
    assert model.get_tensor_datatype("out") == DataType["UINT5"]
    model.set_tensor_datatype("in", DataType["INT7"])
    with pytest.raises(ValueError, match=f"its table is for {datatype}, not INT7"):
        layer.parameters(model)


def test_a_table_is_for_up_to_8_bits():
    model = model_of("FunctionTable", {"in": "INT9"}, {"table": np.zeros((1, 512))}, shape=SHAPE)
    assert not FunctionTable_rtl.replaces(model, model.graph.node[0])
    model.set_tensor_datatype("in", DataType["INT8"])
    assert FunctionTable_rtl.replaces(model, model.graph.node[0])


def test_negative_results_are_two_s_complement():
    assert table_words(np.array([[-1, 2]]), 2, False, 4) == "ff\n22\n"


def test_a_product():
    given = {"lhs_shape": SHAPE, "rhs_shape": SHAPE, "out_shape": SHAPE, "lhs_dtype": "INT16", "rhs_dtype": "UINT12"}
    model = model_of(
        "StreamProduct_rtl", {"a": "INT16", "b": "UINT12"}, {}, PE=3, out_dtype="INT28", mem_mode="internal_embedded",
        **given,
    )  # fmt: skip
    layer = StreamProduct_rtl(model.graph.node[0])
    a, b = integers("INT16", SHAPE), integers("UINT12", SHAPE)
    context = {"a": a.astype(np.float32), "b": b.astype(np.float32)}
    layer.execute_node(context, None)
    assert np.array_equal(context["out"], a * b)
    assert layer.get_exp_cycles() == 4 * 6 // 3
    assert layer.minimize_accumulator_width(model) == DataType["INT28"]
    assert layer.parameters(model)["A_SIGNED"] == 1 and layer.parameters(model)["B_SIGNED"] == 0
    assert layer.dsp_estimation("") == 3
    layer.set_nodeattr("out_dtype", "INT20")
    with pytest.raises(ValueError, match="a product of INT16 and UINT12 is not INT20"):
        layer.parameters(model)


def test_sums_of_windows_in_the_order_of_the_stream():
    """Windows of 3 pixels of 6 channels, folded by 2: 3 words of channels 0 and 1, then of 2 and 3."""
    domain = "finn.custom_op.fpgadataflow.rtl"
    node = helper.make_node(
        "WindowSum_rtl", ["in"], ["out"], domain=domain, Channels=6, PE=2, KernelSize=[3, 1],
        Function="AccPool", OutImgDims=[4, 1], InputDataType="INT5", OutputDataType="INT5",
    )  # fmt: skip
    layer = WindowSum_rtl(node)
    windows = integers("INT5", [1, 4, 1, 3, 6])
    stream = windows.reshape(1, 4, 1, 3, 3, 2).swapaxes(3, 4).reshape(1, 4, 1, 18)
    context = {"in": stream.astype(np.float32)}
    layer.execute_node(context, None)
    assert np.array_equal(context["out"], windows.sum(3))
    assert layer.get_output_datatype() == DataType["INT7"], "3 x -16 is -48"
    assert layer.get_exp_cycles() == 4 * 3 * 3
    assert layer.parameters(None) == {
        "PIXELS": 3, "WORDS": 1, "PE": 2, "IN_WIDTH": 5, "IN_SIGNED": 1, "OUT_WIDTH": 7,
    }  # fmt: skip
