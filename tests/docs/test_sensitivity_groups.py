"""benchmarks/sensitivity_groups.py runs on a tiny input: every group gives numbers, which get worse with the damage."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simulacra.data.store import ImageStore

ROOT = Path(__file__).parents[2]


def loaded(name: str) -> ModuleType:
    """A benchmark as a module, which another one may import."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sensitivity: Any = loaded("sensitivity")
groups: Any = loaded("sensitivity_groups")


def by_brightness(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The labels that can be seen in images of `seen`: a bright top, a bright left, and never the coin."""
    right_of_top, left_of_bottom = images[:, :4, 4:].mean((1, 2, 3)), images[:, 4:, :4].mean((1, 2, 3))
    return np.stack([right_of_top > 150, left_of_bottom > 130, np.zeros(len(images), bool)], 1)


def test_conditions_run(seen: Callable[..., ImageStore], monkeypatch: pytest.MonkeyPatch) -> None:
    judge = SimpleNamespace(predict=by_brightness, learned=np.array([True, True, False]))
    monkeypatch.setattr(groups, "judge_of", lambda store: judge)
    scores = groups.conditions(seen(), 100)
    judged = [row[groups.ACCURACY].value for row in scores.values()]
    assert judged == sorted(judged, reverse=True)
    assert judged[0] == 1, "this judge is never wrong"


def test_reconstruction_runs() -> None:
    images = np.random.default_rng(0).integers(0, 256, (80, 24, 24, 3), np.uint8)
    scores = groups.reconstruction(images[:20], images[20:])
    assert scores["none"]["reconstruction_mse"].value == 0
    assert all(row["reconstruction_mse"].value > 0 for name, row in scores.items() if name != "none")


def test_disentanglement_runs_and_becomes_a_table() -> None:
    scores = groups.disentanglement(np.random.default_rng(0).uniform(size=(400, 3)))
    assert scores["none"]["mig"].value > scores["codes of other images"]["mig"].value
    assert groups.table(scores, ("mig",)).count("\n") == 2 + len(scores)
