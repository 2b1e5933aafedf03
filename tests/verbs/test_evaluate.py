"""The verb `evaluate`: what it measures, keeps and refuses; and what a training measures on its way."""

import itertools
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.catalogue import of_group
from simulacra.data.pack import pack
from simulacra.data.sources import open_source
from simulacra.data.store import SPLITS
from simulacra.diagnosis import diagnose
from simulacra.evaluation.metrics import disentanglement, quality
from simulacra.evaluation.metrics.quality import MEMORISATION
from simulacra.measurements import Measurement
from simulacra.runs import RunFolder
from simulacra.verbs.evaluate import Evaluated, obeyed

Run = Callable[..., Any]
METRICS = of_group("quality")
EXPECTED = [(name, split) for split in ("test", "train") for name in METRICS if name != MEMORISATION]
EXPECTED += [(MEMORISATION, "train")]


@pytest.fixture
def evaluate(simulacra: Run, trained_once: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """evaluate(*words, family=, only=): how `evaluate` ends for a run of two updates on sixty images, ten for tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def ended(*words: object, family: str = "vae", only: str = "quality") -> Any:
        run = tmp_path / "run"
        if not run.exists():
            changes = {"steps": 2, "every.log": 1, "every.checkpoint": 2, "every.evaluate": []}
            trained_once(family, {"count": 60, "held_out": 10}, **changes)
        return simulacra("evaluate", run, "--features", "random-vgg", "-n", 20, "--only", only, *words)

    return ended


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for row in RunFolder(folder / "run").rows("evaluations") if row["metric"] in METRICS]


def test_each_distance_is_measured_against_held_out_and_training_images(evaluate, tmp_path) -> None:
    ended = evaluate("--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert [(row["metric"], row["split"]) for row in found] == EXPECTED
    assert {(row["n"], row["real"], row["step"], row["seed"]) for row in found} == {(20, 10, 2, 0)}
    assert {row["extractor"] for row in found} == {"random-vgg, 64x64 bicubic"}
    assert all(isinstance(row[key], float) for row in found for key in ("baseline", "low", "high"))
    assert all(row["low"] <= row["value"] <= row["high"] for row in found)
    assert rows(tmp_path) == found
    assert "the smaller set has 10 images for 512 features" in ended.err


def test_rows_of_distances_say_how_many_features_they_rest_on(evaluate, tmp_path) -> None:
    evaluate()
    assert {row["features"] for row in rows(tmp_path) if row["metric"] != MEMORISATION} == {512}


def test_a_report_that_is_older_than_the_values_is_named_with_its_command(evaluate, simulacra, tmp_path) -> None:
    page = tmp_path / "run" / "report.html"
    page.unlink(missing_ok=True)
    assert "report.html" not in evaluate().err
    page.write_text("")
    last = evaluate().err.strip().splitlines()[-1]
    says, _, command = last.partition("; write it again: simulacra ")
    assert says == f"- {page} is older than these values"
    assert simulacra(*shlex.split(command)).code == 0
    assert page.read_text("utf-8").startswith("<!")


def test_the_report_has_the_findings_that_what_was_measured_leads_to(evaluate, tmp_path) -> None:
    run = RunFolder(tmp_path / "run")
    evaluate()
    run.write_facts({"findings": ["of before"]})
    evaluate()
    assert run.read_facts()["findings"] == [finding.as_json() for finding in diagnose(run)]


def test_evaluating_twice_gives_the_same_numbers_and_no_second_rows(evaluate, tmp_path) -> None:
    first, again = evaluate("--json"), evaluate("--json")
    assert first.out == again.out
    assert len(rows(tmp_path)) == len(EXPECTED)
    other = evaluate("--json", "--seed", 1)
    assert other.out != first.out
    assert len(rows(tmp_path)) == len(EXPECTED)
    evaluate("-n", 12)
    assert len(rows(tmp_path)) == 2 * len(EXPECTED), "another n is another thing"


def test_baselines_are_taken_at_the_samples_number(evaluate, monkeypatch) -> None:
    seen = []
    measure = quality.distances
    monkeypatch.setattr(quality, "distances", lambda real, made: (seen.append((real, made)), measure(real, made))[1])
    evaluate()
    sizes = {(len(real.features), len(made.features)) for real, made in seen}
    assert len(seen) == 4, "samples and stand-ins, against held-out and against training images"
    assert sizes == {(10, 20)}
    evaluate("--seed", 1)
    assert len(seen) == 6, "the baselines are kept"


def test_a_checkpoint_that_valid_images_chose_is_flattered_by_them(evaluate, tmp_path) -> None:
    said = "chosen by the valid images"
    evaluate()
    RunFolder(tmp_path / "run").write_facts({"best": {"step": 2}})
    assert said not in evaluate("--step", "best").err, "test images measure it"
    split = np.load(tmp_path / "store" / "split.npy")
    np.save(tmp_path / "store" / "split.npy", np.where(split == SPLITS.index("test"), SPLITS.index("valid"), split))
    assert said in evaluate("--step", "best").err
    RunFolder(tmp_path / "run").write_facts({"best": {"step": 1}})
    assert said not in evaluate().err


def test_people_get_a_table(evaluate) -> None:
    ended = evaluate()
    assert "20 samples, 10 real images; random-vgg, 64x64 bicubic; step 2" in ended.out
    assert all(name in ended.out for name in METRICS)


def test_a_run_that_makes_no_images_has_each_metric_named_as_not_applicable(evaluate, tmp_path) -> None:
    ended = evaluate("--json", family="classifier")
    assert ended.code == 0
    assert {row["metric"]: row["value"] for row in json.loads(ended.out)} == dict.fromkeys(METRICS)
    assert f"- {', '.join(METRICS)}: not applicable, family classifier generates no images\n" in ended.err
    assert rows(tmp_path) == []
    assert evaluate().out == ""


def test_another_store_is_refused_unless_it_is_meant(evaluate, make_store, tmp_path) -> None:
    other = make_store(count=60, held_out=10, seed=1, name="other")
    refused = evaluate("--data", other)
    assert refused.code == 2
    assert f"measure against this one on purpose: --against {other}" in refused.err
    meant = evaluate("--against", other, "--json")
    assert meant.code == 0, meant.err
    assert {row["against"] for row in json.loads(meant.out)} == {
        "made of 60 (8, 8, 3) ('Smiling', 'Eyeglasses', 'Male') False 1"
    }
    assert evaluate("--against", other, "--data", other).code == 2


def test_a_store_that_has_moved_is_asked_for(evaluate, tmp_path) -> None:
    evaluate("--json")
    (tmp_path / "store").rename(tmp_path / "moved")
    lost = evaluate()
    assert lost.code == 2
    assert "with --data PATH" in lost.err
    assert evaluate("--data", tmp_path / "moved").code == 0


def test_more_samples_than_images_are_cut_to_what_has_a_baseline(evaluate, tmp_path) -> None:
    ended = evaluate("-n", 500)
    assert "measured 30 samples, not 500: no more training images are left to set the baseline" in ended.err
    assert {row["n"] for row in rows(tmp_path)} == {30}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-n", 5], "-n 5: expected at least 6 samples"),
        (["--seed", -1], "--seed -1: expected 0 or more"),
        (["--features", "inceptoin"], "--features inceptoin: there is no such extractor; did you mean inception?"),
        (["--step", 7], "has no checkpoint at step 7"),
    ],
)
def test_what_cannot_be_measured_is_told(evaluate, words, said) -> None:
    ended = evaluate(*words)
    assert ended.code == 2
    assert said in ended.err


def test_diversity_keeps_its_numbers_and_the_strip_of_nearest_images(evaluate, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("simulacra.evaluation.context.judge_of", lambda *_, **__: None)  # it has tests of its own
    ended = evaluate("--json", only="diversity")
    assert ended.code == 0, ended.err
    run = RunFolder(tmp_path / "run")
    kept = {row["metric"]: row for row in run.rows("evaluations")}
    assert kept["copies_pixels"]["real"] == 40
    assert "label_frequency" not in kept
    assert kept["sharpness"]["low"] < kept["sharpness"]["value"] < kept["sharpness"]["high"]
    assert run.arrays("nearest")["pixels_train"].shape == (16, 8, 8, 3)
    assert (run.path / "pictures" / "nearest.png").is_file()
    assert evaluate("--json", only="diversity").out == ended.out


def test_pictures_keep_of_which_update_weights_and_data_they_are(evaluate, make_store, tmp_path) -> None:
    assert evaluate(only="reconstruction").code == 0
    found = RunFolder(tmp_path / "run").arrays("inversions")
    assert (found["step"].item(), found["weights"].item(), "against" in found) == (2, "raw", False)
    assert (
        evaluate("--against", make_store(count=60, held_out=10, seed=1, name="other"), only="reconstruction").code == 0
    )
    found = RunFolder(tmp_path / "run").arrays("inversions")
    assert found["against"].item().startswith("made of 60")


@pytest.fixture
def evaluated(
    simulacra: Run, recipe_file: Any, make_store: Any, tmp_path: Path
) -> Callable[..., list[tuple[Any, ...]]]:
    """evaluated(*words, **changes): split, step and number of images of each accuracy of a classifier's run."""

    def make(*words: object, **changes: Any) -> list[tuple[Any, ...]]:
        recipe, run = recipe_file("classifier", **changes), tmp_path / "run"
        store = tmp_path / "store"
        data = store if store.exists() else make_store()
        simulacra("train", recipe, "--data", data, "--out", run, "--no-report", *words, code=0)
        rows = [row for row in RunFolder(run).rows("evaluations") if row["metric"] == "accuracy"]
        return [(row["split"], row["step"], row["n"]) for row in rows]

    return make


def test_valid_images_are_measured_at_checkpoints_and_test_images_at_the_end(evaluated) -> None:
    assert evaluated() == [("valid", 3, 3), ("valid", 6, 3), ("test", 6, 3)]


def test_other_splits_are_measured_if_the_recipe_names_them_and_none_twice(evaluated) -> None:
    found = evaluated(**{"every.evaluate": ["train", "test"], "every.limit": 5})
    assert found == [("train", 3, 5), ("test", 3, 3), ("train", 6, 5), ("test", 6, 3)]


def test_the_test_split_is_measured_whole(evaluated) -> None:
    found = evaluated(**{"every.evaluate": ["valid", "test"], "every.limit": 2})
    assert found == [("valid", 3, 2), ("test", 3, 3), ("valid", 6, 2), ("test", 6, 3)]


def test_a_run_that_goes_on_measures_nothing_twice(evaluated) -> None:
    changes = {"every.evaluate": ["train", "test"]}
    evaluated("--steps", 3, **changes)
    found = evaluated("--steps", 6, **changes)
    assert found == [("train", 3, 14), ("test", 3, 3), ("train", 6, 14), ("test", 6, 3)]


def test_images_kept_aside_are_measured_as_valid_and_not_trained_on(evaluated, tmp_path) -> None:
    assert evaluated(**{"data.holdout": 4}) == [("valid", 3, 7), ("valid", 6, 7), ("test", 6, 3)]
    facts = RunFolder(tmp_path / "run").read_facts()
    assert facts["data"]["counts"] == {"train": 10, "valid": 7, "test": 3}
    assert facts["epochs"] == 24 / 10


def test_epochs_are_passes_over_what_is_left(evaluated, tmp_path) -> None:
    evaluated("--epochs", 2, **{"data.holdout": 4})
    assert RunFolder(tmp_path / "run").read_recipe().steps == 5


def test_a_run_whose_rate_falls_towards_its_end_has_that_end(evaluated, simulacra, recipe_file, tmp_path) -> None:
    changes = {"optimizer.schedule": "cosine"}
    evaluated(**changes)
    words = ["train", recipe_file("classifier", **changes), "--data", tmp_path / "store", "--out", tmp_path / "run"]
    ended = simulacra(*words, "--steps", 9, code=2)
    assert "it differs in steps, towards which its learning rate falls); give another --out" in ended.err


@pytest.fixture
def few_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are split into halves once for each score, as forests take long."""
    monkeypatch.setattr(disentanglement, "SPLITS", dict.fromkeys(disentanglement.SPLITS, 1))


@pytest.mark.usefixtures("few_splits")
def test_numbers_in_a_table_are_factors_that_disentanglement_is_measured_with(
    simulacra, recipe_file, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    draw, rows = np.random.default_rng(0), ["file,shape,x,y"]
    (tmp_path / "sprites").mkdir()
    for number in range(240):
        shape, x, y = draw.integers(1, 4), draw.integers(0, 5), draw.integers(0, 5)
        image = np.zeros((8, 8), np.uint8)
        image[y : y + shape, x : x + 2] = 255
        Image.fromarray(image).save(tmp_path / "sprites" / f"{number}.png")
        rows.append(f"{number}.png,{shape},{x},{y}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    data = ("--data", tmp_path / "sprites", "--labels", tmp_path / "table.csv")
    run = tmp_path / "run"
    trained = simulacra("train", recipe_file("vae"), *data, "--out", run, "--steps", 2, "--no-report", code=0)
    assert "table.csv: 3 factors (shape, x, y)" in trained.err
    ended = simulacra("evaluate", run, "-n", 6, "--only", "disentanglement", "--json", code=0)
    assert {"mig", "sap", "factorvae_score", "dci_disentanglement"} <= {row["metric"] for row in json.loads(ended.out)}


SCORES = {"mig", "sap", "factorvae_score", "dci_disentanglement", "dci_completeness", "dci_informativeness"}


def write_sprites(path: Path) -> None:
    """Squares of two shades in 6 x 6 places on 8x8 pixels, laid out as dSprites is: its constant column, its object."""
    images, values = [], []
    for shade, x, y, _ in itertools.product((0.5, 1.0), range(6), range(6), range(4)):
        image = np.zeros((8, 8, 3), np.float32)
        image[y : y + 3, x : x + 3] = shade
        images.append(image)
        values.append((1, shade, x / 5, y / 5))
    metadata = np.array({"author": "nobody"}, dtype=object)
    np.savez(path, imgs=images, latents_values=values, latents_classes=np.zeros(len(images)), metadata=metadata)


@pytest.mark.usefixtures("few_splits")
def test_a_set_like_dsprites_is_packed_trained_and_measured(tmp_path, simulacra, recipe_file) -> None:
    write_sprites(tmp_path / "sprites.npz")
    packed = pack(open_source("arrays", tmp_path / "sprites.npz"), tmp_path / "store")
    assert packed.store.factor_names == ("factor 0", "factor 1", "factor 2", "factor 3")
    assert any("not opened: metadata" in note for note in packed.notes)
    recipe = recipe_file("vae", **{"steps": 60, "data.batch": 32, "every.evaluate": [], "objective.kl_weight": 0.1})
    run = tmp_path / "run"
    simulacra("train", recipe, "--data", tmp_path / "store", "--out", run, "--no-report", code=0)
    ended = simulacra("evaluate", run, "-n", 20, "--only", "disentanglement", "--json", code=0)
    assert "disentanglement is of 3 factors: factor 1, factor 2, factor 3" in ended.err
    rows = {row["metric"]: row["value"] for row in json.loads(ended.out)}
    assert rows.keys() == SCORES
    assert all(value is not None and 0 <= value <= 1 for value in rows.values())


def test_a_judge_that_learned_no_label_leaves_the_other_metrics(
    trained_once: Callable[..., Path], simulacra: Callable[..., Any]
) -> None:
    run = trained_once("acgan", {"count": 60, "held_out": 10})  # labels that no pixel shows
    ended = simulacra("evaluate", run, "--count", 10)
    assert ended.code == 0, ended.err
    assert RunFolder(run).arrays("leakage") is None


OBEYED = [
    Measurement.from_json({"metric": "condition_accuracy", "n": 500, "low": None, "high": None} | row)
    for row in (
        {"value": 0.57, "chance": 0.5, "baseline": 0.83},
        {"label": "Male", "value": 0.48, "chance": 0.49, "baseline": 0.86},
        {"label": "Young", "value": 0.65, "chance": 0.52, "baseline": 0.8},
    )
]


def test_each_label_has_a_word_between_chance_and_the_judge() -> None:
    assert obeyed([*OBEYED, Measurement.from_json({"metric": "recall", "value": 0.5, "n": 500})]) == [
        "all labels together: partly obeyed, 0.57 between chance 0.50 and the judge's 0.83",
        "Male: not obeyed, 0.48 where chance is 0.49 and the judge's accuracy 0.86",
        "Young: partly obeyed, 0.65 between chance 0.52 and the judge's 0.80",
    ]


def test_scripts_and_tables_get_chance_and_the_word() -> None:
    result = Evaluated("", OBEYED, [])
    assert [row["obedience"] for row in result.rows] == ["partly obeyed", "not obeyed", "partly obeyed"]
    table = result.to_table()
    assert [row[table.columns.index("chance")] for row in table.rows] == ["0.5000", "0.4900", "0.5200"]
