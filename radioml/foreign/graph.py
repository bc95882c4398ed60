"""A model's nodes and constants in a form that passes can change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

GENERAL = "qonnx.custom_op.general"
"""The domain of QONNX's operations."""
SHAPE_KEEPING = ("Quant", "BipolarQuant", "MultiThreshold")
"""Operations of that domain; each gives a tensor of the shape of its first input."""


class Graph:
    """One input, one output, constants by name and nodes in an order in which they can be computed.

    A pass is a function that changes a graph; names of tensors stay what they were in the file.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        """model: valid, with one input beside its initialisers and one output."""
        from onnx import numpy_helper

        self._model = model
        self.nodes: list[onnx.NodeProto] = list(model.graph.node)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        inputs = [value for value in model.graph.input if value.name not in self.constants]
        self.input, self.output = inputs[0].name, model.graph.output[0].name
        self.input_shape = tuple(dimension.dim_value for dimension in inputs[0].type.tensor_type.shape.dim)

    def maker(self, tensor: str) -> onnx.NodeProto | None:
        """The node that gives a tensor; None for an input or constant."""
        return next((node for node in self.nodes if tensor in node.output), None)

    def readers(self, tensor: str) -> list[onnx.NodeProto]:
        """The nodes that read a tensor."""
        return [node for node in self.nodes if tensor in node.input]

    def read_once(self, tensor: str) -> onnx.NodeProto | None:
        """The one node that reads a tensor which nobody else needs; None otherwise."""
        readers = self.readers(tensor)
        return readers[0] if len(readers) == 1 and tensor != self.output else None

    def of(self, *operations: str) -> Iterator[onnx.NodeProto]:
        """The nodes with one of these operations; nodes that the loop removes are skipped."""
        for node in list(self.nodes):
            if node.op_type in operations and any(node is other for other in self.nodes):
                yield node

    def constant(self, value: Any, hint: str) -> str:
        """The name of a new constant."""
        name = self.new_name(hint)
        self.constants[name] = np.asarray(value)
        return name

    def new_name(self, hint: str) -> str:
        """A tensor's name that nothing has yet."""
        taken = {self.input, *self.constants, *(name for node in self.nodes for name in node.output)}
        name, number = hint, 0
        while name in taken:
            number += 1
            name = f"{hint}_{number}"
        return name

    def make(
        self, operation: str, inputs: Iterable[str], output: str, before: onnx.NodeProto, **attributes: Any
    ) -> onnx.NodeProto:
        """Put a new node in front of another one."""
        from onnx import helper

        domain = GENERAL if operation in SHAPE_KEEPING else ""
        node = helper.make_node(operation, list(inputs), [output], domain=domain, **attributes)
        self.nodes.insert(self._place(before), node)
        return node

    def append(self, operation: str, inputs: Iterable[str], hint: str, **attributes: Any) -> None:
        """Add a node at the end, whose result is the new output; hint: name of that tensor."""
        from onnx import helper

        name = self.new_name(hint)
        self.nodes.append(helper.make_node(operation, list(inputs), [name], **attributes))
        self.output = name

    def remove(self, *nodes: onnx.NodeProto) -> None:
        """Remove nodes."""
        for node in nodes:
            del self.nodes[self._place(node)]

    def bypass(self, node: onnx.NodeProto) -> None:
        """Remove a node; the readers of its output read its first input instead."""
        self.remove(node)
        self.replace(node.output[0], node.input[0])

    def replace(self, tensor: str, other: str) -> None:
        """Replace a tensor by another one in all its readers."""
        for node in self.nodes:
            for index, name in enumerate(node.input):
                if name == tensor:
                    node.input[index] = other
        if self.output == tensor:
            self.output = other

    def rename(self, tensor: str, other: str) -> None:
        """Give a tensor a new, unused name."""
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [other if name == tensor else name for name in names]
        if tensor in self.constants:
            self.constants[other] = self.constants.pop(tensor)
        self.input = other if self.input == tensor else self.input
        self.output = other if self.output == tensor else self.output

    def prune(self) -> None:
        """Remove the nodes and constants that the output does not need."""
        needed = {self.output}
        kept = []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                kept.append(node)
                needed.update(node.input)
        self.nodes = kept[::-1]
        self.constants = {name: value for name, value in self.constants.items() if name in needed}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all tensors whose shapes are known, for one frame."""
        from onnx import helper, shape_inference

        model = self.model()
        for node in model.graph.node:
            if node.op_type in SHAPE_KEEPING:
                node.CopyFrom(helper.make_node("Identity", node.input[:1], node.output[:1]))
        inferred = shape_inference.infer_shapes(model, data_prop=True).graph
        shapes = {name: value.shape for name, value in self.constants.items()}
        for value in (*inferred.input, *inferred.value_info, *inferred.output):
            dimensions = value.type.tensor_type.shape.dim
            if value.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in dimensions):
                shapes[value.name] = tuple(d.dim_value for d in dimensions)
        return shapes

    def model(self) -> onnx.ModelProto:
        """The graph as a model, whose output's shape is left open."""
        return self._model_of(self.nodes, self.constants, self.output)

    def single(self, node: onnx.NodeProto) -> onnx.ModelProto:
        """A model that computes the first output of a node of constants; its input is unused."""
        constants = {name: self.constants[name] for name in node.input if name}
        return self._model_of([node], constants, node.output[0])

    def _model_of(self, nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], output: str) -> onnx.ModelProto:
        from onnx import TensorProto, helper, numpy_helper

        opsets = [entry for entry in self._model.opset_import if entry.domain in ("", "ai.onnx")]
        if any(node.domain for node in nodes):
            opsets.append(helper.make_opsetid(GENERAL, 1))
        graph = helper.make_graph(
            [],
            "network",
            [helper.make_tensor_value_info(self.input, TensorProto.FLOAT, self.input_shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.asarray(value, order="C"), name) for name, value in constants.items()],
        )
        graph.node.extend(nodes)
        made: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=self._model.ir_version)
        return made

    def _place(self, node: onnx.NodeProto) -> int:
        return next(index for index, other in enumerate(self.nodes) if other is node)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes by name."""
    from onnx.helper import get_attribute_value

    return {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}


def by_channel(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """A constant as one number for each channel of tensors (1, channels, ...); None where it differs between pixels."""
    one = (1, *shape[1:2], *[1] * (len(shape) - 2))
    try:
        fits = len(shape) > 1 and np.broadcast_shapes(value.shape, one) == one
    except ValueError:
        fits = False
    return np.broadcast_to(value, one).reshape(-1) if fits else None


def label(node: onnx.NodeProto) -> str:
    """A node in words: its operation, and its name or else its output tensor."""
    return f"{node.op_type} {node.name or node.output[0]!r}"
