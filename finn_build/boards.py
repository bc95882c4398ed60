"""The board catalogue: one YAML a board in `boards/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints, ValidationError, model_validator
from typing_extensions import Self, TypedDict

import boards
from radioml.contract.estimate import Resource
from radioml.errors import RadioMLError
from radioml.reading.text import read_yaml
from radioml.reading.validation import problems
from radioml.suggest import did_you_mean

CATALOGUE = Path(boards.__file__).parent
SHELLS = {
    "zynq": "processor and fabric on one chip",
    "vitis": "PCIe card",
    "serial": "FPGA alone, the host on a serial line",
}

Family = Literal["Zynq-7000", "Zynq UltraScale+", "Zynq UltraScale+ RFSoC", "Alveo UltraScale+", "ECP5"]
RESOURCES: tuple[Resource, ...] = get_args(Resource)
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_MHz = Annotated[float, Field(gt=0)]


class _Description(BaseModel):
    model_config = _STRICT


class Counts(TypedDict):
    """Number of each resource."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]

    LUT: NonNegativeInt
    FF: NonNegativeInt
    BRAM_18K: NonNegativeInt
    URAM: NonNegativeInt
    DSP: NonNegativeInt


class Finn(_Description):
    """What FINN knows of a board.

    board: the board's name in FINN's part map; None where FINN does not know the board.
    resource_table: whether FINN has a table of the board's resources.
    """

    board: _Text | None
    resource_table: bool


class Sources(_Description):
    """Where the values of a board come from."""

    part: _Text
    clock: _Text
    clock_limit: _Text
    memory_port: _Text
    resources: _Text
    usable: _Text


class Board(_Description):
    """What the build must know of a board.

    part: the FPGA as its vendor names it.
    shell: one of `SHELLS`.
    clock_mhz: fabric clock of the estimates, and the timing goal of a build.
    clock_limit_mhz: fastest clock that the shell can supply.
    memory_port_bits: width of one port to the board's memory, 0 without one.
    resources: number of each resource in the device.
    usable: number of each resource that the shell leaves to a design. Estimates are compared with it.
    """

    name: _Text
    part: _Text
    family: Family
    shell: Literal["zynq", "vitis", "serial"]
    clock_mhz: _MHz
    clock_limit_mhz: _MHz
    memory_port_bits: NonNegativeInt
    resources: Counts
    usable: Counts
    finn: Finn
    sources: Sources

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.clock_mhz > self.clock_limit_mhz:
            raise ValueError(f"clock_mhz: {self.clock_mhz:g} is above clock_limit_mhz, {self.clock_limit_mhz:g}")
        for name in RESOURCES:
            if self.usable[name] > self.resources[name]:
                raise ValueError(f"usable.{name}: {self.usable[name]} of {self.resources[name]}")
        return self

    @property
    def clock_period_ns(self) -> float:
        """Clock period in nanoseconds."""
        return 1e3 / self.clock_mhz


def board_names() -> list[str]:
    """Names of all boards in the catalogue."""
    return sorted(path.stem for path in CATALOGUE.glob("*.yaml"))


def load_board(name: str) -> Board:
    """Read a board from the catalogue; raises RadioMLError for an unknown name or a malformed file."""
    if name not in board_names():
        raise RadioMLError(
            f"unknown board {name!r}{did_you_mean(name, board_names())} There are: {', '.join(board_names())} (one "
            f"YAML each in {CATALOGUE})"
        )
    return read_board(CATALOGUE / f"{name}.yaml")


def read_board(path: Path) -> Board:
    """Read a board's YAML; raises RadioMLError with the file and each key that is unknown, missing or wrong."""
    try:
        board = Board.model_validate(read_yaml(path))
    except ValidationError as error:
        raise RadioMLError("\n  ".join([f"{path}: not a board description:", *problems(error, Board)])) from error
    if board.name != path.stem:
        raise RadioMLError(f"{path}: not a board description:\n  name: {board.name!r} is not the file's name")
    return board
