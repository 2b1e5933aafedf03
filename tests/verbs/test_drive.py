"""Ctrl-C and SIGTERM as a request. Driving a training: what TensorBoard is told."""

import os
import shutil
import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from simulacra.engine.loop import Tick
from simulacra.runs import RunFolder
from simulacra.verbs import drive
from simulacra.verbs.drive import SIGNALS, Request, mirror, mirror_row, stop_requests


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


def test_the_thread_of_tensorboard_prints_no_traceback_where_its_file_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    monkeypatch.setattr(drive, "SummaryWriter", partial(SummaryWriter, flush_secs=0))
    with mirror(RunFolder(tmp_path), 0) as board:
        board.flush()
        writer = next(thread for thread in threading.enumerate() if type(thread).__module__.startswith("tensorboard"))
        shutil.rmtree(tmp_path / "tensorboard")
        mirror_row(board, Tick(1, {"loss/total": 1.0}, None, saved=False, milestone=False))
    assert not writer.is_alive()
    assert isinstance(writer.exception, OSError)  # type: ignore[attr-defined]  # of TensorBoard's own class
    assert not seen


def test_another_thread_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    with mirror(RunFolder(tmp_path), 0):
        thread = threading.Thread(target=os.stat, args=(tmp_path / "missing",))
        thread.start()
        thread.join()
    assert [error.exc_type for error in seen] == [FileNotFoundError]
    assert threading.excepthook == seen.append
