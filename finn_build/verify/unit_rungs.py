"""The ladder's rungs of a network that is built as a statistics unit: its QONNX graph, and the unit in integers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.read import read_unit
from finn_build.verify.rung import Levels, Reference, Rung, RungResult, compare_frame
from radioml.network.exact_qonnx import ExactQonnx, exact_constants, logits_as_integers

if TYPE_CHECKING:
    import onnx

    from radioml.contract.metadata import ModelMetadata

QONNX, UNIT = "QONNX", "statistics unit in integers"


def unit_rungs(model: onnx.ModelProto, metadata: ModelMetadata, iq: np.ndarray, lanes: int) -> list[Rung]:
    """Rungs for float32 frames (N, 1024, 2).

    The QONNX graph is compared with the reference by its logits. The unit is compared by its logits with the reference,
    and by the levels of every quantiser with the QONNX graph.
    """
    return [
        Rung(QONNX, "QONNX in double precision", partial(_qonnx, model, metadata, iq)),
        Rung(UNIT, "unit in Python", partial(_unit, model, metadata, iq, lanes)),
    ]


def _qonnx(
    model: onnx.ModelProto, metadata: ModelMetadata, iq: np.ndarray, reference: Reference, result: RungResult
) -> None:
    logits = logits_as_integers(ExactQonnx(model)(iq), metadata.logit_scale)
    without_layers = Reference(reference.logits, {}, reference.classifier)
    for frame, found in enumerate(logits):
        compare_frame(without_layers, frame, [], found, result)


def _unit(
    model: onnx.ModelProto,
    metadata: ModelMetadata,
    iq: np.ndarray,
    lanes: int,
    reference: Reference,
    result: RungResult,
) -> None:
    unit = read_unit(model, metadata.logit_scale, lanes)
    constants = exact_constants(model)
    scales = {
        node.output[0]: float(constants[node.input[1]].item())
        for node in model.graph.node
        if node.op_type == "Quant" and node.output[0] in unit.tensors
    }
    _, exact = ExactQonnx(model).with_tensors(iq, list(scales))
    levels = {
        name: np.rint(exact[name].reshape(len(iq), -1) / scale).astype(np.int64) for name, scale in scales.items()
    }
    found = Evaluation(unit, metadata.quantiser(iq))
    given = {name: found.tensor(name).reshape(len(iq), -1) / scale for name, scale in scales.items()}
    with_levels = Reference(reference.logits, levels, reference.classifier)
    result.layers = len(levels) + 1
    for frame, logits in enumerate(found.logits):
        activations = [Levels(name, values[frame]) for name, values in given.items()]
        compare_frame(with_levels, frame, activations, logits, result)
