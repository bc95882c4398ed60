"""An index of a graph's names, with which qonnx's passes over graphs of many nodes take seconds.

`ModelWrapper` of qonnx lists all names of a graph to find one, so that the time of a pass grows with the square of the
number of nodes: half a minute for the 800 nodes of a network on statistics. Within `indexed()` the functions below
replace its methods and give the same results. An index is made at the first look-up of a name. It is made again when a
list has another length, when an entry is not where it was, when the wrapper changes a name, and when a transformation
begins. One case is not supported: a transformation renames entries without the wrapper, keeps the lists' lengths, and
looks up the new names. No transformation used here does so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, numpy_helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import get_by_name

_LISTS: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "values": lambda graph: (graph.input, graph.output, graph.value_info),
    "constants": lambda graph: (graph.initializer,),
    "types": lambda graph: (graph.quantization_annotation,),
    "makers": lambda graph: (graph.node,),
    "readers": lambda graph: (graph.node,),
}
"""What is indexed, and in which lists of a graph it is."""
_NAMES: dict[str, Callable[[Any], Sequence[str]]] = {
    "values": lambda entry: (entry.name,),
    "constants": lambda entry: (entry.name,),
    "types": lambda entry: (entry.tensor_name,),
    "makers": lambda entry: entry.output,
    "readers": lambda entry: entry.input,
}
_ORIGINAL = dict(vars(ModelWrapper))


class _Index:
    """Places of names: number of the list and number in it. lengths: of the lists."""

    def __init__(self, kind: str, lists: Sequence[Any]) -> None:
        self._names = _NAMES[kind]
        self.lengths = [0] * len(lists)
        self.places: dict[str, list[tuple[int, int]]] = {}
        for number, entries in enumerate(lists):
            for entry in entries:
                self.append(number, entry)

    def append(self, number: int, entry: Any) -> None:
        """One more entry at the end of a list."""
        for name in dict.fromkeys(self._names(entry)):
            self.places.setdefault(name, []).append((number, self.lengths[number]))
        self.lengths[number] += 1


def _indices(model: ModelWrapper) -> dict[str, _Index]:
    return model.__dict__.setdefault("_radioml_indices", {})


def _entries(model: ModelWrapper, kind: str, name: str) -> list[Any]:
    """The entries of a name, in the order of the lists."""
    indices, lists = _indices(model), _LISTS[kind](model.graph)
    while True:
        index = indices.get(kind)
        if index is None or index.lengths != [len(entries) for entries in lists]:
            index = indices[kind] = _Index(kind, lists)
        found = [lists[number][place] for number, place in index.places.get(name, ())]
        if all(name in _NAMES[kind](entry) for entry in found):
            return found
        del indices[kind]


def _changing(method: str, *kinds: str) -> Callable[..., Any]:
    """One of qonnx's own methods, after which indices are dropped, or extended where one entry was appended."""

    def run(model: ModelWrapper, *given: Any, **named: Any) -> Any:
        result = _ORIGINAL[method](model, *given, **named)
        for kind in kinds:
            lists, index = _LISTS[kind](model.graph), _indices(model).pop(kind, None)
            if index is not None and index.lengths == [*map(len, lists[:-1]), len(lists[-1]) - 1]:
                index.append(len(lists) - 1, lists[-1][-1])
                _indices(model)[kind] = index
        return result

    return run


def _transform(model: ModelWrapper, *given: Any, **named: Any) -> ModelWrapper:
    _indices(model).clear()
    return _ORIGINAL["transform"](model, *given, **named)


def _get_tensor_valueinfo(model: ModelWrapper, tensor_name: str) -> ValueInfoProto | None:
    found = _entries(model, "values", tensor_name)
    assert len(found) <= 1, f"Multiple ValueInfoProto found for {tensor_name}"
    return found[0] if found else None


def _get_tensor_shape(model: ModelWrapper, tensor_name: str, fix_missing_init_shape: bool = False) -> list[int] | None:
    if (value := _get_tensor_valueinfo(model, tensor_name)) is not None:
        return [size.dim_value for size in value.type.tensor_type.shape.dim]
    constant, kind = _get_initializer(model, tensor_name, return_dtype=True)
    if constant is None:
        return None
    if fix_missing_init_shape:
        model.set_tensor_shape(tensor_name, constant.shape, dtype=kind)
    return list(constant.shape)


def _get_initializer(model: ModelWrapper, tensor_name: str, return_dtype: bool = False) -> Any:
    found = _entries(model, "constants", tensor_name)
    value: np.ndarray | None = numpy_helper.to_array(found[0]) if found else None
    return (value, found[0].data_type if found else None) if return_dtype else value


def _find_producer(model: ModelWrapper, tensor_name: str) -> NodeProto | None:
    return next(iter(_entries(model, "makers", tensor_name)), None)


def _annotated(model: ModelWrapper, tensor_name: str) -> Any:
    """The entry of a tensor's data type; None where it has none."""
    found = _entries(model, "types", tensor_name)
    if len(found) > 1:
        raise Exception("Found multiple get_by_name matches, undefined behavior")
    return get_by_name(found[0].quant_parameter_tensor_names, "finn_datatype", "key") if found else None


def _get_tensor_datatype(model: ModelWrapper, tensor_name: str) -> BaseDataType:
    if (annotated := _annotated(model, tensor_name)) is not None:
        return DataType[annotated.value]
    value = _get_tensor_valueinfo(model, tensor_name)
    kind = value.type.tensor_type.elem_type if value else _get_initializer(model, tensor_name, True)[1]
    return DataType["FLOAT16" if kind == TensorProto.FLOAT16 else "FLOAT32"]


def _set_tensor_datatype(model: ModelWrapper, tensor_name: str, datatype: BaseDataType | None) -> None:
    annotated = _annotated(model, tensor_name)
    if annotated is None or datatype is None:
        _changing("set_tensor_datatype", "types")(model, tensor_name, datatype)
    else:
        annotated.value = datatype.name


def _rename_tensor(model: ModelWrapper, old_name: str, new_name: str) -> None:
    found = {kind: _entries(model, kind, old_name) for kind in _LISTS}
    if any(len(found[kind]) > 1 for kind in ("values", "constants", "types")):
        _ORIGINAL["rename_tensor"](model, old_name, new_name)
        _indices(model).clear()
        return
    for entry in (*found["values"], *found["constants"]):
        entry.name = new_name
    for entry in found["types"]:
        entry.tensor_name = new_name
    for node in found["readers"]:
        node.input[list(node.input).index(old_name)] = new_name
    for node in found["makers"]:
        node.output[list(node.output).index(old_name)] = new_name
    for kind, index in _indices(model).items():
        places, lists, names = index.places.pop(old_name, []), _LISTS[kind](model.graph), _NAMES[kind]
        index.places.setdefault(new_name, []).extend(places)
        if twice := [(number, at) for number, at in places if old_name in names(lists[number][at])]:
            index.places[old_name] = twice


_INDEXED: dict[str, Callable[..., Any]] = {
    "get_tensor_valueinfo": _get_tensor_valueinfo,
    "get_tensor_shape": _get_tensor_shape,
    "get_initializer": _get_initializer,
    "get_tensor_datatype": _get_tensor_datatype,
    "set_tensor_datatype": _set_tensor_datatype,
    "find_producer": _find_producer,
    "rename_tensor": _rename_tensor,
    "transform": _transform,
    "set_initializer": _changing("set_initializer", "constants"),
    "del_initializer": _changing("del_initializer", "constants"),
    "set_tensor_shape": _changing("set_tensor_shape", "values"),
}


@contextmanager
def indexed() -> Iterator[None]:
    """Make all `ModelWrapper`s use indices, within a `with` statement of one thread."""
    for name, method in _INDEXED.items():
        setattr(ModelWrapper, name, method)
    try:
        yield
    finally:
        for name in _INDEXED:
            setattr(ModelWrapper, name, _ORIGINAL[name])
