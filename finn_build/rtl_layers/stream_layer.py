"""What FINN asks of an RTL layer with one input and one output stream whose hardware is one SystemVerilog module."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper


class StreamLayer(RTLBackend):
    """Layer whose hardware is the module `module`, in a file of that name beside this one.

    Its streams are called s_axis and m_axis; FINN's block design takes modules in Verilog alone, so a wrapper, which
    gives the parameters, is all that is generated.
    """

    module: str

    @abstractmethod
    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """The module's parameters as Verilog writes them; raises ValueError when it cannot be this layer."""

    def generate_hdl(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:
        """Write the wrapper; see RTLBackend."""
        name, folder = self.get_verilog_top_module_name(), self.get_nodeattr("code_gen_dir_ipgen")
        input_bits, output_bits = self.get_instream_width_padded(), self.get_outstream_width_padded()
        text = _wrapper(name, self.module, self.parameters(model), input_bits, output_bits)
        Path(folder, f"{name}.v").write_text(text, encoding="utf-8")
        self.set_nodeattr("gen_top_module", name)  # the node may be renamed later
        self.set_nodeattr("ipgen_path", folder)
        self.set_nodeattr("ip_path", folder)

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        """The module and its wrapper; see RTLBackend."""
        files = [
            Path(__file__).with_name(f"{self.module}.sv"),
            Path(self.get_nodeattr("code_gen_dir_ipgen"), f"{self.get_nodeattr('gen_top_module')}.v"),
        ]
        return [str(file) if abspath else file.name for file in files]

    def code_generation_ipi(self) -> list[str]:
        """Tcl that adds the layer to FINN's block design; see RTLBackend."""
        return [
            *(f"add_files -norecurse {file}" for file in self.get_rtl_file_list(abspath=True)),
            f"create_bd_cell -type module -reference {self.get_nodeattr('gen_top_module')} {self.onnx_node.name}",
        ]


def _wrapper(name: str, module: str, parameters: dict[str, int | str], input_bits: int, output_bits: int) -> str:
    given = ",\n".join(f"  .{parameter}({value})" for parameter, value in parameters.items())
    return f"""module {name} (
  (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF in0_V:out0_V, ASSOCIATED_RESET ap_rst_n" *)
  (* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 ap_clk CLK" *)
  input ap_clk,
  (* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)
  input ap_rst_n,
  input [{input_bits - 1}:0] in0_V_TDATA, input in0_V_TVALID, output in0_V_TREADY,
  output [{output_bits - 1}:0] out0_V_TDATA, output out0_V_TVALID, input out0_V_TREADY
);
{module} #(
{given}
) impl (
  .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
  .s_axis_tdata(in0_V_TDATA), .s_axis_tvalid(in0_V_TVALID), .s_axis_tready(in0_V_TREADY),
  .m_axis_tdata(out0_V_TDATA), .m_axis_tvalid(out0_V_TVALID), .m_axis_tready(out0_V_TREADY)
);
endmodule
"""
