"""Operations for onnx's reference evaluator that it lacks, gets wrong, or computes in less than double precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from radioml.network.integer_layers import average_pool

_GENERAL = "qonnx.custom_op.general"


def exact_operators() -> list[type]:
    """Classes for the evaluator's `new_ops`; the arithmetic of `Quant` is qonnx's own."""
    from onnx.reference.op_run import OpRun
    from onnx.reference.ops.op_average_pool import AveragePool_19
    from qonnx.custom_op.general.quant import quant

    class Quant(OpRun):
        op_domain = _GENERAL

        def _run(
            self,
            x: np.ndarray,
            scale: np.ndarray,
            zero_point: np.ndarray,
            bits: np.ndarray,
            narrow: int | None = None,
            signed: int | None = None,
            rounding_mode: str | None = None,
        ) -> tuple[np.ndarray]:
            return (quant(x, scale, zero_point, bits, signed, narrow, rounding_mode or "ROUND"),)

    class MultiThreshold(OpRun):
        """FINN's activation: the number of thresholds, (channels or 1, n), that are not above a value, times a
        scale."""

        op_domain = _GENERAL

        def _run(
            self,
            x: np.ndarray,
            thresholds: np.ndarray,
            out_scale: float | None = None,
            out_bias: float | None = None,
            **_: object,
        ) -> tuple[np.ndarray]:
            columns = thresholds.T.reshape(thresholds.shape[1], 1, -1, *[1] * (x.ndim - 2))
            counts = sum((x >= column).astype(x.dtype) for column in columns)
            return (counts * (1.0 if out_scale is None else out_scale) + (out_bias or 0.0),)

    class GlobalMaxPool(OpRun):
        """For tensors with one dimension of pixels, onnx's own (1.21.0) takes the maximum over channels, too."""

        def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
            return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)

    class QuantizeLinear(OpRun):
        """Onnx's own lets numbers that are large in steps of the scale wrap around."""

        def _run(
            self, x: np.ndarray, scale: np.ndarray, zero_point: np.ndarray | None = None, axis: int = 1, **_: object
        ) -> tuple[np.ndarray]:
            zero = np.zeros((), np.uint8) if zero_point is None else zero_point
            low, high = _range(zero.dtype)
            steps = np.rint(x / _along(scale, x, axis)) + _along(zero, x, axis).astype(x.dtype)
            return (np.clip(steps, low, high).astype(zero.dtype),)

    class DequantizeLinear(OpRun):
        """Onnx has none for opsets before 19."""

        def _run(
            self, x: np.ndarray, scale: np.ndarray, zero_point: np.ndarray | None = None, axis: int = 1, **_: object
        ) -> tuple[np.ndarray]:
            integers = x.astype(scale.dtype)
            if zero_point is not None:
                integers -= _along(zero_point, x, axis).astype(scale.dtype)
            return (integers * _along(scale, x, axis),)

    class AveragePool(AveragePool_19):
        """Onnx's own visits the windows one by one."""

        def _run(self, x: np.ndarray, **given: Any) -> tuple[np.ndarray]:  # type: ignore[override]
            kernel, pads = given["kernel_shape"], given["pads"] or [0, 0] * len(given["kernel_shape"])
            unusual = given["ceil_mode"] or (given["auto_pad"] or "NOTSET") != "NOTSET" or (given.get("dilations"))
            if unusual or (any(pads) and not given["count_include_pad"]):
                return super()._run(x, **given)
            return (average_pool(x, kernel, given["strides"] or [1] * len(kernel), pads),)

    return [Quant, MultiThreshold, GlobalMaxPool, AveragePool, QuantizeLinear, DequantizeLinear]


def _along(value: np.ndarray, x: np.ndarray, axis: int | None) -> np.ndarray:
    """One number for all of `x`, or one for each index of an axis, so that it broadcasts."""
    if value.size == 1:
        return value.reshape(())
    shape = [1] * x.ndim
    shape[1 if axis is None else axis] = value.size
    return value.reshape(shape)


def _range(kind: np.dtype) -> tuple[int, int]:
    """Range of an integer type of NumPy or, with fewer than 8 bits, of ml_dtypes."""
    bits = int("".join(filter(str.isdigit, kind.name)))
    return (0, 2**bits - 1) if kind.name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
