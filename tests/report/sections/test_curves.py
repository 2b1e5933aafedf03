"""Learning curves, the main numbers of a run, and numbers that were measured alike."""

import pytest

from simulacra.recipe import load
from simulacra.report.glossary import CHARTS
from simulacra.report.record import read
from simulacra.report.sections.curves import headlines


def test_an_old_number_says_when_it_was_the_run_s(evaluated) -> None:
    page = evaluated({"value": 30.0, "step": 1000})
    assert "Fréchet distance 30.00 (test split, at update 1,000)." in page.text
    assert "Fréchet distance 30.00 test split, at update 1,000 " in page.text


def test_the_main_number_of_a_metric_is_the_newest_of_the_most_images(run, evaluated) -> None:
    numbers = ((30.0, 500, 1000, "judge"), (4.0, 500, 2000, "vgg"), (3.0, 2000, 2000, "vgg"))
    evaluated(*({"value": value, "n": n, "step": step, "extractor": name} for value, n, step, name in numbers))
    (tile,) = headlines(read(run, "run"))
    assert (tile.value, tile.below, tile.method) == ("3.000", "test split", "n 2,000, vgg")


def test_the_main_number_of_a_label_names_the_label(evaluated) -> None:
    page = evaluated({"metric": "leakage", "label": "Hat", "value": 0.25})
    assert "Leakage, label Hat 0.2500 (test split)" in page.text


def test_obedience_comes_first_as_the_mean_of_all_labels(run, evaluated) -> None:
    row = {"metric": "condition_accuracy", "split": None, "low": 0.55, "high": 0.59, "baseline": 0.8, "chance": 0.51}
    rows = [row | {"value": 0.9, "label": "Male"}, {"metric": "recall", "value": 0.5}, row | {"value": 0.57}]
    evaluated(*rows)
    first, *_ = headlines(read(run, "run"))
    assert (first.label, first.value) == ("Labels obeyed", "57.0%")
    assert first.below == "partly obeyed (chance 51.0%, judge 80.0%)"


def test_numbers_at_several_steps_become_a_chart(evaluated) -> None:
    page = evaluated(*({"metric": "memorisation", "value": 0.5, "step": step} for step in (1000, 2000)))
    assert "Nearer to training images, evaluated" in page.words_of("evaluated-memorisation")
    assert "The dotted line is 50%." in page.sections["Learning curves"]


def test_a_summed_reconstruction_error_is_called_one(fake, run) -> None:
    run.write_recipe(load("fashion-vae-mlp", {"objective.reduction": "sum"}))
    fake.curves(run, "reconstruction/train")
    assert "error per image (summed)" in fake.report(run).words_of("reconstruction")


def test_values_that_are_no_numbers_leave_gaps_in_a_line(fake, run) -> None:
    for step, value in enumerate([1.0, float("nan"), None, 0.5, float("inf"), 0.4], 1):
        run.append("metrics", {"step": step, "loss/total": value, "loss/never": None})
    page = fake.report(run)
    assert "nan" not in page.figures["loss.svg"].decode().lower()
    assert "never" not in page.words_of("loss")


@pytest.mark.parametrize(
    "chart",
    [
        "loss",
        "accuracy",
        "label_loss",
        "label_accuracy",
        "reconstruction",
        "kl",
        "kl_weight",
        "total_correlation",
        "distance",
        "penalty",
        "recognition",
        "code_accuracy",
    ],
)
def test_every_chart_of_a_family_has_words(chart) -> None:
    assert CHARTS[chart].reading.endswith(".")
