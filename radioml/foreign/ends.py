"""Both ends of a network: the samples, quantised by the host, and the logits, in the order of the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.contract.quantiser import InputQuantiser
from radioml.errors import RadioMLError
from radioml.foreign.graph import Graph, attributes, label

if TYPE_CHECKING:
    import onnx

_MOVES = ("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze")
_SAMPLES = (2, FRAME_LENGTH)


def take_samples(graph: Graph) -> None:
    """Make the input (1, 2, 1024), and compute the file's own arrangement from it: one more dimension, or I/Q pairs.

    Raises RadioMLError for inputs that hold something else.
    """
    shape, name = graph.input_shape, graph.input
    sizes = tuple(size for size in shape[1:] if size != 1)
    if sizes not in (_SAMPLES, _SAMPLES[::-1]):
        raise RadioMLError(
            f"input {name!r} is {shape}; frames are {_SAMPLES[1]} I/Q samples, (1, {_SAMPLES[0]}, {_SAMPLES[1]})"
        )
    if shape == (1, *_SAMPLES):
        return
    graph.input, graph.input_shape = graph.new_name("samples"), (1, *_SAMPLES)
    tensor, first = graph.input, graph.nodes[0]
    if sizes != _SAMPLES:
        turned = graph.new_name("pairs")
        graph.make("Transpose", [tensor], turned, first, perm=[0, 2, 1])
        tensor = turned
    target = graph.constant(np.array([-1, *shape[1:]], np.int64), "arrangement")
    graph.make("Reshape", [tensor, target], name, first)


def quantise_samples(graph: Graph, bits: int | None, scale: float | None) -> InputQuantiser:
    """Make the input's quantiser the first node; returns that quantiser, which becomes the host's.

    bits, scale: the quantiser of a file that has none. Raises RadioMLError where file and options do not determine it.
    """
    node = _first_quantiser(graph)
    found = _as_host(graph, node) if node is not None else "nothing quantises its input first"
    if isinstance(found, str) or node is None:
        return _put_quantiser(graph, bits, scale, str(found))
    if (bits or found.bits, np.float32(scale or found.scale)) != (found.bits, np.float32(found.scale)):
        raise RadioMLError(
            f"the file quantises its input to {found.bits} bits with steps of {found.scale:g}; leave --input-bits and "
            "--input-scale out"
        )
    if node.input[0] != graph.input:  # it stands behind moves of data, which treat integers alike
        graph.bypass(node)
        node.input[0], node.output[0] = graph.input, graph.new_name("quantised_samples")
        graph.replace(graph.input, node.output[0])
        graph.nodes.insert(0, node)
    return found


def _first_quantiser(graph: Graph) -> onnx.NodeProto | None:
    """The quantiser of the samples; only moves of data may stand before it."""
    tensor = graph.input
    while (reader := graph.read_once(tensor)) is not None and reader.input[0] == tensor:
        if reader.op_type == "Quant":
            return reader
        if reader.op_type not in _MOVES:
            return None
        tensor = reader.output[0]
    return None


def _as_host(graph: Graph, node: onnx.NodeProto) -> InputQuantiser | str:
    """A quantiser as the host's, or in words why the host cannot have it."""
    scale, zero_point, bits = (graph.constants[name] for name in node.input[1:])
    given = attributes(node)
    other = {
        "has a scale for each channel": scale.size != 1,
        "has a zero point": bool(zero_point.any()),
        "is unsigned": not given["signed"],
        "leaves out the lowest level (narrow range)": bool(given["narrow"]),
        f"rounds otherwise ({given['rounding_mode'].decode()})": given["rounding_mode"] not in (b"ROUND", b"HALF_EVEN"),
        f"has {bits.item():g} bits": not 2 <= bits.item() <= 8,
    }
    if reasons := [reason for reason, is_so in other.items() if is_so]:
        return f"{label(node)}, which quantises its input, {' and '.join(reasons)}"
    return InputQuantiser(int(bits.item()), float(scale.item()))


def _put_quantiser(graph: Graph, bits: int | None, scale: float | None, reason: str) -> InputQuantiser:
    if bits is None or scale is None:
        raise RadioMLError(
            f"{reason}. Describe the host's quantiser: --input-bits, 2 to 8, and --input-scale, the value of one step. "
            "RadioML's frames reach from -2 to 2: 8 bits with steps of 0.015625"
        )
    try:
        quantiser = InputQuantiser(bits, float(np.float32(scale)))
    except ValueError as error:
        raise RadioMLError(str(error)) from error
    quantised = graph.new_name("quantised_samples")
    graph.replace(graph.input, quantised)
    numbers = {"scale": quantiser.scale, "zero_point": 0, "bits": bits}
    inputs = [graph.constant(np.float32(value), f"{quantised}_{name}") for name, value in numbers.items()]
    options = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
    graph.make("Quant", [graph.input, *inputs], quantised, graph.nodes[0], **options)
    return quantiser
