from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from finn_build.boards import load_board
from finn_build.engine.finn_session import finn_session
from finn_build.steps import EXACT_THRESHOLDS, GRAPH_STEPS, Context, apply_steps
from finn_build.steps.exact_thresholds import exact_thresholds
from radioml.contract.metadata import load_exported
from radioml.errors import RadioMLError


def _streamlined(model: Path, work: Path) -> tuple[ModelWrapper, ModelWrapper]:
    """The QONNX network, and FINN's graph of it before the step that makes thresholds exact."""
    proto, metadata = load_exported(model)
    network = ModelWrapper(proto)
    with finn_session(work, work / "log"):
        context = Context(network, metadata, load_board("ZCU104"), work)
        return network, apply_steps(network, context, GRAPH_STEPS[: GRAPH_STEPS.index(EXACT_THRESHOLDS)])


def _tables(model: ModelWrapper) -> list[np.ndarray]:
    return [model.get_initializer(node.input[1]) for node in model.get_nodes_by_op_type("MultiThreshold")]


def _level(network: ModelWrapper, layer: int, channel: int, accumulator: int, input_scale: Fraction) -> int:
    """Activation level of an accumulator by the network's definition, in rational numbers but for one square root."""
    norm = network.get_nodes_by_op_type("BatchNormalization")[layer]
    weight = network.find_producer(network.find_producer(norm.input[0]).input[1])
    quant = network.find_direct_successors(network.find_direct_successors(norm)[0])[0]
    gamma, beta, mean, variance = (Fraction(float(network.get_initializer(n)[channel])) for n in norm.input[1:5])
    epsilon = next(a.f for a in norm.attribute if a.name == "epsilon")
    sigma = Fraction(float(np.sqrt(np.longdouble(float(variance)) + np.longdouble(epsilon))))
    weight_scales = network.get_initializer(weight.input[1]).ravel()
    scale = Fraction(float(weight_scales[channel % len(weight_scales)])) * input_scale
    value = max(gamma * (accumulator * scale - mean) / sigma + beta, Fraction(0))
    step = Fraction(float(network.get_initializer(quant.input[1]).item()))
    return min(round(value / step), 15)  # Python rounds a Fraction half to even, as Brevitas does


@pytest.fixture(scope="module")
def small_streamlined(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelWrapper, ModelWrapper]:
    return _streamlined(small_model, tmp_path_factory.mktemp("finn"))


def test_thresholds_are_the_definition(small_model: Path, small_streamlined: tuple[ModelWrapper, ModelWrapper]):
    network, streamlined = (ModelWrapper(model.model, make_deepcopy=True) for model in small_streamlined)
    quantiser = load_exported(small_model)[1].quantiser
    tables = _tables(exact_thresholds(streamlined, network))
    gamma = network.get_initializer(network.get_nodes_by_op_type("BatchNormalization")[0].input[1])
    checked = 0
    for channel, thresholds in enumerate(tables[0]):
        sign = 1 if gamma[channel] > 0 else -1
        for accumulator in {int(t) + d for t in thresholds for d in (-1, 0, 1)}:
            level = _level(network, 0, channel, sign * accumulator, Fraction(quantiser.scale))
            assert (accumulator >= thresholds).sum() == level
            checked += 1
    assert checked > 50


def test_thresholds_that_single_precision_rounds_wrongly_are_mended(small_model: Path, tmp_path: Path):
    proto, metadata = load_exported(small_model)
    network = ModelWrapper(proto)
    norm = network.get_nodes_by_op_type("BatchNormalization")[0]
    quant = network.find_direct_successors(network.find_direct_successors(norm)[0])[0]
    weight = network.find_producer(network.find_producer(norm.input[0]).input[1])
    gamma, beta, mean, variance = (network.get_initializer(n).astype(np.float64) for n in norm.input[1:5])
    scales = network.get_initializer(weight.input[1]).ravel().astype(np.float64) * metadata.quantiser.scale
    step = float(network.get_initializer(quant.input[1]).item())
    epsilon = next(a.f for a in norm.attribute if a.name == "epsilon")
    # Shift each channel's mean until its fifth threshold is a hair's breadth above an integer.
    rest = (4.5 * step - beta) * np.sqrt(variance + epsilon) / np.abs(gamma)
    sign, shifted_mean, integers = np.sign(gamma), mean.astype(np.float32), np.zeros(len(mean))
    for channel, scale in enumerate(np.broadcast_to(scales, mean.shape)):
        for integer in range(5_000, 100_000):
            shifted_mean[channel] = sign[channel] * (integer * scale - rest[channel])
            real = (rest[channel] + sign[channel] * float(shifted_mean[channel])) / scale
            if 1e-7 < real - integer < 1e-5:
                break
        else:
            pytest.fail("no mean found that puts the threshold just above an integer")
        integers[channel] = integer
    network.set_initializer(norm.input[3], shifted_mean)
    network.save(str(tmp_path / "shifted.onnx"))
    network, streamlined = _streamlined(tmp_path / "shifted.onnx", tmp_path / "finn")
    by_finn = np.ceil(_tables(streamlined)[0][:, 4])
    mended = _tables(exact_thresholds(streamlined, network))[0][:, 4]
    np.testing.assert_array_equal(mended, integers + 1)
    assert (by_finn != mended).any(), "FINN got all of them right: the test shows nothing"


def test_thresholds_of_another_network_are_refused(
    small_model: Path, small_streamlined: tuple[ModelWrapper, ModelWrapper]
):
    network, streamlined = (ModelWrapper(model.model, make_deepcopy=True) for model in small_streamlined)
    norm = network.get_nodes_by_op_type("BatchNormalization")[0]
    network.set_initializer(norm.input[2], network.get_initializer(norm.input[2]) + np.float32(1))
    with pytest.raises(RadioMLError, match="FINN's thresholds differ from the network's by up to"):
        exact_thresholds(streamlined, network)
