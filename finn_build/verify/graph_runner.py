"""Executing the build's graphs in Python, frame by frame, with the levels of every activation.

Graphs of QONNX and standard nodes run in double precision. FINN's layers run by their own Python behaviour, which is in
single precision and exact for integers below 2^24. Layers of `rtl_layers` that need it give double precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from finn_build.graph.integer_scales import levels_of
from finn_build.graph.node_order import nodes_in_order
from finn_build.steps.pools import adds_pixels
from finn_build.verify.node_functions import FINN_DOMAIN, Context, complete_dilations, node_function, node_kind
from finn_build.verify.rung import Levels
from radioml.errors import RadioMLError
from radioml.network.exact_qonnx import exact_constants

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_SCALE_ROUNDING, _SCALE_PRECISION = 1e-2, 2**-22
"""A quotient by a single-precision scale misses its integer by less than the first number.

Large quotients, such as the logits of 8-bit networks, miss it by less than the second number times the integer: two
scales are each rounded in the 24th bit."""
_QUANTISERS = ("Quant", "MultiThreshold", "Thresholding", "PixelThresholds")
_WEIGHTED = ("Conv", "MatMul", "Gemm", "MVAU", "VVAU", "DepthwiseUnit", "WideDense")
_EXACT_BELOW = 2**24
"""Integers below this are all single-precision numbers."""
_ROUNDING = 1e-5
"""Error of a threshold that single precision explains, relative to the largest threshold of its channel.

FINN computes thresholds by subtracting terms of that size."""


@dataclass(frozen=True)
class Trace:
    """Results of a graph for one frame.

    activations: the levels of each activation, in order.
    output: float64 (1, classes).
    rounded: levels that were one off because of the rounding of a threshold, and were mended.
    """

    activations: tuple[Levels, ...]
    output: np.ndarray
    rounded: int


def integers_of(steps: np.ndarray) -> np.ndarray:
    """Quotients by a scale, rounded to integers where only rounding keeps them from being integers."""
    nearest = np.rint(steps)
    rounding = np.maximum(_SCALE_ROUNDING, _SCALE_PRECISION * np.abs(nearest))
    return np.where(np.abs(steps - nearest) < rounding, nearest, steps)


class GraphRunner:
    """A graph of QONNX, standard and FINN nodes, ready to run. FINN nodes need a FINN session around the runner.

    inexact_thresholds: the graph's thresholds are numbers that FINN rounded to single precision. Where a level is one
    off the expected one, and the value lies so close to the threshold that this rounding explains the difference, the
    runner goes on with the expected level, so that the difference is not blamed on a later layer.

    Raises RadioMLError, here and when it runs, with the node that cannot be executed.
    """

    def __init__(self, model: ModelWrapper, inexact_thresholds: bool = False) -> None:
        complete_dilations(model)
        self._model, self._inexact = model, inexact_thresholds
        self._on_layers = all(node.domain.startswith(FINN_DOMAIN) for node in model.graph.node)
        constants = {tensor.name: model.get_initializer(tensor.name) for tensor in model.graph.initializer}
        exact = {} if self._on_layers else exact_constants(model.model)
        # FINN's layers look up the shape of their output in the context.
        self._context: Context = {**model.make_empty_exec_context(), **constants, **exact}
        self._nodes = []
        for node in nodes_in_order(model):
            with _executing(node):
                self._nodes.append((node, node_function(model, node)))
        self.input_name, self._output_name = model.graph.input[0].name, model.graph.output[0].name

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one frame as the graph takes it, with the leading 1."""
        return tuple(self._model.get_tensor_shape(self.input_name))

    def __call__(self, frame: np.ndarray, expected: Sequence[np.ndarray] = ()) -> Trace:
        """Run one frame of `input_shape`; expected: the levels of each activation, channels first."""
        context = dict(self._context)
        context[self.input_name] = frame.astype(np.float32 if self._on_layers else np.float64)
        activations: list[Levels] = []
        rounded = 0
        for node, execute in self._nodes:
            with _executing(node):
                execute(context)
            value = context[node.output[0]]
            if self._on_layers and value.dtype == np.float32 and np.abs(value).max() >= _EXACT_BELOW:
                raise RadioMLError(f"{node.name}: its sums exceed 2^24, beyond which FINN's own execution is not exact")
            if not self._is_activation(node):
                if self._inexact and node.op_type == "MultiThreshold":
                    self._tie_to_even(node, context)
                continue
            if self._inexact and len(activations) < len(expected):
                rounded += self._mend(node, context, expected[len(activations)])
            activations.append(Levels(node.name or node.output[0], self._levels(node, context)))
        return Trace(tuple(activations), np.asarray(context[self._output_name], np.float64), rounded)

    def _is_activation(self, node: NodeProto) -> bool:
        """Whether a node quantises what a layer computes, as the activations of the reference do."""
        if node_kind(node) not in _QUANTISERS:
            return False
        before = self._model.find_producer(node.input[0])
        while before is not None and not self._weighs(before) and node_kind(before) not in _QUANTISERS:
            before = self._model.find_producer(before.input[0])
        return before is not None and self._weighs(before)

    def _weighs(self, node: NodeProto) -> bool:
        return node_kind(node) in _WEIGHTED and not adds_pixels(self._model, node)

    def _levels(self, node: NodeProto, context: Context) -> np.ndarray:
        from qonnx.custom_op.registry import getCustomOp

        values = np.asarray(context[node.output[0]], np.float64)
        if node.op_type == "Quant":
            grid = levels_of(self._model, node)
            return integers_of(values / context[node.input[1]]) - (0 if grid is None else grid.low)
        if node.op_type == "MultiThreshold":
            operator = getCustomOp(node)
            values = integers_of((values - operator.get_nodeattr("out_bias")) / operator.get_nodeattr("out_scale"))
            last = operator.get_nodeattr("data_layout") == "NHWC"
        elif node_kind(node) == "PixelThresholds":
            last = bool(getCustomOp(node).get_nodeattr("channels_last"))
        else:
            values, last = values - getCustomOp(node).get_nodeattr("ActVal"), True
        return np.moveaxis(values, -1, 1) if last else values

    def _tie_to_even(self, node: NodeProto, context: Context) -> None:
        """Give a number right on a threshold the even level, as Brevitas does: averages of integers often lie there.

        FINN's inexact thresholds give the upper level.
        """
        from qonnx.custom_op.registry import getCustomOp

        operator = getCustomOp(node)
        last = operator.get_nodeattr("data_layout") == "NHWC"
        levels, value = self._levels(node, context), context[node.input[0]]
        value = np.moveaxis(value, -1, 1) if last else value
        rows = np.broadcast_to(context[node.input[1]], (levels.shape[1], context[node.input[1]].shape[1]))
        channel = np.broadcast_to(np.arange(levels.shape[1]).reshape(1, -1, *[1] * (levels.ndim - 2)), levels.shape)
        index = levels.astype(np.int64)
        tied = (index > 0) & (index % 2 == 1) & (rows[channel, np.maximum(index - 1, 0)] == value)
        if tied.any():
            output = (levels - tied) * operator.get_nodeattr("out_scale") + operator.get_nodeattr("out_bias")
            context[node.output[0]] = np.moveaxis(output, 1, -1) if last else output

    def _mend(self, node: NodeProto, context: Context, expected: np.ndarray) -> int:
        """Replace levels whose difference FINN's rounding explains by the expected levels; returns their number."""
        from qonnx.custom_op.registry import getCustomOp

        if node.op_type != "MultiThreshold":
            return 0
        levels = self._levels(node, context)
        if levels.size != expected.size:
            return 0
        expected = expected.reshape(levels.shape)
        operator = getCustomOp(node)
        last = operator.get_nodeattr("data_layout") == "NHWC"
        value = context[node.input[0]]
        value = np.moveaxis(value, -1, 1) if last else value
        table = np.broadcast_to(context[node.input[1]], (levels.shape[1], context[node.input[1]].shape[1]))
        mended = 0
        for at in zip(*np.nonzero(np.abs(levels - expected) == 1), strict=True):
            row = table[at[1]]
            threshold = row[int(min(levels[at], expected[at]))]
            if abs(value[at] - threshold) <= _ROUNDING * np.abs(row).max():
                levels[at] = expected[at]
                mended += 1
        if mended:
            output = levels * operator.get_nodeattr("out_scale") + operator.get_nodeattr("out_bias")
            context[node.output[0]] = np.moveaxis(output, 1, -1) if last else output
        return mended


@contextmanager
def _executing(node: NodeProto) -> Iterator[None]:
    """Turn an error of a node's execution into RadioMLError with the node's name.

    Errors of the machine, such as a missing package or too little memory, pass through.
    """
    try:
        yield
    except (RadioMLError, ImportError, MemoryError, OSError):
        raise
    except Exception as error:
        name = node.name or node.output[0]
        raise RadioMLError(f"{name}: cannot be executed: {type(error).__name__}: {error}") from error
