"""The challenge's score: the inference cost of a QONNX model relative to the baseline.

Rules: ITU-ML5G-PS-007, "Inference Cost". The official function is today part of qonnx: `qonnx.util.inference_cost`.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from pathlib import Path

from radioml.constants import FRAME_LENGTH
from radioml.contract.metadata import load_onnx
from radioml.contract.score import FixedFilter, LayerCost, Score
from radioml.errors import RadioMLError
from radioml.temporary import temporary_folder
from training.cost.fixed_filters import fixed_filters

BASELINE_BIT_OPS = 807_699_904
BASELINE_BIT_MEM = 1_244_936
"""Cost of the published VGG10 W8A8 checkpoint, zero weights discounted (challenge sandbox)."""
_INPUT_SHAPE = (1, 2, FRAME_LENGTH)


def part_of_score(bit_ops: float, bit_mem: float) -> float:
    """What bit operations and bits of weights add to the score."""
    return 0.5 * bit_ops / BASELINE_BIT_OPS + 0.5 * bit_mem / BASELINE_BIT_MEM


def billed(
    bit_ops: int,
    bit_mem: int,
    layers: tuple[LayerCost, ...],
    filters: tuple[FixedFilter, ...],
    zero_cost: dict[str, int],
    unsupported: dict[str, int],
) -> Score:
    """The score of these costs, see `Score`.

    The conservative score bills unsigned weights one bit wider, filters as convolutions, and other fixed sums at 2 bits
    a term. An unsigned weight reads an activation or its negative. This choice is the sign of a signed weight.
    The strictest score bills every fixed linear combination at the widths of its weights.
    """
    wider = [1 + 1 / layer.weight_bits if layer.weight_type.startswith("UINT") else 1 for layer in layers]
    signed_ops = sum(layer.bit_ops * more for layer, more in zip(layers, wider, strict=True))
    signed_mem = sum(layer.bit_mem * more for layer, more in zip(layers, wider, strict=True))

    def with_filters(more_bit_ops: int, more_bit_mem: int) -> float:
        return part_of_score(signed_ops + more_bit_ops, signed_mem + more_bit_mem)

    return Score(
        score=part_of_score(bit_ops, bit_mem),
        conservative=with_filters(sum(f.bit_ops for f in filters), sum(f.bit_mem for f in filters)),
        strictest=with_filters(sum(f.strictest_bit_ops for f in filters), sum(f.strictest_bit_mem for f in filters)),
        valid=not unsupported,
        bit_ops=bit_ops,
        bit_mem=bit_mem,
        layers=layers,
        fixed_filters=filters,
        zero_cost=zero_cost,
        unsupported=unsupported,
    )


def counted(operations: dict[str, int]) -> str:
    """Operations with their numbers of occurrences, as a phrase."""
    return ", ".join(f"{count} {name}" for name, count in operations.items()) or "none"


def score_model(path: Path | str) -> Score:
    """Score an ONNX model with input (1, 2, 1024).

    Raises RadioMLError for a model that cannot be read or analysed, and for an invalid graph: the official function
    gives a figure even for layers that cannot be computed.
    """
    from qonnx.core.datatype import DataType
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.general import GiveUniqueNodeNames
    from qonnx.util.inference_cost import inference_cost

    from training.cost.qonnx_index import indexed

    model = load_onnx(path)
    shape = tuple(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim)
    if shape != _INPUT_SHAPE:
        raise RadioMLError(f"{path}: input {model.graph.input[0].name!r} is {shape}; the rules ask for {_INPUT_SHAPE}")
    try:
        with indexed(), contextlib.redirect_stdout(io.StringIO()), temporary_folder("radioml-score") as folder:
            wrapper = ModelWrapper(model).transform(GiveUniqueNodeNames())
            analysed = folder / "analysed.onnx"  # the model with folded constants
            costs = inference_cost(wrapper, cost_breakdown=True, output_onnx=str(analysed))
            whole = ModelWrapper(str(analysed))
            operations = Counter(node.op_type for node in whole.graph.node)
            filters = fixed_filters(whole)
    except Exception as error:  # qonnx executes parts of the model, which may raise anything
        raise RadioMLError(f"{path}: the official cost function fails on this model: {error}") from error
    total = costs["total_cost"]
    layers = []
    for name, cost in costs["node_cost"].items():
        key = next(k for k in cost if k.startswith("op_mac_"))
        input_type, weight_type = key.removeprefix("op_mac_").split("_")
        bits = DataType[input_type].bitwidth(), DataType[weight_type].bitwidth()
        layers.append(
            LayerCost(
                layer=name,
                operation=name.rsplit("_", 1)[0],
                input_type=input_type,
                weight_type=weight_type,
                input_bits=bits[0],
                weight_bits=bits[1],
                macs=cost[key],
                bit_ops=cost["total_bops"],
                bit_mem=cost["total_mem_w_bits"],
            )
        )
    # the official function returns a set as its text, "{'Abs', 'Sin'}" or "set()"
    unknown = set(re.findall(r"'(\w+)'", total["unsupported"]))
    known = {layer.operation for layer in layers} | unknown
    unsupported = {name: operations[name] for name in sorted(unknown)}
    free = {name: n for name, n in sorted(operations.items()) if name not in known}
    return billed(
        round(total["total_bops"]), round(total["total_mem_w_bits"]), tuple(layers), filters, free, unsupported
    )
