"""`python -m tests.bench.unit_weights BUILD`: each weight of a statistics unit wrong in turn, on 26 frames of all SNRs.

The unit in integers gets the fault, and the logits say whether the frames notice it. Nothing is synthesised: a netlist
that is equal to the unit in integers on these frames tells the same faults apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np

from finn_build.engine.paths import NETWORK
from finn_build.estimate.result import read_estimate
from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.unit import Unit, read_unit
from finn_build.statistics_unit.wires import Sum, sources
from radioml.contract.metadata import load_exported
from radioml.data.synthetic import generate_spread
from radioml.run_directory import ESTIMATE

FRAMES = 26
FAULTS = ("sign", "lowest bit")
Weight = tuple[int, int]
"""Number of a wire that is a sum, and of a term of it."""


def unit_of(folder: Path) -> Unit:
    """The unit of a build folder."""
    model, metadata = load_exported(folder / NETWORK)
    return read_unit(model, metadata.logit_scale, read_estimate(folder / ESTIMATE).layers[0].folding["SIMD"])


def weights_of(unit: Unit) -> list[Weight]:
    """Terms of the sums behind the statistics."""
    return [
        (index, term)
        for index, wire in enumerate(unit.wires)
        if isinstance(wire.operation, Sum) and wire.held
        for term in range(len(wire.operation.terms))
    ]


def with_fault(unit: Unit, weight: Weight, fault: str) -> Unit:
    """The unit with a weight of the other sign, or another one in the lowest bit that its input's weights have."""
    index, at = weight
    operation = unit.wires[index].operation
    assert isinstance(operation, Sum)
    term = operation.terms[at]
    same = [
        other.coefficient
        for wire in unit.wires
        if isinstance(wire.operation, Sum) and wire.held
        for other in wire.operation.terms
        if other.source == term.source
    ]
    bits = reduce(lambda left, right: left | right, map(abs, same))
    magnitude = abs(term.coefficient) ^ (bits & -bits if fault == "lowest bit" else 0)
    sign = -1 if (term.coefficient < 0) != (fault == "sign") else 1
    changed = replace(term, coefficient=sign * magnitude)
    terms = (*operation.terms[:at], changed, *operation.terms[at + 1 :])
    wires = list(unit.wires)
    wires[index] = replace(wires[index], operation=replace(operation, terms=terms))
    return replace(unit, wires=tuple(wires))


class Faulty(Evaluation):
    """A unit with a fault in one wire: all that does not depend on it is that of the unit without."""

    def __init__(self, unit: Unit, wrong: int, right: Evaluation) -> None:
        self._unit, self._values = unit, list(right._values)
        changed: set[int] = set()
        for index in range(wrong, len(unit.wires)):
            wire = unit.wires[index]
            if index == wrong or not changed.isdisjoint(sources(wire.operation)):
                changed.add(index)
                self._values[index] = self._compute(wire, np.zeros(0))


def missed(unit: Unit, integers: np.ndarray, weights: Sequence[Weight], fault: str) -> list[Weight]:
    """The weights whose fault changes no logit of the quantised frames int8 (N, 1024, 2)."""
    right = Evaluation(unit, integers)
    return [
        weight
        for weight in weights
        if np.array_equal(Faulty(with_fault(unit, weight, fault), weight[0], right).logits, right.logits)
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make each weight of a statistics unit wrong in turn.")
    parser.add_argument("build", type=Path)
    folder = parser.parse_args().build.resolve()
    unit, (_, metadata) = unit_of(folder), load_exported(folder / NETWORK)
    weights, integers = weights_of(unit), metadata.quantiser(generate_spread(FRAMES, 0).iq)
    for fault in FAULTS:
        unseen = missed(unit, integers, weights, fault)
        print(f"wrong {fault}: {len(weights) - len(unseen)} of {len(weights)} weights are noticed; not {unseen}")
