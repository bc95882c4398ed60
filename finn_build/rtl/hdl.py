"""HDL of the accelerator: FINN's generated files, its library and a top module in one self-contained folder."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from finn_build.boards import Board
from finn_build.graph.node_order import nodes_in_order
from finn_build.rtl.library_patches import patch_copy
from finn_build.rtl.readme import README, rtl_readme
from finn_build.rtl.threshold_files import write_thresholds
from finn_build.rtl.top import stitch
from finn_build.rtl_layers import FOLDER, own
from radioml.constants import FRAME_LENGTH
from radioml.contract.package import StreamFormat
from radioml.errors import RadioMLError
from radioml.files import write_text
from radioml.simulation.design import FILE_LIST, TOP, Design, Layer, Probe, Wire

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from onnx import NodeProto
    from qonnx.core.datatype import BaseDataType as DataType
    from qonnx.core.modelwrapper import ModelWrapper

_FIFO, _MULTIPLIER, _THRESHOLDS = "StreamingFIFO_rtl", "MVAU_rtl", "Thresholding_rtl"
_WEIGHTED = (_MULTIPLIER, "DepthwiseUnit_rtl")
_WITH_AXI_LITE = (_THRESHOLDS, "FMPadding_rtl")
_WEIGHTS = "memblock.dat"
_WEIGHT_MEMORY_LIBRARY = ("axi/hdl/axilite.sv", "memstream/hdl/memstream_axi.sv", "memstream/hdl/memstream.sv")


def insert_fifos(model: ModelWrapper, board: Board) -> ModelWrapper:
    """Insert width converters between layers of different stream width, then a FIFO on every stream."""
    from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
    from finn.transformation.fpgadataflow.insert_fifo import InsertFIFO
    from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
    from qonnx.transformation.general import GiveReadableTensorNames, GiveUniqueNodeNames

    for transformation in (InsertDWC(), InsertFIFO(create_shallow_fifos=True)):
        model = model.transform(transformation).transform(SpecializeLayers(board.part))
    return model.transform(GiveUniqueNodeNames()).transform(GiveReadableTensorNames())


def set_fifo_depths(model: ModelWrapper, depths: dict[str, int]) -> None:
    """Give each FIFO its depth in words; `generate_hdl` then makes its HDL anew."""
    for node, operator in _operators(model):
        if node in depths:
            operator.set_nodeattr("depth", depths[node])
            operator.set_nodeattr("code_gen_dir_ipgen", "")


def generate_hdl(model: ModelWrapper, board: Board, folder: Path) -> Design:
    """Write all sources, .dat files, the top module, files.f, design.json and a README to `folder`.

    The files name each other without paths, so that the folder can be moved. Raises RadioMLError when two different
    files have one name, or a patch does not fit (library_patches).
    """
    from finn.transformation.fpgadataflow.prepare_ip import PrepareIP
    from finn.util.settings import get_settings

    model = model.transform(PrepareIP(board.part, board.clock_period_ns))
    library = Path(get_settings().finn_rtllib)
    folder.mkdir(parents=True, exist_ok=True)
    sources: dict[str, Path] = {}
    data: list[str] = []
    layers: list[Layer] = []
    operators = _operators(model)
    for name, operator in operators:
        layer = _layer(name, operator, model)
        layers.append(layer)
        generated = Path(operator.get_nodeattr("code_gen_dir_ipgen"))
        files = [Path(file) for file in operator.get_rtl_file_list(abspath=True)]
        if layer.weight_memory:
            files += [library / file for file in _WEIGHT_MEMORY_LIBRARY]
            files.append(generated / f"{layer.weight_memory}.v")
        for file in files:
            _copy_source(file, folder, sources)
        if operator.onnx_node.op_type == _THRESHOLDS:
            write_thresholds(operator, model.get_initializer(operator.onnx_node.input[1]), generated)
        for file in sorted(generated.glob("*.dat")):
            data.append(f"{name}_{file.name}" if file.name == _WEIGHTS else file.name)
            shutil.copy(file, folder / data[-1])
        if layer.weight_memory:
            _use_bare_name(folder / f"{layer.weight_memory}.v", generated / _WEIGHTS, f"{name}_{_WEIGHTS}")
    write_text(folder / f"{TOP}.v", stitch(layers))
    in_order = sorted(sources, key=lambda name: not name.endswith("_pkg.sv"))  # packages before those that import them
    write_text(folder / FILE_LIST, "\n".join([*in_order, f"{TOP}.v"]) + "\n")
    first, last = operators[0][1], operators[-1][1]
    bits_in, bits_out = layers[0].inputs[0].bits, layers[-1].outputs[0].bits
    classes = int(last.get_normal_output_shape()[-1])
    design = Design(
        input=_stream((FRAME_LENGTH, 2), first.get_folded_input_shape(), first.get_input_datatype(), bits_in),
        output=_stream((classes,), last.get_folded_output_shape(), last.get_output_datatype(), bits_out),
        layers=tuple(layers),
        data_files=tuple(data),
    )
    ours = [name for name, path in sources.items() if path.parent == FOLDER]
    design.write(folder)
    write_text(folder / README, rtl_readme(design, board, ours))
    return design


def _copy_source(file: Path, folder: Path, sources: dict[str, Path]) -> None:
    """Copy an HDL file into the folder and patch the copy, unless the file is there already."""
    known = sources.setdefault(file.name, file)
    if known is not file:
        if known.read_bytes() != file.read_bytes():
            raise RadioMLError(f"{known} and {file} are different HDL files of one name")
        return
    shutil.copy(file, folder)
    patch_copy(folder / file.name)


def _use_bare_name(wrapper: Path, written: Path, name: str) -> None:
    """Replace the absolute path of the weights, which FINN writes into their wrapper, by a bare file name."""
    text = wrapper.read_text(encoding="utf-8")
    if text.count(f'"{written}"') != 1:
        raise RadioMLError(f"{wrapper}: does not name {written} once, as FINN 1.6.1 does")
    wrapper.write_text(text.replace(f'"{written}"', f'"{name}"'), encoding="utf-8")


def _stream(shape: tuple[int, ...], folded: tuple[int, ...], datatype: DataType, word_bits: int) -> StreamFormat:
    return StreamFormat(shape, int(folded[-1]), datatype.bitwidth(), bool(datatype.signed()), word_bits // 8)


def _operators(model: ModelWrapper) -> list[tuple[str, HWCustomOp]]:
    from finn.util.basic import getHWCustomOp

    return [(node.name, getHWCustomOp(node)) for node in nodes_in_order(model)]


def _layer(name: str, operator: HWCustomOp, model: ModelWrapper) -> Layer:
    node, kind = operator.onnx_node, operator.onnx_node.op_type
    streamed = [index for index, tensor in enumerate(node.input) if model.get_initializer(tensor) is None]
    weighted = kind == _MULTIPLIER
    return Layer(
        name=name,
        module=operator.get_nodeattr("gen_top_module"),
        inputs=tuple(
            Wire(
                node.input[index],
                operator.get_instream_width_padded(index),
                _words(operator.get_folded_input_shape(index)),
            )
            for index in streamed
        ),
        outputs=tuple(
            Wire(tensor, operator.get_outstream_width_padded(index), _words(operator.get_folded_output_shape(index)))
            for index, tensor in enumerate(node.output)
        ),
        weight_memory=f"{name}_memstream_wrapper" if weighted else "",
        weight_bits=operator.get_instream_width_padded(1) if weighted else 0,
        axi_lite=kind in _WITH_AXI_LITE,
        gauge=kind == _FIFO,
        probe=_probe(operator, model),
    )


def _words(folded: tuple[int, ...]) -> int:
    return math.prod(int(size) for size in folded[:-1])


def _probe(operator: HWCustomOp, model: ModelWrapper) -> Probe | None:
    """What to record of a layer that gives an activation: thresholds of sums, or a layer of ours that says so."""
    layer, thresholds = own(operator), operator.onnx_node.op_type == _THRESHOLDS
    if not (layer.gives_activation if layer else thresholds and _of_sums(model, operator.onnx_node)):
        return None
    shape = operator.get_normal_output_shape()
    stream = _stream(
        (math.prod(shape[:-1]), int(shape[-1])),
        operator.get_folded_output_shape(),
        operator.get_output_datatype(),
        operator.get_outstream_width_padded(0),
    )
    return Probe(stream, int(operator.get_nodeattr("ActVal")) if thresholds else 0)


def _of_sums(model: ModelWrapper, node: NodeProto) -> bool:
    """Whether thresholds take what a layer with weights computed, not the levels of thresholds before."""
    before = model.find_producer(node.input[0])
    while before is not None and before.op_type not in (_THRESHOLDS, *_WEIGHTED):
        before = model.find_producer(before.input[0])
    return before is not None and before.op_type in _WEIGHTED
