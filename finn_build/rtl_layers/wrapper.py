"""The Verilog around a layer: FINN's block design takes only Verilog modules, with FINN's names for the streams."""

from __future__ import annotations


def wrapper(name: str, instance: str, inputs: dict[str, int], outputs: dict[str, int]) -> str:
    """Verilog of the module `name` around an instance; inputs, outputs: FINN's name of a stream -> bits of a word."""
    ports = [
        f"input [{bits - 1}:0] {port}_TDATA, input {port}_TVALID, output {port}_TREADY" for port, bits in inputs.items()
    ] + [
        f"output [{bits - 1}:0] {port}_TDATA, output {port}_TVALID, input {port}_TREADY"
        for port, bits in outputs.items()
    ]
    return f"""module {name} (
  (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF {":".join((*inputs, *outputs))}, ASSOCIATED_RESET ap_rst_n" *)
  (* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 ap_clk CLK" *)
  input ap_clk,
  (* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)
  input ap_rst_n,
  {f",{chr(10)}  ".join(ports)}
);
{instance}
endmodule
"""
