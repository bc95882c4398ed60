"""A board on the network through PYNQ's remote device: PYNQ 4 on this host, a PYNQ.remote image on the board."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from radioml.errors import MissingToolError, RadioMLError

if TYPE_CHECKING:
    from pynq.pl_server.remote_device import RemoteBuffer, RemoteDevice

DEADLINE_SECONDS = 60.0
"""How long one request may take: the longest sends a bitfile, tens of megabytes."""
FPGA_STATE = "/sys/class/fpga_manager/fpga0/state"
"""File with the result of the last configuration by Linux's FPGA manager; see sysfs-class-fpga-manager in Linux."""


def connect(target: str) -> RemoteDevice:
    """The device at HOST or HOST:PORT, which becomes PYNQ's active device.

    Raises RadioMLError for a target that is no address, for a PYNQ without remote devices, and for a host where PYNQ's
    server does not answer within 5 s.
    """
    try:
        from pynq import Device
        from pynq.pl_server.remote_device import PYNQ_PORT, RemoteDevice
    except ImportError as error:
        raise MissingToolError(
            f"--target needs a PYNQ with remote devices, 4.0.0 or later, on this host: {error}"
        ) from error
    host, port = _address(target, PYNQ_PORT)
    try:
        with reported(target):
            device = RemoteDevice(ip_addr=host, port=port)
            _set_deadlines(device)
    except AttributeError as error:  # PYNQ's own message about a host without /proc/version fails
        raise RadioMLError(f"{target} answers, but is no board: {error}") from error
    _forget_clocks()
    Device.active_device = device
    return device


def disconnect(device: RemoteDevice, buffers: list[RemoteBuffer]) -> None:
    """Free buffers on the board and close the connection; silent where the board is gone."""
    from pynq import Device

    for buffer in buffers:
        with suppress(Exception):  # an error of the connection has been reported
            buffer.freebuffer()
    device.client.channel.close()
    _forget_clocks()
    if vars(Device).get("_active_device") is device:
        del Device._active_device


def upload(device: RemoteDevice, bitfile: Path) -> None:
    """Write the bitfile to where the board's FPGA manager finds it, over any earlier bitfile.

    All bitfiles of this tool have one name. PYNQ would keep a file of that name on the board, even a truncated file or
    a file of another design. On this host PYNQ would use its copy of the last handoff if the bitfile is the same.
    """
    from pynq.pl_server.global_state import clear_global_state
    from pynq.pl_server.remote_device import FIRMWARE, RemoteBitfileHandler

    clear_global_state()
    device.write_file(f"{FIRMWARE}{bitfile.stem}.bin", RemoteBitfileHandler(bitfile).get_bin_data())


def check_configured(device: RemoteDevice) -> None:
    """Raise RadioMLError unless the board's fabric was configured; PYNQ's server does not report a failure."""
    state = device.read_file(FPGA_STATE).decode().strip()
    if state != "operating":
        raise RadioMLError(f"the board's FPGA manager says {state!r} instead of 'operating' after the bitfile")


@contextmanager
def reported(target: str) -> Iterator[None]:
    """Turn exceptions of PYNQ and gRPC about a board that cannot be reached or refuses into RadioMLError."""
    from grpc import RpcError

    try:
        yield
    except RpcError as error:
        raise RadioMLError(f"the board at {target} failed: {error.code().name}, {error.details()}") from error
    except RuntimeError as error:
        raise RadioMLError(
            f"the board at {target}: {error}. Is it on, in this network, with a PYNQ.remote image on it?"
        ) from error


def _address(target: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{target}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise RadioMLError(f"--target {target}: {error}") from error
    if not host or parts.netloc != target or "@" in target:
        raise RadioMLError(f"--target {target}: give HOST or HOST:PORT, e.g. 192.168.2.99 or pynq:7967")
    return (f"[{host}]" if ":" in host else host), port or default_port


def _set_deadlines(device: RemoteDevice) -> None:
    """Let every request end after `DEADLINE_SECONDS`; PYNQ waits for ever for a board that was switched off."""
    import grpc

    class Deadline(
        grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor
    ):
        def within(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
            return continuation(details._replace(timeout=DEADLINE_SECONDS), request)

        intercept_unary_unary = intercept_unary_stream = intercept_stream_unary = within

    channel = grpc.intercept_channel(device.client.channel, Deadline())
    device._stub = {name: type(stub)(channel) for name, stub in device._stub.items()}


def _forget_clocks() -> None:
    """Let PYNQ's `Clocks` look up its registers again; PYNQ keeps the registers of the process's first device."""
    from pynq.ps import Clocks

    if "_real_instance" in vars(Clocks):
        del Clocks._real_instance
