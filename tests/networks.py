"""Small quantised networks as ONNX graphs, written node by node as exporters of several kinds write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GENERAL = "qonnx.custom_op.general"


class GraphWriter:
    """Writes a chain of layers with random weights that let every layer differ between frames.

    `tensor` is the name of what the last node gave. quant_domain: of the `Quant` nodes.
    """

    def __init__(self, seed: int = 0, opset: int = 15, quant_domain: str = GENERAL) -> None:
        self.random = np.random.default_rng(seed)
        self.opset, self.quant_domain = opset, quant_domain
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []
        self.input_shape: Sequence[int | str] = (1, 2, 1024)
        self.tensor, self.channels = "iq", 2

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        """The name of a new initialiser."""
        name = f"c{len(self.initialisers)}"
        self.initialisers.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, operation: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes: Any) -> str:
        """Add a node; its first output becomes `tensor`."""
        names = [f"t{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operation, inputs, names, domain=domain, **attributes))
        self.tensor = names[0]
        return names[0]

    def quant(
        self, scale: Any, bits: int, signed: bool = False, narrow: bool = False, of: str = "", **attributes: Any
    ) -> str:
        """Quantise `of`, or what the last node gave."""
        inputs = [of or self.tensor, self.constant(scale), self.constant(0), self.constant(bits)]
        attributes = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": "ROUND", **attributes}
        return self.node("Quant", *inputs, domain=self.quant_domain, **attributes)

    def weights(self, shape: Sequence[int], bits: int = 4, per_channel: bool = False) -> str:
        """Quantised random weights, one scale a tensor or one for each entry of the first axis."""
        size = (shape[0], *[1] * (len(shape) - 1)) if per_channel else ()
        scale = self.random.uniform(0.02, 0.2, size).astype(np.float32)
        largest = 2 ** (bits - 1) - 1
        values = self.random.uniform(-largest, largest, shape) * scale
        before = self.tensor
        name = self.quant(scale, bits, signed=True, narrow=True, of=self.constant(values))
        self.tensor = before
        return name

    def convolution(
        self, outputs: int, kernel: int, bits: int = 4, bias: bool = False, per_channel: bool = False, **attributes: Any
    ) -> None:
        """A 1-D convolution, padded by half."""
        group = attributes.get("group", 1)
        weights = self.weights((outputs, self.channels // group, kernel), bits, per_channel)
        biases = [self.constant(self.random.normal(0, 0.1, outputs))] if bias else []
        attributes = {"kernel_shape": [kernel], "pads": [kernel // 2] * 2, **attributes}
        self.node("Conv", self.tensor, weights, *biases, **attributes)
        self.channels = outputs

    def batch_norm(self) -> None:
        """With negative slopes, too, and one channel that is constant."""
        gamma = self.random.uniform(0.3, 2, self.channels) * self.random.choice([-1, 1, 1], self.channels)
        gamma[0] = 0
        beta, mean = self.random.normal(0.3, 0.5, (2, self.channels))
        variance = self.random.uniform(0.5, 2, self.channels)
        inputs = [self.constant(value) for value in (gamma, beta, mean, variance)]
        self.node("BatchNormalization", self.tensor, *inputs, epsilon=1e-5)

    def activation(self, scale: float = 0.2, bits: int = 4) -> None:
        """ReLU and quantiser."""
        self.node("Relu", self.tensor)
        self.quant(scale, bits)

    def classifier(self, features: int, bits: int = 4, classes: int = 24) -> None:
        """Flatten and a linear layer without a bias."""
        self.node("Flatten", self.tensor, axis=1)
        weights = self.weights((classes, features), bits)
        tensor = self.tensor
        self.node("Transpose", weights, perm=[1, 0])
        self.node("MatMul", tensor, self.tensor)

    def model(self, shape: Sequence[int | str] = (1, 24)) -> onnx.ModelProto:
        """The model, valid by the ONNX standard where its operations are known to it."""
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("iq", TensorProto.FLOAT, self.input_shape)],
            [helper.make_tensor_value_info(self.tensor, TensorProto.FLOAT, shape)],
            self.initialisers,
        )
        domains = {node.domain for node in self.nodes} - {""}
        opsets = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(domain, 1) for domain in sorted(domains))]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)
