"""A network that is one statistics unit, as a graph for FINN's bitfile steps."""

from __future__ import annotations

from pathlib import Path

from finn_build.engine.finn_session import finn_session
from finn_build.engine.graphs import save_graph
from radioml.constants import FRAME_LENGTH
from radioml.contract.metadata import load_exported


def write_unit_graph(network: Path, samples: int, path: Path, log: Path) -> None:
    """Write a graph of one node to `path`. FINN works in the folder of `path`.

    Args:
        network: QONNX file.
        samples: samples that the unit takes a cycle.
        path: of the graph.
        log: gets what FINN prints.
    """
    from onnx import TensorProto, helper
    from qonnx.core.datatype import DataType
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.custom_op.registry import getCustomOp

    model, metadata = load_exported(network)
    with finn_session(path.parent, log):
        from finn_build.rtl_layers.frame_statistics import FrameStatistics_rtl, encoded

        shape = (1, FRAME_LENGTH, 1, 2)
        node = helper.make_node(
            FrameStatistics_rtl.__name__, ["frame"], ["logits"], domain="finn.custom_op.fpgadataflow.rtl",
            backend="fpgadataflow", network=encoded(model), scale=metadata.logit_scale, samples=samples, shape=shape,
        )  # fmt: skip
        layer = getCustomOp(node)
        frame, logits = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, at)
            for name, at in (("frame", shape), ("logits", layer.get_normal_output_shape()))
        )
        graph = ModelWrapper(helper.make_model(helper.make_graph([node], "unit", [frame], [logits])))
        graph.set_tensor_datatype("frame", DataType["INT8"])
        graph.set_tensor_datatype("logits", layer.get_output_datatype())
        save_graph(graph, path)
