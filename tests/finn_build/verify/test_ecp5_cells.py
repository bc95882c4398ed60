"""The models of the ECP5's block RAM and multiplier against Python, with random reads, writes and products."""

from __future__ import annotations

import random
import subprocess

import pytest

from finn_build.verify.ecp5_cells import ecp5_cell
from tests.verilated import compile_bench

pytestmark = pytest.mark.rtl
CYCLES = 3000
RAMS = [
    (36, 36),
    (36, 18),
    (36, 9),
    (36, 4),
    (36, 1),
    (18, 18),
    (18, 9),
    (9, 9),
    (9, 36),
    (9, 4),
    (4, 4),
    (4, 2),
    (2, 1),
    (1, 1),
]
"""Bits of a word that is written at port A, and of one that is read at port B."""
MODES = ("NORMAL", "WRITETHROUGH", "READBEFOREWRITE")
"""Of port A, in turn; what it reads is compared where it has 18 bits or fewer."""
INIT = [3 * byte % 512 for byte in range(32)]
MAIN = """
#include <cinttypes>
#include <cstdio>
#include "Vbench.h"
int main() {
    Vbench top;
    uint64_t v[7];
    for (;;) {
        for (uint64_t& value : v)
            if (scanf("%" SCNx64, &value) != 1) return 0;
        top.write = v[0], top.to = v[1], top.enables = v[2], top.data = v[3], top.read = v[4], top.from = v[5];
        top.reset = v[6];
        top.clk = 0, top.eval();
        top.clk = 1, top.eval();
        for (int i = 0; i < RAMS; i++) printf("%" PRIx64 " %" PRIx64 " ", (uint64_t)top.a[i], (uint64_t)top.b[i]);
        printf("%" PRIx64 "\\n", (uint64_t)top.product);
    }
}
"""


def pins(name: str, signals: list[str]) -> str:
    return ", ".join(f".{name}{bit}({signal})" for bit, signal in enumerate(signals))


def instance(index: int, write: int, read: int) -> str:
    """Port A's low address bits enable bytes where it writes 18 bits or more."""
    address = [f"enables[{bit}]" if bit < (write // 9 if write >= 18 else 0) else f"to[{bit}]" for bit in range(14)]
    low, high = [f"data[{bit}]" for bit in range(18)], [f"data[{bit}]" for bit in range(18, 36)]
    a, b = [f"a[{index}][{bit}]" for bit in range(18)], [f"b[{index}][{bit}]" for bit in range(18)]
    if read == 36:
        a, b = [f"b[{index}][{bit}]" for bit in range(18)], [f"b[{index}][{bit}]" for bit in range(18, 36)]
    lines = [sum(INIT[2 * word + half] << (20 * word + 9 * half) for word in range(16) for half in (0, 1))]
    return f"""
  DP16KD #(.DATA_WIDTH_A({write}), .DATA_WIDTH_B({read}), .WRITEMODE_A("{MODES[index % 3]}"),
    .INITVAL_00(320'h{lines[0]:x})) ram{index} (.CLKA(clk), .CLKB(clk), .CEA(1'b1), .CEB(read), .WEA(write), .WEB(1'b0),
    .RSTA(1'b0), .RSTB(reset), {pins("ADA", address)}, {pins("ADB", [f"from[{bit}]" for bit in range(14)])},
    {pins("DIA", low)}, {pins("DIB", high)}, {pins("DOA", a)}, {pins("DOB", b)});"""


class Memory:
    """1024 words of two 9-bit bytes; a word of fewer than 9 bits is a part of a byte's lowest 8 bits."""

    def __init__(self) -> None:
        self.bytes = [*INIT, *[0] * (2048 - len(INIT))]

    def get(self, address: int, bits: int) -> int:
        if bits < 9:
            return self.bytes[address >> 3] >> (address & 7 & -bits) & ((1 << bits) - 1)
        first = (address >> 3) & -(bits // 9)
        return sum(self.bytes[first + byte] << 9 * byte for byte in range(bits // 9))

    def put(self, address: int, bits: int, value: int, enables: int) -> None:
        if bits < 9:
            mask, at = (1 << bits) - 1, address & 7 & -bits
            old = self.bytes[address >> 3]
            self.bytes[address >> 3] = (old & ~(mask << at)) | (value & mask) << at
            return
        first = (address >> 3) & -(bits // 9)
        for byte in range(bits // 9):
            if bits == 9 or enables >> byte & 1:
                self.bytes[first + byte] = value >> 9 * byte & 511


def expected(cycles: list[list[int]], index: int, write: int, read: int) -> list[tuple[int, int]]:
    memory, a, b, found = Memory(), 0, 0, []
    for writes, to, enables, data, reads, source, reset in cycles:
        old = memory.get(to, min(write, 18))
        if reset:
            b = 0
        elif reads:
            b = memory.get(source, read)
        if writes:
            memory.put(to, write, data, enables)
        mode = MODES[index % 3]
        if not writes or mode == "READBEFOREWRITE":
            a = old
        elif mode == "WRITETHROUGH":
            a = memory.get(to, min(write, 18))
        found.append((a, b))
    return found


def test_words_and_products_are_the_ones_of_python(tmp_path):
    rng = random.Random(1)
    places = [rng.getrandbits(14) for _ in range(12)] + list(range(0, 256, 17)) + [(1 << 14) - 1]
    cycles = [
        [int(rng.random() < 0.5), rng.choice(places), rng.getrandbits(4), rng.getrandbits(36), int(rng.random() < 0.8),
         rng.choice(places), int(rng.random() < 0.1)] for _ in range(CYCLES)
    ]  # fmt: skip
    instances = "".join(instance(index, *ram) for index, ram in enumerate(RAMS))
    operands = (pins("A", [f"data[{bit}]" for bit in range(18)]), pins("B", [f"data[{bit}]" for bit in range(18, 36)]))
    result = pins("P", [f"product[{bit}]" for bit in range(36)])
    (tmp_path / "bench.sv").write_text(
        "module bench(input clk, write, read, reset, input [13:0] to, from, input [3:0] enables, input [35:0] data,\n"
        f"  output [35:0] a[{len(RAMS)}], b[{len(RAMS)}], output [35:0] product);{instances}\n"
        f"  MULT18X18D multiplier (.SIGNEDA(enables[0]), .SIGNEDB(enables[1]), {', '.join(operands)}, {result});\n"
        "endmodule\n"
    )
    (tmp_path / "cells.v").write_text(ecp5_cell("DP16KD") + ecp5_cell("MULT18X18D"))
    (tmp_path / "main.cpp").write_text(MAIN)
    bench = compile_bench(tmp_path, "bench", ["main.cpp", "cells.v", "bench.sv"], f"-DRAMS={len(RAMS)}")
    lines = "\n".join(" ".join(f"{value:x}" for value in cycle) for cycle in cycles)
    done = subprocess.run([bench], input=lines, capture_output=True, text=True, check=True)
    rows = [[int(value, 16) for value in line.split()] for line in done.stdout.splitlines()]
    for index, (write, read) in enumerate(RAMS):
        mask_a, mask_b = (1 << min(write, 18)) - 1, (1 << read) - 1
        wanted = expected(cycles, index, write, read)
        for cycle, row in enumerate(rows):
            if read < 36 and write < 36:
                assert row[2 * index] & mask_a == wanted[cycle][0], (write, read, cycle, "A")
            assert row[2 * index + 1] & mask_b == wanted[cycle][1], (write, read, cycle, "B")
    for cycle, row in zip(cycles, rows, strict=True):
        a, b = cycle[3] & 0x3FFFF, cycle[3] >> 18
        a -= (1 << 18) if cycle[2] & 1 and a >> 17 else 0
        b -= (1 << 18) if cycle[2] & 2 and b >> 17 else 0
        assert row[-1] == a * b & (1 << 36) - 1
