"""Reads an ONNX file that others made: nothing in it is trusted, and all problems are told at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from radioml.errors import RadioMLError
from radioml.foreign.graph import GENERAL
from radioml.network.onnx_graph import check_graph, number_problems, tensors

if TYPE_CHECKING:
    import onnx

OPSET = 15
"""Opset that older models are raised to: in opset 13 and before, onnx's reference evaluator mixes a tenth of the
batch's statistics into a batch norm."""
_OLDEST_OPSET = 9
_MOST_BYTES = 1 << 28
_MOST_NODES = 10_000
"""A network of 250 layers has a tenth of that."""
_QUANTISERS = ("Quant", "IntQuant", "BipolarQuant", "MultiThreshold", "Trunc", "FloatQuant")
"""Operations that exporters put in domains of several names, or in none: '', onnx.brevitas, finn, qonnx.custom_op..."""
OPERATIONS = (
    # layers
    "Conv", "Gemm", "MatMul", "BatchNormalization",
    # quantisers
    "Quant", "BipolarQuant", "MultiThreshold", "QuantizeLinear", "DequantizeLinear",
    # element by element
    "Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Elu", "Add", "Sub", "Mul",
    "Div", "Neg", "Abs", "Sqrt", "Pow", "Min", "Max", "Identity", "Dropout", "Cast", "Ceil", "Floor", "Round",
    # over pixels
    "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "ReduceMax", "ReduceMean", "ReduceSum", "Pad",
    # data movement, and shapes that are computed
    "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Concat", "Split", "Slice", "Gather", "Shape", "Size",
    "Constant", "ConstantOfShape", "Expand", "Range", "Equal", "Where", "ReduceProd",
    # behind the logits
    "Softmax", "LogSoftmax", "ArgMax", "TopK",
)  # fmt: skip
"""Operations that a network may have: each is computed exactly, on one frame as on a batch."""
_REASONS = {
    "QLinearConv": "computes on integers without saying what they stand for; export with QuantizeLinear and "
    "DequantizeLinear around the layer (QDQ format)",
    "DynamicQuantizeLinear": "chooses a scale for each frame; hardware needs one for all (static quantisation)",
    "FloatQuant": "a quantiser whose levels are not evenly spaced; integers need a uniform one",
    "Trunc": "drops bits of an average; use a quantiser (Quant) behind an average pool",
    "LSTM": "recurrent layers are not computed on integers",
}
_ALIKE = {"ConvInteger": "QLinearConv", "MatMulInteger": "QLinearConv", "QLinearMatMul": "QLinearConv", "GRU": "LSTM",
          "RNN": "LSTM"}  # fmt: skip


def read_foreign(path: Path) -> onnx.ModelProto:
    """Read a model with opset 15 or later, QONNX's operations in their domain, and a single place for each weight.

    Raises RadioMLError, with a line for each problem. Problems are a file that cannot be read or is too large, weights
    outside of its folder, cycles, shapes that do not fit, operations beside `OPERATIONS`, NaN or infinite numbers, and
    an opset below 9.
    """
    model = _parse(path)
    try:
        refuse(path, [*_structure_problems(model), *number_problems(model)])
        _unify(model)
        _fix_batch(model)
        check_graph(model)
        return _raised(model)
    except RadioMLError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise RadioMLError(f"{path}: {error}") from error
    except (ValueError, TypeError, KeyError, IndexError) as error:  # unknown tensor types, text that is not UTF-8
        raise RadioMLError(f"{path}: a damaged ONNX file: {' '.join(str(error).split())}") from error


def copy_foreign(path: Path, target: Path) -> None:
    """Copy a file; one with weights in a file beside it becomes a single file."""
    if any(tensor.data_location == tensor.EXTERNAL for tensor in tensors(_without_data(path))):
        target.write_bytes(_parse(path).SerializeToString())
    else:
        shutil.copyfile(path, target)


def refuse(path: Path, problems: list[str]) -> None:
    """Raise RadioMLError with a line for each problem, if there is one."""
    if problems:
        raise RadioMLError("\n  ".join([f"{path}: cannot be imported:", *dict.fromkeys(problems)]))


def _parse(path: Path) -> onnx.ModelProto:
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    model = _without_data(path)
    _check_external(path, model)
    try:
        load_external_data_for_model(model, str(path.parent))
    except (ValueError, OSError, onnx.checker.ValidationError) as error:
        raise RadioMLError(f"{path}: its weights cannot be read: {' '.join(str(error).split())}") from error
    if not (model.graph.node and model.graph.input and model.graph.output):
        raise RadioMLError(f"{path}: not an ONNX model, or one without input, layers or output")
    return model


def _without_data(path: Path) -> onnx.ModelProto:
    """The model without its external data."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise RadioMLError(f"{path}: {size:,} bytes; a network for IQ frames has {_MOST_BYTES:,} at most")
        return onnx.load(str(path), load_external_data=False)
    except FileNotFoundError as error:
        raise RadioMLError(f"{path}: no such file") from error
    except (DecodeError, ValueError, OSError) as error:
        raise RadioMLError(f"{path}: not a readable ONNX file: {' '.join(str(error).split())}") from error


def _check_external(path: Path, model: onnx.ModelProto) -> None:
    """Check a file of weights, as torch writes it: the file lies beside the model and is no larger than a model may
    be."""
    for tensor in tensors(model):
        if tensor.data_location != tensor.EXTERNAL:
            continue
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        file = path.parent / location
        if Path(location).name != location or location in ("", ".", "..") or file.is_symlink():
            raise RadioMLError(f"{path}: {tensor.name!r} is in the file {location!r}; it must lie beside the model")
        if not file.is_file():
            raise RadioMLError(f"{path}: {tensor.name!r} is in the file {location!r}, which is not there")
        if file.stat().st_size > _MOST_BYTES:
            raise RadioMLError(f"{path}: {location!r} has more than {_MOST_BYTES:,} bytes")


def _structure_problems(model: onnx.ModelProto) -> Iterator[str]:
    """Problems of the operations; any graph can be checked, also a damaged one."""
    if len(model.graph.node) > _MOST_NODES:
        yield f"{len(model.graph.node):,} nodes; a network for IQ frames has {_MOST_NODES:,} at most"
        return
    opset = opset_of(model)
    if opset < _OLDEST_OPSET:
        yield f"ONNX opset {opset}; {_OLDEST_OPSET} and later are read, export it again"
    if model.functions:
        yield "local functions; onnx.inliner.inline_local_functions inlines them"
    if model.graph.sparse_initializer:
        yield "sparse weights; store them densely"
    unknown: dict[str, list[str]] = {}
    for node in model.graph.node:
        standard = node.domain in ("", "ai.onnx") or node.op_type in _QUANTISERS
        name = node.op_type if standard else f"{node.op_type} of {node.domain!r}"
        if (name not in OPERATIONS and node.op_type != "IntQuant") or any(a.HasField("g") for a in node.attribute):
            unknown.setdefault(name, []).append(repr(node.name or (node.output[0] if node.output else "")))
    for name, nodes in unknown.items():
        reason = _REASONS.get(_ALIKE.get(name, name), "an operation that cannot be imported")
        more = f" and {len(nodes) - 3} more" if len(nodes) > 3 else ""
        yield f"{name} ({', '.join(nodes[:3])}{more}): {reason}"


def opset_of(model: onnx.ModelProto) -> int:
    """The opset of the standard operations."""
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)


def _unify(model: onnx.ModelProto) -> None:
    """Unify what exporters write in several ways."""
    from onnx import helper

    graph = model.graph
    for node in graph.node:
        if node.op_type in (*_QUANTISERS, "IntQuant"):
            node.op_type = "Quant" if node.op_type == "IntQuant" else node.op_type
            node.domain = GENERAL
    kept = [entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend([*kept, helper.make_opsetid(GENERAL, 1)])
    initialisers: dict[str, onnx.TensorProto] = {}
    for tensor in graph.initializer:
        if initialisers.setdefault(tensor.name, tensor).SerializeToString() != tensor.SerializeToString():
            raise RadioMLError(f"constant {tensor.name!r} is there twice, with different values")
    single = [*initialisers.values()]
    del graph.initializer[:]
    graph.initializer.extend(single)
    inputs = {value.name: value for value in graph.input if value.name not in initialisers}
    if len(inputs) != 1:
        names = ", ".join(map(repr, inputs)) or "none"
        raise RadioMLError(f"{len(inputs)} inputs ({names}); a network for IQ frames has one")
    only = [*inputs.values()]
    del graph.input[:]
    graph.input.extend(only)
    del graph.value_info[:]  # shapes of inner tensors may be of another batch; they can be inferred
    for value in graph.output:
        for dimension in value.type.tensor_type.shape.dim:
            dimension.Clear()


def _fix_batch(model: onnx.ModelProto) -> None:
    """Set the batch to one frame, whatever the file says."""
    shape = model.graph.input[0].type.tensor_type.shape
    if not shape.dim:
        raise RadioMLError(f"input {model.graph.input[0].name!r} has no shape")
    shape.dim[0].ClearField("dim_param")
    shape.dim[0].dim_value = 1


def _raised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with opset 15 or later."""
    from onnx import version_converter

    if opset_of(model) >= OPSET:
        return model
    try:
        raised = version_converter.convert_version(model, OPSET)
    except (RuntimeError, version_converter.ConvertError) as error:
        raise RadioMLError(
            f"its opset {opset_of(model)} cannot be raised to {OPSET} ({' '.join(str(error).split())}); export it "
            "again with a later one"
        ) from error
    del raised.graph.value_info[:]
    return raised
