"""One run of a study."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulacra.errors import StudyError
from simulacra.recipe import to_toml
from simulacra.verbs.study import prepare
from simulacra.verbs.study_run import Task, carry_out

MakeStudy = Callable[..., Path]


@pytest.mark.parametrize(("before", "given"), [(None, None), (2, 2), (8, 3)])
def test_a_run_goes_on_with_its_threads_unless_there_are_fewer_now(
    study_file: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int | None, given: int | None
) -> None:
    (run, *_) = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path).runs
    if before is not None:
        run.folder.mkdir(parents=True)
        (run.folder / "run.json").write_text(json.dumps({"state": "stopped", "threads": before}), "utf-8")
        (run.folder / "recipe.toml").write_text(to_toml(run.recipe), "utf-8")
    asked = []

    def train(*_: Any, threads: int | None, **__: Any) -> None:
        asked.append(threads)
        raise StudyError("enough")

    monkeypatch.setattr("simulacra.verbs.study_run.train", train)
    carry_out(Task("weights", run, "data", None, 3))
    assert asked == [given]
