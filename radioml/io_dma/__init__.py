"""The DMA engines of a Zynq: their SystemVerilog, and their registers as the driver sees them.

`io_dma_read` moves frames from memory to the accelerator's input, `io_dma_write` its results to memory. Both have the
registers of FINN's engines, which are made of C++ by Vitis HLS. The other files are their parts.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
READ, WRITE = "io_dma_read", "io_dma_write"
"""The top modules."""
PARTS = ("io_dma_registers", "io_dma_queue", "io_dma_words", "io_dma_bursts")
"""Modules that both are made of; each module lies in a file MODULE.sv."""
CONTROL, ADDRESS_LOW, ADDRESS_HIGH, REPETITIONS, ERRORS = 0x00, 0x10, 0x14, 0x1C, 0x28
"""Block control of an HLS kernel (ap_ctrl_hs), the buffer's address on the bus, the number of frames, and errors.

See "S_AXILITE Control Register Map" in the Vitis HLS user guide, UG1399. ERRORS is a register of these engines alone:
an HLS kernel reads 0 there.
"""
START, DONE, IDLE, READY = 0x1, 0x2, 0x4, 0x8
"""Bits of CONTROL; DONE and READY are cleared by reading them."""
CONTROL_BITS = 0x0000_028F
"""Bits of CONTROL that can be set: start, done, idle, ready, and an HLS kernel's auto-restart and interrupt."""
ERROR_BITS = {
    0x1: "the memory refused an access (SLVERR)",
    0x2: "no memory lies at an address (DECERR)",
    0x4: "the buffer's address is no multiple of the memory port's bytes",
}
"""Bits of ERRORS."""
