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
from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.read import read_unit
from finn_build.statistics_unit.stages import weighs
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Level, Recall, sources
from radioml.contract.estimate import Estimate
from radioml.contract.metadata import load_exported
from radioml.data.synthetic import generate_spread
from radioml.run_directory import ESTIMATE

FRAMES = 26
FAULTS = ("sign", "lowest bit")
Weight = tuple[int, int]
"""Number of a wire that weights, and place of a weight in its table."""


def unit_of(folder: Path) -> Unit:
    """The unit of a build folder."""
    model, metadata = load_exported(folder / NETWORK)
    return read_unit(model, metadata.logit_scale, Estimate.read(folder / ESTIMATE).layers[0].folding["SIMD"])


def weights_of(unit: Unit) -> list[Weight]:
    """Weights of the sums behind the statistics."""
    return [
        (index, place)
        for index in range(len(unit.wires))
        if (tables := _table(unit, index)) is not None
        for place, factor in enumerate(tables[0].factors)
        if factor
    ]


def _table(unit: Unit, index: int) -> tuple[Level, Recall] | None:
    """A wire that weights what it reads from a memory, and that wire; None for other wires."""
    level = unit.wires[index].operation
    recall = unit.wires[level.source].operation if isinstance(level, Level) else None
    weights = isinstance(level, Level) and weighs(level, unit.wires[level.source])
    return (level, recall) if weights and isinstance(level, Level) and isinstance(recall, Recall) else None


def with_fault(unit: Unit, weight: Weight, fault: str) -> Unit:
    """The unit with a weight of the other sign, or another one in the lowest bit that its input's weights have."""
    index, at = weight
    found = _table(unit, index)
    assert found is not None
    level, read = found
    same = [
        factor
        for other in filter(None, (_table(unit, number) for number in range(len(unit.wires))))
        for factor, slot in zip(other[0].factors, other[1].order, strict=True)
        if (other[1].source, slot) == (read.source, read.order[at])
    ]
    bits = reduce(lambda left, right: left | right, map(abs, same))
    magnitude = abs(level.factors[at]) ^ (bits & -bits if fault == "lowest bit" else 0)
    sign = -1 if (level.factors[at] < 0) != (fault == "sign") else 1
    factors = (*level.factors[:at], sign * magnitude, *level.factors[at + 1 :])
    wires = list(unit.wires)
    wires[index] = replace(wires[index], operation=replace(level, factors=factors))
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
