"""Execute a QONNX model in double precision: its constants as they are, its sums without rounding to speak of.

In single precision an activation that lies next to a threshold tips now and then, by rounding alone; hardware, which
adds integers, does not have that error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from radioml.errors import RadioMLError

if TYPE_CHECKING:
    import onnx


_TOLERANCE = 1e-3
"""Steps by which a logit may miss an integer: logit_scale is rounded to single precision, large logits show it."""


def logits_as_integers(logits: np.ndarray, logit_scale: float) -> np.ndarray:
    """Float logits of any shape as the integers of which they are `logit_scale` times as much, int64.

    Raises RadioMLError when one is no integer: the scale is another network's, or the classifier is not quantised.
    """
    steps = logits / logit_scale
    integers = np.rint(steps)
    if not (np.abs(steps - integers) <= _TOLERANCE).all():
        raise RadioMLError(
            f"the network's logits are not multiples of logit_scale {logit_scale}: it is another network's, or the "
            "classifier's bias is not quantised; export the checkpoint and build the package again"
        )
    return integers.astype(np.int64)


class ExactQonnx:
    """A QONNX model behind onnx's reference evaluator, every float constant widened to double.

    Weights are quantised in single precision, as in training, and exact integers times their scale from there on.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        import onnx
        from onnx import numpy_helper
        from onnx.reference import ReferenceEvaluator

        wide = onnx.ModelProto()
        wide.CopyFrom(model)
        exact = exact_constants(wide)
        for tensor in wide.graph.initializer:
            if tensor.name in exact:
                tensor.CopyFrom(numpy_helper.from_array(exact[tensor.name], tensor.name))
        self._evaluator = ReferenceEvaluator(wide, new_ops=[_quant_operator()])

    def __call__(self, iq: np.ndarray) -> np.ndarray:
        """Frames (N, 1024, 2) -> float64 logits (N, classes).

        Raises RadioMLError for a model that gives no such logits, because a layer of it takes one frame at a time only.
        """
        frames = np.ascontiguousarray(iq.astype(np.float64).transpose(0, 2, 1))
        logits = self._evaluator.run(None, {self._evaluator.input_names[0]: frames})[0]
        if logits.ndim != 2 or len(logits) != len(iq):
            raise RadioMLError(f"{len(iq)} frames gave the model's logits {logits.shape}: it cannot run a batch")
        return logits


def exact_constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Float constants of a QONNX model in double precision; quantised weights as exact integers times their scale."""
    from onnx import numpy_helper

    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    exact = {name: value.astype(np.float64) for name, value in constants.items() if value.dtype == np.float32}
    for node in model.graph.node:
        if node.op_type == "Quant" and node.input[0] in constants:
            exact[node.input[0]] = _integer_weights(node, constants) * exact[node.input[1]]
    return exact


def _integer_weights(node: onnx.NodeProto, constants: dict[str, np.ndarray]) -> np.ndarray:
    """The integers of a quantised constant, by the single-precision division that training and FINN quantise with.

    A quotient exactly halfway between two integers in single precision may not be in double: another weight.
    """
    from onnx.helper import get_attribute_value
    from qonnx.custom_op.general.quant import quant

    weights, scale, zero_point, bits = (constants[name] for name in node.input)
    options = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
    mode = options.get("rounding_mode", b"ROUND").decode()
    values = quant(weights, scale, zero_point, bits, options["signed"], options["narrow"], mode)
    return np.rint(values.astype(np.float64) / scale)


def _quant_operator() -> type:
    """QONNX's Quant for onnx's evaluator; the arithmetic is qonnx's own."""
    from onnx.reference.op_run import OpRun
    from qonnx.custom_op.general.quant import quant

    class Quant(OpRun):
        op_domain = "qonnx.custom_op.general"

        def _run(self, x, scale, zero_point, bits, narrow=None, signed=None, rounding_mode=None):  # noqa: ANN202
            return (quant(x, scale, zero_point, bits, signed, narrow, rounding_mode or "ROUND"),)

    return Quant
