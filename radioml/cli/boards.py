"""`radioml boards`: the boards that accelerators can be built for."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from radioml.cli import app

boards_app = typer.Typer(
    no_args_is_help=True,
    help="Boards that `radioml build --board` knows: `list` compares them, `show` says all of one, with sources.\n\n"
    "A board is one YAML in boards/: part, family, shell, clock and its limit, resources, what the shell leaves of "
    "them (the budget that estimates and `--fit` are held against), width of a memory port, what FINN knows of it. "
    "For another board or clock, copy a file, change name and values; every message names file and key.",
)
app.add_typer(boards_app, name="boards")


@boards_app.command("list", epilog="Example: radioml boards list")
def list_boards() -> None:
    """List all boards with part, default clock and what a design can use."""
    from finn_build.boards import board_list, board_names, load_board

    Console(highlight=False).print(board_list([load_board(name) for name in board_names()]))


@boards_app.command(epilog="Example: radioml boards show ZCU104")
def show(name: Annotated[str, typer.Argument(help="A board of `radioml boards list`.", show_default=False)]) -> None:
    """Show all that is known of one board, and where each number comes from."""
    from finn_build.boards import board_table, load_board

    Console(highlight=False).print(board_table(load_board(name)))
