"""Why layers have stopped, read from the AXI streams between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stream:
    """A stream when the design had stopped, and what has passed over it since the reset.

    source, reader: the layers that give and take it, "" for the accelerator's input and output.
    valid: a word is offered; ready: it would be taken. passed: words so far; per_frame: words of a frame.
    """

    source: str
    reader: str
    valid: bool
    ready: bool
    passed: int
    per_frame: int

    @property
    def waits(self) -> bool:
        """Whether a word is offered and not taken."""
        return self.valid and not self.ready

    @property
    def starves(self) -> bool:
        """Whether the reader asks for a word in vain."""
        return self.ready and not self.valid


def explain(streams: Sequence[Stream]) -> str:
    """Name the layer or FIFO that holds the design up, and the full or starved layers around it.

    streams: the input first, the output last, none of which moves.

    A layer waits for the reader of a word that it offers, and for the source of a word that it asks for. Followed from
    the output, these waits end in the culprit:

    - A layer with a word at its input that waits for nobody does not take the word.
    - If no such layer exists, the culprit is the first that offers nothing and took more whole frames than it gave
      (parts of frames say nothing: paddings begin the next one early).
    - If the waits form a circle, a fork waits for a full branch, and the join of its branches waits for another branch:
      a FIFO of the full branch holds too few words.
    """
    output = streams[-1]
    if output.waits:
        return f"the accelerator's output is not read (after {_progress(output)}){_full(streams)}"
    layers = _Layers(streams)
    for layer in layers.reached(output.source):
        waiting = [stream for stream in layers.inputs(layer) if stream.waits]
        if waiting and not layers.waits_for(layer):
            at = streams.index(waiting[0])
            return (
                f"{layer} does not take the word that waits at its input (after {_progress(waiting[0])})"
                f"{_full(streams)}{_starved(streams[at + 1 :])}"
            )
    for stream in streams[1:]:
        taken = min(layers.inputs(stream.source), key=_frames)
        if not stream.valid and _frames(taken) > _frames(stream):
            return (
                f"{stream.source} has taken {_progress(taken)} but given only {_progress(stream)}"
                f"{_starved(streams[streams.index(stream) :])}"
            )
    if circle := layers.circle(output.source):
        return _shallow(layers, circle)
    return f"the accelerator waits for input (after {_progress(streams[0])})"


class _Layers:
    """The layers between streams that do not move, and for which others each one waits."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams

    def inputs(self, layer: str) -> list[Stream]:
        return [stream for stream in self._streams if stream.reader == layer]

    def full(self, layer: str) -> list[str]:
        """The readers of the words that a layer offers in vain."""
        return [stream.reader for stream in self._streams if stream.source == layer and stream.waits]

    def waits_for(self, layer: str) -> list[str]:
        empty = [stream for stream in self.inputs(layer) if not stream.valid]
        asked = [
            stream for stream in empty if stream.ready
        ] or empty  # some layers are ready for a word when it is there
        return [*self.full(layer), *(stream.source for stream in asked)]

    def reached(self, first: str) -> Iterator[str]:
        """The layers for which `first` waits, directly or by way of others, itself included."""
        found, new = {first}, [first]
        while new:
            layer = new.pop()
            if layer:
                yield layer
                new += [other for other in self.waits_for(layer) if other not in found]
                found.update(new)

    def circle(self, first: str) -> list[str]:
        """Layers of which each waits for the next, and the last for the first; none if there are no such layers."""

        def search(way: list[str]) -> list[str]:
            for other in self.waits_for(way[-1]):
                if other in way:
                    return way[way.index(other) :]
                if other and other not in done and (found := search([*way, other])):
                    return found
            done.add(way[-1])
            return []

        done: set[str] = set()
        return search([first])


def _shallow(layers: _Layers, circle: list[str]) -> str:
    """Name the FIFOs of the full branch between the fork and the join of a circle of waits."""
    followed = [*circle[1:], circle[0]]
    full = [other in layers.full(layer) for layer, other in zip(circle, followed, strict=True)]
    fork = next(index for index in range(len(circle)) if full[index] and not full[index - 1])
    branch = [circle[(fork + step) % len(circle)] for step in range(len(circle))]
    length = next(step for step in range(1, len(circle)) if not full[(fork + step) % len(circle)])
    between = branch[1:length]
    fifos = [name for name in between if "FIFO" in name] or between
    return (
        f"{branch[0]} gives to two branches that meet in {branch[length]}, which waits for a word of one branch while "
        f"the other is full: {_names(fifos)} {'is' if len(fifos) == 1 else 'are'} too shallow"
    )


def _frames(stream: Stream) -> int:
    return stream.passed // stream.per_frame


def _progress(stream: Stream) -> str:
    frames, words = divmod(stream.passed, stream.per_frame)
    return f"{frames} frames and {words} of {stream.per_frame} words"


def _full(streams: Sequence[Stream]) -> str:
    """Layers that can neither hand on a word nor take one, nearest to the culprit first: FIFOs among them are full."""
    cannot_give = dict.fromkeys(stream.source for stream in reversed(streams) if stream.waits)
    cannot_take = {stream.reader for stream in streams if stream.waits}
    stopped = [layer for layer in cannot_give if layer in cannot_take]
    return f"; stopped before it: {_names(stopped)}" if stopped else ""


def _starved(streams: Sequence[Stream]) -> str:
    starved = list(dict.fromkeys(stream.reader for stream in streams if stream.reader and stream.starves))
    return f"; starved behind it: {_names(starved)}" if starved else ""


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


_SHOWN = 3
