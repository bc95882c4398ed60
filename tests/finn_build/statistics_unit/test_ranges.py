from __future__ import annotations

from itertools import product

from finn_build.statistics_unit.ranges import reads_outside
from finn_build.statistics_unit.wires import Slots


def test_slots_without_a_number_are_found_by_three_of_them():
    all_slots = [Slots(*given, serial=False) for given in product(range(-2, 4), range(1, 5), range(1, 6))]
    for carried, read in product(all_slots, repeat=2):
        assert reads_outside(carried, read) == (not set(read) <= set(carried)), (carried, read)
