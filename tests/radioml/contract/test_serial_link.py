"""The serial protocol: answers are found behind and between garbage, whatever the pieces that the line gives."""

from __future__ import annotations

import random

import pytest

from radioml.contract.serial_link import (
    DONE,
    MARK,
    SHORT,
    WRONG_CHECKSUM,
    Answer,
    AnswerReader,
    answer,
    rate_of,
    request,
)
from radioml.errors import RadioMLError

RESULT = 48


def test_a_request_is_what_the_documentation_says():
    """29B1 is the checksum of "123456789" that catalogues give for this CRC (CRC-16/IBM-3740)."""
    assert request(ord("1"), b"23456789") == b"\xa5\x5a123456789\x29\xb1"
    assert answer(255, SHORT)[:4] == b"\xa5\x5a\xff\x02"


def test_answers_are_found_between_garbage_in_any_pieces():
    rng = random.Random(1)
    answers = [Answer(number, DONE, rng.randbytes(RESULT)) for number in range(40)]
    answers[5] = Answer(5, SHORT, b"")
    answers[9] = Answer(9, WRONG_CHECKSUM, b"")
    answers[11] = Answer(11, DONE, (MARK * RESULT)[:RESULT])
    line, garbage = b"", 0
    for one in answers:
        noise = rng.randbytes(rng.choice((0, 0, 3, 20))) + rng.choice((b"", MARK[:1], MARK, MARK + b"\x01"))
        line += noise + answer(one.number, one.status, one.words)
        garbage += len(noise)
    reader, found, at = AnswerReader(RESULT), [], 0
    while at < len(line):
        size = rng.randint(1, 70)
        found += reader.feed(line[at : at + size])
        at += size
    assert found == answers
    assert reader.skipped == garbage


@pytest.mark.parametrize("bit", range(8 * 2, 8 * (RESULT + 6), 37))
def test_a_flipped_bit_is_noticed(bit):
    damaged = bytearray(answer(3, DONE, bytes(range(RESULT))))
    damaged[bit // 8] ^= 1 << bit % 8
    reader = AnswerReader(RESULT)
    good = answer(4, DONE, bytes(RESULT))
    assert [found for found in reader.feed(bytes(damaged) + good) if found.status == DONE] == [
        Answer(4, DONE, bytes(RESULT))
    ]


def test_the_rate_follows_the_clock():
    assert (rate_of(50).bits_a_second, rate_of(50).bit_cycles) == (2_000_000, 25)
    assert (rate_of(60).bits_a_second, rate_of(60).bit_cycles) == (3_000_000, 20)
    with pytest.raises(RadioMLError, match="a clock of 5 MHz gives no rate"):
        rate_of(5)
