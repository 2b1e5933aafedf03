"""Processes that carry out runs."""

import signal
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from simulacra.verbs.study import prepare
from simulacra.verbs.study_run import Task
from simulacra.verbs.study_workers import Child, Crew

MakeStudy = Callable[..., Path]


class KilledWorker(Exception):
    """As Dask raises it, which shares no ancestor with other errors."""


def test_an_error_of_the_executor_is_a_failed_run(study_file: MakeStudy, tmp_path: Path) -> None:
    (run, *_) = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path).runs
    task, future = Task("weights", run, "nowhere", 1, 1), Future[Any]()
    future.set_exception(KilledWorker("its worker was killed four times"))
    outcome = Crew(1, lambda task: future, lambda task, result: result).outcome(task, future)
    assert outcome is not None
    assert (outcome.state, outcome.why) == ("failed", "its worker was killed four times")


@pytest.mark.parametrize(
    ("number", "state"), [(signal.SIGTERM, None), (signal.SIGINT, None), (signal.SIGKILL, "failed")]
)
def test_a_process_that_was_told_to_stop_is_no_failure_and_one_that_was_killed_is(
    study_file: MakeStudy, tmp_path: Path, number: int, state: str | None
) -> None:
    (run, *_) = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path).runs
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("whoever started the tests has this signal ignored, and processes inherit that")
    child = Child(1)
    child.process.send_signal(number)
    outcome = child.carry_out(Task("weights", run, "nowhere", 1, 1))
    child.close()
    assert (outcome.state if outcome else None) == state
