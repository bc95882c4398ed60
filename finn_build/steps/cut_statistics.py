"""Turn the part of a network that computes statistics of the frame into one layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finn_build.rtl_layers import BEFORE_LAYERS
from finn_build.statistics_unit.part import statistics_part
from finn_build.steps.cut_input import ACCELERATOR_INPUT

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

KIND = "FrameStatistics"


def cut_statistics(model: ModelWrapper, network: ModelWrapper) -> ModelWrapper:
    """Replace the statistics in `model`, which is `network` without its input, by a node that reads the stream.

    A multiplication by the statistics' scale follows, which FINN streamlines into the thresholds behind the next layer.
    """
    from onnx import helper

    from finn_build.rtl_layers.frame_statistics import encoded

    part = statistics_part(network.model)
    if part is None:
        return model
    graph = model.graph
    for node in [node for node in graph.node if node.output[0] in part.nodes]:
        graph.node.remove(node)
    integers, scale = f"{part.output}_integers", f"{part.output}_scale"
    model.set_initializer(scale, np.array(part.scale, np.float32))
    statistics = helper.make_node(
        KIND, [ACCELERATOR_INPUT], [integers], domain=BEFORE_LAYERS, name=KIND, network=encoded(part.model),
        scale=part.scale, shape=model.get_tensor_shape(ACCELERATOR_INPUT),
    )  # fmt: skip
    graph.node.insert(0, helper.make_node("Mul", [integers, scale], [part.output], name=f"{KIND}Scale"))
    graph.node.insert(0, statistics)
    model.set_tensor_shape(integers, model.get_tensor_shape(part.output))
    return model


def statistics_as_layer(model: ModelWrapper) -> ModelWrapper:
    """Let the node read the samples as they are streamed, and make it one of FINN's layers."""
    from qonnx.custom_op.registry import getCustomOp

    for node in model.get_nodes_by_op_type(KIND):
        getCustomOp(node).set_nodeattr("shape", model.get_tensor_shape(node.input[0]))
        getCustomOp(node).set_nodeattr("backend", "fpgadataflow")
        node.domain = "finn.custom_op.fpgadataflow"
    return model
