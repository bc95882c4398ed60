"""The unit in its intermediate form: wires that carry integers, and the operation that gives each of them.

Time is counted in slots. A frame's slots are its beats at the input, 0 to `beats` - 1, and the fillers behind them,
beats of zeros that push the last symbols out of the delay lines. Once a frame's statistics are there they are held, and
what follows is serial: its slots are clock cycles, counted from that moment. How many registers an operation takes is
nothing that slots know, see `schedule`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from radioml.errors import RadioMLError

MOST_BITS = 62
"""Of a wire: the evaluator computes in int64."""


@dataclass(frozen=True)
class Slots:
    """Slots first, first + step, ..., `count` of them; serial: whether they count cycles behind the frame."""

    first: int
    step: int
    count: int
    serial: bool

    @property
    def last(self) -> int:
        """The last of them."""
        return self.first + self.step * (self.count - 1)

    def index(self, slot: int) -> int | None:
        """Position of a slot; None where it is none of them."""
        position, rest = divmod(slot - self.first, self.step)
        return position if not rest and 0 <= position < self.count else None

    def __iter__(self) -> Iterator[int]:
        """The slots, in order."""
        return iter(range(self.first, self.last + 1, self.step))


@dataclass(frozen=True)
class Input:
    """An integer of the input's word; element: its place in the word."""

    element: int


@dataclass(frozen=True)
class Level:
    """(factor x source + offset) >> shift, not below `least`, not above `most`.

    factors, offsets: one number, or one for each slot of the source. to_even: where nothing was shifted out, an odd
    result is lowered by one, which makes of rounding half up rounding half to even.
    """

    source: int
    factors: tuple[int, ...]
    offsets: tuple[int, ...]
    shift: int = 0
    to_even: bool = False
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Term:
    """coefficient x what the source carried `delay` slots ago, and 0 where it carried nothing then."""

    source: int
    coefficient: int
    delay: int


@dataclass(frozen=True)
class Sum:
    """Sum of terms at some slots."""

    terms: tuple[Term, ...]
    slots: Slots


@dataclass(frozen=True)
class Product:
    """Product of two terms at some slots; their coefficients are 1."""

    left: Term
    right: Term
    slots: Slots


@dataclass(frozen=True)
class Reduce:
    """Sum, maximum or minimum over windows of `count` numbers.

    The source is read at slots first, first + step, ...; `interleave` windows run side by side and take turns. The
    result of a window is there at the slot of its last number. windows: how many follow each other. results: slots from
    the first result to the last one that is needed.
    """

    kind: Literal["sum", "max", "min"]
    source: int
    first: int
    step: int
    interleave: int
    count: int
    windows: int
    results: int


@dataclass(frozen=True)
class Hold:
    """What the source carries at one slot, held until the next frame's is there."""

    source: int
    slot: int


@dataclass(frozen=True)
class Serial:
    """Held wires one after the other, from slot `first` on."""

    sources: tuple[int, ...]
    first: int


@dataclass(frozen=True)
class Interleave:
    """What wires carry, in turn: each comes some slots later, so that their numbers follow each other.

    turns: a wire, and how many slots later.
    """

    turns: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Recall:
    """What wires carried at slots, one after the other from slot 0 on.

    order: a wire and a slot of it. Several slots of a wire need a memory, one needs a register, held wires neither.
    """

    order: tuple[tuple[int, int], ...]

    def kept(self) -> dict[int, list[int]]:
        """The slots of each wire that are read, in order."""
        found: dict[int, set[int]] = {}
        for source, slot in self.order:
            found.setdefault(source, set()).add(slot)
        return {source: sorted(slots) for source, slots in found.items()}


@dataclass(frozen=True)
class Running:
    """Sum, maximum or minimum since the last of the slots `starts`; the first of them is the source's first slot."""

    kind: Literal["sum", "max", "min"]
    source: int
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """A function of the source at some slots: its values from the lowest integer of the source's range on."""

    source: int
    values: tuple[int, ...]
    slots: Slots


Operation = Input | Level | Sum | Product | Reduce | Hold | Serial | Interleave | Recall | Running | Table


@dataclass(frozen=True)
class Wire:
    """A wire: the operation that gives it, the range of its integers, when it carries them.

    held: whether it carries one integer a frame and keeps it, so that it can be read at any later slot.
    """

    operation: Operation
    low: int
    high: int
    slots: Slots
    held: bool

    @property
    def signed(self) -> bool:
        """Whether some of its integers are negative."""
        return self.low < 0

    @property
    def bits(self) -> int:
        """Width that holds its range."""
        return width(self.low, self.high)


def width(low: int, high: int) -> int:
    """Bits of the integers low to high: two's complement where low is negative."""
    if low < 0:
        return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1
    return max(1, high.bit_length())


def sources(operation: Operation) -> tuple[int, ...]:
    """The wires that an operation reads."""
    match operation:
        case Input():
            return ()
        case Level() | Reduce() | Hold() | Running() | Table():
            return (operation.source,)
        case Recall():
            return tuple(operation.kept())
        case Sum():
            return tuple(term.source for term in operation.terms)
        case Product():
            return (operation.left.source, operation.right.source)
        case Serial():
            return operation.sources
        case Interleave(turns):
            return tuple(source for source, _ in turns)


class Wires:
    """Wires so far; an operation that is there already is not added again."""

    def __init__(self, beats: int) -> None:
        self.beats = beats
        self._all: list[Wire] = []
        self._known: dict[tuple[Operation, int, int], int] = {}

    def __getitem__(self, index: int) -> Wire:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def add(self, operation: Operation, low: int, high: int, slots: Slots, held: bool) -> int:
        """Index of the wire with this operation. Raises RadioMLError for a range of more than 62 bits."""
        if width(low, high) > MOST_BITS:
            raise RadioMLError(f"its integers, {low} to {high}, have more than {MOST_BITS} bits")
        key = (operation, low, high)
        if key not in self._known:
            self._known[key] = len(self._all)
            self._all.append(Wire(operation, low, high, slots, held))
        return self._known[key]
