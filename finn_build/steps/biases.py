"""Give the biases of layers to the batch norms behind them: FINN's multipliers add no bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


def norm_behind(model: ModelWrapper, layer: NodeProto) -> NodeProto | None:
    """The batch norm behind a layer, if nothing else reads the layer."""
    readers = model.find_consumers(layer.output[0]) or []
    return readers[0] if [reader.op_type for reader in readers] == ["BatchNormalization"] else None


def give_biases_to_norms(model: ModelWrapper) -> ModelWrapper:
    """Subtract the bias of each layer in front of a batch norm from the batch norm's mean.

    The mean is rounded to single precision; `exact_thresholds` computes with the network's own numbers.
    """
    for layer in (node for kind in ("Conv", "Gemm") for node in model.get_nodes_by_op_type(kind)):
        norm = norm_behind(model, layer)
        bias = model.get_initializer(layer.input[2]) if len(layer.input) > 2 else None
        if norm is not None and bias is not None:
            mean = model.get_initializer(norm.input[3])
            norm.input[3] = f"{norm.output[0]}_mean"
            model.set_initializer(norm.input[3], (mean - bias).astype(np.float32))
            del layer.input[2:]
    return model
