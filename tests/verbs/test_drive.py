"""Ctrl-C and SIGTERM as a request. Driving a training: what TensorBoard is told."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

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


@pytest.mark.parametrize("later", ["SIGHUP", "SIGUSR1", "SIGTERM"])
def test_what_closing_terminals_and_batch_systems_send_again_does_not_keep_the_run_from_being_saved(later: str) -> None:
    with stop_requests() as request:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), getattr(signal, later))
        assert request.signal is not None


def test_nohup_is_obeyed() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_requests() as request:
            os.kill(os.getpid(), signal.SIGHUP)
            assert request.signal is None
    finally:
        signal.signal(signal.SIGHUP, before)


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


def test_a_run_that_goes_on_loses_no_point_of_a_curve(
    simulacra: Callable[..., Any], recipe_file: Any, make_store: Any, tmp_path: Path
) -> None:
    recipe, run = recipe_file("vae", steps=4, **{"every.checkpoint": 2}), tmp_path / "run"
    words = ["train", recipe, "--data", make_store(), "--out", run, "--no-report"]
    assert simulacra(*words).code == 0
    assert simulacra(*words, "--steps", 8).code == 0
    board = EventAccumulator(str(run / "tensorboard")).Reload()
    assert [point.step for point in board.Scalars("loss/total")] == [2, 4, 6, 8]
