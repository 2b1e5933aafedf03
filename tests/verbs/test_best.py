"""The best checkpoint: scored on the split "valid" while a run trains or after, kept, and found again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.estimates import Estimate
from simulacra.evaluation.metrics import held_out
from simulacra.evaluation.metrics.held_out import best_of, metric_of
from simulacra.measurements import Measurement
from simulacra.runs import RunFolder

Run = Callable[..., Any]

DEFAULTS = {
    "vae": "mse_plus_kl",
    "classifier": "loss",
    "gan": "kernel_distance",
    "wgan": "kernel_distance",
    "acgan": "kernel_distance",
    "infogan": "kernel_distance",
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where features and judges are kept, computed once for all of these tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def trained(
    simulacra: Run, recipe_file: Any, make_store: Any, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunFolder]:
    """trained(family, **changes): a run of six updates with checkpoints at 2, 4 and 6; ten grey images are valid."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(held_out, "SCORED", 12)

    def make(family: str, *words: object, name: str = "run", **changes: Any) -> RunFolder:
        place = tmp_path / "store"
        data = place if place.exists() else make_store(count=40, shape=(8, 8, 1), held_out=10)
        rhythm = {"every.log": 2, "every.checkpoint": 2, "data.channels": 1}
        recipe = recipe_file(family, **rhythm | changes)
        simulacra("train", recipe, "--data", data, "--out", tmp_path / name, "--no-report", *words, code=0)
        return RunFolder(tmp_path / name)

    return make


def scored(run: RunFolder) -> dict[int, float]:
    """Step -> value of what checkpoints were scored by."""
    return {row["step"]: row["value"] for row in run.rows("evaluations") if "weights" in row}


@pytest.mark.parametrize("family", sorted(DEFAULTS))
def test_the_best_checkpoint_is_marked_and_kept_while_a_run_trains(family, trained) -> None:
    run = trained(family, **{"every.score": 2, "every.keep": 1})
    values = scored(run)
    assert list(values) == [2, 4, 6]
    best = min(values, key=lambda step: values[step])
    mark = run.read_facts()["best"]
    assert (mark["step"], mark["metric"], mark["value"]) == (best, DEFAULTS[family], values[best])
    assert mark["split"] == "valid"
    assert set(run.checkpoints()) == {best, 6}


def test_scoring_and_going_on_change_no_number(trained) -> None:
    plain = trained("gan", name="plain")
    whole = trained("gan", name="whole", **{"every.score": 2})
    trained("gan", "--steps", 4, name="parts", **{"every.score": 2})
    parts = trained("gan", "--steps", 6, name="parts", **{"every.score": 2})
    rows = [(run.path / "metrics.jsonl").read_bytes() for run in (plain, whole, parts)]
    assert rows[0] == rows[1] == rows[2]
    assert parts.rows("evaluations") == whole.rows("evaluations")
    assert parts.read_facts()["best"] == whole.read_facts()["best"]


def test_a_better_checkpoint_takes_the_mark_and_the_former_goes(tmp_path, trained) -> None:
    run = trained("vae", **{"every.score": 2, "every.keep": 0})
    run.write_facts({"best": {"step": 2}})
    run.write_checkpoint(8, b"", keep=1)
    assert list(run.checkpoints()) == [2, 8]
    run.write_facts({"best": {"step": 8}})
    run.write_checkpoint(10, b"", keep=1)
    assert list(run.checkpoints()) == [8, 10]


def test_kept_checkpoints_can_be_scored_afterwards(trained, simulacra) -> None:
    run = trained("vae")
    simulacra("sample", run.path, "--step", "best", "--out", run.path / "a.npy", code=2)
    found = json.loads(simulacra("best", run.path, "--json").out)
    assert [row["step"] for row in found["rows"]] == [2, 4, 6]
    assert {row["split"] for row in found["rows"]} == {"valid"}
    assert found["best"]["value"] == min(row["value"] for row in found["rows"])
    assert run.read_best() == found["best"]["step"]
    for step, name in (("best", "a"), (run.read_best(), "b")):
        simulacra("sample", run.path, "-n", 3, "--step", step, "--out", run.path / f"{name}.npy", code=0)
    assert np.array_equal(np.load(run.path / "a.npy"), np.load(run.path / "b.npy"))
    said = simulacra("best", run.path, "--metric", "kernel_distance").out
    assert "is best: its kernel_distance on valid images is the lowest" in said
    assert run.read_facts()["best"]["metric"] == "kernel_distance"
    rows = len(run.rows("evaluations"))
    run.rewind(6)
    assert len([row for row in run.rows("evaluations") if "seed" in row]) == 6, "a training does not score them again"
    assert len(run.rows("evaluations")) <= rows


def test_a_report_can_show_the_best_checkpoint(trained, simulacra) -> None:
    run = trained("gan")
    last = run.arrays("samples")["images"]
    run.write_facts({"best": {"step": 2, "metric": "kernel_distance", "value": 0.5}})
    simulacra("report", run.path, "--step", "best", code=0)
    page = (run.path / "report.html").read_text("utf-8")
    assert "The pictures show the model at update 2." in page
    assert "The best checkpoint is at update 2" in page
    assert not np.array_equal(run.arrays("samples")["images"], last)


@pytest.mark.parametrize(
    ("changes", "words", "said"),
    [
        ({"every.score": 3}, [], "every.score = 3 is no multiple of every.checkpoint = 2"),
        ({"every.select": "accuracy"}, [], "accuracy cannot choose a checkpoint of family gan; give one of: kernel_"),
        ({"every.score": 2}, ["none-valid"], "training images held out for it: --set data.holdout=6"),
    ],
)
def test_what_cannot_be_chosen_by_is_told_before_training(
    changes, words, said, simulacra, recipe_file, make_store, tmp_path
) -> None:
    store = make_store(shape=(8, 8, 1), held_out=0 if words else 10, count=40)
    recipe = recipe_file("gan", **{"every.checkpoint": 2, "data.channels": 1})
    changed = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    ended = simulacra("train", recipe, "--data", store, "--out", tmp_path / "run", *changed, code=2)
    assert said in ended.err
    assert not (tmp_path / "run").exists()


def test_images_kept_aside_are_enough_to_choose_by(trained, make_store) -> None:
    make_store(count=40, shape=(8, 8, 1), held_out=0)
    run = trained("gan", **{"every.score": 2, "data.holdout": 8})
    assert {row["real"] for row in run.rows("evaluations") if "weights" in row} == {8}


def test_the_earliest_of_equals_is_best_and_higher_is_better_for_an_accuracy() -> None:
    def score(step: int, value: float, **more: Any) -> Measurement:
        about = {"metric": "accuracy", "split": "valid", "weights": "raw", "n": 9} | more
        return Measurement(estimate=Estimate(value), step=step, **about)

    scores = [score(2, 0.5), score(4, 0.8), score(6, 0.8), score(8, 0.9, n=3), score(9, 0.99, split="test")]
    best = best_of([*scores, score(10, 0.7)], "accuracy", [2, 4, 6, 8, 9, 10])
    assert best.step == 4, "another n does not compare, and test images never count"
    assert best_of(scores, "loss", [2, 4]) is None


def test_each_family_has_its_own_metric(tiny) -> None:
    assert {family: metric_of(tiny(family)) for family in DEFAULTS} == DEFAULTS
    assert metric_of(tiny("vae", **{"every.select": "frechet_distance"})) == "frechet_distance"


def test_the_ema_and_the_last_weights_are_measured_apart(trained, simulacra) -> None:
    run = trained("gan", ema=0.9)
    words = ["evaluate", run.path, "--features", "random-vgg", "-n", 12, "--json"]
    averaged = json.loads(simulacra(*words).out)
    raw = json.loads(simulacra(*words, "--weights", "raw").out)
    assert {row["weights"] for row in averaged} == {"ema"}
    assert {row["weights"] for row in raw} == {"raw"}
    assert averaged[0]["value"] != raw[0]["value"]
    kept = [row["weights"] for row in run.rows("evaluations") if row["metric"] == averaged[0]["metric"]]
    assert sorted(set(kept)) == ["ema", "raw"], "one does not take the other's place"
    for weights in ("ema", "raw"):
        simulacra("sample", run.path, "--weights", weights, "--out", run.path / f"{weights}.npy", code=0)
    assert not np.array_equal(np.load(run.path / "ema.npy"), np.load(run.path / "raw.npy"))


def test_weights_that_are_not_there_are_refused(trained, simulacra) -> None:
    run = trained("gan")
    ended = simulacra("sample", run.path, "--weights", "ema", "--out", run.path / "a.png", code=2)
    assert "keeps no EMA of its weights (ema = 0); give raw" in ended.err
    simulacra("sample", run.path, "--weights", "both", code=2)
    assert simulacra("sample", run.path, "--step", "newest").code == 2
