"""The accelerator's top module: a chain of layers joined by AXI streams, with a weight memory at each multiplier."""

from __future__ import annotations

from itertools import pairwise

from finn_build.rtl.design import TOP, Layer

PROBES = "STREAM_PROBES"
"""Macro that gives the top module ports for watching its streams. The simulation defines the macro."""
_AXI_LITE_INPUTS = ("AWVALID", "AWADDR", "WVALID", "WDATA", "WSTRB", "BREADY", "ARVALID", "ARADDR", "RREADY")


def stitch(layers: list[Layer]) -> str:
    """Verilog text of the top module.

    With FINN_SIMULATION defined the FIFOs are the library's unbounded gauges. The port `fifo_fill` then carries their
    largest fills, 32 bits each, the first layer's in the least significant bits.

    With STREAM_PROBES defined bit k of the ports `stream_valid` and `stream_ready` is the state of the stream into
    layer k, and their last bit is the state of the output. The port `probe<k>` is the data at the output of layer k,
    if that layer is probed.
    """
    for left, right in pairwise(layers):
        if left.output_bits != right.input_bits:
            raise ValueError(f"{left.name} gives {left.output_bits} bits, {right.name} takes {right.input_bits}")
    wires: list[str] = []
    instances: list[str] = []
    fills: list[str] = []
    streams = ["s_axis", *(f"stream{index}" for index in range(len(layers) - 1)), "m_axis"]
    for index, layer in enumerate(layers):
        source, target = streams[index : index + 2]
        if target != "m_axis":
            wires += _stream_wires(target, layer.output_bits)
        ports = [
            ".ap_clk(ap_clk)",
            ".ap_rst_n(ap_rst_n)",
            *_stream_ports("in0_V", source),
            *_stream_ports("out0_V", target),
        ]
        if layer.weight_memory:
            weights = f"weights{index}"
            wires += _stream_wires(weights, layer.weight_bits)
            ports += [".ap_clk2x(ap_clk)", *_stream_ports("in1_V", weights)]
            instances.append(_instance(layer.weight_memory, f"{layer.name}_weights", _weight_memory_ports(weights)))
        if layer.axi_lite:
            ports += [f".s_axilite_{name}(0)" for name in _AXI_LITE_INPUTS]
        if layer.gauge:
            wires.append(f"wire [31:0] fill{index};")
            ports.append(f".maxcount(fill{index})")
            fills.insert(0, f"fill{index}")
        instances.append(_instance(layer.module, layer.name, ports))
    gauge_port = _only_with("FINN_SIMULATION", f"output [{32 * len(fills) - 1}:0] fifo_fill,") if fills else []
    gauge = _only_with("FINN_SIMULATION", f"assign fifo_fill = {{{', '.join(fills)}}};") if fills else []
    states = ("valid", "ready")
    probe_port = [f"output [{len(layers)}:0] stream_{state}," for state in states]
    probe = [
        f"assign stream_{state} = {{{', '.join(f'{stream}_t{state}' for stream in reversed(streams))}}};"
        for state in states
    ]
    probed = [index for index, layer in enumerate(layers) if layer.probe]
    probe_port += [f"output [{layers[index].output_bits - 1}:0] probe{index}," for index in probed]
    probe += [f"assign probe{index} = {streams[index + 1]}_tdata;" for index in probed]
    return "\n".join([
        f"module {TOP} (",
        *gauge_port,
        *_only_with(PROBES, *probe_port),
        "  input ap_clk, input ap_rst_n,",
        f"  input [{layers[0].input_bits - 1}:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready,",
        f"  output [{layers[-1].output_bits - 1}:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready",
        ");",
        *(f"  {wire}" for wire in wires),
        *instances,
        *gauge,
        *_only_with(PROBES, *probe),
        "endmodule",
        "",
    ])  # fmt: skip


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
