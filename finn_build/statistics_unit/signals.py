"""Names and registers of the unit's module, each made once."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping

from finn_build.statistics_unit.moments import Decoders, Moments, each
from finn_build.statistics_unit.program import Program
from finn_build.statistics_unit.schedule import Schedule, age_bits
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Slots, width


def constant(value: int, bits: int) -> str:
    """A signed literal."""
    return f"{'-' if value < 0 else ''}{bits}'sd{abs(value)}"


class Signals:
    """Declarations and registers so far.

    lines: of the module's body. moments: in front of them, those of the signals that say when. deepest: cycles for
    which slots of the frame are known. starts: whether a serial part begins in the next cycle. tables: of a wire, each
    with the signal that it gives.
    """

    def __init__(self, unit: Unit, timing: Schedule) -> None:
        self._unit, self._timing = unit, timing
        self.lines: list[str] = []
        self.moments: list[str] = []
        self.deepest = 0
        self.age_bits = age_bits(timing)
        self.tables: dict[int, dict[tuple[int, ...], str]] = defaultdict(dict)
        self._count = 0
        self._decoders = Decoders()
        self.program = Program(self.age_bits)
        self._made: dict[object, str] = {}
        self._taps: dict[int, dict[int, str]] = {}
        self._lines: dict[tuple[int, str], list[tuple[str, str, int]]] = {}
        self.starts = self.when(Slots(unit.beats + timing.fillers - 1, 1, 1, serial=False), timing.start - 1)

    def note(self, text: str) -> None:
        """A comment."""
        self.lines.append(f"\t// {text}")

    def name(self, wire: int) -> str:
        """Of a wire's register."""
        return f"w{wire}"

    def at(self, latency: int) -> int:
        """An index of the slots' pipeline, which is made that long."""
        self.deepest = max(self.deepest, latency)
        return latency

    def declare_wire(self, wire: int, attribute: str = "") -> str:
        """The register of a wire."""
        found = self._unit.wires[wire]
        return self._declare(self.name(wire), found.low, found.high, attribute)

    def declare(self, low: int, high: int, attribute: str = "") -> str:
        """A register of its own for the integers low to high."""
        self._count += 1
        return self._declare(f"r{self._count}", low, high, attribute)

    def _declare(self, name: str, low: int, high: int, attribute: str) -> str:
        sign = "signed " if low < 0 else ""
        self.lines.append(f"\t{attribute}logic {sign}[{width(low, high) - 1}:0]  {name};")
        return name

    def read(self, wire: int) -> str:
        """What a wire carries, as a signed number."""
        return self.as_signed(self.name(wire), self._unit.wires[wire].low)

    def as_signed(self, name: str, low: int) -> str:
        """A register as a signed number; low: the lowest integer that it was declared for."""
        return name if low < 0 else f"$signed({{1'b0, {name}}})"

    def register(self, name: str, text: str, enable: str | None) -> None:
        """Load a register, in cycles in which `enable` is 1."""
        condition = f"if({enable})  " if enable else ""
        self.lines.append(f"\talways_ff @(posedge ap_clk)  {condition}{name} <= {text};")

    def assign(self, name: str, text: str) -> None:
        """Name what an expression gives, without a register."""
        self.lines.append(f"\tassign\t{name} = {text};")

    def declare_array(self, low: int, high: int, count: int) -> str:
        """Some registers of its own for the integers low to high, read by their number."""
        name = self.declare(low, high)
        self.lines[-1] = self.lines[-1].replace(f"{name};", f"{name}[{count}];")
        return name

    def chosen(self, low: int, high: int, selector: str, cases: Mapping[int, int], other: int | None = None) -> str:
        """A register for the integers low to high with what belongs to a number, with `other` for other numbers."""
        key = (low, high, selector, tuple(cases.items()), other)
        if key not in self._made:
            self._made[key] = name = self.declare(low, high)
            loads = [f"\t\t\t{number}: {name} <= {value};" for number, value in cases.items()]
            self.lines += ["\talways_ff @(posedge ap_clk) begin", f"\t\tcase({selector})", *loads]
            rest = "'x" if other is None else other
            self.lines += [f"\t\t\tdefault: {name} <= {rest};", "\t\tendcase", "\tend"]
        return self._made[key]

    def in_turn(self, low: int, high: int, cases: Mapping[int, int], other: int = 0) -> str:
        """Integers low to high of the serial part's program; each is there a cycle after age is its number."""
        self._count += 1
        return self.program.name(low, high, cases, other, f"step{self._count}")

    def result(self, wire: int, text: str, attribute: str = "") -> None:
        """The last register of a wire: one that is held loads once a frame, a masked one is 0 beside its slots."""
        found, latency = self._unit.wires[wire], self._timing.latency[wire]
        name = self.declare_wire(wire, attribute)
        if wire in self._timing.masked:
            text = f"{self.inside(found.slots, latency - 1)} ? {text} : 1'sd0"
        enable = self.when(found.slots, latency - 1) if found.held else None
        self.register(name, text, enable)

    def when(self, slots: Slots, latency: int) -> str:
        """1 in cycles in which what has this latency is of one of the slots."""
        return self.during(each(slots), latency)

    def during(self, moments: Moments, latency: int) -> str:
        """The same for more than evenly spaced slots."""
        return self._decoders.name(moments, "age" if moments.serial else f"{self.late(moments.last)}tick", latency)

    def late(self, last: int) -> str:
        """Which pipeline of slots has those up to the last: only one has those behind the fillers."""
        behind = last >= self._unit.beats + self._timing.fillers
        return "late_" if behind and self._timing.late else ""

    def inside(self, slots: Slots, latency: int) -> str:
        """The same for the frame's slots, whether or not it is a slot's cycle."""
        return self._decoders.name(each(slots), f"{self.late(slots.last)}slot", latency)

    def delayed(self, wire: int, slots: int, cycles: int) -> str:
        """What a wire carried some of its slots ago, some cycles later, as a signed number."""
        found = self._unit.wires[wire]
        name = self._taken(wire, slots // found.slots.step)
        for count in range(1, cycles + 1):
            key = (wire, slots, count)
            if key not in self._made:
                self._made[key] = self.declare(found.low, found.high)
                self.register(self._made[key], name, None)
            name = self._made[key]
        return self.as_signed(name, found.low)

    def _taken(self, wire: int, moves: int) -> str:
        """Where a delay line of a wire is read."""
        found, taps = self._unit.wires[wire], self._taps.setdefault(wire, {0: self.name(wire)})
        if moves not in taps:
            taps[moves] = self.declare(found.low, found.high)
        return taps[moves]

    def _moves(self, wire: int) -> str | None:
        """When a delay line of a wire moves on: with each slot, in the serial part with each cycle."""
        slots, latency = self._unit.wires[wire].slots, self._timing.latency[wire]
        if slots.serial:
            return None
        late = "late_" if wire in self._timing.turned and self._timing.late else ""
        return f"{late}tick[{self.at(latency)}]" if slots.step == 1 else self.when(slots, latency)

    def line(self, oldest: str, newest: str, bits: int, moves: int, enable: str | None) -> None:
        """A register that loads what another one held some moves before, those of cycles in which `enable` is 1."""
        if moves == 1:
            self.register(oldest, newest, enable)
        else:
            self._lines.setdefault((moves, enable or "1'b1"), []).append((oldest, newest, bits))

    def finish(self) -> None:
        """Add the signals that say when, and the delay lines.

        Delay lines of one length that move together are one, with one address.
        """
        for wire, taps in self._taps.items():
            places = sorted(taps)
            for near, far in itertools.pairwise(places):
                self.line(taps[far], taps[near], self._unit.wires[wire].bits, far - near, self._moves(wire))
        for number, ((moves, enable), lines) in enumerate(self._lines.items()):
            oldest, newest = ", ".join(line[0] for line in lines), ", ".join(line[1] for line in lines)
            bits = sum(line[2] for line in lines)
            self.lines += [
                f"\tdelay_line #(.LENGTH({moves}), .WIDTH({bits})) line{number} (",
                f"\t\t.ap_clk, .ap_rst_n, .move({enable}), .newest({{{newest}}}), .oldest({{{oldest}}})",
                "\t);",
            ]
        self.moments = self._decoders.lines(self.at)
