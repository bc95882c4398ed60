"""The figures of `estimate_all` as tables: for the terminal, and in Markdown, compact and in full."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from radioml.contract.all_pairs import DOES_NOT_FIT, FAILED, FITS, NOT_BUILDABLE, AllPairs, Pair
from radioml.contract.estimate import RESOURCES

_SAME = " (the same with "
_MISSED = {DOES_NOT_FIT: "no", FAILED: FAILED}


def overview(value: AllPairs) -> Table:
    """A line a board, a column a network that can be built: frames/s, or that it does not fit."""
    names = value.buildable
    table = Table(
        title=f"Estimated frames/s: {_what(value)}", caption=escape(_below(value)), caption_justify="left", box=SIMPLE
    )
    table.add_column("board, MHz", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", overflow="fold", min_width=len("1,000,000"))
    for board, clock in value.boards.items():
        table.add_row(escape(f"{board} {clock:g}"), *(_rate(value.pair(name, board)) for name in names))
    return table


def markdown(value: AllPairs) -> str:
    """The overview in Markdown, with a line a network and a column a board, and remarks below."""
    boards = value.boards
    header = ["network", *(f"{board} ({clock:g} MHz)" for board, clock in boards.items())]
    rows = [[name, *(_rate(value.pair(name, board)) for board in boards)] for name in value.buildable]
    return f"Frames/s, **estimated**: {_what(value)}\n\n{_table(header, rows)}\n{_below(value)}\n"


def markdown_in_full(value: AllPairs) -> str:
    """A line for each network and board, with cycles, resources, and the limit or the reason."""
    header = ["network", "board", "verdict", "cycles a frame", "frames/s", *RESOURCES, "limit, or reason"]
    rows = []
    for pair in value.cells:
        numbers = (pair.cycles, pair.frames_per_second, *(getattr(pair, name) for name in RESOURCES))
        figures = ["" if number is None else f"{number:,.0f}" for number in numbers]
        why = pair.limit or "<br>".join(_short(line) for line in pair.reason.split("\n"))
        rows.append([pair.network, pair.board, pair.verdict, *figures, why])
    return f"Every network on every board, **estimated**: {_what(value)}\n\n{_table(header, rows)}\n"


def _what(value: AllPairs) -> str:
    return (
        f"the fastest folding that leaves {value.margin_percent} % of each of the board's resources, at its clock; "
        "untrained networks (costs follow from shapes and bit widths; weights only decide the width of accumulators)"
    )


def _below(value: AllPairs) -> str:
    """Remarks: which networks have no column and why, and which ones have no RTL with open tools."""
    networks = value.networks
    lines = ["no: does not fit, even with one multiplication a cycle in each layer."]
    if estimate_only := [name for name in value.buildable if networks[name].rtl_problem]:
        lines.append(
            f"No RTL with open tools: {', '.join(estimate_only)} (`radioml build --check --until rtl` says why)."
        )
    lines += [f"{name}: {network.remark}." for name, network in networks.items() if network.remark]
    for name, network in networks.items():
        if network.problem:
            verdict = FAILED if network.failed else NOT_BUILDABLE
            lines += ["", f"{name}: {verdict}:", "", *(f"- {_short(line)}" for line in network.problem.split("\n"))]
    return "\n".join(lines)


def _short(problem: str) -> str:
    """A problem of `check_model`, with the number of further layers instead of their names."""
    text, same, others = problem.partition(_SAME)
    return f"{text} (the same with {others.count(',') + 1} more)" if same else problem


def _rate(pair: Pair) -> str:
    return f"{pair.frames_per_second:,.0f}" if pair.verdict == FITS else _MISSED[pair.verdict]


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
