"""The layer or FIFO that stops a design, found from the streams between its layers."""

from __future__ import annotations

import pytest

from radioml.simulation.deadlock import Stream, explain


def chain(*states):
    """Streams into a, b, c, ... and out: (state, words passed of 4 a frame); state v: valid, r: ready."""
    names = ["", *"abcdefgh"[: len(states) - 1], ""]
    return [
        Stream(source, reader, "v" in state, "r" in state, passed, 4)
        for source, reader, (state, passed) in zip(names, names[1:], states, strict=False)
    ]


def branches(into_fork, short, into_fifo, into_long, out_of_long, output):
    """The states as in `chain`: fork -> FIFO_7 -> join, and fork -> long -> join, and out."""
    ends = [("", "fork"), ("FIFO_7", "join"), ("fork", "FIFO_7"), ("fork", "long"), ("long", "join"), ("join", "")]
    states = into_fork, short, into_fifo, into_long, out_of_long, output
    return [
        Stream(source, reader, "v" in state, "r" in state, passed, 4)
        for (source, reader), (state, passed) in zip(ends, states, strict=True)
    ]


def test_the_layer_that_takes_nothing_is_named_with_the_full_ones_before_and_the_starved_behind():
    found = explain(chain(("v", 9), ("v", 7), ("v", 6), ("r", 4), ("r", 4)))
    assert found.startswith("c does not take the word that waits at its input (after 1 frames and 2 of 4 words)")
    assert "stopped before it: b, a" in found
    assert "starved behind it: d" in found


def test_the_layer_that_swallows_words_is_named():
    found = explain(chain(("r", 8), ("r", 8), ("r", 6), ("r", 6)))
    assert found.startswith("b has taken 2 frames and 0 of 4 words but given only 1 frames and 2 of 4 words")
    assert "starved behind it: c" in found


def test_an_input_that_ends_early_and_an_output_that_is_not_read():
    assert explain(chain(("r", 5), ("r", 5), ("r", 5))).startswith("the accelerator waits for input (after 1 frames")
    assert explain(chain(("v", 9), ("v", 7), ("v", 6))).startswith("the accelerator's output is not read")


def test_the_first_layer_can_be_the_culprit():
    assert explain(chain(("v", 0), ("r", 0), ("r", 0))).startswith("a does not take the word")


@pytest.mark.parametrize("starved", ["r", ""])
def test_a_full_fifo_beside_a_branch_that_starves_is_too_shallow(starved):
    """Some layers are ready for a word only when it is there."""
    found = explain(branches(("v", 3), ("v", 0), ("v", 2), (starved, 3), (starved, 0), ("r", 0)))
    assert found == (
        "fork gives to two branches that meet in join, which waits for a word of one branch while the other is full: "
        "FIFO_7 is too shallow"
    )


def test_a_layer_of_a_branch_that_stops_is_named_before_the_fifo_that_is_full_because_of_it():
    stuck = explain(branches(("v", 3), ("v", 0), ("v", 2), ("v", 3), ("r", 0), ("r", 0)))
    assert stuck.startswith("long does not take the word that waits at its input")
    swallows = explain(branches(("v", 7), ("v", 2), ("v", 6), ("r", 8), ("r", 2), ("r", 2)))
    assert swallows.startswith("long has taken 2 frames and 0 of 4 words but given only 0 frames and 2 of 4 words")
