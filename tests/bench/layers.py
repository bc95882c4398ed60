"""`python -m tests.bench.layers [--cases N] [--first N]`: our RTL layers at random, in Verilator against NumPy.

Each case is a layer of random shape, widths and folding, which gets random words at one a cycle and under four mixes of
pauses. The table that is printed counts the cases that gave all words as NumPy says, in order and in time, and the
planted faults that were seen. The exit code is 1 unless all were.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from radioml.temporary import temporary_folder
from tests.finn_build.rtl_layers.layer_kinds import FAULTS, KINDS, bench_of, random_units, sound_units

_CASES_AT_ONCE = 10
"""Units of each kind in one Verilated design."""


def main() -> None:
    """Run what the arguments name, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200, help="of each layer")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first case, which its random choices follow"
    )
    given = parser.parse_args()
    cases: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    with temporary_folder("radioml-layers") as folder:
        seen = _seen(folder)
        for first in range(given.first, given.first + given.cases, _CASES_AT_ONCE):
            count = min(_CASES_AT_ONCE, given.first + given.cases - first)
            (part := folder / str(first)).mkdir()
            bench = bench_of(part, random_units(count, first), {})
            sound = sound_units(bench)
            cases.update(type(unit).__name__ for unit in bench.units)
            equal.update(type(unit).__name__ for unit in sound)
            for unit in bench.units:
                if unit not in sound:
                    print(f"differs: {unit}", file=sys.stderr)
    planted = Counter(type(unit).__name__ for unit in FAULTS)
    print("| layer | cases equal | planted faults seen |\n|---|---|---|")
    for name in (kind.__name__ for kind in KINDS):
        print(f"| {name} | {equal[name]:,} of {cases[name]:,} | {seen[name]} of {planted[name]} |")
    print(f"| all | {equal.total():,} of {cases.total():,} | {seen.total()} of {planted.total()} |")
    sys.exit(equal != cases or seen != planted)


def _seen(folder: Path) -> Counter[str]:
    """Planted faults that were seen, by layer."""
    (part := folder / "faults").mkdir()
    bench = bench_of(part, [], FAULTS)
    sound = sound_units(bench)
    return Counter(type(unit).__name__ for unit in bench.units if unit not in sound)


if __name__ == "__main__":
    main()
