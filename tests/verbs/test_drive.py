"""Ctrl-C and SIGTERM as a request."""

import os
import signal
import threading

import pytest

from simulacra.verbs.drive import SIGNALS, Request, stop_requests


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_ends_nothing(number: signal.Signals) -> None:
    with stop_requests() as request:
        assert request.signal is None
        os.kill(os.getpid(), number)
        assert request.signal == number


def test_a_second_signal_ends_the_program_at_once() -> None:
    with stop_requests() as request:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert request.signal == signal.SIGTERM, "the first one decides the exit code"


def test_the_handlers_from_before_come_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_requests():
        assert all(isinstance(signal.getsignal(number), Request) for number in SIGNALS)
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_in_another_thread_no_signal_comes_and_nothing_breaks() -> None:
    seen = []

    def work() -> None:
        with stop_requests() as request:
            seen.append(request.signal)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]
