"""Answers: from the files of runs to a verdict."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.estimates import Estimate
from simulacra.measurements import Measurement
from simulacra.runs import RunFolder
from simulacra.studies.answer import Findings, Outcome, answer
from simulacra.studies.file import load_study
from simulacra.studies.plan import MEASURED, Plan, PlannedRun, plan

MakeStudy = Callable[..., Path]
THREE = {name: {"objective": {"kl_weight": weight}} for name, weight in {"a": 10.0, "b": 0.1, "c": 1.0}.items()}
Rows = Callable[[PlannedRun], Sequence[Measurement]]


@pytest.fixture
def planned(study_file: MakeStudy, tmp_path: Path) -> Callable[..., Plan]:
    """planned(seeds, **changes): the plan of a study."""

    def make(seeds: int = 4, **changes: Any) -> Plan:
        study = load_study(str(study_file(**changes)))
        return plan("weights", study, "quick", seeds, "made", tmp_path / "studies", lambda recipe: (recipe, "x"))

    return make


def score(run: PlannedRun, value: float, point: str = "100%", **about: Any) -> Measurement:
    about = {"metric": "reconstruction_mse", "split": "test", "n": 10} | about
    return Measurement(estimate=Estimate(value), step=run.points[point], **about)


def finish(made: Plan, rows: Rows, curves: Mapping[str, Any] | None = None) -> list[Outcome]:
    """Writes the files of finished runs."""
    for run in made.runs:
        folder = RunFolder(run.folder)
        folder.write_facts({"state": "finished", "step": run.recipe.steps})
        folder.write_recipe(run.recipe)
        for measurement in rows(run):
            folder.append("evaluations", measurement.to_json())
        for step, row in (curves or {}).items():
            folder.append("metrics", {"step": step} | row)
    return [Outcome(run, "finished") for run in made.runs]


def test_a_claim_that_every_seed_supports_is_supported(planned: Callable[..., Plan]) -> None:
    made = planned()
    outcomes = finish(made, lambda run: [score(run, run.seed + (0.5 + 0.01 * run.seed) * (run.case == "heavy"))])
    findings = answer(made, outcomes)
    (row,) = findings.rows
    assert findings.verdict == "supported"
    assert (row.comparison.title, row.unit) == ("heavy less light", "squared error per value")
    assert row.effect
    assert row.effect.value == pytest.approx(0.515)
    assert row.answer
    assert row.answer.contrast == pytest.approx([0.5, 0.51, 0.52, 0.53])
    json.dumps([row.to_json(), *[outcome.to_json() for outcome in outcomes]])


def test_the_opposite_contradicts_and_noise_cannot_be_told(planned: Callable[..., Plan]) -> None:
    made = planned()
    outcomes = finish(made, lambda run: [score(run, 0.1 * run.seed - (1 + 0.1 * run.seed) * (run.case == "heavy"))])
    assert answer(made, outcomes).verdict == "contradicted"


def test_a_diverged_run_leaves_its_seed_out_and_is_counted(planned: Callable[..., Plan]) -> None:
    made = planned()
    outcomes = finish(made, lambda run: [score(run, run.seed + (0.5 + 0.01 * run.seed) * (run.case == "heavy"))])
    outcomes[3] = Outcome(outcomes[3].run, "diverged", "the loss stopped being finite")
    findings = answer(made, outcomes)
    assert outcomes[3].run.seed == 1
    assert findings.rows[0].comparison.seeds == (0, 2, 3)
    assert findings.rows[0].notes == ("without seed 1, which lacks a value",)
    assert findings.count("diverged") == 1
    assert findings.verdict == "supported"


def test_too_few_seeds_give_no_verdict(planned: Callable[..., Plan]) -> None:
    made = planned(2)
    outcomes = finish(made, lambda run: [score(run, 1.0)])
    findings = answer(made, [*outcomes[:3], Outcome(outcomes[3].run, "failed", "no memory")])
    assert findings.verdict == "undecided"
    assert findings.rows[0].answer is None
    assert "an interval takes 2 seeds" in findings.rows[0].notes[-1]


def test_further_cases_are_compared_with_the_first_and_all_must_hold(planned: Callable[..., Plan]) -> None:
    made = planned(cases=THREE)
    values = {"a": 0.0, "b": 1.0, "c": -1.0}
    findings = answer(
        made, finish(made, lambda run: [score(run, values[run.case] + 0.01 * run.seed * values[run.case])])
    )
    assert [row.comparison.title for row in findings.rows] == ["b less a", "c less a"]
    assert [row.verdict for row in findings.rows] == ["supported", "contradicted"]
    assert findings.verdict == "contradicted"


def test_a_trend_goes_along_its_setting_whatever_the_order_of_the_cases(planned: Callable[..., Plan]) -> None:
    question = {"kind": "trend", "along": "objective.kl_weight", "scale": "log"}
    made = planned(question=question, cases=THREE)
    values = {"b": 0.0, "c": 1.0, "a": 2.0}
    findings = answer(made, finish(made, lambda run: [score(run, (1 + 0.1 * run.seed) * values[run.case])]))
    (row,) = findings.rows
    assert row.comparison.names == ("b", "c", "a")
    assert row.effect
    assert row.effect.value == pytest.approx(2 * 1.15)
    assert row.page == pytest.approx(1 / 6**4, rel=0.5)
    assert findings.verdict == "supported"


def test_within_margins_is_equal(planned: Callable[..., Plan]) -> None:
    measures = [{"metric": "reconstruction_mse", "margin": 0.1}]
    made = planned(question={"kind": "equal"}, measures=measures)
    findings = answer(made, finish(made, lambda run: [score(run, run.seed + 0.001 * run.seed * (run.case == "heavy"))]))
    assert findings.verdict == "supported"


def test_early_not_late(planned: Callable[..., Plan]) -> None:
    measures = [{"metric": "reconstruction_mse", "direction": "higher", "at": ["25%", "100%"]}]
    made = planned(question={"kind": "early-not-late"}, measures=measures)

    def rows(run: PlannedRun) -> list[Measurement]:
        gain = (1 + 0.01 * run.seed) * (run.case == "heavy")
        return [score(run, gain, "25%"), score(run, 0.01 * gain)]

    findings = answer(made, finish(made, rows))
    assert findings.verdict == "supported"
    assert findings.rows[0].comparison.names == ("light, 25%", "heavy, 25%", "light, 100%", "heavy, 100%")


def test_two_points_within_a_run_are_the_later_less_the_earlier(planned: Callable[..., Plan]) -> None:
    measures = [{"metric": "reconstruction_mse", "direction": "higher", "at": ["50%", "100%"]}]
    made = planned(question={"kind": "within"}, cases={"only": {}}, measures=measures)
    findings = answer(made, finish(made, lambda run: [score(run, 1.0, "50%"), score(run, 3.0 + 0.1 * run.seed)]))
    assert findings.rows[0].effect
    assert findings.rows[0].effect.value == pytest.approx(2.15)
    assert findings.rows[0].comparison.title == "at 100% less at 50%"


def test_a_curve_is_averaged_over_its_window_and_less_another_curve(planned: Callable[..., Plan]) -> None:
    measures = [{"curve": "a/fake", "minus": "a/real", "direction": "lower", "at": ["50%", "100%"]}]
    made = planned(question={"kind": "within"}, cases={"only": {}}, measures=measures)
    curves = {
        25: {"a/fake": 1.0, "a/real": 2.0},
        50: {"a/fake": 1.0, "a/real": 4.0},
        100: {"a/fake": 1.0, "a/real": 9.0},
    }
    findings = answer(made, finish(made, lambda run: [], curves))
    assert findings.rows[0].comparison.values[:, 0] == pytest.approx([-2.0, -8.0])
    assert findings.rows[0].effect
    assert findings.rows[0].effect.value == pytest.approx(-6)
    assert findings.rows[0].comparison.title == "mean from 50% to 100% less mean up to 50%"


def test_a_number_is_subtracted_and_a_split_and_a_label_are_chosen(planned: Callable[..., Plan]) -> None:
    measures = [{"metric": "mse", "minus": 1.0, "split": "valid", "direction": "lower"}]
    made = planned(question={"kind": "within"}, cases={"only": {}}, measures=measures)
    findings = answer(
        made, finish(made, lambda run: [score(run, 0.5, metric="mse", split="valid"), score(run, 9.0, metric="mse")])
    )
    assert findings.rows[0].comparison.values == pytest.approx(np.full((1, 4), -0.5))


def test_what_a_person_measured_besides_with_another_extractor_does_not_count(planned: Callable[..., Plan]) -> None:
    measures = [{"metric": "frechet_distance", "minus": 1.0, "direction": "lower"}]
    made = planned(question={"kind": "within"}, cases={"only": {}}, measures=measures)
    about: dict[str, Any] = {"metric": "frechet_distance", "split": None}
    outcomes = finish(
        made,
        lambda run: [score(run, 0.5, extractor="random-vgg", **about), score(run, 9.0, extractor="inception", **about)],
    )
    for run in made.runs:
        RunFolder(run.folder).write_facts({MEASURED: {f"quality {run.recipe.steps}": {"extractors": ["random-vgg"]}}})
    assert answer(made, outcomes).rows[0].comparison.values == pytest.approx(np.full((1, 4), -0.5))


def test_a_ranking_takes_the_best_code_of_each_label(planned: Callable[..., Plan]) -> None:
    measures = [{"metric": "mutual_information", "labels": ["Long_Hair", "Bald"]}]
    made = planned(question={"kind": "ranking"}, cases={"only": {}}, measures=measures)

    def rows(run: PlannedRun) -> list[Measurement]:
        scores = {("code 1", "Bald"): 0.1, ("code 2", "Bald"): 0.5 + 0.01 * run.seed, ("code 1", "Smiling"): 0.3}
        about: dict[str, Any] = {"metric": "mutual_information", "split": None}
        return [score(run, value, code=code, label=label, **about) for (code, label), value in scores.items()]

    findings = answer(made, finish(made, rows))
    assert findings.rows[0].comparison.values[:, 0] == pytest.approx([0.5, 0.3])
    assert findings.verdict == "supported"


def test_measures_are_corrected_for_their_number(planned: Callable[..., Plan]) -> None:
    measures = [{"metric": name, "direction": "higher"} for name in ("reconstruction_mse", "ssim")]
    made = planned(measures=measures)
    noise = [0.0, 0.5, 1.0, 1.5]

    def rows(run: PlannedRun) -> list[Measurement]:
        gain = (0.4 + noise[run.seed]) * (run.case == "heavy")
        return [score(run, gain), score(run, gain, metric="ssim")]

    findings: Findings = answer(made, finish(made, rows))
    alone = findings.rows[0].answer
    assert alone
    assert findings.rows[0].p == pytest.approx(2 * alone.p)
