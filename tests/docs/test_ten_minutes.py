"""The table of ten-minute pictures is what its script writes from results of runs."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from simulacra.recipe import load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("ten_minutes")


def rows(script: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in script.RESULTS.read_text("utf-8").splitlines()]


def test_the_page_holds_what_the_script_writes(script: Any) -> None:
    page = (ROOT / "docs" / "performance.md").read_text("utf-8")
    for which in {row["set"] for row in rows(script)}:
        assert script.table(which, rows(script)) in page, "write it anew with --table"


def test_every_result_has_its_sheet_and_a_trial_that_can_be_run_again(script: Any) -> None:
    for row in rows(script):
        assert row["trial"] == script.PLAIN or row["trial"] in script.TRIALS[row["set"]]
        if row["minutes"] == script.MINUTES:
            with Image.open(script.IMAGES / f"{row['set']}-{row['trial']}.webp") as picture:
                assert picture.width > 100
    for trials in script.TRIALS.values():
        for trial in trials.values():
            load(trial.recipe, trial.changes)


def test_a_trial_is_told_by_the_mean_of_its_seeds_beside_plain(script: Any) -> None:
    def row(trial: str, **measured: float) -> dict[str, Any]:
        scores = {features: {"frechet": value, "floor": 1.0} for features, value in measured.items()}
        return {"set": "faces", "trial": trial, "images": 100, "measured": scores}

    found = [row("plain", one=41.0, other=5.0), row("faces-fast", one=9.0, other=3.0), row("faces-fast", one=13.0)]
    first, second = script.table("faces", found).splitlines()[2:4]
    assert first.startswith("| `faces-fast` | 2 | 100 | 10 (8 to 12) | 4.0 | 2 (one seed) | 2.0 |")
    assert second.startswith("| `plain` | 1 | 100 | 40 | 1.0 | 4 | 1.0 |")


@pytest.mark.parametrize("shared", [True, False])
def test_a_budget_is_used_up_after_its_time_and_not_before(
    shared: bool, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, cores = {"now": 5.0}, 3
    monkeypatch.setattr(script.time, "process_time" if shared else "perf_counter", lambda: clock["now"])
    monkeypatch.setattr(script.os, "cpu_count", lambda: cores)
    budget = script.Budget(2.0, shared=shared)
    seconds = 120 * cores if shared else 120
    clock["now"] += seconds - 1
    assert not budget.over()
    clock["now"] += 1
    assert budget.over()
