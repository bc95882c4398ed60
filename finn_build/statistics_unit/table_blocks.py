"""SystemVerilog of tables: one memory for all tables of a wire, and for two wires that have the same ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from finn_build.statistics_unit.signals import Signals
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.wires import Table, Wire, width


def table_block(signals: Signals, index: int, table: Table) -> None:
    """Name the table's part of the memory's word, and register it."""
    low, tables = min(table.values), signals.tables[table.source]
    if table.values not in tables:
        tables[table.values] = signals.declare(low, max(table.values))
    signals.result(index, signals.as_signed(tables[table.values], low))


def table_modules(signals: Signals, unit: Unit) -> list[str]:
    """Text of the memories' modules, whose instances are added to the unit."""
    alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for root, given in signals.tables.items():
        alike[(unit.wires[root].low, *given)].append(root)
    text: list[str] = []
    for number, roots in enumerate(alike.values()):
        wire = unit.wires[roots[0]]
        text += _module(f"table_{number}", wire, list(signals.tables[roots[0]]))
        for first in range(0, len(roots), 2):
            ports = [(signals.name(root), ", ".join(signals.tables[root].values())) for root in roots]
            ports = [*ports[first : first + 2], (f"{wire.bits}'d0", "")][:2]
            connections = "".join(
                f", .address{port}({address}), .word{port}({f'{{{word}}}' if word else ''})"
                for port, (address, word) in enumerate(ports)
            )
            signals.lines.append(f"\ttable_{number}  table_of_w{roots[first]} (.ap_clk{connections});")
    return text


def _module(name: str, root: Wire, tables: Sequence[tuple[int, ...]]) -> list[str]:
    """A memory that two wires read, by their bits."""
    widths = [width(min(values), max(values)) for values in tables]
    bits = sum(widths)
    words = []
    for place, values in enumerate(zip(*tables, strict=True)):
        word = 0
        for value, size in zip(values, widths, strict=True):
            word = word << size | value & (1 << size) - 1
        words.append(f"\t\tWords[{root.low + place & (1 << root.bits) - 1}] = {bits}'h{word:x};")
    ports = [f"\tinput\tlogic [{root.bits - 1}:0]  address{port}," for port in (0, 1)]
    ports += [f"\toutput\tlogic [{bits - 1}:0]  word{port}{',' if port == 0 else ''}" for port in (0, 1)]
    return [
        "",
        f"module {name} (",
        "\tinput\tlogic  ap_clk,",
        *ports,
        ");",
        f'\t(* rom_style = "block" *) logic [{bits - 1}:0]  Words[{1 << root.bits}];',
        "\tinitial begin",
        *words,
        "\tend",
        "\talways_ff @(posedge ap_clk) begin",
        "\t\tword0 <= Words[address0];",
        "\t\tword1 <= Words[address1];",
        "\tend",
        "endmodule",
    ]
