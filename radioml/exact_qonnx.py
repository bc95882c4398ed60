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


class ExactQonnx:
    """A QONNX model behind onnx's reference evaluator, every float constant widened to double."""

    def __init__(self, model: onnx.ModelProto) -> None:
        import onnx
        from onnx import TensorProto, numpy_helper
        from onnx.reference import ReferenceEvaluator

        wide = onnx.ModelProto()
        wide.CopyFrom(model)
        for tensor in wide.graph.initializer:
            if tensor.data_type == TensorProto.FLOAT:
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
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


def _quant_operator() -> type:
    """QONNX's Quant for onnx's evaluator; the arithmetic is qonnx's own."""
    from onnx.reference.op_run import OpRun
    from qonnx.custom_op.general.quant import quant

    class Quant(OpRun):
        op_domain = "qonnx.custom_op.general"

        def _run(self, x, scale, zero_point, bits, narrow=None, signed=None, rounding_mode=None):  # noqa: ANN202
            return (quant(x, scale, zero_point, bits, signed, narrow, rounding_mode or "ROUND"),)

    return Quant
