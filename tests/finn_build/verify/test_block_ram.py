"""The models of the block RAMs against a Python list of 9-bit bytes, with random reads and writes."""

from __future__ import annotations

import random
import subprocess

import pytest

from finn_build.verify.block_ram import BLOCK_RAMS, block_ram
from tests.verilated import compile_bench

pytestmark = pytest.mark.rtl
CYCLES = 3000
MAIN = """
#include <cinttypes>
#include <cstdio>
#include "Vbench.h"
int main() {
    Vbench top;
    uint64_t v[6];
    for (;;) {
        for (uint64_t& value : v)
            if (scanf("%" SCNx64, &value) != 1) return 0;
        top.read = v[0], top.from = v[1], top.write = v[2], top.to = v[3], top.data = v[4], top.parity = v[5];
        top.clk = 0, top.eval();
        top.clk = 1, top.eval();
        for (int i = 0; i < RAMS; i++) printf("%" PRIx64 " %x ", (uint64_t)top.out[i], (unsigned)top.out_parity[i]);
        printf("\\n");
    }
}
"""


def instance(index: int, cell: str, read: int, write: int) -> str:
    """A RAM that is read at port A and written at port B; the content of its first 32 bytes is their number, twice."""
    large, second = "36" in cell, cell.endswith("E2")
    bits, parity = (32, 4) if large else (16, 2)
    names = ("DINADIN", "DINBDIN", "DINPADINP", "DINPBDINP", "DOUTADOUT", "DOUTBDOUT", "DOUTPADOUTP", "DOUTPBDOUTP")
    old = ("DIADI", "DIBDI", "DIPADIP", "DIPBDIP", "DOADO", "DOBDO", "DOPADOP", "DOPBDOP")
    a, b, pa, pb, qa, qb, qpa, qpb = names if second else old
    wide = write == 18 * parity
    low, plow = f"data[{bits - 1}:0]", f"parity[{parity - 1}:0]"
    high, phigh = (f"data[{2 * bits - 1}:{bits}]", f"parity[{2 * parity - 1}:{parity}]") if wide else (low, plow)
    init = "".join(f"{2 * byte:02x}" for byte in reversed(range(32)))
    return f"""
  {cell} #(.READ_WIDTH_A({read}), .WRITE_WIDTH_B({write}), .INIT_00(256'h{init}), .INITP_00(256'h5)) ram{index} (
    .CLKARDCLK(clk), .CLKBWRCLK(clk), .ENARDEN(read), .ENBWREN(1'b1), .RSTRAMARSTRAM(1'b0), .RSTRAMB(1'b0),
    .ADDRARDADDR({{from, from[2:0]}}), .ADDRBWRADDR({{to, 3'd0}}), .WEA('0), .WEBWE(write), .{a}({low}), .{b}({high}),
    .{pa}({plow}), .{pb}({phigh}), .{qa}(out[{index}][{bits - 1}:0]), .{qb}(out[{index}][{2 * bits - 1}:{bits}]),
    .{qpa}(out_parity[{index}][{parity - 1}:0]), .{qpb}(out_parity[{index}][{2 * parity - 1}:{parity}]));"""


RAMS = [("RAMB18E1", 36, 36), ("RAMB18E1", 18, 9), ("RAMB18E2", 36, 18), ("RAMB36E1", 72, 72), ("RAMB36E2", 72, 36),
        ("RAMB36E2", 9, 72), ("RAMB36E1", 36, 18), ("RAMB18E1", 4, 18), ("RAMB18E2", 2, 9),
        ("RAMB36E2", 1, 36)]  # fmt: skip


def expected(cycles: list[list[int]], read: int, write: int) -> list[tuple[int, int]]:
    memory = [((5 >> byte & 1) << 8 | 2 * byte) if byte < 32 else 0 for byte in range(4096)]
    reads, writes = max(1, read // 9), write // 9
    value, found = (0, 0), []
    for on, source, enables, target, data, parity in cycles:
        if on:
            words = memory[source // reads * reads :][:reads]
            data_bits = sum((word & 255) << 8 * i for i, word in enumerate(words))
            value = data_bits, sum(word >> 8 << i for i, word in enumerate(words))
            if read < 8:  # part of a byte; the address of the bit has the byte's lowest bits again
                value = data_bits >> (source % 8 // read * read) & (1 << read) - 1, 0
        for i in range(writes):
            if enables >> i & 1:
                memory[target // writes * writes + i] = (parity >> i & 1) << 8 | data >> 8 * i & 255
        found.append(value)
    return found


def test_every_word_is_the_one_that_was_written(tmp_path):
    assert {cell for cell, *_ in RAMS} == set(BLOCK_RAMS)
    rng = random.Random(1)
    addresses = [*range(24), *range(2040, 2048)]
    cycles = [
        [int(rng.random() < 0.8), rng.choice(addresses), rng.getrandbits(8), rng.choice(addresses), rng.getrandbits(64),
         rng.getrandbits(8)] for _ in range(CYCLES)
    ]  # fmt: skip
    instances = "".join(instance(index, *ram) for index, ram in enumerate(RAMS))
    count = len(RAMS)
    (tmp_path / "bench.sv").write_text(
        "module bench(input clk, read, input [10:0] from, input [7:0] write, input [10:0] to, input [63:0] data,\n"
        f"  input [7:0] parity, output [63:0] out[{count}], output [7:0] out_parity[{count}]);{instances}\nendmodule\n"
    )
    (tmp_path / "rams.v").write_text("".join(map(block_ram, BLOCK_RAMS)))
    (tmp_path / "main.cpp").write_text(MAIN)
    bench = compile_bench(tmp_path, "bench", ["main.cpp", "rams.v", "bench.sv"], f"-DRAMS={len(RAMS)}")
    lines = "\n".join(" ".join(f"{value:x}" for value in cycle) for cycle in cycles)
    done = subprocess.run([bench], input=lines, capture_output=True, text=True, check=True)
    rows = [[int(value, 16) for value in line.split()] for line in done.stdout.splitlines()]
    for index, (cell, read, write) in enumerate(RAMS):
        mask = (1 << (read // 9 * 8 or read)) - 1, (1 << read // 9) - 1
        found = [(row[2 * index] & mask[0], row[2 * index + 1] & mask[1]) for row in rows]
        assert found == expected(cycles, read, write), (cell, read, write)
