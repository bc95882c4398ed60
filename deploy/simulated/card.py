"""The parts of the simulated Alveo card: memory banks and a scheduler around the Verilated RTL, as in XRT."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from deploy.backends.alveo_shell import LENGTH_AT
from deploy.simulated.bitfile import DMA_ADDRESSES, INPUT_DMA, OUTPUT_DMA
from deploy.simulated.fabric import Fabric, Memory
from deploy.simulated.xclbin import BANK_BYTES, BANKS, PLATFORM, Section, kernels, read_xclbin
from radioml.io_dma import CONTROL, DONE, START

NAME = "simulated Alveo card"
_EXEC_BUFFER = 1 << 31
"""Flag of a buffer that holds a command; XRT's xrt_mem.h."""
_START_CU, _COMPLETED, _ERROR = 0, 4, 5
"""Opcode and states of a command; `enum ert_cmd_opcode` and `enum ert_cmd_state` of XRT's ert.h."""
_READ_WRITE, _PRIVATE_ANONYMOUS = 0x3, 0x22  # mmap(2) on Linux
_RESERVED = 1 << 20  # bytes at the start of a bank, so that no buffer is at address 0


class XrtError(Exception):
    """A function of XRT's fails with this number of errno.h."""

    def __init__(self, number: int) -> None:
        super().__init__(os.strerror(number))
        self.number = number


@dataclass
class Buffer:
    """A buffer object: pages of the host and, unless they hold a command, the bytes of a bank that mirror the pages."""

    host: np.ndarray
    bank: Memory | None = None
    address: int = 0
    device: np.ndarray | None = None


@dataclass
class Kernel:
    """A kernel's address in the fabric and the queue of its commands; the first command runs."""

    name: str
    address: int
    commands: deque[Buffer] = field(default_factory=deque)


class SimulatedCard:
    """What XRT's core library does, for one card: each method is the function of nearly the same name in XRT's xrt.h.

    Methods return None for success and raise XrtError.

    banks: DMA kernel -> its memory.
    fabric: what the last xclbin configured, None before.
    contexts: indices of the kernels that the process holds.
    """

    def __init__(self) -> None:
        self.banks = {name: Memory(at * BANK_BYTES + _RESERVED) for at, name in enumerate(BANKS)}
        self.contexts: set[int] = set()
        self.fabric: Fabric | None = None
        self._buffers: dict[int, Buffer] = {}
        self._kernels: list[Kernel] = []
        self._clock_mhz = 0
        self._identity = b""
        self._next = 1
        self._libc = ctypes.CDLL(None)
        self._libc.mmap.restype = ctypes.c_void_p
        self._libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *3 * [ctypes.c_int], ctypes.c_size_t]

    @property
    def allocated(self) -> int:
        """Buffers in the banks that nobody has freed."""
        return sum(bank.allocated for bank in self.banks.values())

    def probe(self) -> int:
        """One card."""
        return 1

    def open(self, index: int, log: bytes | None, level: int) -> int:
        """Any handle but 0."""
        return 1 + index

    def close(self, handle: int) -> None:
        """Release the kernels."""
        self.contexts.clear()

    def device_info(self, handle: int, address: int) -> None:
        """Fill in the card's name and the clock of its kernels in MHz."""
        from pynq._3rdparty.xrt import xclDeviceInfo2

        info = xclDeviceInfo2.from_address(address)
        info.mName = NAME.encode()
        info.mOCLFrequency[0] = self._clock_mhz

    def lock(self, handle: int) -> None:
        """Without effect, as in XRT."""

    def load_xclbin(self, handle: int, address: int) -> None:
        """Configure the fabric. As in XRT, the xclbin that is already loaded is not loaded again."""
        (length,) = struct.unpack("<Q", ctypes.string_at(address + LENGTH_AT, 8))
        identity, platform, sections = read_xclbin(ctypes.string_at(address, length))
        if platform != PLATFORM:
            raise XrtError(errno.EOPNOTSUPP)
        if self.contexts:
            raise XrtError(errno.EBUSY)
        if identity == self._identity:
            return
        if self.fabric is not None:
            self.fabric.close()
            self.fabric, self._identity = None, b""
        banks = dict(zip((INPUT_DMA, OUTPUT_DMA), self.banks.values(), strict=True))
        self.fabric = Fabric(sections[Section.BITSTREAM], banks)
        names = kernels(sections[Section.IP_LAYOUT])
        self._kernels = [Kernel(name, at) for name, at in zip(names, DMA_ADDRESSES.values(), strict=True)]
        (self._clock_mhz,) = struct.unpack_from("<H", sections[Section.CLOCK_FREQ_TOPOLOGY], 2)
        self._identity = identity

    def kernel_index(self, handle: int, name: bytes) -> int:
        """Index of `KERNEL:INSTANCE` among the kernels."""
        names = [kernel.name for kernel in self._kernels]
        if name.decode() not in names:
            raise XrtError(errno.ENOENT)
        return names.index(name.decode())

    def open_context(self, handle: int, identity: int, index: int, shared: bool) -> None:
        """Hold a kernel of the xclbin with this UUID."""
        if ctypes.string_at(identity, 16) != self._identity or index >= len(self._kernels):
            raise XrtError(errno.EINVAL)
        self.contexts.add(index)

    def close_context(self, handle: int, identity: int, index: int) -> None:
        """Release a kernel."""
        self.contexts.discard(index)

    def allocate(self, handle: int, size: int, domain: int, flags: int) -> int:
        """Allocate a buffer and return its number; flags: the bank's index. PYNQ unmaps the buffer's pages."""
        pages = self._libc.mmap(None, size, _READ_WRITE, _PRIVATE_ANONYMOUS, -1, 0)
        buffer = Buffer(np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(pages)))
        if not flags & _EXEC_BUFFER:
            if flags >= len(self.banks):
                raise XrtError(errno.EINVAL)
            buffer.bank = list(self.banks.values())[flags]
            buffer.address, buffer.device = buffer.bank.allocate(size, cacheable=False)
        number, self._next = self._next, self._next + 1
        self._buffers[number] = buffer
        return number

    def free(self, handle: int, number: int) -> None:
        """Give back a buffer."""
        buffer = self._buffers.pop(number)
        if buffer.bank is not None:
            buffer.bank.free(buffer.address)

    def map(self, handle: int, number: int, write: bool) -> int:
        """Address of a buffer's pages."""
        return self._buffers[number].host.ctypes.data

    def properties(self, handle: int, number: int, address: int) -> None:
        """Fill in a buffer's size and its address on the card."""
        from pynq._3rdparty.xrt import xclBOProperties

        properties, buffer = xclBOProperties.from_address(address), self._buffers[number]
        properties.size, properties.paddr = buffer.host.size, buffer.address

    def sync(self, handle: int, number: int, direction: int, size: int, offset: int) -> None:
        """Copy between a buffer's pages and its bank; direction: 0 to the card, 1 from it."""
        buffer, part = self._buffers[number], slice(offset, offset + size)
        if buffer.device is None:  # a command
            raise XrtError(errno.EINVAL)
        source, sink = (buffer.host, buffer.device) if direction == 0 else (buffer.device, buffer.host)
        sink[part] = source[part]

    def execute(self, handle: int, number: int) -> None:
        """Queue a command, `struct ert_start_kernel_cmd`: header, the kernel's bit, its registers from the first on."""
        buffer = self._buffers[number]
        header, mask = map(int, buffer.host[:8].view("<u4"))
        index = mask.bit_length() - 1
        if header >> 23 & 0x1F != _START_CU or index not in self.contexts:
            raise XrtError(errno.EINVAL)
        commands = self._kernels[index].commands
        commands.append(buffer)
        if len(commands) == 1:
            self._start(self._kernels[index])

    def wait(self, handle: int, milliseconds: int) -> int:
        """Wait at most `milliseconds` until a command has ended; returns the number of ended commands."""
        until = time.monotonic() + milliseconds / 1000
        while True:
            ended = sum(map(self._end, self._kernels))
            if ended or time.monotonic() >= until:
                return ended
            time.sleep(0.001)

    def _configured(self) -> Fabric:
        if self.fabric is None:
            raise XrtError(errno.ENODEV)
        return self.fabric

    def _start(self, kernel: Kernel) -> None:
        """Write the first command's registers to the kernel, and start it."""
        words = kernel.commands[0].host.view("<u4")
        registers = words[2 : 1 + (int(words[0]) >> 12 & 0x7FF)]
        for number, word in enumerate(registers[1:], 1):
            self._configured().write(kernel.address + 4 * number, int(word))
        self._configured().write(kernel.address + CONTROL, START)

    def _end(self, kernel: Kernel) -> bool:
        """Whether the kernel's first command has ended just now; if so, start the next one."""
        if not kernel.commands:
            return False
        try:
            if not self._configured().read(kernel.address + CONTROL) & DONE:
                return False
            state = _COMPLETED
        except Exception as error:  # XRT's user sees only the state
            print(f"{kernel.name}: {error!r}", file=sys.stderr, flush=True)
            state = _ERROR
        header = kernel.commands.popleft().host[:4].view("<u4")
        header[0] = int(header[0]) & ~0xF | state
        if kernel.commands:
            self._start(kernel)
        return True
