"""The score card: each number on a scale, beside its baseline, with the direction that is better."""

import pytest

from simulacra.estimates import Estimate
from simulacra.report.glossary import of_metric, standing
from simulacra.report.sections.scorecard import mark, scale_of


def test_a_number_is_shown_with_its_interval_and_its_baseline(evaluated) -> None:
    page = evaluated({"metric": "precision", "value": 0.6, "low": 0.5, "high": 0.65, "baseline": 0.9, "version": 2})
    assert "test images: 60.0%; 50.0% to 65.0%; 30.0 points short of real images, 90.0%." in page.images
    card = page.sections["Score card"]
    assert "↑ higher is better" in card
    assert "The baseline is real images in the place of samples. (n 500, random-vgg)" in card


def test_a_mark_lies_where_its_number_is() -> None:
    metric = of_metric("precision")
    estimate = Estimate(0.6, 0.5, 0.65)
    drawn = mark("test images", estimate, 0.9, metric, scale_of(metric, [(estimate, 0.9)]), [])
    assert (drawn.position, drawn.low, drawn.high, drawn.baseline) == pytest.approx((60, 50, 65, 90))


def test_rows_of_an_earlier_version_are_shown_under_their_new_names(evaluated) -> None:
    page = evaluated({"metric": "kl_an_image", "value": 20.0, "floor": 3.0, "weights": "averaged"})
    card = page.sections["Score card"]
    assert "KL divergence per image" in card
    assert "17.00 above the baseline, 3.000" in card
    assert page.table("metric")["KL divergence per image"][-1] == "ema"


@pytest.mark.parametrize(("version", "said"), [({}, True), ({"version": 2}, False)])
def test_a_number_of_an_earlier_definition_says_so(version, said, evaluated) -> None:
    card = evaluated({"metric": "sharpness", "value": 0.5} | version).sections["Score card"]
    assert ("by an earlier definition" in card) == said


def test_metrics_that_a_training_measures_have_a_direction_too(evaluated) -> None:
    card = evaluated({"metric": "mse", "value": 0.1}, {"metric": "kl", "value": 20.0}).sections["Score card"]
    assert "lower is better" in card
    assert "neither direction is better" in card


def test_labels_are_behind_a_fold_of_their_metric(evaluated) -> None:
    rows = [{"metric": "obeyed", "value": value, "label": label} for value, label in ((8.0, ""), (4.0, "Hat"))]
    card = evaluated(*rows).sections["Score card"]
    assert card.index("test images") < card.index("By label (1)") < card.index("Hat")


def test_numbers_of_two_codes_and_one_label_are_two_numbers(evaluated) -> None:
    rows = [{"metric": "mutual_information", "code": code, "label": "Bag", "value": 0.1} for code in ("c1", "c2")]
    card = evaluated(*rows).sections["Score card"]
    assert "By label (2) c1: Bag" in card
    assert "c2: Bag" in card


def test_a_withheld_number_says_why_and_one_that_does_not_apply_is_left_out(evaluated) -> None:
    card = evaluated(
        {"metric": "recall", "value": None, "why": "too few images"},
        {"metric": "precision", "value": None, "n": None, "why": "not applicable, family classifier has no samples"},
    ).sections["Score card"]
    assert "withheld: too few images" in card
    assert "Precision" not in card


def test_the_newest_number_is_shown_and_tables_have_every_step(evaluated) -> None:
    card = evaluated({"metric": "mse", "value": 0.5, "step": 1000}, {"metric": "mse", "value": 0.25})
    scales, _, tables = card.sections["Score card"].partition("All numbers as tables")
    assert "0.2500" in scales
    assert "0.5000" not in scales
    assert "0.5000" in tables


def test_an_old_number_says_when_it_was_measured(evaluated) -> None:
    assert "at update 1,000" in evaluated({"value": 0.5, "step": 1000}).sections["Score card"]


def test_numbers_of_both_kinds_of_weights_say_which(evaluated) -> None:
    rows = [{"metric": "recall", "value": value, "weights": kind} for value, kind in ((0.2, "ema"), (0.6, "raw"))]
    assert "weights" not in evaluated(rows[0]).sections["Score card"].partition("All numbers as tables")[0]
    scales = evaluated(rows[1]).sections["Score card"].partition("All numbers as tables")[0]
    assert "n 500, random-vgg, EMA weights" in scales
    assert "n 500, random-vgg, raw weights" in scales


def test_further_entries_of_rows_become_columns(evaluated) -> None:
    row = {"metric": "leakage", "value": 0.25, "n": 90, "low": 0.2, "high": 0.3}
    page = evaluated(*(row | {"label": label, "labels": 7} for label in ("Hat", "Beard")))
    head, *rows = next(table for table in page.tables if "interval" in table[0])
    cells = [dict(zip(head, row, strict=True)) for row in rows]
    assert [(row["label"], row["labels"], row["interval"]) for row in cells] == [
        ("Hat", "7", "0.2000 to 0.3000"),
        ("Beard", "7", "0.2000 to 0.3000"),
    ]


def test_measurements_during_training_have_a_row_per_epoch(fake, run, evaluated) -> None:
    fake.curves(run, "loss/train")
    page = evaluated(
        *(
            {"metric": metric, "value": value, "split": split, "step": step, "extractor": None}
            for step in (1000, 2000)
            for split in ("train", "test")
            for metric, value in (("accuracy", 0.886), ("loss", 0.3))
        )
    )
    table = page.table("epoch", "updates", "Accuracy, train", "Accuracy, test", "Loss, train")
    assert table["6.4"] == ["2,000", "88.6%", "88.6%", "0.3000", "0.3000"]
    assert "The vertical axis begins at 80%." in page.sections["Learning curves"]


@pytest.mark.parametrize(
    ("metric", "estimate", "baseline", "words"),
    [
        ("frechet_distance", Estimate(3.0), 1.0, "2.000 above real images, 1.000"),
        ("frechet_distance", Estimate(1.0), 3.0, "2.000 below real images, 3.000"),
        ("recall", Estimate(0.2), 0.5, "30.0 points short of real images, 50.0%"),
        ("recall", Estimate(0.5), 0.2, "30.0 points above real images, 20.0%"),
        ("sharpness", Estimate(0.2), 1.0, "0.8000 below real images, 1.000"),
        ("condition_accuracy", Estimate(0.673), 0.882, "20.9 points short of the judge's accuracy, 88.2%"),
        ("mig", Estimate(0.1), 0.2, "0.1000 below chance, 0.2000"),
        ("psnr", Estimate(18.0), 20.0, "2.000 below the best linear code, 20.00"),
        ("mse", Estimate(1.0, 0.5, 3.5), 3.0, "interval includes the baseline, 3.000"),
    ],
)
def test_how_a_number_stands_to_its_baseline_is_in_words(metric, estimate, baseline, words) -> None:
    assert standing(of_metric(metric), estimate, baseline) == words


def test_obedience_is_between_chance_and_the_judge(evaluated) -> None:
    row = {"metric": "condition_accuracy", "n": 500, "judge": "judge 1"}
    card = evaluated(
        row | {"value": 0.57, "low": 0.55, "high": 0.59, "baseline": 0.8, "chance": 0.51},
        row | {"label": "Young", "value": 0.65, "low": 0.63, "high": 0.67, "baseline": 0.8, "chance": 0.52},
        row | {"label": "Male", "value": 0.48, "low": 0.46, "high": 0.5, "baseline": 0.8, "chance": 0.49},
    ).sections["Score card"]
    assert "chance 51.0%: partly obeyed" in card
    assert "chance 49.0%: not obeyed" in card


def test_a_scale_begins_at_0_where_size_matters_and_else_takes_the_whole_width() -> None:
    metric = of_metric("mse")
    alone = scale_of(metric, [(Estimate(10.0), None)])
    assert alone.low == 0
    several = scale_of(metric, [(Estimate(10.0), None), (Estimate(11.0), None)])
    assert (several.low, several.high) == (10, 11)
    assert (several.position(10.5), several.position(5.0)) == (pytest.approx(50), 0)
    zero = scale_of(metric, [(Estimate(0.0), None)])
    assert zero.position(0.0) == 0
    assert scale_of(metric, [(None, 3.0)]) is None
