"""`radioml boards`: the boards that accelerators can be built for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from radioml.cli import app
from radioml.cli.console.terminal import JsonOption, give, results

if TYPE_CHECKING:
    from finn_build.boards import Board

boards_app = typer.Typer(
    no_args_is_help=True,
    help="Boards that `radioml build --board` knows: `list` compares them, `show` describes one, with sources.\n\n"
    "A board is one YAML in boards/. It holds part, family, shell, clock and clock limit, resources, the usable "
    "resources (the budget of estimates and `--fit`), width of a memory port, and what FINN knows of the board. "
    "For another board or clock, copy a file, change name and values; every message names file and key.",
)
app.add_typer(boards_app, name="boards")


@boards_app.command("list", epilog="Example: radioml boards list")
def list_boards(json: JsonOption = None) -> None:
    """List all boards with part, default clock and what a design can use."""
    from finn_build.boards import board_names, load_board

    boards = [load_board(name) for name in board_names()]
    results.print(_list(boards))
    give([board.model_dump() for board in boards], json)


@boards_app.command(epilog="Example: radioml boards show ZCU104")
def show(
    name: Annotated[str, typer.Argument(help="A board of `radioml boards list`.", show_default=False)],
    json: JsonOption = None,
) -> None:
    """Show all that is known of one board, and where each number comes from."""
    from finn_build.boards import load_board

    board = load_board(name)
    results.print(_table(board))
    give(board.model_dump(), json)


def _list(boards: list[Board]) -> Table:
    """The boards as a table, a line each."""
    table = Table(title="boards, and what a design can use of them", box=SIMPLE, padding=0)
    for name in ("board", "part"):
        table.add_column(name, no_wrap=True)
    for name in ("MHz", "LUT", "BRAM18", "URAM", "DSP"):
        table.add_column(name, justify="right", no_wrap=True)
    for board in boards:
        usable = (f"{count:,}" for name, count in board.usable.items() if name != "FF")
        table.add_row(escape(board.name), escape(board.part), f"{board.clock_mhz:g}", *usable)
    return table


def _table(board: Board) -> Table:
    """All of one board as a table, with the sources."""
    from finn_build.boards import SHELLS

    table = Table("", "", "source", title=escape(board.name))
    known = f"{board.finn.board} in its part map" if board.finn.board else "not known to FINN"
    known += "" if board.finn.resource_table else "; no table of its resources"
    sources = board.sources
    table.add_row("part", escape(board.part), escape(sources.part))
    table.add_row("family", escape(board.family))
    table.add_row("shell", f"{board.shell}: {SHELLS[board.shell]}")
    table.add_row("clock", f"{board.clock_mhz:g} MHz", escape(sources.clock))
    table.add_row("clock limit", f"{board.clock_limit_mhz:g} MHz", escape(sources.clock_limit))
    table.add_row("memory port", f"{board.memory_port_bits} bits", escape(sources.memory_port))
    table.add_row("FINN", escape(known))
    for title, counts, source in (
        ("resources", board.resources, sources.resources),
        ("usable", board.usable, sources.usable),
    ):
        lines = "\n".join(f"{count:>9,} {name}" for name, count in counts.items())
        table.add_row(title, lines, escape(source))
    return table
