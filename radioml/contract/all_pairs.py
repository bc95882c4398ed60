"""Many networks on many boards: what estimate_all.json holds."""

from __future__ import annotations

from dataclasses import dataclass

from radioml.contract.json_record import JsonRecord

FITS, DOES_NOT_FIT, NOT_BUILDABLE, FAILED = "fits", "does not fit", "not buildable", "failed"


@dataclass(frozen=True)
class Layers:
    """A network on its way to FINN layers, or to a statistics unit.

    problem: what keeps the network from an estimate, a line for each layer.
    rtl_problem: what keeps the network from RTL with open tools, likewise.
    remark: printed below the figures.
    sha256: digest of the file of FINN layers; of model.onnx for a statistics unit; "" without either.
    failed: whether an unexpected error occurred.
    """

    network: str
    problem: str = ""
    rtl_problem: str = ""
    remark: str = ""
    sha256: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Pair:
    """A network on a board.

    verdict: `FITS`, `DOES_NOT_FIT`, `NOT_BUILDABLE` or `FAILED`; reason: why it does not fit or has no estimate.
    cycles: the initiation interval. limit: why the slowest layer is not faster. seconds: that the estimate took.
    """

    network: str
    board: str
    verdict: str
    reason: str
    cycles: int | None = None
    frames_per_second: float | None = None
    LUT: int | None = None
    BRAM_18K: int | None = None
    URAM: int | None = None
    DSP: int | None = None
    limit: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class AllPairs(JsonRecord):
    """Every network on every board.

    margin_percent: of each resource that is left unused. networks, boards: by name; clocks of the boards in MHz.
    """

    MADE_BY = "radioml estimate"

    kind: str
    margin_percent: int
    seconds: float
    networks: dict[str, Layers]
    boards: dict[str, float]
    cells: tuple[Pair, ...]

    def pair(self, network: str, board: str) -> Pair:
        """The network on the board."""
        return next(pair for pair in self.cells if (pair.network, pair.board) == (network, board))

    @property
    def buildable(self) -> list[str]:
        """Networks without a problem."""
        return [name for name, network in self.networks.items() if not network.problem]
