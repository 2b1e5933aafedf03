"""Plans: which runs a study has, where they lie, how long they are and where they are measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulacra.errors import StudyError
from simulacra.recipe import Recipe
from simulacra.studies.file import load_study
from simulacra.studies.plan import Plan, plan, rhythm

MakeStudy = Callable[..., Path]
EARLY = {"metric": "reconstruction_mse", "direction": "higher", "at": ["25%", "100%"]}


def planned(path: Path, seeds: int | None = None, mode: str = "quick", fingerprint: str = "x") -> Plan:
    def fit(recipe: Recipe) -> tuple[Recipe, str]:
        return recipe, fingerprint

    return plan("weights", load_study(str(path)), mode, seeds, "made", Path("studies"), fit)


def test_every_case_has_a_run_per_seed_of_equally_many_images(study_file: MakeStudy) -> None:
    made = planned(study_file())
    assert [(run.case, run.seed) for run in made.runs] == [("light", 0), ("heavy", 0), ("light", 1), ("heavy", 1)]
    assert {run.images for run in made.runs} == {400}
    assert {run.recipe.seed for run in made.runs} == {0, 1}
    assert made.runs[0].groups == ("reconstruction",)
    assert {run.images for run in planned(study_file(), mode="full").runs} == {4000}


def test_a_run_is_known_by_recipe_data_and_seed(study_file: MakeStudy) -> None:
    first = {run.folder for run in planned(study_file()).runs}
    assert len(first) == 4
    assert first < {run.folder for run in planned(study_file(), seeds=5).runs}
    assert not first & {run.folder for run in planned(study_file(), fingerprint="y").runs}
    assert first == {run.folder for run in planned(study_file(claim="Another sentence.")).runs}


def test_equal_updates_and_minutes(study_file: MakeStudy) -> None:
    updates = planned(study_file(quick={"updates": 30, "seeds": 2})).runs[0]
    assert (updates.recipe.steps, updates.points) == (30, {"100%": 30})
    minutes = planned(study_file(quick={"minutes": 0.5, "seeds": 2})).runs[0]
    assert minutes.recipe.minutes == 0.5
    assert minutes.recipe.steps > 10**6


@pytest.mark.parametrize(
    ("length", "points", "rounded", "between"),
    [
        (100, ["25%"], 100, 25),
        (100, ["100%"], 100, 100),
        (750, ["25%"], 752, 188),
        (1000, ["40%"], 1000, 200),
        (1000, ["999 steps"], 1000, 50),
        (101, ["25%"], 104, 26),
        (7, [], 7, 7),
    ],
)
def test_checkpoints_lie_where_they_are_wanted(length: int, points: list[str], rounded: int, between: int) -> None:
    assert rhythm(length, points, 4) == (rounded, between)
    assert rounded % between == 0
    assert rounded <= 20 * between


def test_early_points_are_checkpoints(study_file: MakeStudy) -> None:
    run = planned(study_file(question={"kind": "early-not-late"}, measures=[EARLY])).runs[0]
    assert run.points == {"25%": 25, "100%": 100}
    assert (run.recipe.every.checkpoint, run.recipe.every.keep) == (25, 0)
    late = EARLY | {"at": ["75%", "100%"]}
    other = planned(study_file(question={"kind": "early-not-late"}, measures=[late])).runs[0]
    assert other.recipe == run.recipe
    assert other.folder != run.folder, "the checkpoint at 75% was dropped there"


@pytest.mark.parametrize(
    ("changes", "seeds", "message"),
    [
        ({}, 1, "--seeds 1 gives no interval"),
        ({"quick": {"images": 3, "seeds": 2}}, None, "less than one batch of 4"),
        ({"measures": [EARLY | {"at": ["9000 steps"]}]}, None, "lies outside of a training of 100 updates"),
        (
            {"question": {"kind": "early-not-late"}, "measures": [EARLY | {"at": ["50 steps", "200 images"]}]},
            None,
            "are the same checkpoint",
        ),
        (
            {"quick": {"minutes": 1.0, "seeds": 2, "changes": {"optimizer": {"schedule": "linear"}}}},
            None,
            "its learning rate falls",
        ),
    ],
)
def test_a_budget_that_cannot_be_met_is_refused(
    study_file: MakeStudy, changes: dict[str, Any], seeds: int | None, message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        planned(study_file(**changes), seeds)


def test_a_run_that_starts_from_another_waits_for_it(study_file: MakeStudy, tmp_path: Path) -> None:
    path = study_file()
    recipe = str(tmp_path / "tiny-vae.toml")
    cases = {"alone": {}, "helped": {"start": {"run": "before"}}}
    made = planned(study_file(before=recipe, cases=cases))
    assert [run.case for run in made.trainings] == ["before", "before", "alone", "helped", "alone", "helped"]
    alone, helped = made.runs[:2]
    assert alone.before is None
    assert helped.before is not None
    assert helped.recipe.start is not None
    assert helped.recipe.start.run == str(helped.before.folder.absolute())
    assert path.exists()
