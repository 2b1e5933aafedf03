"""A study's file: what it may say, and the sentence for what it may not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulacra.errors import RecipeError, StudyError
from simulacra.studies.file import case_recipe, load_study, name_of, shipped

MakeStudy = Callable[..., Path]
TREND = {"kind": "trend", "along": "objective.kl_weight", "scale": "log"}
THREE = {name: {"objective": {"kl_weight": weight}} for name, weight in {"a": 0.1, "b": 1.0, "c": 10.0}.items()}
EARLY = {"metric": "reconstruction_mse", "direction": "higher", "at": ["25%", "100%"]}


def test_a_case_is_its_recipe_with_its_keys_and_those_of_the_budget(study_file: MakeStudy) -> None:
    study = load_study(str(study_file(quick={"images": 400, "seeds": 2, "changes": {"optimizer": {"lr": 0.01}}})))
    recipe = case_recipe(study, "heavy", study.quick)
    assert (recipe.objective.kl_weight, recipe.optimizer.lr) == (5.0, 0.01)  # type: ignore[union-attr]
    assert case_recipe(study, "heavy", study.full).optimizer.lr == 2e-4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"claims": "x"}, "unknown key claims; did you mean claim?"),
        ({"quick": {"images": 400, "seeds": 1}}, "seeds = 1 gives no interval"),
        ({"quick": {"images": 400, "updates": 3, "seeds": 2}}, "one of images, minutes and updates"),
        ({"quick": {"seeds": 2}}, "one of images, minutes and updates"),
        ({"cases": {"light": {}}}, "question better takes 2 to 9 cases, and there are 1"),
        ({"measures": []}, "there are no measures"),
        ({"measures": [{"metric": "sharpnes"}]}, "there is no metric 'sharpnes'; did you mean sharpness?"),
        ({"measures": [{"metric": "ssim", "curve": "loss/total"}]}, "either a metric or a curve"),
        ({"measures": [{}]}, "either a metric or a curve"),
        ({"measures": [{"metric": "ssim", "minus": "loss/total"}]}, "is a curve, beside a metric"),
        ({"measures": [{"metric": "ssim", "at": ["half"]}]}, "at has 'half'"),
        ({"measures": [{"metric": "ssim", "at": ["20%", "100%"]}]}, "1 point"),
        ({"measures": [{"metric": "ssim", "margin": 0.1}]}, "a margin belongs to question equal"),
        ({"question": {"kind": "equal"}}, "a margin belongs to question equal"),
        ({"question": {"kind": "best"}}, "question.kind = 'best'"),
        ({"question": TREND}, "question trend takes 3 to 9 cases"),
        ({"question": {"kind": "better", "along": "seed"}}, "belongs to a trend and to no other kind"),
        ({"question": TREND, "cases": THREE, "measures": [{"metric": "ssim"}]}, "needs a direction"),
        ({"question": {"kind": "ranking"}, "cases": {"a": {}}}, "a ranking needs labels"),
        (
            {"question": {"kind": "early-not-late"}, "measures": [EARLY], "quick": {"minutes": 1.0, "seeds": 2}},
            "has an early point, which equal minutes do not",
        ),
    ],
)
def test_what_a_study_may_not_say_is_refused_in_a_sentence(
    study_file: MakeStudy, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(str(study_file(**changes)))
    assert message in str(caught.value)


def test_a_setting_that_the_recipe_lacks_is_refused(study_file: MakeStudy) -> None:
    with pytest.raises(RecipeError, match=r"unknown key objective.kl_wait; did you mean kl_weight\?"):
        load_study(str(study_file(cases={"a": {}, "b": {"objective": {"kl_wait": 1.0}}})))


def test_equal_cases_are_refused(study_file: MakeStudy) -> None:
    with pytest.raises(StudyError, match="cases 'a' and 'b' are the same"):
        load_study(str(study_file(cases={"a": {}, "b": {"objective": {"kl_weight": 1.0}}})))


def test_cases_that_differ_in_more_than_the_study_says_are_refused(study_file: MakeStudy, tmp_path: Path) -> None:
    path = study_file()
    other = tmp_path / "other.toml"
    text = (tmp_path / "tiny-vae.toml").read_text("utf-8").replace("latent = 3", "latent = 5")
    other.write_text(text.replace("batch = 4", "batch = 2"), "utf-8")
    cases = {"a": {}, "b": {"recipe": str(other)}}
    with pytest.raises(StudyError, match=r"also differ in data.batch, .* add it to `differ`"):
        load_study(str(study_file(cases=cases, differ=["objective.latent"])))
    load_study(str(study_file(cases=cases, differ=["objective.latent", "data.batch"])))
    assert path.exists()


@pytest.mark.parametrize(
    ("along", "cases", "message"),
    [
        ("objective.likelihood", THREE, "is no number in case 'a'"),
        ("objective.kl_wait", THREE, "is no number in case 'a'"),
        ("objective.latent", THREE, "two cases have the same objective.latent"),
        ("objective.kl_weight", THREE | {"a": {"objective": {"kl_weight": 0.0}}}, "has no logarithm"),
    ],
)
def test_a_trend_needs_a_number_that_differs(
    study_file: MakeStudy, along: str, cases: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        load_study(str(study_file(cases=cases, question=TREND | {"along": along})))


def test_a_study_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for name in ("kl-wait", str(tmp_path / "none.toml"), str(tmp_path / "text.toml")):
        (tmp_path / "text.toml").write_text("claim = ", "utf-8")
        with pytest.raises(StudyError):
            load_study(name)
    with pytest.raises(StudyError, match="there is no study of claim 99"):
        name_of("99")


@pytest.mark.parametrize("name", shipped())
def test_a_study_that_ships_can_be_read(name: str) -> None:
    study = load_study(name)
    assert study.claim.endswith(".")
    assert study.number
