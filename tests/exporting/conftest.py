"""A run of a few updates."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest


@pytest.fixture
def trained(trained_once: Callable[..., Path]) -> Callable[..., Path]:
    """trained(family, **changes): a run of two updates; its data is in tmp_path / "store"."""
    return partial(trained_once, **{"steps": 2, "every.log": 1, "every.checkpoint": 1, "every.evaluate": []})
