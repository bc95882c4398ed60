"""The program of the serial part: addresses, weights and offsets of each of its cycles, as words of one memory.

The memory is block RAM. In LUTs the program of `robust_record` at one sample a cycle took 1,400 of them by Yosys, for
which 20 block RAMs of 18 Kbit are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finn_build.statistics_unit.wires import width

MODULE = "serial_program"


@dataclass(frozen=True)
class Column:
    """Integers low to high by the cycle in which they are read, and `other` in all other cycles."""

    low: int
    high: int
    cases: tuple[tuple[int, int], ...]
    other: int

    @property
    def bits(self) -> int:
        """Of its part of a word."""
        return width(self.low, self.high)


class Program:
    """Columns so far, each with the signal that has its integer a cycle after it is read; address_bits: of `age`."""

    def __init__(self, address_bits: int) -> None:
        self._address_bits = address_bits
        self._names: dict[Column, str] = {}

    def name(self, low: int, high: int, cases: Mapping[int, int], other: int, new: str) -> str:
        """The signal of a column; `new` becomes that of one that is not there yet."""
        return self._names.setdefault(Column(low, high, tuple(cases.items()), other), new)

    def instance(self) -> list[str]:
        """Declarations of the signals, and the memory that gives them; nothing without columns."""
        if not self._names:
            return []
        lines = [
            f"\tlogic {'signed ' if column.low < 0 else ''}[{column.bits - 1}:0]  {name};"
            for column, name in self._names.items()
        ]
        return [*lines, f"\t{MODULE} steps (.ap_clk, .age, .word({{{', '.join(self._names.values())}}}));"]

    def module(self) -> list[str]:
        """Text of the memory's module."""
        if not self._names:
            return []
        bits = sum(column.bits for column in self._names)
        return [
            "",
            "// What changes from cycle to cycle of the serial part: addresses, weights, offsets.",
            f"module {MODULE} (",
            "\tinput\tlogic  ap_clk,",
            f"\tinput\tlogic [{self._address_bits - 1}:0]  age,",
            f"\toutput\tlogic [{bits - 1}:0]  word",
            ");",
            f'\t(* rom_style = "block" *) logic [{bits - 1}:0]  Words[{1 << self._address_bits}];',
            "\tinitial begin",
            *(f"\t\tWords[{age}] = {bits}'h{word:x};" for age, word in enumerate(self._words())),
            "\tend",
            "\talways_ff @(posedge ap_clk)  word <= Words[age];",
            "endmodule",
        ]

    def _words(self) -> Sequence[int]:
        words = [0] * (1 << self._address_bits)
        for column in self._names:
            cases = dict(column.cases)
            for age, word in enumerate(words):
                words[age] = word << column.bits | cases.get(age, column.other) & (1 << column.bits) - 1
        return words
