"""Reading the unit from a QONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finn_build.statistics_unit.elements import CONSTANT, Elements, constants
from finn_build.statistics_unit.interleaving import interleaved
from finn_build.statistics_unit.node import node_of
from finn_build.statistics_unit.operations import apply
from finn_build.statistics_unit.ranges import add_input, add_level, add_serial
from finn_build.statistics_unit.renumbered import pruned
from finn_build.statistics_unit.replay import replayed
from finn_build.statistics_unit.resources import price
from finn_build.statistics_unit.schedule import schedule
from finn_build.statistics_unit.sharing import shared
from finn_build.statistics_unit.tables import tabulated
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Level, Wires
from radioml.constants import FRAME_LENGTH
from radioml.errors import RadioMLError
from radioml.network.exact_qonnx import exact_constants

if TYPE_CHECKING:
    import onnx


def read_unit(model: onnx.ModelProto, logit_scale: float, lanes: int) -> Unit:
    """The unit of a QONNX model that takes `lanes` samples a beat.

    Raises RadioMLError with a line for each node that has no RTL here; nodes behind it are left out.
    """
    from onnx import numpy_helper

    wires = Wires(FRAME_LENGTH // lanes)
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    numbers = {**known, **exact_constants(model)}
    values: dict[str, Elements | None] = {}
    source = next(value.name for value in model.graph.input if value.name not in known)
    problems: list[str] = []
    for node in model.graph.node:
        name = f"{node.op_type} {node.name or node.output[0]}"
        try:
            if node.op_type == "Quant" and node.input[0] == source:
                values[node.output[0]] = _input(wires, lanes, numbers, node)
                continue
            if any(name and name not in numbers and values.get(name) is None for name in node.input):
                values[node.output[0]] = None  # behind a node with a problem
                continue
            if node.op_type == "Quant" and node.input[0] in numbers:
                numbers[node.output[0]] = numbers[node.input[0]]  # exact_constants has quantised it
                continue
            read = tuple(_read(values, numbers, name) if name else None for name in node.input)
            values[node.output[0]] = apply(wires, node_of(node, read))
        except RadioMLError as error:
            problems.append(f"{name}: {error}")
            values[node.output[0]] = None
    logits = values.get(model.graph.output[0].name)
    if not problems and logits is not None:
        try:
            output = _logits(wires, logits, logit_scale)
            tensors = {name: value for name, value in values.items() if value is not None}
            unit = Unit(lanes, tuple(wires[index] for index in range(len(wires))), output, tensors)
            return tabulated(_in_turns(interleaved(pruned(unit))))
        except RadioMLError as error:
            problems.append(f"output {model.graph.output[0].name}: {error}")
    raise RadioMLError("\n  ".join(["the statistics unit cannot compute this network:", *problems]))


def _read(values: dict[str, Elements | None], numbers: dict[str, np.ndarray], name: str) -> Elements:
    found = values.get(name)
    return constants(numbers[name]) if found is None else found


def _input(wires: Wires, lanes: int, numbers: dict[str, np.ndarray], node: onnx.NodeProto) -> Elements:
    """The quantised samples (1, 2, 1024): I and Q of sample n are integers 2 n and 2 n + 1 of the stream."""
    scale, bits = (float(numbers[node.input[index]].item()) for index in (1, 3))
    if bits != 8:
        raise RadioMLError(f"the input has {bits:g} bits; the unit's stream has 8")
    sample = np.arange(FRAME_LENGTH)
    first = [add_input(wires, element) for element in range(2 * lanes)]
    wire = np.array([[[first[2 * (n % lanes) + channel] for n in sample] for channel in (0, 1)]])
    slot = np.broadcast_to(sample // lanes, wire.shape)
    return Elements(wire, slot, np.full(wire.shape, scale), np.zeros(wire.shape))


def _logits(wires: Wires, logits: Elements, scale: float) -> int:
    """A wire with the integer logits one after the other."""
    row = logits.flat()
    gain, offset = row.gain / scale, row.offset / scale
    if (gain != np.rint(gain)).any() or (offset != np.rint(offset)).any():
        raise RadioMLError(f"the logits are no multiples of logit_scale {scale:g}")
    if (row.wire == CONSTANT).any():
        row, gain = _without_constants(row, gain)
    held = tuple(row.wire.tolist())
    if not all(wires[wire].held for wire in held):
        raise RadioMLError("the logits have to be results of the whole frame")
    first = max(int(wires[wire].slots.last) for wire in held)
    together = add_serial(wires, held, first)
    factors, offsets = (tuple(int(v) for v in values) for values in (gain, offset))
    return add_level(wires, Level(together, factors, offsets))


def _without_constants(row: Elements, gain: np.ndarray) -> tuple[Elements, np.ndarray]:
    """Logits that are constants read any wire with the factor 0."""
    if (row.wire == CONSTANT).all():
        raise RadioMLError("no logit depends on the frame")
    other = row.wire[row.wire != CONSTANT][0]
    constant = row.wire == CONSTANT
    wire = np.where(constant, other, row.wire)
    return Elements(wire, row.slot, row.gain, row.offset), np.where(constant, 0.0, gain)


def _in_turns(unit: Unit) -> Unit:
    """The unit where what lies behind the frame takes turns; with replayed rows where there is time and they pay."""
    found, with_rows = shared(unit), replayed(unit)
    if with_rows is unit:
        return found
    rows = shared(with_rows)
    try:
        schedule(rows)
    except RadioMLError:
        return found
    return min(found, rows, key=price)
