import json
from math import nan

import pytest

from simulacra.catalogue import METRICS, RENAMED
from simulacra.estimates import Estimate
from simulacra.measurements import Measurement

SAMPLES = Measurement(
    metric="recall",
    estimate=Estimate(0.5, 0.4, 0.6),
    step=200,
    baseline=0.9,
    split="test",
    n=100,
    extractor="random-vgg",
    weights="ema",
    real=90,
    seed=0,
    details={"labels": 3},
)


def test_a_row_of_the_file_gives_the_measurement_that_wrote_it() -> None:
    assert Measurement.from_json(json.loads(json.dumps(SAMPLES.to_json()))) == SAMPLES


def test_a_withheld_number_keeps_its_reason() -> None:
    withheld = Measurement(metric="leakage", estimate=None, n=5, why="no label changes")
    assert Measurement.from_json(withheld.to_json()) == withheld
    assert withheld.applies
    assert not Measurement(metric="leakage", estimate=None, why="not applicable, family vae has no labels").applies


def test_rows_of_earlier_versions_are_read_under_the_new_names() -> None:
    row = {"metric": "kl_an_image", "value": 3.0, "low": 2.0, "high": 4.0, "floor": 1.0, "n": 10, "split": "test"}
    measurement = Measurement.from_json(
        row | {"extractor": None, "step": 7, "weights": "averaged", "better": "neither"}
    )
    assert measurement == Measurement(
        metric="kl_per_image", estimate=Estimate(3.0, 2.0, 4.0), step=7, baseline=1.0, split="test", n=10, weights="ema"
    )


def test_entries_of_earlier_versions_keep_their_meaning() -> None:
    row = {"metric": "label_frequency", "label": "hat", "value": 0.2, "step": 1, "n": 10}
    frequency = Measurement.from_json(row | {"real": 0.25})
    assert (frequency.real, frequency.details) == (None, {"training_share": 0.25})
    assert Measurement.from_json(row | {"metric": "kinds_shown", "kinds": 3}).details == {"modes": 3}


@pytest.mark.parametrize("value", [nan, True, "0.5", None, [1]])
def test_a_value_that_is_no_finite_number_counts_as_none(value) -> None:
    measurement = Measurement.from_json({"metric": "recall", "value": value, "step": 1, "n": "many"})
    assert measurement.estimate is None
    assert measurement.why == "it is no number"
    assert measurement.n is None


@pytest.mark.parametrize(
    ("change", "compares", "replaces"),
    [
        ({"step": 300}, True, False),
        ({"judge": "another"}, False, True),
        ({"weights": "raw"}, False, False),
        ({"label": "hat"}, False, False),
        ({"seed": 1}, True, True),
    ],
)
def test_keys_say_which_numbers_compare_and_which_replace_each_other(change, compares, replaces) -> None:
    other = Measurement.from_json(SAMPLES.to_json() | change)
    assert (other.key == SAMPLES.key) is compares
    assert (other.identity == SAMPLES.identity) is replaces


@pytest.mark.parametrize(
    ("metric", "change", "compares"),
    [
        ("mse", {"n": 50}, True),
        ("recall", {"n": 50}, False),
        ("recall", {"real": 50}, False),
        ("condition_accuracy", {"n": 50, "label": "hat"}, True),
        ("condition_accuracy", {"labels": 2}, False),
        ("elbo", {"density": "normal, variance 2"}, False),
        ("iwae_bound", {"codes": 500}, False),
        ("recall", {"extractor": "inception"}, False),
    ],
)
def test_what_must_be_equal_follows_from_the_metric(metric, change, compares) -> None:
    row = SAMPLES.to_json() | {"metric": metric, "label": change.get("label"), "density": "normal, variance 0.5"}
    one, other = Measurement.from_json(row), Measurement.from_json(row | change)
    assert (one.key == other.key) is compares


def test_a_row_of_an_earlier_definition_never_compares_and_is_replaced() -> None:
    row = {"metric": "sharpness", "value": 0.5, "low": 0.4, "high": 0.6, "n": 100, "split": "test", "step": 1}
    earlier, now = (Measurement.from_json(part) for part in (row, row | {"version": METRICS["sharpness"].version}))
    assert earlier.key != now.key
    assert earlier.identity == now.identity


@pytest.mark.parametrize(
    ("value", "low", "high", "chance", "most", "word"),
    [
        (0.48, 0.46, 0.50, 0.49, 0.80, "not obeyed"),  # chance lies within the interval
        (0.53, 0.525, 0.535, 0.52, 0.80, "not obeyed"),  # 0.01 of 0.28, though it is no chance
        (0.65, 0.63, 0.67, 0.52, 0.80, "partly obeyed"),  # 0.13 of 0.28
        (0.70, 0.68, 0.72, 0.52, 0.80, "mostly obeyed"),  # 0.18 of 0.28
        (0.79, 0.77, 0.81, 0.52, 0.80, "obeyed"),  # 0.27 of 0.28
        (0.90, 0.86, 0.93, 0.88, 0.92, "cannot be judged"),  # of a rare label both are within the interval
        (0.90, 0.89, 0.91, 0.88, 0.87, "cannot be judged"),  # a judge that is no better than chance
        (0.90, None, None, None, 0.87, None),
    ],
)
def test_a_label_is_obeyed_as_far_as_it_comes_from_chance_to_the_judge(value, low, high, chance, most, word) -> None:
    row = {"metric": "condition_accuracy", "value": value, "low": low, "high": high, "n": 9}
    measurement = Measurement.from_json(row | {"baseline": most, "chance": chance})
    assert measurement.obedience == word
    assert Measurement.from_json(row | {"metric": "recall", "baseline": most, "chance": chance}).obedience is None


def test_every_renamed_metric_is_in_the_table() -> None:
    assert set(RENAMED.values()) <= set(METRICS)
    assert not set(RENAMED) & set(METRICS)
