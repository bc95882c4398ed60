"""What is known of a folder of HDL: its streams, its layers, its files. `finn_build.rtl.hdl` writes the folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from radioml.contract.package import StreamFormat
from radioml.files import write_json
from radioml.reading.records import read_record

TOP, FILE_LIST, DESIGN = "accelerator", "files.f", "design.json"
"""The top module; the file that lists all sources of the HDL's folder, one a line; the file with `Design`."""
PROBES = "STREAM_PROBES"
"""Macro that gives the top module ports for watching its streams. The simulation defines the macro."""
_NAME = re.compile(r"\w+", re.ASCII)


@dataclass(frozen=True)
class Probe:
    """What a simulation records of a layer that gives an activation.

    stream: the words of one frame, whose shape is (pixels, channels).
    zero: the integer that stands for level 0.
    """

    stream: StreamFormat
    zero: int


@dataclass(frozen=True)
class Wire:
    """A stream between two layers, or at an end of the accelerator.

    tensor: name of what it carries, the same at both ends. bits: of a word, padded to bytes. words: a frame.
    """

    tensor: str
    bits: int
    words: int


@dataclass(frozen=True)
class Layer:
    """One node of the dataflow graph as the top module sees it.

    name: instance; module: generated top module of the layer.
    inputs, outputs: its streams, in the order of the module's ports.
    weight_memory, weight_bits: module and width of the memory that streams the weights, if any.
    axi_lite: whether the module has a (here unused) control port.
    gauge: whether it is a FIFO that can tell its largest fill.
    probe: what simulations record of its first output, if the layer gives an activation.
    """

    name: str
    module: str
    inputs: tuple[Wire, ...]
    outputs: tuple[Wire, ...]
    weight_memory: str = ""
    weight_bits: int = 0
    axi_lite: bool = False
    gauge: bool = False
    probe: Probe | None = None

    def __post_init__(self) -> None:
        """Refuse a name that is no identifier, because the harness is compiled with it; raises ValueError."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a layer")


@dataclass(frozen=True)
class Design:
    """What the simulator and the package must know of the HDL.

    input, output: its streams; data_files: names of the weights and thresholds.
    layers: sources before those that read them. The first reads the input, the last gives the output.
    """

    input: StreamFormat
    output: StreamFormat
    layers: tuple[Layer, ...]
    data_files: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse layers whose streams do not meet; raises ValueError."""
        streams_of(self.layers)

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All streams: the input, then what each layer gives."""
        return streams_of(self.layers)

    @property
    def fifos(self) -> tuple[str, ...]:
        """Names of the FIFOs, in the order of the stream."""
        return tuple(layer.name for layer in self.layers if layer.gauge)

    @property
    def probed(self) -> dict[str, Probe]:
        """The layers that give activations, by name, in the order of the stream."""
        return {layer.name: layer.probe for layer in self.layers if layer.probe}

    def write(self, hdl: Path) -> None:
        """Write the design as JSON to the folder of the HDL."""
        write_json(hdl / DESIGN, asdict(self))


@dataclass(frozen=True)
class Stream:
    """A stream of the design: its wire, and names of the layers at its ends, "" outside the accelerator."""

    wire: Wire
    source: str
    reader: str


def streams_of(layers: Sequence[Layer]) -> tuple[Stream, ...]:
    """The input, then what each layer gives, in the order of the layers.

    Raises ValueError unless each layer reads streams of layers before it, with as many bits and words as these give,
    and each stream is read once.
    """
    if not layers or not layers[0].inputs or not layers[-1].outputs:
        raise ValueError("an accelerator has layers, an input and an output")
    given = {layers[0].inputs[0].tensor: (layers[0].inputs[0], "")}
    readers: dict[str, str] = {}
    for layer in layers:
        for wire in layer.inputs:
            source, name = given.get(wire.tensor, (None, ""))
            if source is None or wire.tensor in readers:
                raise ValueError(f"{layer.name} reads {wire.tensor}, which no layer gives to it")
            if (source.bits, source.words) != (wire.bits, wire.words):
                raise ValueError(
                    f"{name or 'the input'} gives {source.bits} bits, {source.words} times a frame, {layer.name} takes "
                    f"{wire.bits} bits, {wire.words} times"
                )
            readers[wire.tensor] = layer.name
        given |= {wire.tensor: (wire, layer.name) for wire in layer.outputs}
    unread = [tensor for tensor in given if tensor not in readers]
    if unread != [layers[-1].outputs[0].tensor]:
        raise ValueError(f"no layer reads {', '.join(unread)}; only the last layer's output may stay unread")
    return tuple(Stream(wire, source, readers.get(tensor, "")) for tensor, (wire, source) in given.items())


def read_design(hdl: Path) -> Design:
    """Read what `Design.write` wrote to a folder; raises RadioMLError for a file that is missing or damaged."""
    return read_record(hdl / DESIGN, Design)
