"""The accelerator's top module: layers joined by AXI streams, with a weight memory at each multiplier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from radioml.simulation.design import PROBES, TOP, Layer, Wire, streams_of

_AXI_LITE_INPUTS = ("AWVALID", "AWADDR", "WVALID", "WDATA", "WSTRB", "BREADY", "ARVALID", "ARADDR", "RREADY")


def stitch(layers: Sequence[Layer]) -> str:
    """Verilog text of the top module; the order of the layers is that of `Design.layers`.

    With FINN_SIMULATION defined the FIFOs are the library's unbounded gauges. The port `fifo_fill` then carries their
    largest fills, 32 bits each, the first layer's in the least significant bits.

    With STREAM_PROBES defined bit k of the ports `stream_valid` and `stream_ready` is the state of stream k of
    `Design.streams`. The port `probe<k>` is its data, if its source is probed.
    """
    streams = streams_of(layers)
    names = {stream.wire.tensor: f"stream{index}" for index, stream in enumerate(streams)}
    names |= {streams[0].wire.tensor: "s_axis", streams[-1].wire.tensor: "m_axis"}
    wires = [line for s in streams[1:-1] for line in _stream_wires(names[s.wire.tensor], s.wire.bits)]
    fills = [f"fill{index}" for index, layer in reversed(list(enumerate(layers))) if layer.gauge]
    gauge_port = _only_with("FINN_SIMULATION", f"output [{32 * len(fills) - 1}:0] fifo_fill,") if fills else []
    gauge = _only_with("FINN_SIMULATION", f"assign fifo_fill = {{{', '.join(fills)}}};") if fills else []
    states = ("valid", "ready")
    probe_port = [f"output [{len(streams) - 1}:0] stream_{state}," for state in states]
    probe = [
        f"assign stream_{state} = {{{', '.join(f'{names[s.wire.tensor]}_t{state}' for s in reversed(streams))}}};"
        for state in states
    ]
    probed = {layer.name for layer in layers if layer.probe}
    for index, stream in enumerate(streams):
        if stream.source in probed:
            probe_port.append(f"output [{stream.wire.bits - 1}:0] probe{index},")
            probe.append(f"assign probe{index} = {names[stream.wire.tensor]}_tdata;")
    return "\n".join([
        f"module {TOP} (",
        *gauge_port,
        *_only_with(PROBES, *probe_port),
        "  input ap_clk, input ap_rst_n,",
        f"  input [{streams[0].wire.bits - 1}:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready,",
        f"  output [{streams[-1].wire.bits - 1}:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready",
        ");",
        *(f"  {wire}" for wire in wires),
        *_instances(layers, names),
        *gauge,
        *_only_with(PROBES, *probe),
        "endmodule",
        "",
    ])  # fmt: skip


def join(layers: Sequence[Layer], name: str) -> str:
    """Verilog text of a module that joins some layers; its streams are those of `Layer(name, name, *ends(layers))`."""
    inputs, outputs = ends(layers)
    names = {wire.tensor: f"in{number}" for number, wire in enumerate(inputs)}
    names |= {wire.tensor: f"out{number}" for number, wire in enumerate(outputs)}
    inner = [wire for layer in layers for wire in layer.outputs if wire.tensor not in names]
    names |= {wire.tensor: f"stream{number}" for number, wire in enumerate(inner)}
    ports = ["input ap_clk", "input ap_rst_n"]
    joined = []
    for boundary, there, back in ((inputs, "input", "output"), (outputs, "output", "input")):
        for wire in boundary:
            port = names[wire.tensor]
            for signal, way, bits in (("data", there, wire.bits), ("valid", there, 1), ("ready", back, 1)):
                outside, inside = f"{port}_V_T{signal.upper()}", f"{port}_t{signal}"
                ports.append(f"{way} [{bits - 1}:0] {outside}")
                target, source = (inside, outside) if way == "input" else (outside, inside)
                joined.append(f"assign {target} = {source};")
    wires = [line for wire in (*inputs, *outputs, *inner) for line in _stream_wires(names[wire.tensor], wire.bits)]
    return "\n".join([
        f"module {name} (",
        "  " + ",\n  ".join(ports),
        ");",
        *(f"  {line}" for line in (*wires, *joined)),
        *_instances(layers, names),
        "endmodule",
        "",
    ])  # fmt: skip


def ends(layers: Sequence[Layer]) -> tuple[tuple[Wire, ...], tuple[Wire, ...]]:
    """The streams that some layers read from others, and those that they give to others."""
    read = [wire for layer in layers for wire in layer.inputs]
    given = [wire for layer in layers for wire in layer.outputs]
    inside = {wire.tensor for wire in read} & {wire.tensor for wire in given}
    inputs, outputs = ([wire for wire in wires if wire.tensor not in inside] for wires in (read, given))
    return tuple(inputs), tuple(outputs)


def _instances(layers: Sequence[Layer], names: Mapping[str, str]) -> list[str]:
    """Each layer, and its weight memory with the stream between them; names: tensor -> name of its stream's wires."""
    text: list[str] = []
    for index, layer in enumerate(layers):
        ports = [".ap_clk(ap_clk)", ".ap_rst_n(ap_rst_n)"]
        for direction, wires in (("in", layer.inputs), ("out", layer.outputs)):
            for number, wire in enumerate(wires):
                ports += _stream_ports(f"{direction}{number}_V", names[wire.tensor])
        if layer.weight_memory:
            weights = f"weights{index}"
            text += [f"  {line}" for line in _stream_wires(weights, layer.weight_bits)]
            ports += [".ap_clk2x(ap_clk)", *_stream_ports("in1_V", weights)]
            text.append(_instance(layer.weight_memory, f"{layer.name}_weights", _weight_memory_ports(weights)))
        if layer.axi_lite:
            ports += [f".s_axilite_{name}(0)" for name in _AXI_LITE_INPUTS]
        if layer.gauge:
            text.append(f"  wire [31:0] fill{index};")
            ports.append(f".maxcount(fill{index})")
        text.append(_instance(layer.module, layer.name, ports))
    return text


def _only_with(macro: str, *lines: str) -> list[str]:
    return [f"`ifdef {macro}", *(f"  {line}" for line in lines), "`endif"]


def _stream_wires(name: str, bits: int) -> list[str]:
    return [f"wire [{bits - 1}:0] {name}_tdata;", f"wire {name}_tvalid, {name}_tready;"]


def _stream_ports(port: str, stream: str) -> list[str]:
    return [f".{port}_T{signal.upper()}({stream}_t{signal})" for signal in ("data", "valid", "ready")]


def _weight_memory_ports(weights: str) -> list[str]:
    """Clock, an idle AXI-lite port, an idle set selector, and the weight stream."""
    unused = [f".s_axilite_{name}(0)" for name in (*_AXI_LITE_INPUTS, "AWPROT", "ARPROT")]
    stream = [f".m_axis_0_t{signal}({weights}_t{signal})" for signal in ("data", "valid", "ready")]
    selector = [".s_axis_0_tvalid(1'b0)", ".s_axis_0_tdata(0)"]
    return [".ap_clk(ap_clk)", ".ap_clk2x(ap_clk)", ".ap_rst_n(ap_rst_n)", *unused, *selector, *stream]


def _instance(module: str, name: str, ports: list[str]) -> str:
    return f"  {module} {name} (\n    " + ",\n    ".join(ports) + "\n  );"
