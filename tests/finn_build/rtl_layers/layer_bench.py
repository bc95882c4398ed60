"""A bench for RTL layers alone: many of them in one Verilated design, each compared with NumPy under pauses."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from finn_build.rtl_layers import FOLDER
from tests.verilated import compile_bench

CPP = Path(__file__).with_name("rtl_layers.cpp")
PAUSES = [(3, 3), (4, 1), (1, 4), (2, 2)]
"""Cycles of 4 in which a word is offered, and cycles of 4 in which a word is taken."""


@dataclass(frozen=True)
class Port:
    """An input stream: `words` words of pe elements, padded to whole bytes, up to 64 bits."""

    words: int
    pe: int
    bits: int
    signed: bool


class Unit(Protocol):
    """A layer of some parameters.

    module: name of its module, or of a changed copy of it. latency: cycles from a word to what it completes.
    """

    @property
    def module(self) -> str: ...

    @property
    def latency(self) -> int: ...

    def parameters(self) -> Mapping[str, object]:
        """The module's parameters."""

    def inputs(self) -> Sequence[Port]:
        """Its input streams."""

    def outputs(self, *values: np.ndarray) -> Sequence[np.ndarray]:
        """From the elements (words, pe) of each input stream to the words of each output stream, see `packed`."""


@dataclass(frozen=True)
class Streamed:
    """What came out of a stream: whether it is what NumPy says, the cycle of the last word, and how often a word that
    waited to be taken was altered or withdrawn."""

    equal: bool
    last: int
    altered: int

    @property
    def sound(self) -> bool:
        return self.equal and not self.altered


Fault = tuple[str, str, str]
"""Module, text in it, and the text that replaces it."""


def packed(values: np.ndarray, bits: int) -> np.ndarray:
    """Words uint64 (N,) of elements (N, PE), the first in the lowest bits."""
    fields = (values.astype(np.int64).view(np.uint64) & np.uint64(2**bits - 1)) << (
        np.arange(values.shape[1], dtype=np.uint64) * np.uint64(bits)
    )
    return np.bitwise_or.reduce(fields, axis=1)


def in_bytes(bits: int) -> int:
    """Bits of a stream, padded to whole bytes."""
    return -(-bits // 8) * 8


class Bench:
    """Layers side by side; faults: unit -> the change to its module's text, whose copy has the unit's module name."""

    def __init__(self, folder: Path, units: Sequence[Unit], faults: Mapping[Unit, Fault]) -> None:
        self._folder, self.units = folder, [*units, *faults]
        self._zeros = [unit.outputs(*map(_zeros, unit.inputs())) for unit in self.units]
        (folder / "layers.sv").write_text(self._hdl(faults))
        counts = [
            f"-DINPUTS={sum(len(unit.inputs()) for unit in self.units)}",
            f"-DOUTPUTS={sum(map(len, self._zeros))}",
        ]
        sources = [CPP, *sorted(FOLDER.glob("*.sv")), "layers.sv"]
        self._program = compile_bench(folder, "layers", sources, " ".join(counts))

    def stream(self, offer: int, take: int) -> dict[Unit, list[Streamed]]:
        """Words are offered in `offer` of 4 cycles and taken from an output in `take` of 4, at random."""
        random = np.random.default_rng(offer + 8 * take)
        given, expected = [], []
        for unit in self.units:
            values = []
            for port in unit.inputs():
                low = -(2 ** (port.bits - 1)) if port.signed else 0
                values.append(random.integers(low, low + 2**port.bits, (port.words, port.pe)))
                given += [np.uint64([port.words]), packed(values[-1], port.bits)]
            expected.append(unit.outputs(*values))
        files = self._folder / "in.bin", self._folder / "out.bin"
        np.concatenate(given).tofile(files[0])
        subprocess.run([self._program, str(offer), str(take), *files], check=True)
        found, streamed = np.fromfile(files[1], np.uint64), {}
        for unit, outputs in zip(self.units, expected, strict=True):
            streamed[unit] = []
            for words in outputs:
                count, last, altered = (int(value) for value in found[:3])
                streamed[unit].append(Streamed(np.array_equal(found[3 : 3 + count], words), last, altered))
                found = found[3 + count :]
        return streamed

    def _hdl(self, faults: Mapping[Unit, Fault]) -> str:
        changed = ""
        for unit, (module, old, new) in faults.items():
            text = (FOLDER / f"{module}.sv").read_text()
            assert text.count(old) == 1, (module, old)
            changed += text.replace(old, new).replace(module, unit.module)
        instances, first_in, first_out = "", 0, 0
        for index, (unit, zeros) in enumerate(zip(self.units, self._zeros, strict=True)):
            given = ", ".join(f".{name}({value})" for name, value in unit.parameters().items())
            inputs = range(first_in, first_in + len(unit.inputs()))
            outputs = range(first_out, first_out + len(zeros))
            first_in, first_out = inputs.stop, outputs.stop
            widths = [in_bytes(port.pe * port.bits) for port in unit.inputs()]
            data = [f"s_data[{i}][{width - 1}:0]" for i, width in zip(inputs, widths, strict=True)]
            instances += f"""
  {unit.module} #({given}) unit{index} (.ap_clk, .ap_rst_n,
    .s_axis_tdata({_side_by_side(data)}), .s_axis_tvalid({_side_by_side([f"s_valid[{i}]" for i in inputs])}),
    .s_axis_tready({_side_by_side([f"s_ready[{i}]" for i in inputs])}),
    .m_axis_tdata({_outputs(unit, outputs)}), .m_axis_tvalid({_side_by_side([f"m_valid[{i}]" for i in outputs])}),
    .m_axis_tready({_side_by_side([f"m_ready[{i}]" for i in outputs])}));"""
        return f"""{changed}
module layers(input logic ap_clk, input logic ap_rst_n,
  input logic s_valid[{first_in}], input logic [63:0] s_data[{first_in}], output logic s_ready[{first_in}],
  output logic m_valid[{first_out}], output logic [63:0] m_data[{first_out}], input logic m_ready[{first_out}]);
{instances}
endmodule
"""


def _outputs(unit: Unit, outputs: range) -> str:
    if len(outputs) == 1:
        return f"m_data[{outputs.start}]"
    (port,) = unit.inputs()  # a fork: its outputs are as wide as its input
    return _side_by_side([f"m_data[{i}][{in_bytes(port.pe * port.bits) - 1}:0]" for i in outputs])


def _side_by_side(signals: list[str]) -> str:
    return signals[0] if len(signals) == 1 else f"{{{', '.join(reversed(signals))}}}"


def _zeros(port: Port) -> np.ndarray:
    return np.zeros((port.words, port.pe), np.int64)
