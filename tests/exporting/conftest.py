"""A run of a few updates."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def trained(simulacra: Any, recipe_file: Any, make_store: Any, tmp_path: Path) -> Callable[..., Path]:
    """trained(family, *words, exclusive=False, **changes): a run folder; its data is in tmp_path / "store"."""

    def make(family: str, *words: str, exclusive: bool = False, **changes: Any) -> Path:
        data, run = make_store(exclusive=exclusive), tmp_path / "run"
        changes = {"steps": 2, "every.log": 1, "every.checkpoint": 1, "every.evaluate": []} | changes
        recipe = recipe_file(family, **changes)
        ended = simulacra("train", recipe, "--data", data, "--out", run, "--no-report", *words)
        assert ended.code == 0, ended.err
        return run

    return make
