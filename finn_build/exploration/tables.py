"""The figures of `estimate_all` as tables: for the terminal, and in Markdown, compact and in full."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from finn_build.exploration.all_pairs import DOES_NOT_FIT, FAILED, FITS, NOT_BUILDABLE
from radioml.contract.estimate import RESOURCES

_SAME = " (the same with "
_MISSED = {DOES_NOT_FIT: "no", FAILED: FAILED}


def overview(value: dict[str, Any]) -> Table:
    """A line a board, a column a network that can be built: frames/s, or that it does not fit."""
    names = _buildable(value)
    table = Table(
        title=f"Estimated frames/s: {_what(value)}", caption=escape(_below(value)), caption_justify="left", box=SIMPLE
    )
    table.add_column("board, MHz", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", overflow="fold", min_width=len("1,000,000"))
    for board, clock in value["boards"].items():
        table.add_row(escape(f"{board} {clock:g}"), *(_rate(_cell(value, name, board)) for name in names))
    return table


def markdown(value: dict[str, Any]) -> str:
    """The overview in Markdown, with a line a network and a column a board, and remarks below."""
    boards = value["boards"]
    header = ["network", *(f"{board} ({clock:g} MHz)" for board, clock in boards.items())]
    rows = [[name, *(_rate(_cell(value, name, board)) for board in boards)] for name in _buildable(value)]
    return f"Frames/s, **estimated**: {_what(value)}\n\n{_table(header, rows)}\n{_below(value)}\n"


def markdown_in_full(value: dict[str, Any]) -> str:
    """A line for each network and board, with cycles, resources, and the limit or the reason."""
    header = ["network", "board", "verdict", "cycles a frame", "frames/s", *RESOURCES, "limit, or reason"]
    rows = []
    for cell in value["cells"]:
        numbers = ("cycles", "frames_per_second", *RESOURCES)
        figures = [f"{cell[name]:,.0f}" if name in cell else "" for name in numbers]
        why = cell.get("limit") or "<br>".join(_short(line) for line in cell["reason"].split("\n"))
        rows.append([cell["network"], cell["board"], cell["verdict"], *figures, why])
    return f"Every network on every board, **estimated**: {_what(value)}\n\n{_table(header, rows)}\n"


def _what(value: dict[str, Any]) -> str:
    return (
        f"the fastest folding that leaves {value['margin_percent']} % of each of the board's resources, at its clock; "
        "untrained networks (costs follow from shapes and bit widths; weights only decide the width of accumulators)"
    )


def _below(value: dict[str, Any]) -> str:
    """Remarks: which networks have no column and why, and which ones have no RTL with open tools."""
    networks = value["networks"]
    lines = ["no: does not fit, even with one multiplication a cycle in each layer."]
    if estimate_only := [name for name in _buildable(value) if networks[name]["rtl_problem"]]:
        lines.append(
            f"No RTL with open tools: {', '.join(estimate_only)} (`radioml build --check --until rtl` says why)."
        )
    lines += [f"{name}: {network['remark']}." for name, network in networks.items() if network["remark"]]
    for name, network in networks.items():
        if network["problem"]:
            verdict = FAILED if network["failed"] else NOT_BUILDABLE
            lines += ["", f"{name}: {verdict}:", "", *(f"- {_short(line)}" for line in network["problem"].split("\n"))]
    return "\n".join(lines)


def _short(problem: str) -> str:
    """A problem of `check_model`, with the number of further layers instead of their names."""
    text, same, others = problem.partition(_SAME)
    return f"{text} (the same with {others.count(',') + 1} more)" if same else problem


def _buildable(value: dict[str, Any]) -> list[str]:
    return [name for name, network in value["networks"].items() if not network["problem"]]


def _cell(value: dict[str, Any], network: str, board: str) -> dict[str, Any]:
    return next(cell for cell in value["cells"] if (cell["network"], cell["board"]) == (network, board))


def _rate(cell: dict[str, Any]) -> str:
    return f"{cell['frames_per_second']:,.0f}" if cell["verdict"] == FITS else _MISSED[cell["verdict"]]


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
