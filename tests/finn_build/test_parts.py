from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from finn_build.engine.finn_session import finn_session
from finn_build.engine.step import Step
from finn_build.engine.step_runner import StepRunner
from finn_build.model_check.check_model import examine_graph
from finn_build.rtl.library_patches import PATCHES, patch_copy
from finn_build.rtl.top import stitch
from finn_build.steps.cut_input import cut_input
from finn_build.verify.comparison import compare
from radioml.cache import Cache
from radioml.contract.quantiser import InputQuantiser
from radioml.errors import RadioMLError
from radioml.simulation.design import Layer, Wire
from radioml.simulation.verilator import compile_simulator


def library_file(name):
    import finn

    (path,) = [path for root in finn.__path__ for path in Path(root, "finn-rtllib").glob(f"*/**/{name}")]
    return path


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.file)
def test_patch_fits_the_installed_library_once(patch, tmp_path):
    copy = tmp_path / patch.file
    shutil.copy(library_file(patch.file), copy)
    patch_copy(copy)
    text = copy.read_text()
    assert all(new in text for _, new in patch.replacements if new)
    with pytest.raises(RadioMLError, match="another version of FINN's RTL library"):
        patch_copy(copy)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.file)
@pytest.mark.parametrize("change", ["gone", "twice"])
def test_patch_refuses_changed_text(patch, change, tmp_path):
    text = library_file(patch.file).read_text()
    old = patch.replacements[0][0]
    copy = tmp_path / patch.file
    copy.write_text(text.replace(old, "" if change == "gone" else old + old))
    with pytest.raises(RadioMLError, match=patch.file):
        patch_copy(copy)


@pytest.fixture
def model(small_model):
    from qonnx.core.modelwrapper import ModelWrapper

    return ModelWrapper(str(small_model))


def first(model, kind):
    return next(node for node in model.graph.node if node.op_type == kind)


def test_small_network_has_rtl(model):
    assert examine_graph(model).rtl == {}


@pytest.mark.parametrize("attribute", ["signed", "narrow"])
def test_weights_that_the_multiplier_does_not_take(model, attribute):
    from qonnx.custom_op.registry import getCustomOp

    conv = first(model, "Conv")
    getCustomOp(model.find_producer(conv.input[1])).set_nodeattr(attribute, 0)
    assert "its weights are not signed and symmetric" in examine_graph(model).rtl[f"Conv {conv.name}"]


def test_a_sum_of_branches_that_are_not_quantised(model):
    from onnx import helper

    relu = first(model, "Relu")
    consumer = model.find_consumers(relu.output[0])[0]
    add = helper.make_node("Add", [relu.output[0], relu.input[0]], ["sum"], name="Residual")
    consumer.input[0] = "sum"
    model.graph.node.insert(list(model.graph.node).index(relu) + 1, add)
    found = examine_graph(model).estimate["Add Residual"]
    assert "given sums of 18 bits; put a quantiser of up to 8 bits" in found


def test_missing_compiler_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    with pytest.raises(RadioMLError, match=r"(?s)RTL simulator cannot start.*g\+\+ \(not found\).*apt install"):
        compile_simulator(tmp_path, tmp_path / "library.so", Cache(tmp_path, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_failed_step_names_itself_and_the_log(tmp_path):
    from rich.console import Console

    runner = StepRunner(Console(stderr=True), tmp_path, tmp_path / "build.log")
    with pytest.raises(RadioMLError, match=r"step 'divide' failed: division by zero \(log: .*build.log\)"):
        runner.run(Step("divide", "divide"), lambda: 1 / 0)
    assert "ZeroDivisionError" in (tmp_path / "build.log").read_text()


def test_session_restores_the_process(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("FINN_BUILD_DIR", raising=False)
    here = Path.cwd()
    with finn_session(tmp_path / "work", tmp_path / "log"):
        print("chatter")
        assert os.environ["FINN_BUILD_DIR"] == str(tmp_path / "work")
    assert Path.cwd() == here
    assert "FINN_BUILD_DIR" not in os.environ
    assert "chatter" in (tmp_path / "log").read_text()
    assert capsys.readouterr().out == ""


def layer(name, reads, gives):
    """A layer whose streams are {tensor: bits}, 8 words a frame each."""
    ends = [tuple(Wire(tensor, bits, 8) for tensor, bits in streams.items()) for streams in (reads, gives)]
    return Layer(name, name.upper(), *ends)


def test_stitch_joins_branches_by_their_tensors():
    fork = layer("fork", {"in": 8}, {"p": 8, "q": 16})
    join = layer("join", {"q": 16, "p": 8}, {"out": 8})
    text = " ".join(stitch([fork, join]).split())
    assert ".in0_V_TDATA(stream2_tdata)" in text and ".in1_V_TDATA(stream1_tdata)" in text
    assert "output [3:0] stream_valid" in text
    assert "assign stream_valid = {m_axis_tvalid, stream2_tvalid, stream1_tvalid, s_axis_tvalid};" in text


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ([({"in": 8}, {"p": 8}), ({"p": 16}, {"out": 8})], "a gives 8 bits, 8 times a frame, b takes 16 bits"),
        ([({"in": 8}, {"p": 8}), ({"q": 8}, {"out": 8})], "b reads q, which no layer gives to it"),
        ([({"in": 8}, {"p": 8}), ({"p": 8, "in": 8}, {"out": 8})], "b reads in, which no layer gives to it"),
        ([({"in": 8}, {"p": 8, "q": 8}), ({"p": 8}, {"out": 8})], "no layer reads q, out"),
    ],
)
def test_stitch_refuses_streams_that_do_not_meet(layers, says):
    with pytest.raises(ValueError, match=says):
        stitch([layer(name, *ends) for name, ends in zip("ab", layers, strict=True)])


def test_compare_names_the_first_difference():
    expected = np.arange(48).reshape(2, 24)
    assert compare(expected, expected).equal
    found = expected.copy()
    found[1, 5] += 1
    result = compare(expected, found)
    assert result.mismatching == (1,)
    assert result.first == (1, 5, 29, 30)
    with pytest.raises(ValueError, match="not integer"):
        compare(expected, expected.astype(float))


def quantiser_of(path):
    from radioml.contract.metadata import load_exported

    return load_exported(path)[1].quantiser


def test_input_is_cut_to_integers(model, small_model):
    cut = cut_input(model, quantiser_of(small_model))
    assert cut.get_tensor_shape(cut.graph.input[0].name) == [1, 64, 32]
    assert cut.get_tensor_datatype(cut.graph.input[0].name).name == "INT8"
    (consumer,) = cut.find_consumers(cut.graph.input[0].name)
    assert consumer.op_type == "Mul"
    assert cut.get_initializer(consumer.input[1]) == 1 / 64
    assert "Reshape" not in [node.op_type for node in cut.graph.node]


def test_other_order_of_samples_is_refused(model, small_model):
    from qonnx.util.basic import get_by_name

    transpose = model.find_consumers(model.find_consumers(first(model, "Quant").output[0])[0].output[0])[0]
    get_by_name(transpose.attribute, "perm").ints[:] = [0, 2, 1, 3]
    with pytest.raises(RadioMLError, match="order in which the host sends"):
        cut_input(model, quantiser_of(small_model))


def test_quantiser_that_the_metadata_does_not_describe(model):
    with pytest.raises(RadioMLError, match="but the metadata says"):
        cut_input(model, InputQuantiser(8, 1 / 32))
