"""Signals that say when: each is 1 in the cycles in which something has a certain slot.

A signal that is needed in several pipeline stages is decoded in the first of these, and follows in registers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from finn_build.statistics_unit.wires import Slots

_FOLLOWING = 8
"""Cycles that a signal follows in registers, a flip-flop each; a later stage decodes its slots anew."""


@dataclass(frozen=True)
class Moments:
    """The slots first to last whose distance from the first, modulo `period`, is below `width`.

    serial: as of `Slots`.
    """

    first: int
    last: int
    period: int
    width: int
    serial: bool

    def inside(self, counter: str, offset: int = 0) -> str:
        """Whether a counter, less an offset, is one of the slots."""
        first, last = self.first + offset, self.last + offset
        if first == last:
            return f"{counter} == {first}"
        within = f"{counter} >= {first} && {counter} <= {last}" if first > 0 else f"{counter} <= {last}"
        if self.width == self.period or self.last - self.first < self.width:
            return within
        chosen = "== 0" if self.width == 1 else f"< {self.width}"
        return f"{within} && ({counter} - {first}) % {self.period} {chosen}"


def each(slots: Slots) -> Moments:
    """The moments of some slots."""
    return Moments(slots.first, slots.last, slots.step, 1, slots.serial)


class Decoders:
    """Signals so far, by what they say and in which stage.

    Each has a source: "age", "slot" or "late_slot", which count whether or not anything moves, or "tick" or
    "late_tick", with which a slot counts in its own cycle alone.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[Moments, str], dict[int, str]] = defaultdict(dict)
        self._count = 0

    def name(self, moments: Moments, source: str, latency: int) -> str:
        """Of the signal for what has a latency, at least 1."""
        known = self._names[moments, source]
        if latency not in known:
            self._count += 1
            known[latency] = f"now{self._count}"
        return known[latency]

    def lines(self, stage: Callable[[int], int]) -> list[str]:
        """Declarations and registers; `stage` makes a stage of the slots' pipeline."""
        found: list[str] = []
        for (moments, source), names in self._names.items():
            known, name = -_FOLLOWING - 1, ""
            for latency in sorted(names):
                if latency - known > _FOLLOWING:
                    found += _register(names[latency], _condition(moments, source, latency - 1, stage))
                else:
                    later = [f"{names[latency]}_{cycle}" for cycle in range(known + 1, latency)] + [names[latency]]
                    for one in later:
                        found += _register(one, name)
                        name = one
                known, name = latency, names[latency]
        return found


def _register(name: str, text: str) -> list[str]:
    return [
        f"\tlogic  {name} = 0;",
        f"\talways_ff @(posedge ap_clk)  if(!ap_rst_n)  {name} <= 0; else  {name} <= {text};",
    ]


def _condition(moments: Moments, source: str, before: int, stage: Callable[[int], int]) -> str:
    """In the cycle before, in which what has one cycle less latency has a slot."""
    if source == "age":
        return moments.inside("age", before)
    at = stage(before)
    slots = moments.inside(f"{source.replace('tick', 'slot')}[{at}]")
    return f"{source}[{at}] && {slots}" if source.endswith("tick") else slots
