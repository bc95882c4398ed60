"""The base class of our RTL layers: what FINN and the build ask of one, and the wrapper around its SystemVerilog."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend

from finn_build.rtl_layers.wrapper import wrapper

if TYPE_CHECKING:
    import numpy as np
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper


class StreamLayer(RTLBackend):
    """A layer whose hardware is one SystemVerilog module with AXI streams in and out.

    A subclass is called NAME_rtl and derives from this class, then from the generic layer NAME, which is one of FINN's
    or a subclass of one: `class Pool_rtl(StreamLayer, Pool)`. The generic layer gives shapes, data types, attributes,
    cycles a frame (`get_exp_cycles`) and the behaviour in Python. The subclass adds the members below and the resources
    (`lut_estimation`, `dsp_estimation` ...).

    The module has the ports ap_clk, ap_rst_n, s_axis_tdata, s_axis_tvalid, s_axis_tready, m_axis_tdata, m_axis_tvalid
    and m_axis_tready. Words are padded to whole bytes. Where a layer has several input or output streams, these ports
    are vectors that hold the streams side by side, stream 0 in the lowest bits.

    Class attributes:
        module: name of the module, which lies in MODULE.sv in this folder.
        sources: further SystemVerilog files of this folder that the module needs.
        parallelism: the folding attribute that says how many elements the layer takes a cycle, PE or SIMD.
        gives_activation: whether the output holds an activation's levels. Simulations record these, and
            `radioml verify` compares them with the network's.
    """

    module: ClassVar[str]
    sources: ClassVar[tuple[str, ...]] = ()
    parallelism: ClassVar[str] = "PE"
    gives_activation: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """Whether the layer does what `node` does, a node of FINN's graph before RTL or HLS is chosen."""

    @abstractmethod
    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """Parameters of the module, as Verilog writes them; raises ValueError when the node cannot be this layer."""

    def data_files(self, model: ModelWrapper) -> dict[str, str | dict[str, str]]:
        """Parameter -> content of the file that the module reads with $readmemh under the parameter's value.

        For several files the content is a dictionary: what follows the parameter's value in a file's name -> content.
        Networks that differ only in these files share a compiled simulator; networks with other `parameters` do not.
        """
        return {}

    def caveat(self) -> str:
        """What the reader of an estimate must know of the layer; "" for nothing."""
        return ""

    def most_parallel(self, attribute: str) -> int:
        """The number of elements that the folding attribute must divide: by default the output's channels."""
        return int(self.get_normal_output_shape()[-1])

    def foldings(self) -> Iterator[dict[str, int]]:
        """Values of the folding attributes, from the slowest folding to the fastest."""
        most = self.most_parallel(self.parallelism)
        for value in range(1, most + 1):
            if most % value == 0:
                yield {self.parallelism: value}

    @classmethod
    def generic(cls) -> type[HWCustomOp]:
        """The generic layer NAME, under whose name FINN knows the layer until RTL or HLS is chosen."""
        name = cls.__name__.removesuffix("_rtl")
        return next(base for base in cls.__mro__ if base.__name__ == name)

    def execute(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """Compute the output tensors of `context` from its input tensors in Python: by default as the generic layer."""
        self.generic().execute_node(self, context, graph)

    def execute_node(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """In Python, or in Vivado's simulator if the node says so; see CustomOp."""
        if self.get_nodeattr("exec_mode") == "rtlsim":
            super().execute_node(context, graph)
        else:
            self.execute(context, graph)

    def get_nodeattr_types(self) -> dict[str, tuple[Any, ...]]:
        """The attributes of the generic layer and of an RTL layer; see CustomOp."""
        return self.generic().get_nodeattr_types(self) | {"gen_top_module": ("s", False, "")}

    def generate_hdl(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:
        """Write the wrapper and the data files; see RTLBackend. FINN's block design takes modules in Verilog alone."""
        name, folder = self.get_verilog_top_module_name(), Path(self.get_nodeattr("code_gen_dir_ipgen"))
        parameters = self.parameters(model)
        for parameter, content in self.data_files(model).items():
            start, files = f"{name}_{parameter.lower()}", content if isinstance(content, dict) else {".dat": content}
            for ending, text in files.items():
                (folder / f"{start}{ending}").write_text(text, encoding="utf-8")
            stem = f"{start}{'' if isinstance(content, dict) else '.dat'}"
            parameters[parameter] = f'"./{stem}"'  # FINN makes such a path absolute for Vivado
        widths = [self.get_instream_width_padded(index) for index in range(len(self.onnx_node.input))]
        widths = [width for width in widths if width]  # FINN gives a constant the width 0
        inputs = {f"in{index}_V": width for index, width in enumerate(widths)}
        outputs = {
            f"out{index}_V": self.get_outstream_width_padded(index) for index in range(len(self.onnx_node.output))
        }
        text = wrapper(name, self.instance(parameters, list(inputs), list(outputs)), inputs, outputs)
        (folder / f"{name}.v").write_text(text, encoding="utf-8")
        self.set_nodeattr("gen_top_module", name)  # the node may be renamed later
        self.set_nodeattr("ipgen_path", str(folder))
        self.set_nodeattr("ip_path", str(folder))

    def instance(self, parameters: dict[str, int | str], inputs: list[str], outputs: list[str]) -> str:
        """Verilog of the module's instance in a wrapper whose streams have these names."""
        given = ",\n".join(f"  .{parameter}({value})" for parameter, value in parameters.items())
        return f"""{self.module} #(
{given}
) impl (
  .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
  {_connection("s_axis", inputs)},
  {_connection("m_axis", outputs)}
);"""

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        """The SystemVerilog and its wrapper; see RTLBackend."""
        files = [
            *(Path(__file__).with_name(name) for name in (*self.sources, f"{self.module}.sv")),
            Path(self.get_nodeattr("code_gen_dir_ipgen"), f"{self.get_nodeattr('gen_top_module')}.v"),
        ]
        return [str(file) if abspath else file.name for file in files]

    def code_generation_ipi(self) -> list[str]:
        """Tcl that adds the layer to FINN's block design; see RTLBackend."""
        return [
            *(f"add_files -norecurse {file}" for file in self.get_rtl_file_list(abspath=True)),
            f"create_bd_cell -type module -reference {self.get_nodeattr('gen_top_module')} {self.onnx_node.name}",
        ]


def _connection(port: str, streams: list[str]) -> str:
    """The streams side by side at the module's ports, the first in the lowest bits."""
    signals = {
        signal: ", ".join(f"{stream}_T{signal.upper()}" for stream in reversed(streams))
        for signal in ("data", "valid", "ready")
    }
    joined = {signal: f"{{{names}}}" if len(streams) > 1 else names for signal, names in signals.items()}
    return ", ".join(f".{port}_t{signal}({names})" for signal, names in joined.items())
