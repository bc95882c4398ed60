"""Keep shallow weight memories out of block RAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

DEEPEST_LUT_MEMORY = 64
"""Words of the deepest weight memory that is put in LUTs.

A block RAM is at most 36 bits wide and 512 words deep, so a wide and shallow memory wastes most of it. One LUT holds 64
bits. The ZCU104 has 369 LUTs for each 18 Kbit block RAM; 64 words of 36 bits take 45."""


def choose_weight_memories(model: ModelWrapper) -> ModelWrapper:
    """Put weights of at most `DEEPEST_LUT_MEMORY` words in LUTs, and leave the choice for others to Vivado ("auto").

    FINN's estimate counts block RAMs for "auto" however shallow the memory is.
    """
    from finn.util.basic import getHWCustomOp

    for node in model.get_nodes_by_op_type("MVAU_rtl"):
        operator = getHWCustomOp(node)
        shallow = operator.calc_wmem() <= DEEPEST_LUT_MEMORY
        operator.set_nodeattr("ram_style", "distributed" if shallow else "auto")
    return model
