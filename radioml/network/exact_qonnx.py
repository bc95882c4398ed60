"""Execute a QONNX model in double precision, so that its sums are exact like those of hardware.

In single precision, rounding moves a sum across a threshold now and then. Hardware adds integers and has no such error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from radioml.errors import RadioMLError
from radioml.network.operators import exact_operators

if TYPE_CHECKING:
    import onnx


_TOLERANCE = 1e-3
"""Steps by which a logit may miss an integer: logit_scale is rounded to single precision, large logits show it."""
_OLDEST_OPSET = 15
"""Oldest opset of the standard operations: in opset 13 and before, the reference evaluator mixes a tenth of the batch's
statistics into a BatchNormalization, so that a frame's logits depend on the frames beside it."""


def logits_as_integers(logits: np.ndarray, logit_scale: float) -> np.ndarray:
    """Float logits of any shape as integers, int64: logits = integers x `logit_scale`.

    Raises RadioMLError when one is no integer: the scale is another network's, or the classifier is not quantised.
    """
    steps = logits / logit_scale
    integers = np.rint(steps)
    if not (np.abs(steps - integers) <= _TOLERANCE).all():
        raise RadioMLError(
            f"the network's logits are not multiples of logit_scale {logit_scale}. The scale is of another network, or "
            "the classifier's bias is not quantised. Export the checkpoint and build the package again"
        )
    return integers.astype(np.int64)


class ExactQonnx:
    """A QONNX model in onnx's reference evaluator, node by node, with every float constant widened to double.

    Weights are quantised in single precision, as in training; their values are exact integers times the scale.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        """Raises RadioMLError for a model of an opset that the evaluator does not run frame by frame."""
        import onnx
        from onnx import numpy_helper
        from onnx.reference import ReferenceEvaluator

        check_opset(model)
        wide = onnx.ModelProto()
        wide.CopyFrom(model)
        exact = exact_constants(wide)
        for tensor in wide.graph.initializer:
            if tensor.name in exact:
                tensor.CopyFrom(numpy_helper.from_array(exact[tensor.name], tensor.name))
        self._evaluator = ReferenceEvaluator(wide, new_ops=exact_operators())

    def __call__(self, iq: np.ndarray) -> np.ndarray:
        """Frames (N, 1024, 2) -> float64 logits (N, classes).

        Raises RadioMLError for a model without such logits, because one of its layers takes only one frame at a time.
        """
        return self.with_tensors(iq, [])[0]

    def with_tensors(self, iq: np.ndarray, tensors: Sequence[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Logits as `__call__` gives them, and tensors inside the graph, float64 (N, ...), by name."""
        frames = np.ascontiguousarray(iq.astype(np.float64).transpose(0, 2, 1))
        names = [self._evaluator.output_names[0], *tensors]
        values = _values(self._evaluator.run(names, {self._evaluator.input_names[0]: frames}))
        logits = values[0]
        if logits.ndim != 2 or len(logits) != len(iq):
            raise RadioMLError(f"the model gave logits {logits.shape} for {len(iq)} frames; it cannot compute a batch")
        return logits, dict(zip(tensors, values[1:], strict=True))


def check_opset(model: onnx.ModelProto) -> None:
    """Raise RadioMLError for a model of an opset in which a frame's result may depend on the frames beside it."""
    opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
    if opset < _OLDEST_OPSET:
        raise RadioMLError(
            f"the model has ONNX opset {opset}, whose batch norms cannot be computed frame by frame; "
            f"`radioml import` raises a model to opset {_OLDEST_OPSET}"
        )


def exact_function(
    model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], sources: Sequence[str], constants: Mapping[str, np.ndarray]
) -> Callable[..., np.ndarray]:
    """The function of the tensors `sources`, in this order, that nodes of a model compute one after the other.

    constants: the other tensors that the nodes read, by name, in the precision to compute in.
    """
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    made = {name for node in nodes for name in node.output}
    read = dict.fromkeys(name for node in nodes for name in node.input if name and name not in made)
    output = nodes[-1].output[0]
    function = helper.make_function("radioml", "nodes", list(read), [output], list(nodes), model.opset_import)
    evaluator = ReferenceEvaluator(function, new_ops=exact_operators())
    fixed = {name: constants[name] for name in read if name not in sources}

    def run(*values: np.ndarray) -> np.ndarray:
        given = {**fixed, **dict(zip(sources, values, strict=True))}
        return _values(evaluator.run(None, given, attributes={}))[0]

    return run


def _values(results: dict[str, Any] | list[Any]) -> list[np.ndarray]:
    """The results of onnx's evaluator, which are a list unless all tensors are asked for."""
    assert isinstance(results, list)
    return results


def exact_constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Float constants of a QONNX model in double precision; quantised weights as exact integers times their scale."""
    from onnx import numpy_helper

    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    exact = {name: value.astype(np.float64) for name, value in constants.items() if value.dtype == np.float32}
    for node in model.graph.node:
        if node.op_type == "Quant" and node.input[0] in constants:
            exact[node.input[0]] = integer_weights(node, constants) * exact[node.input[1]]
    return exact


def integer_weights(node: onnx.NodeProto, constants: Mapping[str, np.ndarray]) -> np.ndarray:
    """The integers of a quantised constant, by the single-precision division that training and FINN quantise with.

    A quotient that is halfway between two integers in single precision may not be so in double precision, which would
    give another weight.
    """
    from onnx.helper import get_attribute_value
    from qonnx.custom_op.general.quant import quant

    weights, scale, zero_point, bits = (constants[name] for name in node.input)
    options = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
    mode = options.get("rounding_mode", b"ROUND").decode()
    values = quant(weights, scale, zero_point, bits, options["signed"], options["narrow"], mode)
    return np.rint(values.astype(np.float64) / scale)
