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
