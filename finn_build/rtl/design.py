"""What is known of an accelerator's HDL: its streams, its layers, its files. `generate_hdl` makes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from radioml.contract.package import StreamFormat
from radioml.files import write_json
from radioml.reading.records import read_record

TOP, FILE_LIST = "accelerator", "files.f"
"""The top module, and the file that lists all sources of the HDL's folder, one a line."""


@dataclass(frozen=True)
class Probe:
    """What a simulation records of a layer that gives an activation.

    stream: the words of one frame, whose shape is (pixels, channels).
    zero: the integer that stands for level 0.
    """

    stream: StreamFormat
    zero: int


@dataclass(frozen=True)
class Layer:
    """One node of the dataflow graph as the top module sees it.

    name: instance; module: generated top module of the layer.
    input_bits, output_bits: stream widths, padded to bytes.
    output_words: words a frame at its output.
    weight_memory, weight_bits: module and width of the memory that streams the weights, if any.
    axi_lite: whether the module has a (here unused) control port.
    gauge: whether it is a FIFO that can tell its largest fill.
    probe: what simulations record, if the layer gives an activation.
    """

    name: str
    module: str
    input_bits: int
    output_bits: int
    output_words: int
    weight_memory: str = ""
    weight_bits: int = 0
    axi_lite: bool = False
    gauge: bool = False
    probe: Probe | None = None


@dataclass(frozen=True)
class Design:
    """What the simulator and the package must know of the HDL.

    input, output: its streams; layers: its chain of layers; data_files: names of the weights and thresholds.
    """

    input: StreamFormat
    output: StreamFormat
    layers: tuple[Layer, ...]
    data_files: tuple[str, ...]

    @property
    def fifos(self) -> tuple[str, ...]:
        """Names of the FIFOs, in the order of the stream."""
        return tuple(layer.name for layer in self.layers if layer.gauge)

    @property
    def probed(self) -> dict[str, Probe]:
        """The layers that give activations, by name, in the order of the stream."""
        return {layer.name: layer.probe for layer in self.layers if layer.probe}

    def write(self, path: Path) -> None:
        """Write the design as JSON."""
        write_json(path, asdict(self))


def read_design(path: Path) -> Design:
    """Read what `Design.write` wrote; raises RadioMLError for a file that is missing or damaged."""
    return read_record(path, Design)
