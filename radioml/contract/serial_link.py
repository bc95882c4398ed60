"""The protocol between a host and an accelerator on a serial line. `finn_build/ecp5/serial_shell.sv` is its other end.

A line of 8 data bits, no parity, one stop bit. A message begins with the bytes A5 5A, and ends with a checksum of all
that lies between: CRC-16 with the polynomial 1021 (hexadecimal), start value FFFF, the high byte first.

| message | bytes between mark and checksum |
|---|---|
| request, to the accelerator | number, then the words of one frame as `radioml.contract.packing` makes them |
| answer to a whole frame | number of the request, 0, the words of its result |
| answer to another request | number (0 if none came), reason |

The reasons are `WRONG_CHECKSUM`, `SHORT` and `NO_ROOM`. Only whole frames with a right checksum enter the accelerator,
so an error on the line never shifts the words of later frames. `WINDOW` requests may be under way at a time. After
garbage both ends look for the next mark. A line that is silent inside a request for `SILENCE_CYCLES` clock cycles ends
that request.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from radioml.errors import RadioMLError

MARK = b"\xa5\x5a"
DONE, WRONG_CHECKSUM, SHORT, NO_ROOM = range(4)
REASONS = {
    WRONG_CHECKSUM: "a request with a wrong checksum",
    SHORT: "a request that ended early",
    NO_ROOM: "a request while two others waited",
}
WINDOW = 2
SILENCE_CYCLES = 1 << 20
"""17 to 35 ms at 30 to 60 MHz: longer than a USB bridge holds bytes back (its latency timer: 16 ms)."""
_RATES = (3_000_000, 2_000_000, 1_500_000, 1_200_000, 1_000_000)
"""Bits a second that the board's USB bridge makes (FT231X; AN232B-05: 3 and 2 MHz, and 3 MHz over 2, 2.5 and 3)."""
_RATE_TOLERANCE = 0.01
_LEAST_BIT_CYCLES = 8


@dataclass(frozen=True)
class Rate:
    """Speed of the line: bits a second, and clock cycles a bit in the accelerator."""

    bits_a_second: int
    bit_cycles: int


@dataclass(frozen=True)
class Answer:
    """An answer with a right checksum. words: of the result, b"" unless status is `DONE`."""

    number: int
    status: int
    words: bytes


def rate_of(clock_mhz: float) -> Rate:
    """The fastest rate that a whole number of clock cycles a bit gives to 1 %; raises RadioMLError if there is none."""
    for rate in _RATES:
        cycles = round(clock_mhz * 1e6 / rate)
        if cycles >= _LEAST_BIT_CYCLES and abs(clock_mhz * 1e6 / cycles / rate - 1) <= _RATE_TOLERANCE:
            return Rate(rate, cycles)
    raise RadioMLError(
        f"a clock of {clock_mhz:g} MHz gives no rate of the serial line ({', '.join(f'{rate:,}' for rate in _RATES)} "
        "bits/s) to 1 %; 30, 36, 40, 45, 48, 50 and 60 MHz do"
    )


def request(number: int, words: bytes) -> bytes:
    """The request with this number, 0 to 255, for the words of one frame."""
    return MARK + _sealed(bytes([number]) + words)


def answer(number: int, status: int, words: bytes = b"") -> bytes:
    """The answer that the shell gives."""
    return MARK + _sealed(bytes([number, status]) + words)


class AnswerReader:
    """Takes the bytes of the line as they come and finds the answers in them.

    result_bytes: bytes of one result's words.

    Attributes:
        skipped: bytes so far that belonged to no answer.
    """

    def __init__(self, result_bytes: int) -> None:
        self._result_bytes = result_bytes
        self._bytes = bytearray()
        self.skipped = 0

    def feed(self, received: bytes) -> list[Answer]:
        """The answers that are complete with these bytes."""
        self._bytes += received
        found = []
        while self._find_mark():
            length = 6 + (self._result_bytes if self._bytes[3:4] == bytes([DONE]) else 0)
            if len(self._bytes) < max(length, 6):
                break
            inside = bytes(self._bytes[2:length])
            if binascii.crc_hqx(inside, 0xFFFF):
                self._skip(1)
                continue
            found.append(Answer(inside[0], inside[1], inside[2:-2]))
            del self._bytes[:length]
        return found

    def forget(self) -> None:
        """Drop the beginning of an answer whose end did not come."""
        self._skip(len(self._bytes))

    def _find_mark(self) -> bool:
        at = self._bytes.find(MARK)
        if at < 0:
            at = len(self._bytes) - (self._bytes[-1:] == MARK[:1])
            self._skip(at)
            return False
        self._skip(at)
        return True

    def _skip(self, count: int) -> None:
        self.skipped += count
        del self._bytes[:count]


def _sealed(inside: bytes) -> bytes:
    return inside + binascii.crc_hqx(inside, 0xFFFF).to_bytes(2, "big")
