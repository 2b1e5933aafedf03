"""Processes that carry out runs."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from simulacra.verbs.study import prepare
from simulacra.verbs.study_run import Task
from simulacra.verbs.study_workers import Child

MakeStudy = Callable[..., Path]


@pytest.mark.parametrize(
    ("number", "state"), [(signal.SIGTERM, None), (signal.SIGINT, None), (signal.SIGKILL, "failed")]
)
def test_a_process_that_was_told_to_stop_is_no_failure_and_one_that_was_killed_is(
    study_file: MakeStudy, tmp_path: Path, number: int, state: str | None
) -> None:
    (run, *_) = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path).runs
    child = Child(1)
    child.process.send_signal(number)
    outcome = child.carry_out(Task("weights", run, "nowhere", 1, 1))
    child.close()
    assert (outcome.state if outcome else None) == state
