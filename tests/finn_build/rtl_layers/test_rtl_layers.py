"""The RTL of our own layers alone, in Verilator, against NumPy: values, order, rate and pauses."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import finn_build.rtl_layers

pytestmark = pytest.mark.rtl

BENCH = Path(__file__).with_name("rtl_layers.cpp")
SOURCES = [Path(finn_build.rtl_layers.__file__).with_name(name) for name in ("max_pool.sv", "channel_bias.sv")]
WORDS = 960  # whole windows and frames of all layers below
PAUSES = [(3, 3), (4, 1), (1, 4), (2, 2)]


@dataclass(frozen=True)
class Pool:
    """A max_pool: windows of k words, words of pe elements, elements of some bits."""

    k: int
    pe: int
    bits: int
    signed: bool
    module: str = "max_pool"

    def instance(self) -> str:
        return f"{self.module} #(.K({self.k}), .PE({self.pe}), .WIDTH({self.bits}), .IS_SIGNED({int(self.signed)}))"

    def outputs(self, values: np.ndarray) -> np.ndarray:
        return packed(values.reshape(-1, self.k, self.pe).max(axis=1), self.bits)


@dataclass(frozen=True)
class Bias:
    """A channel_bias of frames of `words` words of pe elements; sums are two bits wider than the elements."""

    words: int
    pe: int
    bits: int
    signed: bool
    module: str = "channel_bias"

    def biases(self) -> np.ndarray:
        limit = 2 ** (self.bits - 1)
        return np.random.default_rng(5).integers(-limit, limit, (self.words, self.pe))

    def instance(self) -> str:
        bits = self.bits + 2
        table = sum((int(bias) % 2**bits) << (index * bits) for index, bias in enumerate(self.biases().ravel()))
        return (
            f"{self.module} #(.WORDS({self.words}), .PE({self.pe}), .IN_WIDTH({self.bits}), .OUT_WIDTH({bits}),"
            f" .IN_SIGNED({int(self.signed)}), .BIASES({self.words * self.pe * bits}'h{table:x}))"
        )

    def outputs(self, values: np.ndarray) -> np.ndarray:
        return packed(values + np.tile(self.biases(), (WORDS // self.words, 1)), self.bits + 2)


LAYERS = [
    Pool(2, 4, 4, False), Pool(2, 4, 4, True), Pool(3, 3, 5, True), Pool(3, 5, 7, False), Pool(1, 2, 7, True),
    Pool(16, 1, 1, False), Pool(5, 8, 8, True), Pool(2, 1, 32, True), Pool(2, 2, 32, False),
    Bias(24, 1, 14, True), Bias(6, 4, 10, True), Bias(1, 3, 6, False), Bias(12, 2, 20, True),
]  # fmt: skip


FAULTS = {
    Pool(2, 4, 4, False, "minimum"): ("above = x > ", "above = x < "),
    Pool(3, 3, 5, True, "unsigned_only"): ("$signed(x) > $signed(Highest[i])", "x > Highest[i]"),
    Pool(2, 4, 4, False, "overwrites"): ("!last || !Valid || m_axis_tready", "1"),
    Pool(3, 3, 5, False, "never_begins"): ("first || above?", "above?"),
    Bias(6, 4, 10, True, "one_for_all"): ("biases[i] + ", "biases[0] + "),
    Bias(6, 4, 10, True, "zero_extended"): ("IN_SIGNED? OUT_WIDTH'($signed(x)) : OUT_WIDTH'(x)", "OUT_WIDTH'(x)"),
}
"""Layers with one change to the text of their module, under another name."""
ALL = [*LAYERS, *FAULTS]


def packed(values: np.ndarray, bits: int) -> np.ndarray:
    """Words uint64 (N,) of elements (N, PE), the first in the lowest bits."""
    fields = (values.astype(np.int64).view(np.uint64) & np.uint64(2**bits - 1)) << (
        np.arange(values.shape[1], dtype=np.uint64) * np.uint64(bits)
    )
    return np.bitwise_or.reduce(fields, axis=1)


def hdl() -> str:
    """The changed modules, and all layers side by side, with 64 bits of data each, of which one takes what it has."""
    changed = ""
    for layer, (old, new) in FAULTS.items():
        (source,) = [source for source in SOURCES if source.stem == type(layer).module]
        text = source.read_text()
        assert text.count(old) == 1
        changed += text.replace(old, new).replace(source.stem, layer.module)
    instances = "".join(
        f"\n  {layer.instance()} unit{i} (.ap_clk, .ap_rst_n, .s_axis_tdata(s_data[{i}]), .s_axis_tvalid(s_valid[{i}]),"
        f" .s_axis_tready(s_ready[{i}]), .m_axis_tdata(m_data[{i}]), .m_axis_tvalid(m_valid[{i}]),"
        f" .m_axis_tready(m_ready[{i}]));"
        for i, layer in enumerate(ALL)
    )
    n = len(ALL)
    return f"""{changed}
module layers(input logic ap_clk, input logic ap_rst_n,
  input logic s_valid[{n}], input logic [63:0] s_data[{n}], output logic s_ready[{n}],
  output logic m_valid[{n}], output logic [63:0] m_data[{n}], input logic m_ready[{n}]);{instances}
endmodule
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    (folder / "layers.sv").write_text(hdl())
    command = [
        Path(sys.executable).with_name("verilator-cli"), "--cc", "--exe", "--build", "--no-timing", "-O3", "-Wno-fatal",
        "-Wno-WIDTH", "--Mdir", "objects", "-o", "../layers", "--top-module", "layers",
        "-CFLAGS", f"-DLAYERS={len(ALL)}", "-MAKEFLAGS",
        "OPT_FAST=-O1 OPT_SLOW=-O0 CFG_CXXFLAGS_PCH_I=-include CFG_LDLIBS_THREADS=-pthread",
        BENCH, *SOURCES, "layers.sv",
    ]  # fmt: skip
    environment = {**os.environ, "CCACHE_DISABLE": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "layers"


@dataclass(frozen=True)
class Streamed:
    """What a layer made of `WORDS` words: whether it is what NumPy says, the cycle of the last word, and how often a
    word that waited to be taken was altered or withdrawn."""

    equal: bool
    last: int
    altered: int


def stream(bench: Path, offer: int, take: int) -> dict[Pool | Bias, Streamed]:
    """Words are offered in `offer` of 4 cycles and taken from the output in `take` of 4, at random."""
    random = np.random.default_rng(offer + 8 * take)
    given, expected = [], []
    for layer in ALL:
        low = -(2 ** (layer.bits - 1)) if layer.signed else 0
        values = random.integers(low, low + 2**layer.bits, (WORDS, layer.pe))
        given.append(packed(values, layer.bits))
        expected.append(layer.outputs(values))
    files = bench.with_name("in.bin"), bench.with_name("out.bin")
    np.concatenate(given).tofile(files[0])
    subprocess.run([bench, str(WORDS), str(offer), str(take), *files], check=True)
    found, streamed = np.fromfile(files[1], np.uint64), {}
    for layer, words in zip(ALL, expected, strict=True):
        count, last, altered = (int(value) for value in found[:3])
        streamed[layer] = Streamed(np.array_equal(found[3 : 3 + count], words), last, altered)
        found = found[3 + count :]
    return streamed


def test_a_word_a_cycle_without_a_gap(bench):
    """The last result comes in the cycle after the last word."""
    streamed = stream(bench, 4, 4)
    assert {layer: streamed[layer] for layer in LAYERS} == dict.fromkeys(LAYERS, Streamed(True, WORDS, 0))


@pytest.mark.parametrize(("offer", "take"), PAUSES)
def test_pauses_on_both_sides(bench, offer, take):
    streamed = stream(bench, offer, take)
    for layer in LAYERS:
        assert streamed[layer].equal and not streamed[layer].altered, layer


def test_a_pool_waits_with_its_last_word_alone(bench):
    """A consumer that takes a word in half of the cycles slows down what gives a word a cycle, but no pool of 16."""
    streamed = stream(bench, 4, 2)
    assert streamed[Pool(16, 1, 1, False)].last < 1.01 * WORDS
    assert streamed[Bias(1, 3, 6, False)].last > 1.8 * WORDS


def test_every_planted_fault_is_seen(bench):
    runs = [stream(bench, offer, take) for offer, take in PAUSES]
    for layer in FAULTS:
        assert any(not run[layer].equal or run[layer].altered for run in runs), layer
