"""finn-plus-driver on an Alveo card, with each buffer in the memory bank of its DMA kernel. Needs PYNQ 3.0.1."""

from __future__ import annotations

import numpy as np
from finn_plus_driver import FINNDMAOverlay
from pynq import allocate
from pynq.buffer import PynqBuffer
from pynq.overlay import DefaultIP


class AlveoOverlay(FINNDMAOverlay):
    """FINN's overlay with buffers in memory banks that the kernels can reach.

    finn-plus-driver 1.6.1 expects a design with a single memory bank and fails where there are several. The Vitis
    designs of finn-plus 1.6.1 have two: FINN connects each DMA kernel to a bank of its own (`add_sp` in
    finn/transformation/fpgadataflow/vitis_linking_configuration.py).
    """

    @property
    def batch_size(self) -> int:
        """Frames that the buffers hold."""
        return self._batch_size

    @batch_size.setter
    def batch_size(self, frames: int) -> None:
        self._batch_size = frames
        self.ibuf_packed_device, self.obuf_packed_device = [self.allocate_input()], [self.allocate_output()]
        self.obuf_packed = [np.empty(self.oshape_packed(), np.uint8)]

    def allocate_input(self) -> PynqBuffer:
        """A buffer for a batch of packed frames."""
        return self._allocate(self.ishape_packed(), self._io_shape_dict["idma_names"][0])

    def allocate_output(self) -> PynqBuffer:
        """A buffer for a batch of packed results."""
        return self._allocate(self.oshape_packed(), self._io_shape_dict["odma_names"][0])

    def _allocate(self, shape: tuple[int, ...], dma: str) -> PynqBuffer:
        kernel: DefaultIP = getattr(self, dma)
        bank = self.device.get_memory_by_name(kernel.args["addr"].mem)
        return allocate(shape, np.uint8, target=bank)
