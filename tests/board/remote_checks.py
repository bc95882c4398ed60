"""Checks of the pynq backend on a board in the network, in the board's Python environment.

The arguments are those of checks.py. PYNQ's unmodified remote device drives the simulated board over this machine's
loopback; the server runs in the same process, so that a check can look at the board's side.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import NamedTuple

import grpc
import numpy as np
import pynq
from checks import raised
from interrupts import ctrl_c, first
from pynq.pl_server.remote_device import PYNQ_PORT, RemoteDevice

from deploy.accelerator import open_accelerator
from deploy.backends import remote_board
from deploy.checks.golden import check_golden
from deploy.simulated import remote as remote_module
from deploy.simulated.board import SimulatedBoard
from deploy.simulated.remote import serving
from radioml.contract.package import BITFILE, HANDOFF, Package, open_package
from radioml.errors import RadioMLError


def same_integers(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with board() as remote:
        with open_accelerator(package, "pynq", target=remote.target) as accelerator:
            assert type(pynq.Device.active_device) is RemoteDevice
            assert accelerator.board_name() == "simulated board"
            assert abs(accelerator.clock_mhz() - package.manifest.clock_mhz) < 0.01 * package.manifest.clock_mhz
            check_golden(accelerator, package)
            inference = accelerator.infer(integers)
            assert np.array_equal(inference.logits, logits)
            assert min(inference.parts[name] for name in ("pack", "transfer", "accelerator", "unpack")) > 0
            assert remote.simulated.memory.allocated == 4
        assert remote.simulated.memory.allocated == 0


def any_batch_size(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """PYNQ reads remote buffers as a whole, also after a partial transfer."""
    with board() as remote, open_accelerator(package, "pynq", None, remote.target, 64) as accelerator:
        for start, stop in ((0, 1), (1, 8), (8, 73), (10, 138), (3, 4)):
            assert np.array_equal(accelerator.infer(integers[start:stop]).logits, logits[start:stop])


def boards_take_turns(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """PYNQ keeps its active device and its clocks for the process: each board must get its own."""
    with board() as remote:
        for _ in range(2):
            with open_accelerator(package, "pynq") as here:
                assert type(pynq.Device.active_device) is SimulatedBoard
                assert np.array_equal(here.infer(integers[:2]).logits, logits[:2])
            remote.simulated._clock_registers.clear()
            remote.simulated._clock_registers[0xFF5E_0020] = 60 << 8 | 1 << 16  # IOPLL_CTRL: 1 GHz here, 1.5 GHz there
            with open_accelerator(package, "pynq", target=remote.target) as there:
                assert np.array_equal(there.infer(integers[:2]).logits, logits[:2])
                assert remote.simulated._clock_registers[0xFF5E_00C0] >> 8 & 0x3F != 15  # PL0_REF_CTRL: its own divider
                assert abs(there.clock_mhz() - package.manifest.clock_mhz) < 0.01 * package.manifest.clock_mhz


def port_widths(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """PYNQ sets the widths of the processor's ports in registers of its active device: that must be the board."""
    handoff, registers = package.folder / HANDOFF, {0xFD61_5000: 0}  # AFI_FS of FPD_SLCR, see UG1087
    width = '<PARAMETERS><PARAMETER NAME="C_MAXIGP0_DATA_WIDTH" VALUE="32"/>'
    handoff.write_text(handoff.read_text().replace("<PARAMETERS>", width, 1))
    with board() as remote:
        read, write = remote.simulated._read, remote.simulated._write
        remote.simulated._read = lambda address: registers[address] if address in registers else read(address)
        remote.simulated._write = lambda address, value: (
            registers.update({address: value}) if address in registers else write(address, value)
        )
        registers[0xFD61_5000] = 0xFFFF_FFFF
        with open_accelerator(package, "pynq", target=remote.target) as accelerator:
            assert registers.pop(0xFD61_5000) == 0xFFFF_FCFF  # bits 9:8, 0 for 32 bits
            assert np.array_equal(accelerator.infer(integers[:2]).logits, logits[:2])
        handoff.write_text(handoff.read_text().replace(width, "<PARAMETERS>", 1))
        with open_accelerator(package, "pynq", target=remote.target) as accelerator:  # no longer sets that register
            assert np.array_equal(accelerator.infer(integers[:2]).logits, logits[:2])


def a_bitfile_that_lies_there_is_not_used(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """PYNQ does not upload a bitfile of a name that the board has; ours must still be loaded."""
    with board() as remote:
        device = remote_board.connect(remote.target)
        device.write_file("/lib/firmware/accelerator.bin", b"of another design")
        remote_board.disconnect(device, [])
        with open_accelerator(package, "pynq", target=remote.target) as accelerator:
            assert np.array_equal(accelerator.infer(integers[:2]).logits, logits[:2])


def a_broken_bitfile_is_refused(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    path = package.folder / BITFILE
    bitfile = path.read_bytes()
    zeroed = bitfile[:200] + bytes(len(bitfile) - 200)
    with board() as remote:
        for broken, message in ((bitfile[:40], "does not take"), (zeroed, "'write error' instead of 'operating'")):
            path.write_bytes(broken)
            assert message in raised(RadioMLError, open_accelerator(package, "pynq", target=remote.target).__enter__)
            assert remote.simulated.memory.allocated == 0


def nobody_there(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    message = raised(RadioMLError, open_accelerator(package, "pynq", target="127.0.0.1:9").__enter__)
    assert "127.0.0.1:9: Failed to connect" in message and "Is it on" in message, message


def another_server(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    message = raised(RadioMLError, open_accelerator(package, "pynq", target=f"127.0.0.1:{port}").__enter__)
    assert "UNIMPLEMENTED" in message, message
    server.stop(0)


def a_server_that_dies(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    remote_board.DEADLINE_SECONDS = 10_000.0  # if leaving waited for the server, this check would not end
    with board() as remote, open_accelerator(package, "pynq", target=remote.target) as accelerator:
        remote.server.stop(0).wait()
        assert "failed: UNAVAILABLE" in raised(RadioMLError, accelerator.infer, integers[:3])


def a_server_that_dies_in_a_transfer(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with board() as remote, open_accelerator(package, "pynq", target=remote.target) as accelerator:
        accelerator.infer(integers[:1])
        wait = accelerator._wait

        def dies_first(*arguments: object) -> None:
            remote.server.stop(0).wait()
            wait(*arguments)

        accelerator._wait = dies_first
        message = raised(RadioMLError, accelerator.infer, integers)
        assert f"the board at {remote.target} failed: UNAVAILABLE" in message, message


def a_board_that_is_silent(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    """A board that is off or unplugged answers nothing, not even a refusal."""
    with board() as remote, open_accelerator(package, "pynq", target=remote.target) as accelerator:
        accelerator.infer(integers[:1])
        patience, remote_board.DEADLINE_SECONDS = remote_board.DEADLINE_SECONDS, 0.5
        answer, speaks = remote.simulated._read, Event()
        remote.simulated._read = lambda address: (speaks.wait(), answer(address))[1]
        assert "DEADLINE_EXCEEDED" in raised(RadioMLError, accelerator.infer, integers[:1])
        speaks.set()
        remote_board.DEADLINE_SECONDS = patience
        assert np.array_equal(accelerator.infer(integers[:1]).logits, logits[:1])


def a_bus_error_there_is_told_here(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with board() as remote, open_accelerator(package, "pynq", target=remote.target) as accelerator:
        remote.simulated.fabric.close()
        remote.simulated.fabric = None
        assert "the fabric is not configured" in raised(RadioMLError, accelerator.infer, integers[:1])


def targets(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    address = remote_board._address
    assert address("192.168.2.99", PYNQ_PORT) == ("192.168.2.99", 7967)
    assert address("pynq.local:80", PYNQ_PORT) == ("pynq.local", 80)
    assert address("[fe80::1]:80", PYNQ_PORT) == ("[fe80::1]", 80)
    for wrong in ("", ":80", "pynq:many", "pynq:70000", "http://pynq", "user@pynq", "pynq/x"):
        assert f"--target {wrong}" in raised(RadioMLError, remote_board.connect, wrong)


def a_pynq_without_remote_devices(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    sys.modules["pynq.pl_server.remote_device"] = None  # as if there were no such file
    message = raised(RadioMLError, open_accelerator(package, "pynq", target="127.0.0.1").__enter__)
    assert "needs a PYNQ with remote devices, 4.0.0 or later" in message, message


def a_clock_that_was_not_set(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    with board() as remote:
        faster = replace(package.manifest, clock_mhz=2 * package.manifest.clock_mhz)
        with open_accelerator(replace(package, manifest=faster), "pynq", target=remote.target) as accelerator:
            assert abs(accelerator.clock_mhz() - package.manifest.clock_mhz) < 0.01 * package.manifest.clock_mhz


def an_interrupt_while_the_server_starts(package: Package, integers: np.ndarray, logits: np.ndarray) -> None:
    sys.argv[1:] = ["--port", "0"]
    first(grpc, "server", ctrl_c)
    remote_module._main()


class Remote(NamedTuple):
    """A simulated board with its server and address."""

    simulated: SimulatedBoard
    server: grpc.Server
    target: str


@contextmanager
def board() -> Iterator[Remote]:
    """A simulated board on the network."""
    simulated = SimulatedBoard()
    with serving(simulated, 0) as (server, port):
        yield Remote(simulated, server, f"127.0.0.1:{port}")
    if simulated.fabric is not None:
        simulated.fabric.close()


if __name__ == "__main__":
    name, package_file, arrays_file = sys.argv[1:]
    with np.load(arrays_file) as arrays, tempfile.TemporaryDirectory() as folder:
        globals()[name](open_package(package_file, Path(folder)), arrays["integers"], arrays["logits"])
    print(f"{name}: done")
