"""The model of the DSP48E2 against the tables of UG579, which are written once more here, in random modes."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from finn_build.verify.gate_design import CELLS
from tests.verilated import compile_bench

pytestmark = pytest.mark.rtl
HERE = Path(__file__).parent
WORD, RND = (1 << 48) - 1, 0x123456789ABC
ARITHMETIC = (0b0000, 0b0001, 0b0010, 0b0011)
LOGIC = {  # ALUMODE -> the function of X and Z with OPMODE[3:2] 00, and with 10 (UG579, table of two-input logic)
    0b0100: (lambda x, z: x ^ z, lambda x, z: ~(x ^ z)),
    0b0101: (lambda x, z: ~(x ^ z), lambda x, z: x ^ z),
    0b0110: (lambda x, z: ~(x ^ z), lambda x, z: x ^ z),
    0b0111: (lambda x, z: x ^ z, lambda x, z: ~(x ^ z)),
    0b1100: (lambda x, z: x & z, lambda x, z: x | z),
    0b1101: (lambda x, z: x & ~z, lambda x, z: x | ~z),
    0b1110: (lambda x, z: ~(x & z), lambda x, z: ~(x | z)),
    0b1111: (lambda x, z: ~x | z, lambda x, z: ~x & z),
}
CYCLES = 4000


def signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def preadded(a: int, d: int, inmode: int) -> int:
    a, d = (0 if inmode >> 1 & 1 else signed(a, 27)), (signed(d, 27) if inmode >> 2 & 1 else 0)
    return signed(d - a if inmode >> 3 & 1 else d + a, 27)


def plain(v: dict[str, int], p: int) -> int:
    """The next output of the cell with an output register alone; p: the present one."""
    product = preadded(v["A"], v["D"], v["INMODE"]) * signed(v["B"], 18)
    x = (0, product, p, v["A"] << 18 | v["B"])[v["OPMODE"] & 3]
    y = (0, 0, WORD, v["C"])[v["OPMODE"] >> 2 & 3]  # with M both X and Y hold a part of the product: here X has all
    z = {0: 0, 2: p, 3: v["C"], 4: p, 6: signed(p, 48) >> 17}[v["OPMODE"] >> 4 & 7]
    w = (0, p, RND, v["C"])[v["OPMODE"] >> 7]
    if v["ALUMODE"] in LOGIC:
        return LOGIC[v["ALUMODE"]][v["OPMODE"] >> 3 & 1](x, z) & WORD
    rest = w + x + y + v["CARRYIN"]
    return (z + rest, -z + rest - 1, -(z + rest) - 1, z - rest)[v["ALUMODE"]] & WORD


def drawn(rng: random.Random) -> dict[str, int]:
    """Inputs of one cycle, in the order in which the bench reads them."""
    v = {name: int(rng.random() < 0.05) for name in ("RSTP", "RSTB", "RSTD", "RSTM")} | {"CE": int(rng.random() < 0.9)}
    v |= {name: rng.choice((0, 1 << (bits - 1), (1 << bits) - 1, *(rng.getrandbits(bits) for _ in range(5))))
          for name, bits in (("A", 30), ("B", 18), ("C", 48), ("D", 27))}  # fmt: skip
    v |= {"CARRYIN": rng.getrandbits(1), "ALUMODE": rng.choice((*ARITHMETIC * 3, *LOGIC)), "INMODE": rng.getrandbits(5)}
    if v["ALUMODE"] in LOGIC:
        x, y, w = rng.choice((0, 2, 3)), rng.choice((0, 2)), 0
    else:
        x, y = rng.choice(((0, 0), (0, 2), (0, 3), (1, 1), (2, 0), (2, 2), (2, 3), (3, 0), (3, 2), (3, 3)))
        w = rng.choice((0, 1, 2, 3))
    v["OPMODE"] = w << 7 | rng.choice((0, 2, 3, 4, 6)) << 4 | y << 2 | x
    return v


def simulated(folder: Path, model: str, cycles: list[dict[str, int]]) -> list[tuple[int, int]]:
    (folder / "dsp48e2.v").write_text(model)
    sources = [HERE / "dsp48e2_bench.cpp", "dsp48e2.v", HERE / "dsp48e2_bench.sv"]
    bench = compile_bench(folder, "dsp48e2_bench", sources)
    lines = "\n".join(" ".join(f"{value:x}" for value in cycle.values()) for cycle in cycles)
    done = subprocess.run([bench], input=lines, capture_output=True, text=True, check=True)
    return [(int(first, 16), int(second, 16)) for first, second in map(str.split, done.stdout.splitlines())]


def expected(cycles: list[dict[str, int]]) -> list[tuple[int, int]]:
    p = accumulated = b1 = ad1 = m1 = first = 0
    found = []
    for v in cycles:
        p = 0 if v["RSTP"] else plain(v, p) if v["CE"] else p
        # FINN's registers: B and AD, product, accumulator; OPMODE[5] inverted says whether the sum goes on.
        term = (accumulated if first else 0) + m1
        accumulated = 0 if v["RSTP"] else term & WORD if v["CE"] else accumulated
        m1 = 0 if v["RSTM"] else b1 * ad1 if v["CE"] else m1
        b1 = 0 if v["RSTB"] else signed(v["B"], 18) if v["CE"] else b1
        ad1 = 0 if v["RSTD"] else preadded(v["A"], v["D"], 0b01100) if v["CE"] else ad1
        first = 1 - (v["OPMODE"] & 1) if v["CE"] else first
        found.append((p, accumulated))
    return found


def test_every_mode_of_operation(tmp_path):
    rng = random.Random(1)
    cycles = [drawn(rng) for _ in range(CYCLES)]
    model = (CELLS / "dsp48e2.v").read_text()
    result, right = simulated(tmp_path, model, cycles), expected(cycles)
    # Until the first enabled cycle OPMODE's register holds no mode of FINN's.
    assert result[2:] == right[2:]


def test_a_wrong_model_is_noticed(tmp_path):
    rng = random.Random(1)
    cycles = [drawn(rng) for _ in range(CYCLES)]
    model = (CELLS / "dsp48e2.v").read_text()
    wrong = model.replace("d_chosen - added", "added - d_chosen")
    assert wrong != model
    assert simulated(tmp_path, wrong, cycles)[2:] != expected(cycles)[2:]
