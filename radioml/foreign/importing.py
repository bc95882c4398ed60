"""Imports a network that others made: in the form that later stages take, and as it was, for comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioml.contract.metadata import INPUT_NAME, OUTPUT_NAME, ImportOptions
from radioml.contract.quantiser import InputQuantiser
from radioml.errors import RadioMLError
from radioml.foreign.ends import quantise_samples
from radioml.foreign.graph import Graph, label
from radioml.foreign.layers import simplify_layers
from radioml.foreign.logit_scale import logit_scale, round_bias
from radioml.foreign.quantisers import unify_quantisers
from radioml.foreign.reading import refuse
from radioml.foreign.standard_form import standard_form
from radioml.foreign.weights import quantise_weights

if TYPE_CHECKING:
    import onnx

_LEFT_OVER = ("Shape", "Size", "ConstantOfShape", "Expand", "Range", "Equal", "Where", "ReduceProd", "Gather")
"""Operations that compute shapes; one that is left after constant folding depends on samples."""


@dataclass(frozen=True)
class Network:
    """An imported network.

    reference: the file's own graph, in `radioml.foreign.standard_form`. model: in QONNX, from `iq` to `logits`.
    quantiser: the host's. logit_scale: value of one step of the logits. classes: number of logits. remarks: assumptions
    that the file does not state, one sentence each.
    """

    reference: onnx.ModelProto
    model: onnx.ModelProto
    quantiser: InputQuantiser
    logit_scale: float
    classes: int
    remarks: tuple[str, ...]


def import_network(path: Path, options: ImportOptions) -> Network:
    """Read a file and bring its network into QONNX.

    Raises RadioMLError with a line for each problem: what `read_foreign` refuses, quantisers that are not uniform,
    logits that are no integers times one scale, and options that are missing.
    """
    reference = standard_form(path, options.output)
    try:
        graph = Graph(reference.model())
        refuse(path, [*unify_quantisers(graph), *_computed_shapes(graph)])
        simplify_layers(graph)
        remarks = list(quantise_weights(graph))
        simplify_layers(graph)  # again, for layers that stood behind a scale
        quantiser = quantise_samples(graph, options.input_bits, options.input_scale)
        if options.round_bias:
            remarks += _round_bias(graph, reference)
        scale = logit_scale(graph)
        shape = graph.shapes()[graph.output]
    except RadioMLError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise RadioMLError(f"{path}: cannot be imported: {error}") from error
    except RecursionError as error:
        raise RadioMLError(f"{path}: cannot be imported: its layers lie too deep behind one another") from error
    except (ValueError, TypeError, KeyError, IndexError, StopIteration) as error:  # as of attributes that are missing
        raise RadioMLError(f"{path}: a damaged ONNX file: {' '.join(str(error).split())}") from error
    return Network(reference.model(), _finished(graph, shape), quantiser, scale, shape[1], tuple(remarks))


def _computed_shapes(graph: Graph) -> Iterator[str]:
    for node in graph.of(*_LEFT_OVER):
        yield f"{label(node)}: what it gives depends on the samples; a network takes frames of one shape"


def _round_bias(graph: Graph, reference: Graph) -> Iterator[str]:
    """Round the bias in both graphs, so that the reference has the rounded bias, too."""
    last = graph.maker(graph.output)
    before = graph.constants.get(last.input[2]) if last is not None and len(last.input) > 2 else None
    change = round_bias(graph)
    if change is None or last is None or before is None:
        return
    same = [name for name, value in reference.constants.items() if np.array_equal(value.reshape(-1), before)]
    if not same:
        raise RadioMLError(f"{label(last)}: its bias is not in the file as it is, and cannot be rounded there")
    for name in same:
        reference.constants[name] = graph.constants[last.input[2]].reshape(reference.constants[name].shape)
    yield f"{label(last)}: its bias is rounded to steps of the logits, by up to {change:.2g} of one"


def _finished(graph: Graph, shape: tuple[int, ...]) -> onnx.ModelProto:
    """A model with the names and shapes of the contract; other tensors keep their names."""
    from onnx import TensorProto, helper

    graph.rename(graph.input, INPUT_NAME)
    graph.rename(graph.output, OUTPUT_NAME)
    for number, node in enumerate(graph.nodes):
        node.name = f"{node.op_type}_{number}"
    model = graph.model()
    shapes = graph.shapes()
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, shape))
    inner = (name for node in graph.nodes for name in node.output if name in shapes and name != OUTPUT_NAME)
    model.graph.value_info.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in inner
    )
    return model
