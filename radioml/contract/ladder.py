"""What the verification ladder found: what verify.json holds."""

from __future__ import annotations

from dataclasses import dataclass

from radioml.contract.json_record import JsonRecord

LOGITS = "logits"
"""In the place of a node's name: the classifier's result."""


@dataclass(frozen=True)
class FirstDifference:
    """The first element of a rung that differs.

    layer: name of the network's layer; node: name of the layer in the rung, or `LOGITS`.
    frame, class_, snr_db: the frame, with its class and SNR.
    element, index: the element in words, and its place in the layer's output.
    expected, found: integers; found may be a fraction where the graph computes one.
    """

    layer: str
    node: str
    frame: int
    class_: str
    snr_db: int
    element: str
    index: tuple[int, ...]
    expected: int
    found: float


@dataclass(frozen=True)
class RungReport:
    """One rung.

    kind: how it was executed. problem: why it gave no integers; "" where it gave some.
    layers_compared: names of the layers whose levels were compared, the classifier last.
    levels_mended_later: wrong levels of a threshold that FINN rounded, which a later step mends.
    """

    name: str
    kind: str
    equal: bool
    mismatching_frames: int
    first_difference: FirstDifference | None
    problem: str
    layers_compared: tuple[str, ...]
    levels_mended_later: int
    seconds: float

    @property
    def finding(self) -> str:
        """What is wrong with the rung and where, in words; "" of an equal one."""
        if self.problem or self.first_difference is None:
            return self.problem
        first = self.first_difference
        node = "" if first.node == LOGITS else f" (here {first.node})"
        return (
            f"layer {first.layer}{node}, frame {first.frame} ({first.class_} at {first.snr_db:+d} dB), "
            f"{first.element}: expected {first.expected}, found {first.found}"
        )


@dataclass(frozen=True)
class LadderReport(JsonRecord):
    """All rungs of a build.

    reference, data: what gave the expected integers, and what the frames are, in words.
    frames, classes, snrs: numbers of them. layers: of the network, the classifier included.
    equal: whether every rung gave the network's integers; rtl: whether rungs of RTL are among them.
    """

    MADE_BY = "radioml verify"

    reference: str
    data: str
    frames: int
    layers: int
    classes: int
    snrs: int
    equal: bool
    rtl: bool
    first_rung_that_differs: str | None
    rungs: tuple[RungReport, ...]

    @property
    def first_wrong(self) -> RungReport | None:
        """The first rung that differs; None where all are equal."""
        return next((rung for rung in self.rungs if not rung.equal), None)
