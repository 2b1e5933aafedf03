"""Driving a training: what TensorBoard is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def test_a_run_that_goes_on_loses_no_point_of_a_curve(
    simulacra: Callable[..., Any], recipe_file: Any, make_store: Any, tmp_path: Path
) -> None:
    recipe, run = recipe_file("vae", steps=4, **{"every.checkpoint": 2}), tmp_path / "run"
    words = ["train", recipe, "--data", make_store(), "--out", run, "--no-report"]
    assert simulacra(*words).code == 0
    assert simulacra(*words, "--steps", 8).code == 0
    board = EventAccumulator(str(run / "tensorboard")).Reload()
    assert [point.step for point in board.Scalars("loss/total")] == [2, 4, 6, 8]
