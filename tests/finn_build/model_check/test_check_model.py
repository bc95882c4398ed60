"""Networks with one fault each: the message names the layer and the change that helps; nothing is built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper, save

from finn_build.build import build
from finn_build.model_check.check_model import check_model, examine
from radioml.contract.metadata import load_exported
from radioml.errors import RadioMLError


@pytest.fixture
def model(small_model):
    from qonnx.core.modelwrapper import ModelWrapper

    return ModelWrapper(load_exported(small_model)[0])


@pytest.fixture
def metadata(small_model):
    return load_exported(small_model)[1]


def first(model, kind):
    return next(node for node in model.graph.node if node.op_type == kind)


def weights_of(model, node):
    return model.find_producer(node.input[1])


def insert_behind(model, node, new):
    """Insert `new` between `node` and the consumers of its output."""
    for consumer in model.find_consumers(node.output[0]):
        consumer.input[list(consumer.input).index(node.output[0])] = new.output[0]
    model.graph.node.insert(list(model.graph.node).index(node) + 1, new)


def unsigned_weights(model):
    from qonnx.custom_op.registry import getCustomOp

    conv = first(model, "Conv")
    getCustomOp(weights_of(model, conv)).set_nodeattr("signed", 0)
    return conv


def asymmetric_weights(model):
    from qonnx.custom_op.registry import getCustomOp

    conv = first(model, "Conv")
    getCustomOp(weights_of(model, conv)).set_nodeattr("narrow", 0)
    return conv


def weights_of_bits(model, bits):
    conv = first(model, "Conv")
    model.set_initializer(weights_of(model, conv).input[3], np.array(bits, np.float32))
    return conv


def float_weights(model):
    conv = first(model, "Conv")
    conv.input[1] = weights_of(model, conv).input[0]
    return conv


def residual_sum(model):
    """Add a sum around the second convolution's activation, without requantisation."""
    quants = [model.find_consumers(node.output[0])[0] for node in model.graph.node if node.op_type == "Relu"]
    add = helper.make_node("Add", [quants[0].output[0], quants[1].output[0]], ["sum"], name="Residual")
    insert_behind(model, quants[1], add)
    return add


def average_pool(model):
    relu = first(model, "Relu")
    pool = helper.make_node("AveragePool", [relu.output[0]], ["pooled"], name="Pool", kernel_shape=[1], strides=[1])
    insert_behind(model, relu, pool)
    return pool


def unknown_layer(model):
    relu = first(model, "Relu")
    softmax = helper.make_node("Softmax", [relu.output[0]], ["shares"], name="Shares")
    insert_behind(model, relu, softmax)
    return softmax


def behind_first_norm(model, kind):
    """Insert a function of one argument behind the first batch norm, whose ReLU and quantiser follow."""
    norm = first(model, "BatchNormalization")
    function = helper.make_node(kind, [norm.output[0]], ["function"], name="Function")
    insert_behind(model, norm, function)
    model.set_tensor_shape("function", model.get_tensor_shape(norm.output[0]))
    return function


def function_without_quantiser(model):
    relu = first(model, "Relu")
    conv = [node for node in model.graph.node if node.op_type == "Conv"][1]
    tanh = helper.make_node("Tanh", [conv.input[0]], ["squashed"], name="Squash")
    insert_behind(model, model.find_consumers(relu.output[0])[0], tanh)
    return tanh


def function_of_the_input(model):
    conv = first(model, "Conv")
    source, template = conv.input[0], model.find_consumers(first(model, "Relu").output[0])[0]
    absolute = helper.make_node("Abs", [source], ["size"], name="Size")
    quant = helper.make_node("Quant", ["size", *template.input[1:]], ["sizes"], domain=template.domain, name="Sizes",
                             narrow=0, rounding_mode="ROUND", signed=0)  # fmt: skip
    conv.input[0] = "sizes"
    for index, node in enumerate((absolute, quant)):
        model.graph.node.insert(list(model.graph.node).index(conv), node)
        model.set_tensor_shape(("size", "sizes")[index], model.get_tensor_shape(source))
    return absolute


def product(model):
    """Multiply an activation that is not quantised by one that is."""
    relu = first(model, "Relu")
    other = first(model, "Conv").input[0]
    gated = helper.make_node("Mul", [relu.output[0], other], ["gated"], name="Gate")
    insert_behind(model, relu, gated)
    return gated


def product_without_quantiser(model):
    """Multiply an activation by what a pool gives of it."""
    quant = model.find_consumers(first(model, "Relu").output[0])[0]
    pool = helper.make_node("MaxPool", [quant.output[0]], ["same"], name="Same", kernel_shape=[1], strides=[1])
    gated = helper.make_node("Mul", [quant.output[0], "same"], ["gated"], name="Gate")
    for consumer in model.find_consumers(quant.output[0]):
        consumer.input[0] = "gated"
    for node in (gated, pool):
        model.graph.node.insert(list(model.graph.node).index(quant) + 1, node)
    for name in ("same", "gated"):
        model.set_tensor_shape(name, model.get_tensor_shape(quant.output[0]))
    return gated


def quantiser_behind_flatten(model):
    flatten = first(model, "Flatten")
    template = model.find_consumers(first(model, "Relu").output[0])[0]
    quant = helper.make_node("Quant", [flatten.output[0], *template.input[1:]], ["flat"], domain=template.domain,
                             name="Late", narrow=0, rounding_mode="ROUND", signed=0)  # fmt: skip
    insert_behind(model, flatten, quant)
    return flatten


def no_quantiser(model):
    """Remove the quantiser in front of the second convolution."""
    relu = first(model, "Relu")
    conv = [node for node in model.graph.node if node.op_type == "Conv"][1]
    conv.input[0] = relu.output[0]
    return conv


def no_convolution_first(model):
    conv = first(model, "Conv")
    pool = helper.make_node("MaxPool", [conv.input[0]], ["early"], name="Early", kernel_shape=[1], strides=[1])
    conv.input[0] = "early"
    model.graph.node.insert(list(model.graph.node).index(conv), pool)
    return pool


def grouped(model):
    from qonnx.util.basic import get_by_name

    conv = first(model, "Conv")
    get_by_name(conv.attribute, "group").i = 2
    return conv


def scale_for_each_class(model):
    last = model.find_producer(model.graph.output[0].name)
    quant = model.find_producer(last.input[1])
    while quant.op_type != "Quant":
        quant = model.find_producer(quant.input[0])
    model.set_initializer(quant.input[1], np.full((24, 1), 0.1, np.float32))
    return last


@pytest.mark.parametrize(
    ("spoil", "until", "says"),
    [
        (unsigned_weights, "rtl", "not signed and symmetric; give its weight quantiser signed = True"),
        (asymmetric_weights, "rtl", "narrow_range = True"),
        (lambda model: weights_of_bits(model, 1), "rtl", "its weights have 1 bits; the RTL multiplier takes 2 to 8"),
        (lambda model: weights_of_bits(model, 16), "rtl", "its weights have 16 bits"),
        (float_weights, "estimate", "its weights are not quantised; use a Brevitas layer"),
        (residual_sum, "estimate", "joins branches of different shapes, 1 x 4 x 16 and 1 x 4 x 8; give both branches"),
        (residual_sum, "rtl", "the same strides, padding and channels"),
        (no_quantiser, "estimate", "its input is not quantised: behind a batch norm each"),
        (average_pool, "estimate", "averages what is not quantised; put a quantiser (QuantIdentity) in front of it"),
        (unknown_layer, "estimate", "FINN has no layer for this operation; use layers of Quant"),
        (function_without_quantiser, "estimate", "put quantisers (QuantIdentity) in front of the function and behind"),
        (lambda model: behind_first_norm(model, "Abs"), "estimate", "and here it is given sums of"),
        (
            lambda model: behind_first_norm(model, "Softplus"),
            "estimate",
            "put a quantiser of up to 8 bits (QuantIdentity)",
        ),
        (function_of_the_input, "estimate", "a function of the network's input; the first layer must be"),
        (product, "estimate", "multiplies activations that are not both quantised right in front of it"),
        (product_without_quantiser, "estimate", "its product is not quantised; put a quantiser"),
        (quantiser_behind_flatten, "estimate", "Quant Late follows; quantise in front of Flatten"),
        (no_convolution_first, "estimate", "the first layer must be a convolution or an average pool"),
        (grouped, "rtl", "a grouped convolution; RTL exists for dense ones"),
        (scale_for_each_class, "estimate", "use one weight scale for the whole layer"),
    ],
)
def test_each_problem_is_said_of_its_layer(model, metadata, spoil, until, says):
    assert examine(model, metadata).problems(until) == {}
    layer = spoil(model)
    found = examine(model, metadata).problems(until)
    assert says in found[f"{layer.op_type} {layer.name}"]
    with pytest.raises(RadioMLError, match=f"{layer.op_type} {layer.name}"):
        check_model(model, metadata, until)


def test_an_input_quantiser_unlike_the_metadata(model, metadata):
    model.set_initializer(first(model, "Quant").input[1], np.array(0.5, np.float32))
    assert "radioml export" in examine(model, metadata).problems("estimate")["input"]


def test_layers_with_the_same_problem_share_a_line(asymmetric_model):
    from qonnx.core.modelwrapper import ModelWrapper

    model, metadata = load_exported(asymmetric_model)
    assert examine(ModelWrapper(model), metadata).problems("estimate") == {}
    with pytest.raises(
        RadioMLError, match=r"\(up to 'estimate' it can\)(.|\n)*Conv_0: (.*)\(the same with Conv Conv_1, "
    ):
        check_model(ModelWrapper(model), metadata, "rtl")


def test_checking_builds_nothing(radioml_here, small_model, asymmetric_model, tmp_path):
    before = sorted(small_model.parent.parent.rglob("*"))
    out = tmp_path / "out"
    options = ("--board", "ZCU104", "--check", "--out", out)
    done = radioml_here("build", small_model, "--until", "rtl", *options)
    assert done.returncode == 0, done.stderr
    assert "can be built up to 'rtl'" in done.stdout
    done = radioml_here("build", asymmetric_model, "--until", "rtl", *options)
    assert done.returncode == 2
    assert "Conv Conv_0: its weights are not signed and symmetric" in done.stderr
    assert not out.exists()
    assert sorted(small_model.parent.parent.rglob("*")) == before


def test_every_build_checks_first(model, metadata, small_model, tmp_path: Path):
    average_pool(model)
    save(model.model, str(tmp_path / "model.onnx"))
    with pytest.raises(RadioMLError, match="AveragePool Pool"):
        build(tmp_path / "model.onnx", "ZCU104", "estimate", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
