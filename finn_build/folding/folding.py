"""Folding the network's layers: for an initiation interval, or as a file says; and the file that every build writes.

The file has FINN's own format of a folding configuration, {layer: {attribute: value}}, so FINN reads it as well.
"""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finn_build.folding.align_stream_widths import align_stream_widths
from finn_build.folding.choose_weight_memories import choose_weight_memories
from finn_build.folding.own_layers import fold_own_layers
from finn_build.folding.parallelism import attributes_of, elements, is_depthwise, legal_values
from radioml.errors import RadioMLError
from radioml.reading.text import read_json

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from qonnx.core.modelwrapper import ModelWrapper

_DEFAULTS = "Defaults"
_WIDEST_WEIGHT_STREAM_BITS = 10_000
"""Of one processing element. FINN's own limit of 36 bits keeps HLS pragmas small, which RTL does not need."""

Folding = dict[str, dict[str, Any]]
"""Layer -> attribute (see parallelism.ATTRIBUTES) -> value."""


def fold_to_cycles(model: ModelWrapper, cycles: int) -> ModelWrapper:
    """A copy of the model, folded by FINN so that no layer takes more than `cycles` a frame, where that is possible.

    Where one layer cannot be so fast, FINN folds the others for the cycles that this layer takes.
    """
    from finn.analysis.fpgadataflow.exp_cycles_per_layer import exp_cycles_per_layer
    from finn.transformation.fpgadataflow.set_folding import SetFolding
    from qonnx.transformation.general import GiveUniqueNodeNames

    # FINN must see how fast our layers can be, and our layers how fast FINN's are. Then widths are aligned both ways.
    model = fold_own_layers(copy.deepcopy(model), cycles)
    model = model.transform(SetFolding(cycles, mvau_wwidth_max=_WIDEST_WEIGHT_STREAM_BITS))
    model = align_stream_widths(model.transform(GiveUniqueNodeNames()))
    reached = max(cycles, *model.analysis(exp_cycles_per_layer).values())
    return choose_weight_memories(align_stream_widths(fold_own_layers(model, reached)))


def folding_of(model: ModelWrapper) -> Folding:
    """The folding of a model in FINN's format."""
    return {_DEFAULTS: {}} | {
        name: {attribute: operator.get_nodeattr(attribute) for attribute in attributes}
        for name, operator, attributes in _layers(model)
    }


def read_folding(path: Path) -> Folding:
    """Read a folding file; raises RadioMLError when the file is not of FINN's format, or sets defaults.

    `apply_folding` says whether the folding fits a network.
    """
    value = read_json(path)
    if not isinstance(value, dict) or not all(isinstance(layer, dict) for layer in value.values()):
        raise RadioMLError(f"{path}: not a folding file, which maps each layer to its attributes")
    if value.get(_DEFAULTS):
        raise RadioMLError(f"{path}: {_DEFAULTS} must be empty; give each layer its own values")
    return value


def digest(folding: Folding) -> str:
    """SHA-256 of the folding's content, which is the same for files that differ in layout only."""
    return hashlib.sha256(json.dumps(folding, sort_keys=True).encode()).hexdigest()


def apply_folding(model: ModelWrapper, folding: Folding, path: Path) -> ModelWrapper:
    """A copy of the model with a folding; path: the file that the folding was read from.

    Raises RadioMLError naming each layer that the network does not have, each layer that the file lacks, and each value
    that is not legal, with the legal values.
    """
    from finn.transformation.general import ApplyConfig
    from qonnx.transformation.general import GiveUniqueNodeNames

    model = model.transform(GiveUniqueNodeNames())
    layers = {name: (operator, attributes) for name, operator, attributes in _layers(model)}
    unknown = [name for name in folding if name not in layers and name != _DEFAULTS]
    problems = [f"{', '.join(unknown)}: not in the network, which has {', '.join(layers)}"] if unknown else []
    for name, (operator, attributes) in layers.items():
        if name in folding:
            problems += [f"{name}: {problem}" for problem in _problems(operator, attributes, folding[name])]
        else:
            problems.append(f"{name}: missing; it needs {', '.join(attributes)}")
    if not problems:
        model = model.transform(ApplyConfig(folding))
        problems = _broken_bonds(model)
    if problems:
        raise RadioMLError("\n  ".join([f"{path}: does not fit this network:", *problems]))
    return model


def _layers(model: ModelWrapper) -> list[tuple[str, HWCustomOp, list[str]]]:
    """Name, operator and folding attributes of every layer that has some."""
    from finn.util.basic import getHWCustomOp

    operators = [(node.name, getHWCustomOp(node)) for node in model.graph.node]
    layers = [(name, operator, attributes_of(operator)) for name, operator in operators]
    return [layer for layer in layers if layer[2]]


def _problems(operator: HWCustomOp, attributes: list[str], values: dict[str, Any]) -> list[str]:
    problems = [f"{key}: unknown; it has {', '.join(attributes)}" for key in values if key not in attributes]
    for attribute in attributes:
        legal = legal_values(operator, attribute)
        listed = ", ".join(map(str, legal))
        if attribute not in values:
            problems.append(f"{attribute}: missing; legal are {listed}")
        elif values[attribute] not in legal or isinstance(values[attribute], bool | float):
            problems.append(f"{attribute} = {values[attribute]!r}: legal are {listed}")
    whole_pixels = not is_depthwise(operator) and values.get("parallel_window") == 1
    if not problems and whole_pixels and values["SIMD"] != elements(operator, "SIMD"):
        problems.append(f"SIMD = {values['SIMD']}: with parallel_window = 1 legal is {elements(operator, 'SIMD')}")
    return problems


def _broken_bonds(model: ModelWrapper) -> list[str]:
    """Depthwise input generators that take another number of channels a cycle than the layer behind them, in words."""
    problems = []
    for name, operator, _ in _layers(model):
        behind = model.find_direct_successors(operator.onnx_node) or []
        for node in behind if is_depthwise(operator) else []:
            _, pool, _ = next(layer for layer in _layers(model) if layer[0] == node.name)
            if operator.get_nodeattr("SIMD") != pool.get_nodeattr("PE"):
                problems.append(f"{name}: SIMD must be the PE of {node.name}, {pool.get_nodeattr('PE')}")
    return problems
