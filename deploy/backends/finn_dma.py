"""FINN's I/O DMA engines: what they are called in a design, and their registers."""

from __future__ import annotations

ZYNQ_DMAS = ("idma0", "odma0")
"""Input and output of a Zynq design, as finn_plus_driver/overlays/dma.py expects them."""
ALVEO_DMAS = ("idma_0", "odma_0")
"""The same of an Alveo design, as finn/transformation/fpgadataflow/vitis_linking_configuration.py names them."""
CONTROL, ADDRESS_LOW, ADDRESS_HIGH, REPETITIONS = 0x00, 0x10, 0x14, 0x1C
"""Block control of an HLS kernel (ap_ctrl_hs), the buffer's address on the bus, and the number of frames.

See "S_AXILITE Control Register Map" in the Vitis HLS user guide, UG1399.
"""
START, DONE, IDLE = 0x1, 0x2, 0x4
"""Bits of CONTROL; DONE is cleared by reading it."""
CONTROL_BITS = 0x0000_028F
"""Bits of CONTROL that can be set: start, done, idle, ready, auto-restart, interrupt."""
