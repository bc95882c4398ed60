"""A layer that computes the statistics of a frame as integers: a unit that is generated from a QONNX graph."""

from __future__ import annotations

import base64
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp

from finn_build.rtl_layers.stream_layer import StreamLayer
from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.modules import INSTANCE, MODULE, PARTS
from finn_build.statistics_unit.read import read_unit
from finn_build.statistics_unit.resources import resources
from finn_build.statistics_unit.schedule import schedule
from finn_build.statistics_unit.unit import Unit
from finn_build.statistics_unit.verilog import unit_module
from radioml.constants import FRAME_LENGTH

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto
    from qonnx.core.datatype import BaseDataType as DataType
    from qonnx.core.modelwrapper import ModelWrapper


class FrameStatistics(HWCustomOp):
    """Takes the samples of a frame and gives its statistics, one a word.

    Attributes of the node:
        network: a QONNX graph from frames to quantised statistics, see `encoded`.
        scale: value of one step of the statistics' integers.
        samples: samples taken a cycle.
        shape: of the stream of samples, channels first in graphs of convolutions, (1, 1024, 1, 2) in hardware.
    """

    def get_nodeattr_types(self) -> dict[str, tuple[Any, ...]]:
        """See CustomOp."""
        own = {"network": ("s", True, ""), "scale": ("f", True, 1.0), "samples": ("i", False, 1)}
        own |= {"shape": ("ints", True, [])}
        return super().get_nodeattr_types() | own

    @property
    def unit(self) -> Unit:
        """The unit that computes the graph."""
        return _unit(*(self.get_nodeattr(name) for name in ("network", "scale", "samples")))

    def get_input_datatype(self, ind: int = 0) -> DataType:
        """The unit takes samples of 8 bits."""
        from qonnx.core.datatype import DataType

        return DataType["INT8"]

    def get_output_datatype(self, ind: int = 0) -> DataType:
        """As wide as the statistics' range."""
        from qonnx.core.datatype import DataType

        output = self.unit.wires[self.unit.output]
        return DataType[f"{'' if output.signed else 'U'}INT{output.bits}"]

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Shape of the samples."""
        return tuple(self.get_nodeattr("shape"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """(1, statistics)."""
        return (1, self.unit.classes)

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """As many samples a word as are taken a cycle."""
        return (1, self.unit.beats, 2 * self.unit.lanes)

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """A statistic a word."""
        return (*self.get_normal_output_shape(), 1)

    def get_instream_width(self, ind: int = 0) -> int:
        """Bits of the samples that are taken a cycle."""
        return 2 * self.unit.lanes * int(self.get_input_datatype().bitwidth())

    def get_outstream_width(self, ind: int = 0) -> int:
        """Bits of a statistic."""
        return int(self.get_output_datatype().bitwidth())

    def get_exp_cycles(self) -> int:
        """The beats of a frame, and the fillers behind them."""
        return self.unit.beats + schedule(self.unit).fillers

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        """Annotate the statistics with their type."""
        model.set_tensor_datatype(self.onnx_node.output[0], self.get_output_datatype())

    def verify_node(self) -> list[str]:
        """See CustomOp."""
        return []

    def execute_node(self, context: dict[str, np.ndarray], graph: Any) -> None:
        """Compute the unit in integers."""
        given = context[self.onnx_node.input[0]]
        samples = np.rint(given).astype(np.int64)
        if samples.shape[-1] != 2:
            samples = np.moveaxis(samples, 1, -1)
        found = Evaluation(self.unit, samples.reshape(1, FRAME_LENGTH, 2)).logits
        context[self.onnx_node.output[0]] = found.astype(given.dtype)


class FrameStatistics_rtl(StreamLayer, FrameStatistics):  # noqa: N801 - FINN finds a layer's RTL variant by this ending
    """The unit as a generated SystemVerilog module."""

    module = MODULE
    parallelism = ""

    @classmethod
    def replaces(cls, model: ModelWrapper, node: NodeProto) -> bool:
        """Every node of this kind."""
        return bool(node.op_type == "FrameStatistics")

    def foldings(self) -> Any:
        """The unit has one folding."""
        yield {}

    def parameters(self, model: ModelWrapper) -> dict[str, int | str]:
        """The module has none."""
        return {}

    def generate_hdl(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:
        """Write the unit and its parts beside the wrapper; see RTLBackend."""
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        for part in PARTS:
            shutil.copyfile(part, folder / part.name)
        text = unit_module(self.unit, schedule(self.unit))
        (folder / f"{MODULE}.sv").write_text(text, encoding="utf-8")
        super().generate_hdl(model, fpgapart, clk)

    def instance(self, parameters: dict[str, int | str], inputs: list[str], outputs: list[str]) -> str:
        """The unit's ports have the wrapper's names."""
        return INSTANCE

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        """The unit, its parts and its wrapper; see RTLBackend."""
        folder, top = Path(self.get_nodeattr("code_gen_dir_ipgen")), f"{self.get_nodeattr('gen_top_module')}.v"
        files = [folder / name for name in (*(part.name for part in PARTS), f"{MODULE}.sv", top)]
        return [str(file) if abspath else file.name for file in files]

    def lut_estimation(self, fpgapart: str) -> int:
        """See `finn_build.statistics_unit.resources`."""
        return sum(resources(self.unit)[0].values())

    def dsp_estimation(self, fpgapart: str) -> int:
        """See `finn_build.statistics_unit.resources`."""
        return resources(self.unit)[1]

    def bram_estimation(self, fpgapart: str) -> int:
        """See `finn_build.statistics_unit.resources`."""
        return resources(self.unit)[2]


def encoded(network: ModelProto) -> str:
    """A graph as the text that a node's attribute holds."""
    return base64.b64encode(network.SerializeToString()).decode("ascii")


@cache
def _unit(network: str, scale: float, samples: int) -> Unit:
    from onnx import ModelProto

    return read_unit(ModelProto.FromString(base64.b64decode(network)), scale, samples)
