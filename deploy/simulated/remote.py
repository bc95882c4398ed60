"""The simulated board on the network: the server of PYNQ.remote's images in front of simulated hardware.

PYNQ's own, unmodified remote device drives this board over the protocol of `pynq.remote`. The services act as those of
the C++ server of PYNQ.remote's images, down to the order of bytes and the missing checks. The board has no pins (GPIO).

    python -m deploy.simulated.remote --port 7967
    radioml classify board.zip --data frames.h5 --backend pynq --target localhost
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import grpc
import numpy as np
from grpc import ServicerContext as Context
from pynq.pl_server.remote_device import BS_FPGA_MAN, BS_FPGA_MAN_FLAGS, FIRMWARE, PYNQ_PORT
from pynq.remote import (
    buffer_pb2,
    buffer_pb2_grpc,
    mmio_pb2,
    mmio_pb2_grpc,
    remote_device_pb2,
    remote_device_pb2_grpc,
)

from deploy.backends.remote_board import FPGA_STATE
from deploy.simulated.board import SimulatedBoard
from deploy.simulated.fabric import BusError
from radioml.errors import RadioMLError

_CHUNK = 1 << 20


class _Files(remote_device_pb2_grpc.RemoteDeviceServicer):
    """The files of the board that PYNQ reads and writes; the FPGA manager's files configure the fabric."""

    def __init__(self, board: SimulatedBoard) -> None:
        self._board = board
        self._files = {
            "/proc/version": b"Linux version 0 (simulated, aarch64)\n",
            "/proc/device-tree/chosen/pynq_board": board.name.encode() + b"\0",
            BS_FPGA_MAN_FLAGS: b"0\n",
            FPGA_STATE: b"operating\n",
        }

    def set_bitstream_attrs(
        self, request: remote_device_pb2.SetBitstreamAttrsRequest, context: Context
    ) -> remote_device_pb2.SetBitstreamAttrsResponse:
        return remote_device_pb2.SetBitstreamAttrsResponse(status=True)

    def existsfile(
        self, request: remote_device_pb2.ExistsFileRequest, context: Context
    ) -> remote_device_pb2.ExistsFileResponse:
        return remote_device_pb2.ExistsFileResponse(exists=request.file_path in self._files)

    def readfile(
        self, request: remote_device_pb2.ReadFileRequest, context: Context
    ) -> Iterator[remote_device_pb2.ReadFileResponse]:
        if request.file_path not in self._files:
            context.abort(grpc.StatusCode.NOT_FOUND, "File not found")
        yield from (remote_device_pb2.ReadFileResponse(data=part) for part in _chunks(self._files[request.file_path]))

    def writefile(
        self, request_iterator: Iterator[remote_device_pb2.WriteFileRequest], context: Context
    ) -> remote_device_pb2.WriteFileResponse:
        parts = list(request_iterator)
        if not parts:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "No file path provided")
        content = b"".join(part.data for part in parts)
        if parts[0].file_path == BS_FPGA_MAN:
            self._configure(content.decode().strip())
        else:
            self._files[parts[0].file_path] = content
        return remote_device_pb2.WriteFileResponse()

    def _configure(self, firmware: str) -> None:
        """Configure the fabric as the kernel's FPGA manager does: only the manager's state shows a failure."""
        try:
            data = np.frombuffer(self._files[FIRMWARE + firmware], "u4").byteswap().tobytes()
            self._board.configure(data)
            self._files[FPGA_STATE] = b"operating\n"
        except (KeyError, ValueError, RadioMLError) as error:
            self._files[FPGA_STATE] = b"write error\n"
            print(f"{firmware}: {error}", file=sys.stderr, flush=True)


class _Registers(mmio_pb2_grpc.MmioServicer):
    """32-bit registers of the fabric and of the processing system."""

    def __init__(self, board: SimulatedBoard) -> None:
        self._board = board
        self._bases: list[int] = []

    def get_mmio(self, request: mmio_pb2.GetMmioRequest, context: Context) -> mmio_pb2.GetMmioResponse:
        self._bases.append(request.base_addr)
        return mmio_pb2.GetMmioResponse(status=True, mmio_id=str(len(self._bases) - 1))

    def read(self, request: mmio_pb2.ReadRequest, context: Context) -> mmio_pb2.ReadResponse:
        try:
            data = self._board.read_registers(self._bases[int(request.mmio_id)] + request.offset, 4)
        except BusError as error:
            context.abort(grpc.StatusCode.INTERNAL, str(error))
        return mmio_pb2.ReadResponse(status=True, data=int.from_bytes(data, "little"))

    def write(self, request: mmio_pb2.WriteRequest, context: Context) -> mmio_pb2.WriteResponse:
        try:
            self._board.write_registers(self._bases[int(request.mmio_id)] + request.offset, request.data[:4])
        except BusError as error:
            context.abort(grpc.StatusCode.INTERNAL, str(error))
        return mmio_pb2.WriteResponse(status=True)


class _Buffers(buffer_pb2_grpc.RemoteBufferServicer):
    """Buffers in the board's memory. A client gets the bytes of a whole buffer by a request."""

    def __init__(self, board: SimulatedBoard) -> None:
        self._memory = board.memory
        self._buffers: dict[str, tuple[int, np.ndarray]] = {}
        self._count = 0

    def allocate(self, request: buffer_pb2.AllocateRequest, context: Context) -> buffer_pb2.AllocateResponse:
        name, self._count = str(self._count), self._count + 1
        self._buffers[name] = self._memory.allocate(request.size, request.cacheable)
        return buffer_pb2.AllocateResponse(buffer_id=name)

    def write(
        self, request_iterator: Iterator[buffer_pb2.BufferWriteRequest], context: Context
    ) -> buffer_pb2.BufferWriteResponse:
        offset = 0
        for request in request_iterator:
            view = self._buffer(request, context)[1]
            if offset + len(request.data) > len(view):
                return buffer_pb2.BufferWriteResponse(msg="Buffer overflow.")
            view[offset : offset + len(request.data)] = np.frombuffer(request.data, np.uint8)
            offset += len(request.data)
        return buffer_pb2.BufferWriteResponse()

    def read(self, request: buffer_pb2.BufferReadRequest, context: Context) -> Iterator[buffer_pb2.BufferReadResponse]:
        view = self._buffer(request, context)[1]
        yield from (buffer_pb2.BufferReadResponse(data=part) for part in _chunks(view.tobytes()))

    def flush(self, request: buffer_pb2.FlushRequest, context: Context) -> buffer_pb2.FlushResponse:
        address, view = self._buffer(request, context)
        self._memory.flush(address, 0, len(view))
        return buffer_pb2.FlushResponse()

    def invalidate(self, request: buffer_pb2.InvalidateRequest, context: Context) -> buffer_pb2.InvalidateResponse:
        address, view = self._buffer(request, context)
        self._memory.invalidate(address, 0, len(view))
        return buffer_pb2.InvalidateResponse()

    def physical_address(self, request: buffer_pb2.AddressRequest, context: Context) -> buffer_pb2.AddressResponse:
        return buffer_pb2.AddressResponse(address=self._buffer(request, context)[0])

    def freebuffer(self, request: buffer_pb2.FreeBufferRequest, context: Context) -> buffer_pb2.FreeBufferResponse:
        if request.buffer_id in self._buffers:
            self._memory.free(self._buffers.pop(request.buffer_id)[0])
        return buffer_pb2.FreeBufferResponse()

    def _buffer(self, request: Any, context: Context) -> tuple[int, np.ndarray]:
        if request.buffer_id not in self._buffers:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Buffer {request.buffer_id!r} not found")
        return self._buffers[request.buffer_id]


def _chunks(data: bytes) -> Iterator[bytes]:
    """Parts that fit into a gRPC message."""
    yield from (data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK))


@contextmanager
def serving(board: SimulatedBoard, port: int = PYNQ_PORT) -> Iterator[tuple[grpc.Server, int]]:
    """Serve a simulated board to this machine only, because PYNQ's server has no protection; gives server and port.

    Requests are served one by one. port: 0 for any free port. Raises RadioMLError when the port is taken.
    """
    server = grpc.server(ThreadPoolExecutor(1, "remote"), options=[("grpc.so_reuseport", 0)])
    remote_device_pb2_grpc.add_RemoteDeviceServicer_to_server(_Files(board), server)
    mmio_pb2_grpc.add_MmioServicer_to_server(_Registers(board), server)
    buffer_pb2_grpc.add_RemoteBufferServicer_to_server(_Buffers(board), server)
    try:
        port = server.add_insecure_port(f"127.0.0.1:{port}")
    except RuntimeError as error:
        raise RadioMLError(f"port {port} cannot be opened: {error}") from error
    server.start()
    try:
        yield server, port
    finally:
        server.stop(0).wait()


def _main() -> None:
    parser = argparse.ArgumentParser(description="Serve a simulated board as PYNQ.remote does a real one.")
    parser.add_argument("--port", type=int, default=PYNQ_PORT, help="0 for any free one; default: %(default)s")
    arguments = parser.parse_args()
    try:
        with suppress(KeyboardInterrupt), serving(SimulatedBoard(), arguments.port) as (server, port):
            print(f"simulated board at 127.0.0.1:{port}; Ctrl-C ends it", flush=True)
            server.wait_for_termination()
    except RadioMLError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    _main()
