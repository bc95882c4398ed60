"""Backend `serial`: an FPGA with a loaded bitstream on a serial line; protocol: `radioml.contract.serial_link`.

When an answer is missing or damaged, the backend waits until the line is silent and sends the open requests again. The
accelerator keeps nothing of a frame, so it may get the same frame twice.
"""

from __future__ import annotations

import time
from collections import deque
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING

import numpy as np

from deploy.accelerator import Inference, Runs, check_frames
from radioml.contract.package import BITSTREAM, Package
from radioml.contract.packing import pack, unpack
from radioml.contract.serial_link import DONE, REASONS, WINDOW, AnswerReader, rate_of, request
from radioml.errors import MissingToolError, RadioMLError

if TYPE_CHECKING:
    from serial import Serial

_BRIDGE = "0403:6015"
"""USB vendor and product of the FT231X, the USB bridge of the ULX3S."""
_ATTEMPTS = 5
"""Times that a frame is sent before the line counts as broken."""
_ANSWER_SECONDS = 10.0
"""How long an answer may take; a board needs some milliseconds, a simulated one seconds."""
_SILENT_SECONDS = 0.1
"""Silence that ends an old answer."""
_LOAD = f"load the package's {BITSTREAM} first (openFPGALoader -b ulx3s {BITSTREAM}), and check the port"


class SerialAccelerator:
    """The package's bitstream on a board at a serial port; see `deploy.accelerator.Accelerator`.

    Attributes:
        repeated: requests so far that had to be sent again.
    """

    batch_frames = 64

    def __init__(self, package: Package, processes: int | None = None, target: str | None = None) -> None:
        """See `open_accelerator`. target: the port, e.g. /dev/ttyUSB0, default the only board's. processes: no effect.

        Raises RadioMLError for a package without a bitstream, and without `target` unless exactly one board is found.
        Raises MissingToolError without pyserial.
        """
        self.manifest = self.network = package.manifest
        if not (package.folder / BITSTREAM).is_file():
            raise RadioMLError(
                f"the package has no {BITSTREAM}: the serial backend needs one that `radioml build --board ULX3S "
                "--until bitfile` makes"
            )
        self.runs_on: Runs = "board" if self.manifest.kind == "bitfile" else "simulated board"
        self._rate = rate_of(self.manifest.clock_mhz).bits_a_second
        self._port = target or _only_board()
        self.repeated = 0
        self._number = 0

    def __enter__(self) -> SerialAccelerator:
        """Open the port; raises RadioMLError where it cannot be opened."""
        serial = _pyserial()
        try:
            self._line: Serial = serial.Serial(self._port, self._rate, timeout=_SILENT_SECONDS)
        except (serial.SerialException, ValueError, OSError) as error:
            raise RadioMLError(f"{self._port}: cannot be opened at {self._rate:,} bits/s: {error}") from error
        self._settle(AnswerReader(0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        self._line.close()

    def clock_mhz(self) -> None:
        """See `Accelerator.clock_mhz`; the protocol does not carry the clock."""
        return None

    def board_name(self) -> None:
        """See `Accelerator.board_name`; the protocol does not carry the name."""
        return None

    def infer(self, integers: np.ndarray) -> Inference:
        """See `Accelerator.infer`."""
        check_frames(integers)
        start = time.perf_counter()
        source, sink = self.manifest.input, self.manifest.output
        frames = pack(integers, source).reshape(len(integers), -1)
        packed = time.perf_counter()
        results = self._exchange(frames, sink.words * sink.word_bytes)
        received = time.perf_counter()
        logits = unpack(results.reshape(-1, sink.word_bytes), sink)
        end = time.perf_counter()
        parts = {"pack": packed - start, "accelerator": received - packed, "unpack": end - received}
        return Inference(logits, None, 0, end - start, parts)

    def _exchange(self, frames: np.ndarray, result_bytes: int) -> np.ndarray:
        """Results, uint8 (N, bytes), of frames, uint8 (N, bytes), with up to `WINDOW` requests under way."""
        import serial

        reader = AnswerReader(result_bytes)
        results: list[bytes] = []
        under_way: deque[int] = deque()  # numbers of the requests; a frame that is sent again gets a new one
        attempts = 0
        try:
            while len(results) < len(frames):
                following = len(results) + len(under_way)
                if len(under_way) < WINDOW and following < len(frames):
                    self._number = (self._number + 1) % 256
                    under_way.append(self._number)
                    self._line.write(request(self._number, frames[following].tobytes()))
                    continue
                words, problem = self._answer(reader, under_way[0])
                if words is not None:
                    results.append(words)
                    under_way.popleft()
                    attempts = 0
                    continue
                attempts += 1
                if attempts == _ATTEMPTS:
                    raise RadioMLError(f"{self._port}: {problem}, {_ATTEMPTS} times; {_LOAD}")
                self.repeated += len(under_way)
                under_way.clear()
                self._settle(reader)
        except (serial.SerialException, OSError) as error:
            raise RadioMLError(f"{self._port}: the serial line failed: {error}; is the board still there?") from error
        return np.frombuffer(b"".join(results), np.uint8).reshape(len(frames), result_bytes)

    def _answer(self, reader: AnswerReader, number: int) -> tuple[bytes | None, str]:
        """The words of the result with this number; or None and the reason for its absence."""
        end = time.monotonic() + _ANSWER_SECONDS
        while time.monotonic() < end:
            for found in reader.feed(self._line.read(max(1, self._line.in_waiting))):
                if found.status == DONE and found.number == number:
                    return found.words, ""
                if found.status != DONE:
                    return None, f"the accelerator reports {REASONS.get(found.status, f'reason {found.status}')}"
        return None, f"no whole answer in {_ANSWER_SECONDS:g} s"

    def _settle(self, reader: AnswerReader) -> None:
        """Read until the line is silent."""
        while self._line.read(4096):
            pass
        reader.forget()


def _pyserial() -> ModuleType:
    try:
        import serial
    except ImportError as error:
        raise MissingToolError(
            "the serial backend needs pyserial: pip install -r requirements/synthesis.txt"
        ) from error
    return serial


def _only_board() -> str:
    _pyserial()
    from serial.tools.list_ports import grep

    found = [port.device for port in grep(_BRIDGE)]
    if len(found) != 1:
        raise RadioMLError(
            f"{len(found)} boards with the USB bridge {_BRIDGE} are here{': ' if found else ''}{', '.join(found)}; "
            "name the port with --target, e.g. --target /dev/ttyUSB0"
        )
    return str(found[0])
