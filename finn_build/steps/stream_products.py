"""Products of two activations as layers of ours, which FINN's streamlining leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finn_build.graph.integer_scales import integer_scales, is_product
from finn_build.steps.fuse_activations import DOMAIN, as_integers

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper


def stream_products(model: ModelWrapper, network: ModelWrapper) -> ModelWrapper:
    """Replace each product of two tensors in `model`, which is `network` without its input, by a layer on integers.

    A multiplication by the product of the scales follows, which FINN moves into thresholds.
    """
    from onnx import helper
    from qonnx.transformation.general import GiveUniqueNodeNames, SortGraph
    from qonnx.transformation.infer_shapes import InferShapes

    for node in [node for node in network.graph.node if is_product(network, node)]:
        product, output = model.find_producer(node.output[0]), node.output[0]
        if product is None or product.op_type != "Mul":  # inside statistics
            continue
        model.graph.node.remove(product)
        _, channels, *pixels = model.get_tensor_shape(output)
        factors = [
            as_integers(model, name, integer_scales(network, name).scale, f"{output}_{index}")
            for index, name in enumerate(node.input)
        ]
        integers, scale, shape = f"{output}_integers", f"{output}_scale", [1, *pixels, channels]
        model.set_initializer(scale, np.array(integer_scales(network, output).scale, np.float32))
        model.set_tensor_shape(integers, model.get_tensor_shape(output))
        model.graph.node.extend([
            helper.make_node(
                "StreamProduct", factors, [integers], domain=DOMAIN, backend="fpgadataflow", lhs_dtype="INT32",
                rhs_dtype="INT32", out_dtype="INT32", lhs_shape=shape, rhs_shape=shape, out_shape=shape,
                mem_mode="internal_embedded",
            ),
            helper.make_node("Mul", [integers, scale], [output]),
        ])  # fmt: skip
    return model.transform(SortGraph()).transform(GiveUniqueNodeNames()).transform(InferShapes())
