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
        """Quantise the tensor `of`, by default the last node's output."""
        inputs = [of or self.tensor, self.constant(scale), self.constant(0), self.constant(bits)]
        attributes = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": "ROUND", **attributes}
        return self.node("Quant", *inputs, domain=self.quant_domain, **attributes)

    def weights(self, shape: Sequence[int], bits: int, per_channel: bool) -> tuple[np.ndarray, np.ndarray]:
        """Random integers with one scale, or with one for each entry of the first axis."""
        scale = self.random.uniform(0.02, 0.2, (shape[0], *[1] * (len(shape) - 1)) if per_channel else ())
        largest = 2 ** (bits - 1) - 1
        return self.random.integers(-largest, largest + 1, shape).astype(np.float32), scale.astype(np.float32)

    def layer(
        self, operation: str, shape: Sequence[int], bits: int = 4, bias: bool = False, per_channel: bool = False,
        **attributes: Any,
    ) -> None:  # fmt: skip
        """A layer with weights (outputs, inputs, ...) on the last node's output."""
        integers, scale = self.weights(shape, bits, per_channel)
        source = self.tensor
        weights = self.quant(scale, bits, signed=True, narrow=True, of=self.constant(integers * scale))
        biases = [self.constant(self.random.normal(0, 0.1, shape[0]))] if bias else self.no_bias(operation, shape)
        self.node(operation, source, weights, *biases, **attributes)
        self.channels = shape[0]

    def no_bias(self, operation: str, shape: Sequence[int]) -> list[str]:
        """Zeros as the bias that an old opset requires."""
        return [self.constant(np.zeros(shape[0]))] if operation == "Gemm" and self.opset < 11 else []

    def convolution(self, outputs: int, kernel: int, **options: Any) -> None:
        """A 1-D convolution, padded by half; options: of `layer`."""
        shape = (outputs, self.channels // options.get("group", 1), kernel)
        self.layer("Conv", shape, **{"kernel_shape": [kernel], "pads": [kernel // 2] * 2, **options})

    def batch_norm(self) -> None:
        """A batch norm with positive and negative slopes and one constant channel."""
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
        self.layer("Gemm", (classes, features), bits, transB=1)

    def small_network(self) -> None:
        """A network of a few layers, of the kind that becomes RTL."""
        self.quant(1 / 64, 8, signed=True)
        self.convolution(4, 3, strides=[4])
        self.batch_norm()
        self.activation()
        self.node("MaxPool", self.tensor, kernel_shape=[4], strides=[4])
        self.convolution(6, 3)
        self.batch_norm()
        self.activation(0.5, 3)
        self.node("MaxPool", self.tensor, kernel_shape=[8], strides=[8])
        self.classifier(6 * 8)

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


class QcdqWriter(GraphWriter):
    """The same in standard operations: QuantizeLinear, Clip where there are fewer than 8 bits, DequantizeLinear."""

    def quant(
        self, scale: Any, bits: int, signed: bool = False, narrow: bool = False, of: str = "", **attributes: Any
    ) -> str:
        kind = np.int8 if signed else np.uint8
        per_channel = np.ndim(scale) > 0
        along = {"axis": 0} if per_channel else {}
        numbers = np.ravel(scale) if per_channel else scale
        zero = self.constant(np.zeros_like(numbers), kind)
        steps = [self.constant(numbers), zero]
        tensor = self.node("QuantizeLinear", of or self.tensor, *steps, **along)
        low = -(2 ** (bits - 1)) + narrow if signed else 0
        high = low + 2**bits - 1 - narrow
        if bits < 8 or narrow:
            tensor = self.node("Clip", tensor, self.constant(low, kind), self.constant(high, kind))
        return self.node("DequantizeLinear", tensor, *steps, **along)


class FinnWriter(GraphWriter):
    """The same as Brevitas exported it for FINN: thresholds, integer weights, scales behind them.

    annotated: whether the file says the types of integers, as FINN's annotations.
    """

    def __init__(self, seed: int = 0, opset: int = 9, domain: str = "finn", annotated: bool = True) -> None:
        super().__init__(seed, opset, domain)
        self.annotated: dict[str, str] | None = {} if annotated else None

    def quant(
        self, scale: Any, bits: int, signed: bool = False, narrow: bool = False, of: str = "", **attributes: Any
    ) -> str:
        low = -(2 ** (bits - 1)) + narrow if signed else 0
        count = 2**bits - 1 - narrow
        thresholds = (np.arange(count, dtype=np.float32) + np.float32(low + 0.5)) * np.float32(scale)
        kind = f"{'INT' if signed else 'UINT'}{bits}"
        table = self.constant(thresholds[None])
        self.node("MultiThreshold", of or self.tensor, table, domain=self.quant_domain, out_dtype=kind)
        if low:
            self.node("Add", self.tensor, self.constant(low))
        return self.node("Mul", self.tensor, self.constant(scale))

    def layer(
        self, operation: str, shape: Sequence[int], bits: int = 4, bias: bool = False, per_channel: bool = False,
        **attributes: Any,
    ) -> None:  # fmt: skip
        integers, scale = self.weights(shape, bits, per_channel)
        weights = self.constant(integers)
        if self.annotated is not None:
            self.annotated[weights] = f"INT{bits}"
        self.node(operation, self.tensor, weights, *self.no_bias(operation, shape), **attributes)
        self.node("Mul", self.tensor, self.constant(scale.reshape(1, *scale.shape[:1], *scale.shape[2:])))
        self.channels = shape[0]

    def model(self, shape: Sequence[int | str] = (1, 24)) -> onnx.ModelProto:
        model = super().model(shape)
        for tensor, kind in (self.annotated or {}).items():
            entry = onnx.StringStringEntryProto(key="finn_datatype", value=kind)
            model.graph.quantization_annotation.append(
                onnx.TensorAnnotation(tensor_name=tensor, quant_parameter_tensor_names=[entry])
            )
        return model
