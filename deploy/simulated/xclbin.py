"""An xclbin for the simulated Alveo card: its configuration data are a package with the accelerator's Verilated RTL.

The container is the real one, as Vitis writes it for a FINN design and PYNQ and XRT's tools read it: a description of
the kernels, their arguments, the memory banks that they are connected to, and clocks. Structures are those of XRT's
xclbin.h, little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from deploy.backends.alveo_shell import MAGIC
from deploy.backends.finn_dma import ALVEO_DMAS
from radioml.errors import RadioMLError
from radioml.io_dma import ADDRESS_LOW, REPETITIONS

_INPUT_DMA, _OUTPUT_DMA = ALVEO_DMAS
BANKS = {_INPUT_DMA: "DDR[0]", _OUTPUT_DMA: "DDR[1]"}
"""The memory bank of each DMA kernel, as FINN connects them on a U250."""
BANK_BYTES = 1 << 34
PLATFORM = "xilinx_u250_simulated"
_REGISTERS, _NO_REGISTERS = 0x1_0000, (1 << 64) - 1
"""Bytes of a kernel's registers, and the address of a kernel that has none."""
_AXLF = struct.Struct("<8si28s256sQ QQQHBBI16s64s16s16sI4x")
_SECTION = struct.Struct("<I16s4xQQ")
_DDR4, _STREAM, _IP_KERNEL, _FLAT, _DATA_CLOCK = 1, 9, 1, 1, 1


class Section(IntEnum):
    """`enum axlf_section_kind`."""

    BITSTREAM = 0
    EMBEDDED_METADATA = 2
    MEM_TOPOLOGY = 6
    CONNECTIVITY = 7
    IP_LAYOUT = 8
    CLOCK_FREQ_TOPOLOGY = 11


@dataclass(frozen=True)
class _Kernel:
    """A kernel and its only instance: the address of its registers, and its streams, each a port and a connection."""

    name: str
    instance: str
    address: int
    streams: tuple[tuple[str, str], ...]

    @property
    def arguments(self) -> list[tuple[str, str, str, int, int, str]]:
        """As FINN's build_xo.py gives them to `package_xo`: name, qualifier, port, size, offset and type."""
        streams = [(port, "4", port, 0, 0, "ap_uint&lt;8&gt;") for port, _ in self.streams]
        if self.address == _NO_REGISTERS:
            return streams
        address = ("addr", "1", "m_axi_gmem0", 8, ADDRESS_LOW, "ap_uint&lt;512&gt;*")
        return [address, ("numReps", "0", "s_axi_control_0", 4, REPETITIONS, "uint"), *streams]


_PARTITION = "StreamingDataflowPartition"
_STREAMS = "dc_0", "dc_1"
_KERNELS = (
    _Kernel(f"{_PARTITION}_0", _INPUT_DMA, 0x180_0000, (("m_axis_0", "dc_0"),)),
    _Kernel(f"{_PARTITION}_2", _OUTPUT_DMA, 0x181_0000, (("s_axis_0", "dc_1"),)),
    _Kernel(f"{_PARTITION}_1", f"{_PARTITION}_1", _NO_REGISTERS, (("s_axis_0", "dc_0"), ("m_axis_0", "dc_1"))),
)
"""As FINN's vitis_linking_configuration.py connects them; sorted by address, as Vitis does it."""


def write_xclbin(configuration: bytes, clock_mhz: float) -> bytes:
    """The xclbin of a FINN design with these configuration data."""
    sections = {
        Section.BITSTREAM: configuration,
        Section.EMBEDDED_METADATA: _metadata().encode(),
        Section.MEM_TOPOLOGY: _memories(),
        Section.CONNECTIVITY: _connections(),
        Section.IP_LAYOUT: _layout(),
        Section.CLOCK_FREQ_TOPOLOGY: struct.pack("<hHB5x128s", 1, round(clock_mhz), _DATA_CLOCK, b"DATA_CLK"),
    }
    at = _AXLF.size + len(sections) * _SECTION.size
    headers, data = b"", b""
    for kind, content in sections.items():
        headers += _SECTION.pack(kind, kind.name.encode()[:15], at + len(data), len(content))
        data += content + bytes(-len(content) % 8)
    return _pack_axlf(at + len(data), sha256(data).digest()[:16], len(sections)) + headers + data


def _pack_axlf(length: int, identity: bytes, sections: int) -> bytes:
    unsigned, platform = b"\xff" * 28, PLATFORM.encode()
    return _AXLF.pack(
        MAGIC, -1, unsigned, b"\xff" * 256, 0, length, 0, 0, 0, 2, 13, _FLAT, bytes(16), platform, identity,
        b"", sections,
    )  # fmt: skip


def read_xclbin(data: bytes) -> tuple[bytes, str, Mapping[int, bytes]]:
    """UUID, platform and sections of an xclbin; raises RadioMLError for other data."""
    if len(data) < _AXLF.size or not data.startswith(MAGIC):
        raise RadioMLError("not an xclbin")
    fields = _AXLF.unpack_from(data)
    platform, identity, count = fields[-4].rstrip(b"\0").decode(), fields[-3], fields[-1]
    sections = {}
    for number in range(count):
        kind, _, offset, size = _SECTION.unpack_from(data, _AXLF.size + number * _SECTION.size)
        sections[kind] = data[offset : offset + size]
    return identity, platform, sections


def kernels(layout: bytes) -> list[str]:
    """`KERNEL:INSTANCE` of the kernels with registers in `struct ip_layout`, which is sorted by address."""
    (count,) = struct.unpack_from("<i", layout)
    entries = [struct.unpack_from("<8xQ64s", layout, 8 + 80 * number) for number in range(count)]
    return [name.rstrip(b"\0").decode() for address, name in entries if address != _NO_REGISTERS]


def _memories() -> bytes:
    """`struct mem_topology`: the banks, and the streams between kernels, which Vitis lists with them."""
    banks = [(_DDR4, BANK_BYTES >> 10, at * BANK_BYTES, tag) for at, tag in enumerate(BANKS.values())]
    entries = [*banks, *((_STREAM, 0, 0, tag) for tag in _STREAMS)]
    packed = (struct.pack("<BB6xqq16s", kind, 1, size, at, tag.encode()) for kind, size, at, tag in entries)
    return struct.pack("<i4x", len(entries)) + b"".join(packed)


def _connections() -> bytes:
    """`struct connectivity`: numbers of argument, kernel and memory."""
    memories, entries = [*BANKS.values(), *_STREAMS], []
    for number, kernel in enumerate(_KERNELS):
        connected = dict(kernel.streams)
        if kernel.instance in BANKS:
            connected["addr"] = BANKS[kernel.instance]
        for argument, (name, *_) in enumerate(kernel.arguments):
            if name in connected:
                entries.append((argument, number, memories.index(connected[name])))
    return struct.pack("<i", len(entries)) + b"".join(struct.pack("<iii", *entry) for entry in entries)


def _layout() -> bytes:
    """`struct ip_layout`."""
    entries = [(kernel.address, f"{kernel.name}:{kernel.instance}".encode()) for kernel in _KERNELS]
    packed = (struct.pack("<IIQ64s", _IP_KERNEL, 0, address, name) for address, name in entries)
    return struct.pack("<i4x", len(entries)) + b"".join(packed)


def _metadata() -> str:
    """The kernels with their arguments, in Vitis's XML."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<project name="accelerator"><platform vendor="xilinx" boardid="u250" '
        'name="simulated"><device name="fpga0"><core name="OCL_REGION_0" target="hw" type="clc_region">'
        f"{''.join(map(_kernel_xml, _KERNELS))}</core></device></platform></project>\n"
    )


def _kernel_xml(kernel: _Kernel) -> str:
    modes = {"m": "write_only", "s": "read_only"}
    ports = "".join(f'<port name="{port}" mode="{modes[port[0]]}" portType="stream"/>' for port, _ in kernel.streams)
    control, place = "ap_ctrl_none", ""
    if kernel.address != _NO_REGISTERS:
        control, place = "ap_ctrl_hs", f'<addrRemap base="{kernel.address:#x}" port="s_axi_control_0"/>'
        ports += '<port name="m_axi_gmem0" mode="master" range="0xFFFFFFFFFFFFFFFF" portType="addressable"/>'
        ports += f'<port name="s_axi_control_0" mode="slave" range="{_REGISTERS:#x}" portType="addressable"/>'
    arguments = "".join(
        f'<arg name="{name}" addressQualifier="{qualifier}" id="{number}" port="{port}" size="{size:#x}" '
        f'offset="{offset:#x}" hostOffset="0x0" hostSize="{size:#x}" type="{kind}"/>'
        for number, (name, qualifier, port, size, offset, kind) in enumerate(kernel.arguments)
    )
    instance = f'<instance name="{kernel.instance}">{place}</instance>'
    return (
        f'<kernel name="{kernel.name}" language="ip" vlnv="xilinx_finn:finn:{kernel.name}:1.0" '
        f'hwControlProtocol="{control}">{ports}{arguments}{instance}</kernel>'
    )
