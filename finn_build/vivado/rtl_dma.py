"""Our DMA engines in FINN's Zynq design, instead of those that FINN makes with Vitis HLS.

FINN knows its DMA engines by the operator type IODMA_hls in some ten places: it gives each a kernel of its own, and its
Vivado project connects them to memory and control bus. Our engine has the same ports and registers. So its nodes keep
the type, and their domain says that the layer is RTL.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finn.custom_op.fpgadataflow.hls.iodma_hls import IODMA_hls
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from finn.transformation.fpgadataflow.create_stitched_ip import CreateStitchedIP
from finn.transformation.fpgadataflow.insert_iodma import InsertIODMA

from radioml import io_dma

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

_TYPE, _DOMAIN = "IODMA_hls", "finn.custom_op.fpgadataflow.rtl"
_HEADER = re.compile(r"^\)\(\n(.*?)^\);", re.M | re.S)


class RtlDma(RTLBackend, IODMA_hls):
    """One of our DMA engines: shapes and ports of FINN's, with `radioml.io_dma` as hardware."""

    def get_nodeattr_types(self) -> dict[str, tuple[Any, ...]]:
        """The attributes of FINN's engine and of an RTL layer; see CustomOp."""
        return IODMA_hls.get_nodeattr_types(self) | {"gen_top_module": ("s", False, "")}

    def engine(self) -> str:
        """Name of the SystemVerilog module."""
        return io_dma.READ if self.get_nodeattr("direction") == "in" else io_dma.WRITE

    def parameters(self) -> dict[str, int]:
        """The module's parameters; the graph's data type is UINT8, so a frame has as many bytes as elements."""
        return {
            "MEMORY_BITS": self.get_nodeattr("intfWidth"),
            "STREAM_BITS": self.get_nodeattr("streamWidth"),
            "FRAME_BYTES": math.prod(self.get_normal_input_shape()),
        }

    def generate_hdl(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:
        """Write the Verilog wrapper, because FINN's block design takes only Verilog modules; see RTLBackend."""
        name, folder = self.get_verilog_top_module_name(), Path(self.get_nodeattr("code_gen_dir_ipgen"))
        (folder / f"{name}.v").write_text(wrapper(name, self.engine(), self.parameters()), encoding="utf-8")
        self.set_nodeattr("gen_top_module", name)
        self.set_nodeattr("ipgen_path", str(folder))
        self.set_nodeattr("ip_path", str(folder))

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        """The SystemVerilog and its wrapper; see RTLBackend."""
        top = self.get_nodeattr("gen_top_module")
        files = [
            *(io_dma.FOLDER / f"{module}.sv" for module in (*io_dma.PARTS, self.engine())),
            Path(self.get_nodeattr("code_gen_dir_ipgen"), f"{top}.v"),
        ]
        return [str(file) if abspath else file.name for file in files]

    def code_generation_ipi(self) -> list[str]:
        """Tcl that adds the engine to FINN's block design; see RTLBackend."""
        return [
            *(f"add_files -norecurse {file}" for file in self.get_rtl_file_list(abspath=True)),
            f"create_bd_cell -type module -reference {self.get_nodeattr('gen_top_module')} {self.onnx_node.name}",
        ]


class InsertRtlDma(InsertIODMA):
    """FINN's step that adds DMA engines; it then turns them into our engines, as wide as the memory port."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """See Transformation."""
        from qonnx.custom_op.registry import getCustomOp

        model, changed = super().apply(model)
        for node in model.get_nodes_by_op_type(_TYPE):
            node.domain = _DOMAIN
            getCustomOp(node).set_nodeattr("intfWidth", self.max_intfwidth)
        return model, changed


class StitchRtlDma(CreateStitchedIP):
    """FINN's step that packs a kernel as an IP, with the name of our engine's address space.

    FINN writes the name that Vitis HLS gives to the address space of a kernel. Vivado names the address space of a
    module in HDL after the memory port. FINN's own Tcl for its RTL layers with memory ports does the same.
    """

    connect_cmds: list[str]

    def connect_axi(self, node: NodeProto, model: ModelWrapper) -> None:
        """See CreateStitchedIP."""
        super().connect_axi(node, model)
        if (node.op_type, node.domain) == (_TYPE, _DOMAIN):
            self.connect_cmds = [line.replace("/Data_m_axi_gmem/", "/m_axi_gmem/") for line in self.connect_cmds]


def use_rtl_dma() -> None:
    """Let FINN's Zynq step take our DMA engines, in this process and in processes that are forked from it."""
    from finn.custom_op.fpgadataflow import rtl
    from finn.transformation.fpgadataflow import make_zynq_proj

    rtl.custom_op[_TYPE] = RtlDma
    make_zynq_proj.InsertIODMA = InsertRtlDma
    make_zynq_proj.CreateStitchedIP = StitchRtlDma


def wrapper(name: str, engine: str, parameters: dict[str, int]) -> str:
    """Verilog of the module `name`: a DMA engine with these parameters and the ports that its SystemVerilog has."""
    (header,) = _HEADER.findall((io_dma.FOLDER / f"{engine}.sv").read_text(encoding="utf-8"))
    ports = re.findall(r"^\t(input|output)\tlogic (\[.*?\])?\s*(\w+)", header, re.M)
    for parameter, value in parameters.items():
        ports = [(way, width.replace(parameter, str(value)), port) for way, width, port in ports]
    buses = dict.fromkeys(port.rpartition("_")[0] for _, _, port in ports if port not in ("ap_clk", "ap_rst_n"))
    about = {
        "ap_clk": f'(* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF {":".join(buses)}, ASSOCIATED_RESET ap_rst_n" *)\n  '
        '(* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 ap_clk CLK" *)\n  ',
        "ap_rst_n": '(* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)\n  ',
    }
    declared = ",\n  ".join(f"{about.get(port, '')}{way} {width} {port}" for way, width, port in ports)
    connected = ",\n  ".join(f".{port}({port})" for _, _, port in ports)
    given = ", ".join(f".{parameter}({value})" for parameter, value in parameters.items())
    return f"module {name} (\n  {declared}\n);\n{engine} #({given}) engine (\n  {connected}\n);\nendmodule\n"
