"""A small network as others write it, and the check of what the import makes of it."""

from __future__ import annotations

import numpy as np
import onnx

from radioml.foreign.importing import Network
from radioml.network.exact_qonnx import ExactQonnx, logits_as_integers
from radioml.network.integer_qonnx import IntegerQonnx
from radioml.network.onnx_graph import check_graph
from tests.networks import GraphWriter

FRAMES = 16
SEED = 3


def written(writer: GraphWriter) -> onnx.ModelProto:
    writer.small_network()
    return writer.model()


def check(network: Network, iq: np.ndarray, expected: np.ndarray) -> None:
    """Model and reference, one frame and many, give the expected logits in integers."""
    check_graph(network.model)
    shapes = [
        (value.name, tuple(d.dim_value for d in value.type.tensor_type.shape.dim))
        for value in (network.model.graph.input[0], network.model.graph.output[0])
    ]
    assert shapes == [("iq", (1, 2, 1024)), ("logits", (1, 24))]
    integers = np.rint(expected / network.logit_scale)
    assert len(np.unique(integers, axis=0)) > FRAMES // 2
    samples = network.quantiser.dequantise(network.quantiser(iq))
    many = logits_as_integers(IntegerQonnx(network.model)(samples), network.logit_scale)
    np.testing.assert_array_equal(many, integers)
    reference = ExactQonnx(network.reference)
    for frame, wanted in zip(samples[:4], integers, strict=False):
        np.testing.assert_array_equal(logits_as_integers(reference(frame[None]), network.logit_scale)[0], wanted)
