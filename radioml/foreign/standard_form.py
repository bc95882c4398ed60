"""Writes an imported network in fewer kinds of nodes, each computed as the file says: the network's reference.

Constants are computed in the file's own precision, in which the network was trained. Shapes are computed for one frame;
the batch size is left open.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioml.contract.metadata import INPUT_NAME, OUTPUT_NAME
from radioml.errors import RadioMLError
from radioml.foreign.ends import take_samples
from radioml.foreign.graph import Graph, label
from radioml.foreign.reading import read_foreign
from radioml.network.operators import exact_operators

if TYPE_CHECKING:
    import onnx

_QUANTISES_CONSTANTS = ("Quant", "BipolarQuant", "MultiThreshold", "DequantizeLinear")
"""Operations that are not folded: their results are integers times a scale."""
_MOVES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
_BEHIND_LOGITS = ("Softmax", "LogSoftmax", "ArgMax", "TopK", "Sigmoid", "Identity", *_MOVES)
"""Operations that choose the same class as the logits in front of them."""
_MOST_ELEMENTS = 1 << 24
"""Most elements of a constant that is computed."""


def standard_form(path: Path, output: str | None = None) -> Graph:
    """Read a file, and bring its network from the input to the logits into standard form.

    output: name of the output that gives the logits, or leads to them; None where there is one only.
    Raises RadioMLError for a file that `read_foreign` refuses, for outputs to choose from, and shapes that depend on
    more than the input's.
    """
    model = read_foreign(path)
    chosen = _choose(path, model, output)
    del model.graph.output[:]
    model.graph.output.append(chosen)
    try:
        graph = Graph(model)
        graph.prune()
        _fold(graph)
        _drop_what_does_nothing(graph)
        take_samples(graph)
        _end_at_logits(graph)
        _leave_frames_open(graph)
        graph.prune()
        for name in (INPUT_NAME, OUTPUT_NAME):  # names that the ends will have
            if name not in (graph.input, graph.output):
                graph.rename(name, graph.new_name(f"{name}_of_the_file"))
    except RadioMLError as error:
        raise RadioMLError(f"{path}: {error}") from error
    except (ValueError, TypeError, KeyError, IndexError, StopIteration) as error:  # as of attributes that are missing
        raise RadioMLError(f"{path}: a damaged ONNX file: {' '.join(str(error).split())}") from error
    return graph


def _choose(path: Path, model: onnx.ModelProto, wanted: str | None) -> onnx.ValueInfoProto:
    outputs = {value.name: value for value in model.graph.output}
    names = ", ".join(map(repr, outputs))
    if wanted is None and len(outputs) > 1:
        raise RadioMLError(f"{path}: {len(outputs)} outputs ({names}); say with --output which one gives the logits")
    if wanted is not None and wanted not in outputs:
        raise RadioMLError(f"{path}: no output {wanted!r}; there is {names}")
    return outputs[wanted] if wanted is not None else model.graph.output[0]


def _fold(graph: Graph) -> None:
    """Fold nodes that depend on constants and shapes alone, except quantisers of constants."""
    while True:
        shapes = graph.shapes()
        before = len(graph.nodes)
        for node in list(graph.nodes):
            if node.op_type in ("Shape", "Size") and node.input[0] in shapes:
                _take(graph, node, _measure(node, shapes[node.input[0]]))
            elif node.op_type not in _QUANTISES_CONSTANTS and all(n in graph.constants for n in node.input if n):
                _check_size(node, shapes)
                _take(graph, node, _compute(graph, node))
        if len(graph.nodes) == before:
            return


def _take(graph: Graph, node: onnx.NodeProto, value: np.ndarray) -> None:
    graph.remove(node)
    graph.constants[node.output[0]] = value


def _measure(node: onnx.NodeProto, shape: tuple[int, ...]) -> np.ndarray:
    if node.op_type == "Size":
        return np.array(np.prod(shape), np.int64)
    given = {attribute.name: attribute.i for attribute in node.attribute}
    return np.array(shape[given.get("start", 0) : given.get("end", len(shape))], np.int64)


def _check_size(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> None:
    """Refuse a constant that is too large: a few bytes of a file can ask for any amount of memory."""
    for name in node.output:
        if name and np.prod(shapes.get(name, (_MOST_ELEMENTS + 1,)), dtype=float) > _MOST_ELEMENTS:
            raise RadioMLError(f"{label(node)} computes a constant of unknown size, or of more than {_MOST_ELEMENTS:,}")


def _compute(graph: Graph, node: onnx.NodeProto) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    try:
        evaluator = ReferenceEvaluator(graph.single(node), new_ops=exact_operators())
        (result,) = evaluator.run(None, {graph.input: np.zeros(graph.input_shape)})
    except (ValueError, TypeError, IndexError, RuntimeError, ArithmeticError) as error:
        raise RadioMLError(f"{label(node)} cannot be computed: {' '.join(str(error).split())}") from error
    return np.asarray(result)


def _drop_what_does_nothing(graph: Graph) -> None:
    """Remove nodes that leave their input unchanged: identities, dropout, casts of floats to floats."""
    from onnx import TensorProto

    floats = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
    for node in graph.of("Identity", "Dropout", "Cast"):
        if node.op_type == "Cast" and next(a.i for a in node.attribute if a.name == "to") not in floats:
            raise RadioMLError(f"{label(node)} turns activations into integers; a quantiser keeps their scale")
        if node.op_type != "Cast" or not _is_integer(graph, node.input[0]):
            graph.bypass(node)


def _is_integer(graph: Graph, tensor: str) -> bool:
    """Whether a tensor is the result of QuantizeLinear, clipped or moved."""
    while (maker := graph.maker(tensor)) is not None and maker.op_type in ("Clip", "MaxPool", "Transpose", *_MOVES):
        tensor = maker.input[0]
    return maker is not None and maker.op_type == "QuantizeLinear"


def _end_at_logits(graph: Graph) -> None:
    """Remove the nodes behind the logits, and give the logits as (frames, classes)."""
    shapes = graph.shapes()
    while (last := graph.maker(graph.output)) is not None and last.op_type in _BEHIND_LOGITS:
        graph.output = last.input[0]
        graph.prune()
    shape = shapes.get(graph.output)
    if shape is None:
        raise RadioMLError(f"the shape of {graph.output!r} depends on more than the input's shape")
    if len(shape) != 2:
        graph.append("Flatten", [graph.output], "flat_logits", axis=1)


def _leave_frames_open(graph: Graph) -> None:
    """Let moves of data take any number of frames: shapes that a file gives for one frame fit one alone."""
    shapes = graph.shapes()
    for node in graph.of(*_MOVES):
        before, after = shapes.get(node.input[0]), shapes.get(node.output[0])
        if before is None or after is None:
            raise RadioMLError(f"{label(node)}: the shape that it gives depends on more than the input's shape")
        if node.input[0] in graph.constants or before[:1] != (1,) or after[:1] != (1,):
            continue  # of weights, or to be found out when several frames are computed
        if len(after) == 2:
            graph.make("Flatten", node.input[:1], node.output[0], node, axis=1)
        else:
            target = graph.constant(np.array([-1, *after[1:]], np.int64), f"{node.output[0]}_shape")
            graph.make("Reshape", [node.input[0], target], node.output[0], node)
        graph.remove(node)
