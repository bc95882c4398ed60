"""Rules of the operations that join branches of a network: sums, differences, products, concatenations."""

from __future__ import annotations

from finn_build.graph.integer_scales import integer_scales, is_product, quantiser_before
from finn_build.model_check.place import Place
from finn_build.steps.activations import activations
from finn_build.steps.split_sums import layers_behind
from radioml.network.integer_nodes import attributes


def sum_rule(place: Place) -> str:
    """Whether branches that are added or subtracted are integers of one shape, whose scales can be made one."""
    if not place.joins:
        return ""
    model, node = place.model, place.node
    addends = [model.find_producer(name) for name in node.input]
    if not all(addend is not None and addend.op_type in ("Quant", "Add", "Sub") for addend in addends):
        return (
            "adds activations that are not quantised right in front of it; FINN adds integers: quantise both branches, "
            "with one scale"
        )
    if problem := _shapes(place):
        return problem
    return _one_step(place, "adds", integer_scales(model, node.output[0]).scales)


def _one_step(place: Place, verb: str, scales: dict[str, float]) -> str:
    """What is wrong with a join whose integers count in different steps; "" where the build can make them one."""
    if len(set(scales.values())) < 2 or not (problem := _unequal(place, len(scales))):
        return ""
    steps = ", ".join(f"{scale:.6g} ({name})" for name, scale in scales.items())
    return (
        f"{verb} integers that count in steps of {steps}; {problem}: use one quantiser for both branches (in Brevitas, "
        "the same module)"
    )


def _shapes(place: Place, same: str = "strides, padding and channels") -> str:
    """What is wrong with the shapes of branches; same: what they must share. Without "channels" these may differ."""
    shapes = [place.model.get_tensor_shape(name) for name in place.sources]
    alike = [shape if "channels" in same else shape[2:] for shape in shapes]
    if all(shape == alike[0] for shape in alike):
        return ""
    sizes = " and ".join(" x ".join(map(str, shape)) for shape in shapes)
    return f"joins branches of different shapes, {sizes}; give both branches the same {same}"


def concat_rule(place: Place) -> str:
    """Whether branches are put side by side along their channels, with scales that can be made one."""
    if len(place.sources) < len(place.node.input):
        return "puts constants beside activations; leave them out, the layer behind can have a bias instead"
    if attributes(place.node).get("axis") != 1:
        return "joins branches along another axis than their channels; FINN knows channels alone"
    if problem := _shapes(place, "strides and padding"):
        return problem
    found = integer_scales(place.model, place.node.output[0])
    return "" if found.lost_at else _one_step(place, "joins", found.scales)  # else the layer behind has the problem


def _unequal(place: Place, scales: int) -> str:
    """Why a sum of branches with different scales cannot be pushed behind the layer that reads it; "" where it can."""
    model, node = place.model, place.node
    if scales > 2 or any(quantiser_before(model, name) is None for name in node.input):
        return "such a join of more than two branches has no exact integers"
    readers = model.find_consumers(node.output[0]) or []
    if len(readers) > 1:
        return f"{len(readers)} layers read the result, so it cannot be pushed behind one"
    if layers_behind(model, node) is None:
        behind = ", ".join(f"{reader.op_type} {reader.name}" for reader in readers)
        layers = "convolution or linear layer" if node.op_type == "Concat" else "convolution"
        return f"the result is exact only in front of a {layers} with a batch norm, and {behind} reads it"
    return ""


def rtl_sum_rule(place: Place) -> str:
    """Whether a sum adds branches. RTL adds a constant only to the classifier's sums."""
    if place.joins:
        return ""
    return "no RTL implementation; give the constant to the batch norm behind it, or as its bias to the classifier"


def product_rule(place: Place) -> str:
    """Whether two tensors of integers of one shape are multiplied in front of a quantiser."""
    if not place.joins:
        return ""
    model, node = place.model, place.node
    if not is_product(model, node):
        return (
            "multiplies activations that are not both quantised right in front of it, or one by itself without a "
            "quantiser behind; quantise both factors, or the function of one (QuantIdentity)"
        )
    if problem := _shapes(place):
        return problem
    quantised = [found for found in activations(model) if found is not None and found.source == node.output[0]]
    inside = {made.output[0] for found in quantised for made in (*found.nodes, found.quant)}
    if all(reader.output[0] in inside for reader in model.find_consumers(node.output[0])):
        return ""
    return "its product is not quantised; put a quantiser (QuantIdentity) behind it"
