"""A QONNX network on integers: batches at the speed of matrix products, with the results of `ExactQonnx`.

Between quantisers a network's numbers are integers times a scale. This module stores the integers, in single precision
where that holds all sums of a layer exactly. The operations from a layer to its quantiser become a line that is proven
level by level (`radioml.network.staircase`). Other nodes are computed in a type that is proven to hold their numbers
(`radioml.network.grid_steps`), or else as `ExactQonnx` computes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.errors import RadioMLError
from radioml.network.exact_qonnx import check_opset, exact_constants, exact_function
from radioml.network.grid_steps import Step, grid_step, quantiser_step, unchanged
from radioml.network.grids import Grid
from radioml.network.integer_nodes import WEIGHTED, Sums, integer_sums, pool, quantiser_grid, real_layer
from radioml.network.repeats import depth_first, without_repeats
from radioml.network.staircase import climb, staircase

if TYPE_CHECKING:
    import onnx

_KEEPS_VALUES = ("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity", "GlobalMaxPool")
"""Operations whose results are values of their input, reordered or selected."""
_ELEMENTWISE = ("BatchNormalization", "Relu", "Mul", "Add", "Sub", "Div", "Clip")
"""Monotone functions of a tensor, channel by channel, where the other inputs are constants."""
_COMMUTATIVE = ("Mul", "Add")
_MOST_LEVELS = 256
"""Most levels of an activation that becomes a line; one with more is computed as `ExactQonnx` computes it."""
_PROBE = 2
"""Frames of zeros that a model is run on first; more than one show whether the model computes a batch."""
_ELEMENTS_AT_ONCE = 80_000
"""Elements of a batch's tensors, on average: many enough to outweigh a call, few enough to stay in the cache."""


@dataclass(frozen=True)
class _Step:
    """output = run(*inputs)."""

    run: Callable[..., np.ndarray]
    inputs: tuple[str, ...]
    output: str


class IntegerQonnx:
    """A QONNX model for batches of frames; see the module."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Raises RadioMLError for a model that cannot be computed on several frames, each by itself."""
        check_opset(model)
        compiled = _Compiler(model)
        self._steps, self._input, self._output = compiled.steps, compiled.input, compiled.output
        self._frames_at_once = max(1, _ELEMENTS_AT_ONCE * len(self._steps) // compiled.elements)
        last = {name: index for index, step in enumerate(self._steps) for name in (*step.inputs, step.output)}
        last.pop(self._output, None)
        self._dropped = [[name for name, at in last.items() if at == index] for index in range(len(self._steps))]

    def __call__(self, iq: np.ndarray) -> np.ndarray:
        """Frames (N, 1024, 2) -> float64 logits (N, classes)."""
        size = self._frames_at_once
        return np.concatenate([self._run(iq[start : start + size]) for start in range(0, len(iq), size)])

    def _run(self, iq: np.ndarray) -> np.ndarray:
        values = {self._input: iq.transpose(0, 2, 1)}
        for step, dropped in zip(self._steps, self._dropped, strict=True):
            values[step.output] = step.run(*(values[name] for name in step.inputs))
            for name in dropped:
                del values[name]
        return values[self._output]


class _Compiler:
    """Turns nodes into steps. Each step is run on two frames of zeros at once, which shows the shape of its result.

    elements: number of elements of all tensors of a frame.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        from onnx import numpy_helper

        self._model, graph = model, model.graph
        self._stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._constants = {**self._stored, **exact_constants(model)}
        self._ends = {value.name for value in graph.output}
        outputs = [value.name for value in graph.output]
        nodes = depth_first(without_repeats(graph.node, self._constants, outputs), outputs)
        self._readers: dict[str, list[onnx.NodeProto]] = {value.name: [] for value in graph.output}
        for node in nodes:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self.input = next(value.name for value in graph.input if value.name not in self._stored)
        self.output = graph.output[0].name
        self.steps: list[_Step] = []
        self.elements = 0
        self._grids: dict[str, Grid] = {}
        self._same: dict[str, str] = {}  # a tensor whose values are another's -> that one
        self._zeros = {self.input: np.zeros((_PROBE, 2, FRAME_LENGTH))}
        for node in nodes:
            if node.output[0] not in self._zeros:
                try:
                    self._take(node)
                except (ValueError, IndexError) as error:
                    name = node.name or node.output[0]
                    raise RadioMLError(
                        f"{node.op_type} {name!r} cannot compute several frames at once: {error}"
                    ) from error
        if self.output in self._grids:
            self._add(self._real(self.output), [self.output], self.output)
        if (logits := self._zeros[self.output]).ndim != 2 or len(logits) != _PROBE:
            raise RadioMLError(f"the model gave logits {logits.shape} for {_PROBE} frames; it cannot compute a batch")

    def _take(self, node: onnx.NodeProto) -> None:
        """Add the steps for a node, or for all nodes from it to the next quantiser."""
        sources = [name for name in node.input if name and name not in self._constants]
        output = node.output[0]
        if not sources:
            self._constants[output] = exact_function(self._model, [node], [], self._constants)()
        elif self._is_layer(node, sources):
            self._take_layer(node)
        elif (levels := quantiser_grid(node, self._constants)) is not None and sources == node.input[:1]:
            step = quantiser_step(node, self._grids.get(sources[0]), self._constants) or self._quantiser(node, levels)
            self._add(step[0], sources, output, step[1])
        elif (found := self._grid_step(node)) is not None:
            self._add(found[0], sources, output, found[1])
        elif node.op_type in _KEEPS_VALUES and sources == node.input[:1] and (grid := self._grids.get(sources[0])):
            self._add(exact_function(self._model, [node], sources, self._constants), sources, output, grid)
        else:
            self._add(self._function(node, sources), sources, output)

    def _is_layer(self, node: onnx.NodeProto, sources: Sequence[str]) -> bool:
        """Whether a node is a convolution, or a linear layer of features, with constant weights."""
        if node.op_type not in WEIGHTED or list(sources) != [node.input[0]]:
            return False
        return node.op_type == "Conv" or self._zeros[sources[0]].ndim == 2

    def _take_layer(self, node: onnx.NodeProto) -> None:
        (source, *_), (output,) = node.input, node.output
        known = self._grids.get(source)
        grid = known.of_integers() if known else None
        sums = integer_sums(self._model, node, grid, self._constants, self._stored) if grid else None
        if sums is None:
            layer, real = real_layer(node, self._constants), self._real(source)
            self._add((lambda x: layer(real(x))) if layer else self._function(node, [source]), [source], output)
            return
        self._add(sums.compute, [source], output)
        shape = self._zeros[output].shape
        nodes = self._up_to_quantiser(output, shape)
        levels = quantiser_grid(nodes[-1], self._constants) if nodes else None
        if levels is None or levels.high - levels.low >= _MOST_LEVELS:
            if sums.grid is not None:
                self._grids[output] = sums.grid
            else:
                self._add(sums.numbers, [output], output)
            return
        self._zeros.update({name: self._zeros[output] for inner in nodes[:-1] for name in inner.output})
        self._add(self._activation(sums, nodes, levels, len(shape)), [output], nodes[-1].output[0], levels)

    def _up_to_quantiser(self, tensor: str, shape: tuple[int, ...]) -> list[onnx.NodeProto]:
        """Nodes, channel by channel, from a tensor (1, channels, ...) to a quantiser; none where others read it."""
        one = (1, shape[1], *[1] * (len(shape) - 2))
        nodes: list[onnx.NodeProto] = []
        while len(readers := self._readers.get(tensor, [])) == 1 and tensor not in self._ends:
            node = readers[0]
            names = [name for name in node.input if name and name != tensor]
            if any(name not in self._constants for name in names):
                break
            others = [self._constants[name] for name in names]
            nodes.append(node)
            if node.op_type == "Quant":
                return nodes
            by_channel = node.op_type == "BatchNormalization" or all(_fits(value, one) for value in others)
            first = node.op_type in _COMMUTATIVE or node.input[0] == tensor
            if node.op_type not in _ELEMENTWISE or not by_channel or not first:
                break
            tensor = node.output[0]
        return []

    def _activation(
        self, sums: Sums, nodes: Sequence[onnx.NodeProto], levels: Grid, rank: int
    ) -> Callable[[np.ndarray], np.ndarray]:
        """A function from integer sums to levels, through the nodes between a layer and its quantiser."""
        source = next(name for name in nodes[0].input if name not in self._constants)

        def through(some: Sequence[onnx.NodeProto]) -> Callable[[np.ndarray], np.ndarray]:
            run = exact_function(self._model, some, [source], self._constants) if some else lambda x: x

            def in_levels(values: np.ndarray) -> np.ndarray:
                numbers = values * sums.scale + sums.bias
                return run(numbers.reshape(*numbers.shape, *[1] * (rank - 2))).reshape(numbers.shape) / levels.scale

            return in_levels

        quantised = through(nodes)
        stairs = staircase(lambda x: np.rint(quantised(x)), levels.low, levels.high, sums.low, sums.high)
        return climb(stairs, through(nodes[:-1]), sums.dtype)

    def _quantiser(self, node: onnx.NodeProto, levels: Grid) -> Step:
        """The step of a quantiser of real numbers."""
        quantise = self._function(node, node.input[:1])
        return lambda x: np.rint(quantise(x) / levels.scale).astype(np.float32), levels

    def _grid_step(self, node: onnx.NodeProto) -> Step | None:
        """The step of a node on the stored values of its inputs; None where it is computed on real numbers."""
        names = [*node.input]
        if node.op_type in _COMMUTATIVE:
            names.sort(key=lambda name: name in self._constants)
        squares = node.op_type == "Mul" and len({self._same.get(name, name) for name in names}) == 1
        known: dict[str, Grid | np.ndarray] = {"": np.empty(0), **self._constants, **self._grids}
        step = grid_step(node, [known.get(name) for name in names], squares)
        if step is not None and step[0] is unchanged:
            self._same[node.output[0]] = self._same.get(names[0], names[0])
        return step

    def _function(self, node: onnx.NodeProto, sources: Sequence[str]) -> Callable[..., np.ndarray]:
        """A node on real numbers."""
        run = pool(node) or exact_function(self._model, [node], sources, self._constants)
        real = [self._real(name) for name in sources]
        return lambda *values: run(*(convert(value) for convert, value in zip(real, values, strict=True)))

    def _real(self, tensor: str) -> Callable[[np.ndarray], np.ndarray]:
        """A function from the stored values of a tensor to its numbers in double precision."""
        grid = self._grids.get(tensor)
        if grid is None:
            return lambda values: values.astype(np.float64, copy=False)
        return lambda integers: integers.astype(np.float64) * grid.scale

    def _add(
        self, run: Callable[..., np.ndarray], inputs: Sequence[str], output: str, grid: Grid | None = None
    ) -> None:
        result = run(*(self._zeros[name] for name in inputs))
        self._zeros[output] = result
        self.elements += result.size // _PROBE
        self._grids.pop(output, None)
        if grid is not None:
            self._grids[output] = grid
        self.steps.append(_Step(run, tuple(inputs), output))


def _fits(value: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether a constant has one number, or one a channel, for tensors of the shape (1, channels, 1, ...)."""
    try:
        return np.broadcast_shapes(value.shape, shape) == shape
    except ValueError:
        return False
