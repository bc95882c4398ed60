"""Names of the I/O DMA engines in FINN's designs."""

from __future__ import annotations

ZYNQ_DMAS = ("idma0", "odma0")
"""Input and output of a Zynq design, as finn_plus_driver/overlays/dma.py expects them."""
ALVEO_DMAS = ("idma_0", "odma_0")
"""The same of an Alveo design, as finn/transformation/fpgadataflow/vitis_linking_configuration.py names them."""
