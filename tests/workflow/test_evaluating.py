"""What a training measures on its way, and of which images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulacra.runs import RunFolder

Run = Callable[..., Any]


@pytest.fixture
def evaluated(
    simulacra: Run, recipe_file: Any, make_store: Any, tmp_path: Path
) -> Callable[..., list[tuple[Any, ...]]]:
    """evaluated(*words, **changes): split, step and number of images of each accuracy of a classifier's run."""

    def make(*words: object, **changes: Any) -> list[tuple[Any, ...]]:
        recipe, run = recipe_file("classifier", **changes), tmp_path / "run"
        store = tmp_path / "store"
        data = store if store.exists() else make_store()
        ended = simulacra("train", recipe, "--data", data, "--out", run, "--no-report", *words)
        assert ended.code == 0, ended.err
        rows = [row for row in RunFolder(run).rows("evaluations") if row["metric"] == "accuracy"]
        return [(row["split"], row["step"], row["n"]) for row in rows]

    return make


def test_valid_images_are_measured_at_checkpoints_and_test_images_at_the_end(evaluated: Any) -> None:
    assert evaluated() == [("valid", 3, 3), ("valid", 6, 3), ("test", 6, 3)]


def test_other_splits_are_measured_if_the_recipe_names_them_and_none_twice(evaluated: Any) -> None:
    found = evaluated(**{"every.evaluate": ["train", "test"], "every.limit": 5})
    assert found == [("train", 3, 5), ("test", 3, 3), ("train", 6, 5), ("test", 6, 3)]


def test_the_test_split_is_measured_whole(evaluated: Any) -> None:
    found = evaluated(**{"every.evaluate": ["valid", "test"], "every.limit": 2})
    assert found == [("valid", 3, 2), ("test", 3, 3), ("valid", 6, 2), ("test", 6, 3)]


def test_a_run_that_goes_on_measures_nothing_twice(evaluated: Any) -> None:
    changes = {"every.evaluate": ["train", "test"]}
    evaluated("--steps", 3, **changes)
    found = evaluated("--steps", 6, **changes)
    assert found == [("train", 3, 14), ("test", 3, 3), ("train", 6, 14), ("test", 6, 3)]


def test_images_kept_aside_are_measured_as_valid_and_not_trained_on(evaluated: Any, tmp_path: Path) -> None:
    assert evaluated(**{"data.holdout": 4}) == [("valid", 3, 7), ("valid", 6, 7), ("test", 6, 3)]
    facts = RunFolder(tmp_path / "run").facts
    assert facts["data"]["counts"] == {"train": 10, "valid": 7, "test": 3}
    assert facts["epochs"] == 24 / 10


def test_epochs_are_passes_over_what_is_left(evaluated: Any, tmp_path: Path) -> None:
    evaluated("--epochs", 2, **{"data.holdout": 4})
    assert RunFolder(tmp_path / "run").recipe.steps == 5


def test_a_run_whose_rate_falls_towards_its_end_has_that_end(
    evaluated: Any, simulacra: Run, recipe_file: Any, tmp_path: Path
) -> None:
    changes = {"optimizer.schedule": "cosine"}
    evaluated(**changes)
    words = ["train", recipe_file("classifier", **changes), "--data", tmp_path / "store", "--out", tmp_path / "run"]
    ended = simulacra(*words, "--steps", 9)
    assert ended.code == 2
    assert "it differs in steps, towards which its learning rate falls); give another --out" in ended.err
