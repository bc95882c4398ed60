"""Signals before, during and after a block that holds them."""

from __future__ import annotations

import signal
from threading import Thread

import pytest

from deploy.backends.interrupts import interrupted_afterwards

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(BaseException):
    """Raised by the handlers of this test."""


@pytest.fixture(autouse=True)
def handlers():
    def end(number, frame):
        raise Ended(number)

    before = {number: signal.signal(number, end) for number in NUMBERS}
    yield end
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_comes_after_the_block(number, handlers):
    seen = []
    with pytest.raises(Ended), interrupted_afterwards():
        signal.raise_signal(number)
        seen.append("the rest of the block")
    assert seen
    assert all(signal.getsignal(one) is handlers for one in NUMBERS)


def test_an_exception_of_the_block_comes_through(handlers):
    with pytest.raises(ValueError, match="in the block"), interrupted_afterwards():
        raise ValueError("in the block")
    assert all(signal.getsignal(one) is handlers for one in NUMBERS)


def test_ignored_signals_stay_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupted_afterwards():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_signal_while_handlers_come_back_leaves_none_that_swallows(monkeypatch):
    """The first restored handler may be called before the others are restored."""
    real = signal.signal
    calls = []

    def interrupted(number, handler):
        calls.append(number)
        real(number, handler)
        if len(calls) == len(NUMBERS) + 1:
            signal.raise_signal(NUMBERS[0])

    monkeypatch.setattr(signal, "signal", interrupted)
    real(signal.SIGALRM, signal.SIG_DFL)
    with pytest.raises(Ended), interrupted_afterwards():
        pass
    monkeypatch.undo()
    for number in NUMBERS:
        with pytest.raises(Ended):
            signal.raise_signal(number)


def test_other_threads_have_nothing_to_hold(handlers):
    failures = []

    def work():
        try:
            with interrupted_afterwards():
                assert all(signal.getsignal(one) is handlers for one in NUMBERS)
        except BaseException as error:
            failures.append(error)

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert not failures
