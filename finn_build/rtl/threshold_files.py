"""The .dat files of a thresholding layer, from 64-bit integers; FINN's own pass through single precision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioml.errors import RadioMLError

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp


def write_thresholds(operator: HWCustomOp, thresholds: np.ndarray, folder: Path) -> None:
    """Overwrite the .dat files that FINN wrote for a Thresholding_rtl layer.

    The layer finds a level bit by bit, the highest bit first. Stage s of element p has a file with the 2^s thresholds
    that it may compare with, channel by channel. Thresholds beyond the last are 0, as in FINN's files.

    thresholds: integers (channels or 1, levels). Raises RadioMLError for a threshold that is no integer or is outside
    the range of the thresholds' type.
    """
    kind, pe = operator.get_input_datatype(1), operator.get_nodeattr("PE")
    stages = operator.get_output_datatype().bitwidth()
    table = thresholds.astype(np.int64)
    if (table != thresholds).any() or table.min() < kind.min() or table.max() > kind.max():
        raise RadioMLError(f"{operator.onnx_node.name}: thresholds that are no integers of type {kind}")
    table = np.pad(table, ((0, 0), (0, 2**stages - 1 - table.shape[1])))
    if len(table) == 1:
        table = np.broadcast_to(table, (pe, table.shape[1]))
    digits = -(-kind.bitwidth() // 4)
    for stage in range(stages):
        compared = table[:, 2 ** (stages - stage - 1) - 1 :: 2 ** (stages - stage)]
        for element in range(pe):
            values = compared[element::pe].ravel() % 2 ** kind.bitwidth()
            (file,) = folder.glob(f"*_threshs_{element}_{stage}.dat")
            file.write_text("".join(f"{value:0{digits}x}\n" for value in values), encoding="utf-8")
