"""A simulated Zynq UltraScale+ board for PYNQ: after `import deploy.simulated.board` PYNQ finds one more device.

PYNQ finds its devices through subclasses of `pynq.Device`. This one comes last, so a real board keeps its place. From
`Overlay("accelerator.bit")` on, everything is PYNQ itself; the bitfile is one of `deploy.simulated.bitfile`.

`python -m deploy.simulated.board ARGUMENTS` is `radioml ARGUMENTS` with the simulated board plugged in:

    python -m deploy.simulated.bitfile package.zip board.zip
    python -m deploy.simulated.board classify board.zip --data frames.h5 --backend pynq
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pynq import Device
from pynq.buffer import PynqBuffer
from pynq.pl_server.embedded_device import parse_bit_header
from pynqmetadata.frontends import Metadata
from pynqmetadata.views.runtime import RuntimeMetadataParser

from deploy.simulated.bitfile import DMA_ADDRESSES, RTL_DMA
from deploy.simulated.fabric import BusError, Fabric, Memory
from deploy.simulated.rtl_fabric import RtlFabric

_CLOCK_CONTROL = range(0xFF5E_0000, 0xFF5E_0100), range(0xFD1A_0000, 0xFD1A_0100)
"""CRL_APB and CRF_APB of the Zynq UltraScale+ (UG1087), where `pynq.Clocks` sets dividers."""
_IO_PLL, _IO_PLL_1500_MHZ = 0xFF5E_0020, 90 << 8 | 1 << 16
"""IOPLL_CTRL: 33.333 MHz x 90 / 2, as after the boot of a ZCU104."""


class SimulatedBoard(Device):
    """A device whose memory and fabric are `deploy.simulated.fabric`'s.

    memory: the board's DRAM.
    fabric: the accelerator that the last download configured, None before.

    Registers are accessed like those of a PCIe card (capability REGISTER_RW) instead of through mapped memory, because
    an access has side effects.
    """

    _probe_priority_ = 1000

    @classmethod
    def _probe_(cls) -> list[SimulatedBoard]:
        return [cls()]

    def __init__(self) -> None:
        super().__init__("simulated")
        self.name = "simulated board"
        self.arch = "aarch64"
        self.capabilities = {"REGISTER_RW": True}
        self.memory = Memory()
        self.fabric: Fabric | RtlFabric | None = None
        self._clock_registers = {_IO_PLL: _IO_PLL_1500_MHZ}

    def get_bitfile_metadata(self, bitfile_name: str, partial: bool = False) -> RuntimeMetadataParser:
        """PYNQ's own reading of the hardware handoff beside the bitfile."""
        handoff = Path(bitfile_name).with_suffix(".hwh")
        if not handoff.is_file():
            raise RuntimeError("Unable to find metadata for bitstream")
        return RuntimeMetadataParser(Metadata(input=str(handoff)))

    def download(self, bitstream: Any, parser: RuntimeMetadataParser | None = None) -> None:
        """Configure the fabric from the bitfile."""
        self.configure(parse_bit_header(Path(bitstream.bitfile_name).read_bytes())["data"])
        self.post_download(bitstream, parser, self.name)

    def configure(self, configuration: bytes) -> None:
        """Replace the fabric by the accelerator in the data of a `.bit` file. Raises as `Fabric` does."""
        if self.fabric is not None:
            self.fabric.close()
            self.fabric = None
        if configuration.startswith(RTL_DMA):
            self.fabric = RtlFabric(configuration.removeprefix(RTL_DMA), self.memory)
        else:
            self.fabric = Fabric(configuration, dict.fromkeys(DMA_ADDRESSES, self.memory))

    def read_registers(self, address: int, length: int) -> bytes:
        """What `pynq.MMIO` reads, little-endian 32-bit registers."""
        return b"".join(self._read(at).to_bytes(4, "little") for at in range(address, address + length, 4))

    def write_registers(self, address: int, data: bytes) -> None:
        """What `pynq.MMIO` writes, little-endian 32-bit registers."""
        for at in range(0, len(data), 4):
            self._write(address + at, int.from_bytes(data[at : at + 4], "little"))

    def _read(self, address: int) -> int:
        if any(address in registers for registers in _CLOCK_CONTROL):
            return self._clock_registers.get(address, 0)
        return self._configured(address).read(address)

    def _write(self, address: int, value: int) -> None:
        if any(address in registers for registers in _CLOCK_CONTROL):
            self._clock_registers[address] = value
        else:
            self._configured(address).write(address, value)

    def _configured(self, address: int) -> Fabric | RtlFabric:
        if self.fabric is None:
            raise BusError(f"no register at {address:#x}: the fabric is not configured")
        return self.fabric

    def allocate(self, shape: tuple[int, ...] | int, dtype: Any, cacheable: bool = False) -> PynqBuffer:
        """A buffer in the board's memory; `cacheable` ones must be flushed and invalidated, as on a Zynq."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        address, view = self.memory.allocate(size, cacheable)
        buffer = PynqBuffer(
            shape, dtype, buffer=view, device=self, device_address=address, bo=address, coherent=not cacheable
        )
        buffer.memory, buffer.pointer, buffer.return_to = self, address, self
        return buffer

    def return_pointer(self, pointer: int) -> None:
        """Called by a PYNQ buffer that is freed."""
        self.memory.free(pointer)

    def flush(self, bo: int, offset: int, pointer: int, size: int) -> None:
        """Called by `PynqBuffer.flush`."""
        self.memory.flush(bo, offset, size)

    def invalidate(self, bo: int, offset: int, pointer: int, size: int) -> None:
        """Called by `PynqBuffer.invalidate`."""
        self.memory.invalidate(bo, offset, size)


if __name__ == "__main__":
    from radioml.cli import main

    main()
