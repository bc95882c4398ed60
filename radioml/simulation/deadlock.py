"""Why a chain of layers has stopped, read from the AXI streams between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Stream:
    """A stream when the design had stopped, and what has passed over it since the reset.

    reader: the layer that it leads into, "" for the accelerator's output.
    valid: a word is offered; ready: it would be taken. passed: words so far; per_frame: words of a frame.
    """

    reader: str
    valid: bool
    ready: bool
    passed: int
    per_frame: int


def explain(streams: Sequence[Stream]) -> str:
    """Name the layer that holds the chain up, the stream that stopped, and the full FIFOs or starved layers around it.

    streams: from the accelerator's input to its output, none of which moves.

    A layer that cannot hand on a word passes the stop back to all before it, so the last stream on which a word waits
    leads into the culprit: what follows is empty. If no word waits anywhere, all were taken, and the culprit is the
    first that took more whole frames than it gave (parts of frames say nothing: paddings begin the next one early).
    """
    waiting = [index for index, stream in enumerate(streams) if stream.valid and not stream.ready]
    if waiting and streams[waiting[-1]].reader:
        index = waiting[-1]
        return (
            f"{streams[index].reader} does not take the word that waits at its input "
            f"(after {_progress(streams[index])}){_full(streams[: index + 1])}{_starved(streams[index + 1 :])}"
        )
    if waiting:
        return f"the accelerator's output is not read (after {_progress(streams[-1])}){_full(streams)}"
    for index, (source, target) in enumerate(pairwise(streams)):
        if source.passed // source.per_frame > target.passed // target.per_frame:
            return (
                f"{source.reader} has taken {_progress(source)} but given only {_progress(target)}"
                f"{_starved(streams[index + 1 :])}"
            )
    return f"the accelerator waits for input (after {_progress(streams[0])})"


def _progress(stream: Stream) -> str:
    frames, words = divmod(stream.passed, stream.per_frame)
    return f"{frames} frames and {words} of {stream.per_frame} words"


def _full(streams: Sequence[Stream]) -> str:
    """Layers that can neither hand on a word nor take one, nearest to the culprit first: FIFOs among them are full."""
    stopped = [source.reader for source, target in pairwise(streams) if _waits(source) and _waits(target)]
    return f"; stopped before it: {_names(stopped[::-1])}" if stopped else ""


def _starved(streams: Sequence[Stream]) -> str:
    starved = [stream.reader for stream in streams if stream.reader and stream.ready and not stream.valid]
    return f"; starved behind it: {_names(starved)}" if starved else ""


def _waits(stream: Stream) -> bool:
    return stream.valid and not stream.ready


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


_SHOWN = 3
