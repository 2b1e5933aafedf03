"""What bfloat16 costs is told seed by seed and by each extractor."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def test_what_bfloat16_adds_is_a_seed_s_own_difference(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    script = importlib.import_module("precision")
    reached = {("float32", 0): 3.0, ("bfloat16", 0): 3.5, ("float32", 1): 5.0, ("bfloat16", 1): 4.75}

    def trained(trial: Any, store: Any, seed: int, over: Any, count: int) -> tuple[Any, int]:
        steps = 0
        while not over():
            steps += 1
        return np.full(1, reached[trial.changes["precision"], seed]), steps

    def measured(images: Any, store: Any) -> dict[str, dict[str, float]]:
        return {"one": {"frechet": images[0] + 1, "floor": 1}, "other": {"frechet": 2 * images[0], "floor": 0}}

    monkeypatch.setattr(script, "recipe_samples", trained)
    monkeypatch.setattr(script, "measure", measured)
    monkeypatch.setattr(script, "open_store", lambda path: None)
    monkeypatch.setattr("sys.argv", ["precision.py", "faces-fast", "--data", "x", "--seeds", "2", "--json"])
    script.main()
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert summary["one"] == {"float32": 4.0, "bfloat16": 4.125, "low": -0.25, "high": 0.5}
    assert summary["other"] == {"float32": 8.0, "bfloat16": 8.25, "low": -0.5, "high": 1.0}
