"""The page of a study: one file with verdict, intervals, curves, samples, table, method and commands."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.estimates import Estimate
from simulacra.measurements import Measurement
from simulacra.runs import RunFolder
from simulacra.studies.answer import Findings, Outcome, answer
from simulacra.studies.file import load_study
from simulacra.studies.page import write_page
from simulacra.studies.plan import Plan, plan
from simulacra.studies.words import row_sentence, verdict_sentences

MakeStudy = Callable[..., Path]
COMMAND = "simulacra study weights.toml --seeds 4"


@pytest.fixture
def carried_out(study_file: MakeStudy, tmp_path: Path) -> Callable[..., tuple[Plan, Findings]]:
    """carried_out(gain, **changes): a study whose second case scores so much more, give or take a little."""

    def make(gain: float, diverged: int = 0, **changes: Any) -> tuple[Plan, Findings]:
        study = load_study(str(study_file(**changes)))
        made = plan("weights", study, "quick", 4, "made", tmp_path / "studies", lambda recipe: (recipe, "x"))
        for run in made.runs:
            folder, value = RunFolder(run.folder), run.seed + (gain + 0.01 * run.seed) * (run.case != "light")
            folder.write_facts({"state": "finished", "step": run.recipe.steps})
            folder.write_recipe(run.recipe)
            about: dict[str, Any] = {"metric": "reconstruction_mse", "split": "test", "n": 9, "step": run.recipe.steps}
            folder.append("evaluations", Measurement(estimate=Estimate(value), **about).to_json())
            for step in range(1, 40):
                folder.append("metrics", {"step": step, "images": 4 * step, "loss/total": value + 1 / step})
            images = np.full((12, 8, 8, 3), 40 * run.seed, np.uint8)
            folder.write_picture(f"fixed-{run.recipe.steps:08d}", {"images": images}, b"")
        outcomes = [Outcome(run, "finished", seconds=60.0) for run in made.runs]
        for index in range(diverged):
            outcomes[index] = Outcome(made.runs[index], "diverged", "the loss stopped being finite")
        return made, answer(made, outcomes)

    return make


def test_the_page_is_one_file_with_everything_in_it(carried_out: Callable[..., tuple[Plan, Findings]]) -> None:
    made, findings = carried_out(0.5)
    path = write_page(made, findings, COMMAND)
    text = path.read_text("utf-8")
    assert path == made.folder / "report.html"
    assert len(text) < 3_000_000
    assert not re.search(r'(src|href)="(?!data:|#|figures/)', text)
    for part in ("The claim is supported.", "What was found", "Learning curves", "Samples", "Method", COMMAND):
        assert part in text
    assert "A larger KL weight makes reconstructions worse." in text
    assert {path.name for path in (made.folder / "figures").glob("*.png")} == {
        "effect-reconstruction_mse.png",
        "values-reconstruction_mse.png",
        "curve-loss-total.png",
        "samples.png",
    }


def test_a_damaged_picture_is_left_out(carried_out: Callable[..., tuple[Plan, Findings]]) -> None:
    made, findings = carried_out(0.5)
    for run in made.runs:
        (picture,) = (run.folder / "pictures").glob("fixed-*.npz")
        picture.write_bytes(b"PK damaged")
    assert "What was found" in write_page(made, findings, COMMAND).read_text("utf-8")


def test_a_page_without_a_finished_run_says_so(carried_out: Callable[..., tuple[Plan, Findings]]) -> None:
    made, findings = carried_out(0.5, diverged=8)
    text = write_page(made, findings, COMMAND).read_text("utf-8")
    assert "8 of 8 runs diverged, of case heavy and light." in text
    assert "No measure has values of two seeds." in text


def test_what_cannot_be_told_comes_with_what_could_have_been_seen(
    carried_out: Callable[..., tuple[Plan, Findings]],
) -> None:
    _, findings = carried_out(-0.012)
    (row,) = findings.rows
    assert findings.verdict == "undecided"
    assert row.answer
    assert row.answer.detectable
    assert "The smallest effect that it could have seen in 8 of 10 studies is 0.0" in row_sentence(row)
    sentence = row_sentence(replace(row, answer=replace(row.answer, needed=14)))
    assert sentence.endswith("takes about 14 seeds, a guess from few seeds: --seeds 14.")
    assert "takes about 5 seeds" in row_sentence(replace(row, answer=replace(row.answer, needed=2)))
    sentence = row_sentence(replace(row, answer=replace(row.answer, needed=None)))
    assert sentence.endswith("An effect as small as the one seen takes more than 200 seeds.")


def test_seeds_that_are_left_out_are_said(carried_out: Callable[..., tuple[Plan, Findings]]) -> None:
    made, findings = carried_out(0.5, diverged=1)
    sentences = verdict_sentences(made, findings)
    assert "Without seed 0, which lacks a value." in sentences
    assert "1 of 8 runs diverged, of case light." in sentences


def test_a_name_is_text_and_nothing_else(carried_out: Callable[..., tuple[Plan, Findings]]) -> None:
    cases = {"light": {}, "<script>x</script>": {"objective": {"kl_weight": 9.0}}}
    made, findings = carried_out(0.5, cases=cases)
    assert "<script>x" not in write_page(made, findings, COMMAND).read_text("utf-8")
