"""`radioml` on the simulated board with short transfers, a short timeout and a chosen Ctrl-C; checks for leftovers.

`python command.py PATIENCE INTERRUPTED ARGUMENT ...`: a transfer may take PATIENCE seconds; Ctrl-C comes in the midst
of transfer number INTERRUPTED, 0 for never. Ends as `radioml ARGUMENT ...` does.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from itertools import count

import pynq

import deploy.simulated.board  # noqa: F401  (plugs the board into PYNQ)
from deploy.accelerator import BACKENDS
from deploy.backends import pynq as pynq_board
from deploy.simulated.bitfile import DMA_ADDRESSES, OUTPUT_DMA
from radioml.cli import main
from radioml.contract.package import Package
from radioml.io_dma import CONTROL, IDLE
from radioml.simulation import rtl_simulator

TRANSFER_FRAMES = 8
patience, interrupted = float(sys.argv[1]), int(sys.argv[2])
transfers = count(1)


class Watched(pynq_board.PynqAccelerator):
    """The pynq backend, interrupted when a transfer has just been started."""

    def __init__(self, package: Package, processes: int | None = None) -> None:
        super().__init__(package, processes, transfer_frames=TRANSFER_FRAMES)

    def _start(self, pair: int, frames: int) -> float:
        started = super()._start(pair, frames)
        if next(transfers) == interrupted:
            os.kill(os.getpid(), signal.SIGINT)
        return started


def run() -> object:
    try:
        main()
    except SystemExit as end:
        return end.code
    return 0


if __name__ == "__main__":
    BACKENDS["pynq"] = "__main__:Watched"
    pynq_board.TIMEOUT_SECONDS = patience
    rtl_simulator.DEFAULT_TIMEOUT_CYCLES = 20_000  # of the fabric: the board must not be busy with a hang for long
    sys.argv[1:3] = []
    code = run()
    gc.collect()
    board = pynq.Device.active_device
    idle = board.fabric is None or bool(board.fabric.read(DMA_ADDRESSES[OUTPUT_DMA] + CONTROL) & IDLE)
    print(f"left behind: {board.memory.allocated} buffers, DMA {'idle' if idle else 'running'}")
    sys.exit(code)
