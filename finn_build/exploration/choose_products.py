"""Products of depthwise units move from LUTs to DSPs where a board lacks LUTs and has DSPs left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finn_build.estimate.estimate import estimate
from radioml.contract.estimate import Estimate, Resources

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.boards import Board


def choose_products(model: ModelWrapper, board: Board, budget: Resources) -> Estimate:
    """The estimate of a folded model, whose depthwise units get their attribute `products`.

    All products begin in LUTs. While the model needs more LUTs than the budget has, the products of the unit with the
    most of them that the remaining DSPs can take move there.
    """
    from finn.util.basic import getHWCustomOp

    operators = [getHWCustomOp(node) for node in model.graph.node]
    units = [operator for operator in operators if "products" in operator.get_nodeattr_types()]
    for unit in units:
        unit.set_nodeattr("products", "lut")
    found = estimate(model, board)
    for unit in sorted(units, key=lambda unit: unit.multipliers, reverse=True):
        if found.total["LUT"] <= budget["LUT"]:
            break
        if found.total["DSP"] + unit.multipliers <= budget["DSP"]:
            unit.set_nodeattr("products", "dsp")
            found = estimate(model, board)
    return found
