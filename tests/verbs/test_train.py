"""The verb `train`: into a run folder, out of bad situations."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from simulacra.data.store import open_store
from simulacra.objectives import FAMILIES, Classifies, Encodes, build
from simulacra.recipe import Recipe, load
from simulacra.runs import RunFolder

Run = Callable[..., Any]
MakeStore = Callable[..., Path]
MakeFile = Callable[..., Path]


@pytest.fixture
def words(make_store: MakeStore, tmp_path: Path) -> Callable[..., list[object]]:
    """The words of a training of a recipe's file on a store into the folder `run`."""
    place = make_store()

    def make(recipe: Path, *more: object, data: object = place) -> list[object]:
        return ["train", recipe, "--data", data, "--out", tmp_path / "run", "--no-report", *more]

    return make


def test_a_training_fills_its_run_folder(family: str, trained_once: Any) -> None:
    run = RunFolder(trained_once(family))
    assert [row["step"] for row in run.rows("metrics")] == [2, 4, 6]
    assert [row["step"] for row in run.rows("timing")] == [2, 4, 6]
    assert list(run.checkpoints()) == [3, 6]
    assert list((run.path / "tensorboard").glob("events.*"))
    measured = issubclass(FAMILIES[family], (Encodes, Classifies))
    looks = {("valid", 3), ("valid", 6), ("test", 6)} if measured else set()
    assert {(row["split"], row["step"]) for row in run.rows("evaluations")} == looks
    assert all(row["n"] == 3 and row["low"] <= row["value"] <= row["high"] for row in run.rows("evaluations"))
    facts = run.read_facts()
    assert (facts["state"], facts["step"], facts["images_seen"], facts["family"]) == ("finished", 6, 24, family)
    assert facts["epochs"] == 24 / 14
    assert facts["data"]["counts"] == {"train": 14, "valid": 3, "test": 3}
    assert facts["torch"] == torch.__version__
    assert facts["precision"] in ("float32", "bfloat16")
    assert facts["parameters"] == sum(network["parameters"] for network in facts["networks"].values())
    assert sum(row["seconds"] for row in run.rows("timing")) == facts["seconds"]


def test_a_run_trains_again_from_its_own_recipe_into_equal_files(
    family: str, simulacra: Run, recipe_file: MakeFile, make_store: MakeStore, tmp_path: Path
) -> None:
    one, two, store = tmp_path / "one", tmp_path / "two", make_store(held_out=6)
    assert simulacra("train", recipe_file(family), "--data", store, "--out", one, "--no-report", "--seed", 3).code == 0
    assert simulacra("train", one / "recipe.toml", "--data", store, "--out", two, "--no-report").code == 0
    may_differ = {"run.json", "timing.jsonl", ".lock"}
    paths = [path for path in sorted(one.rglob("*")) if path.is_file() and "tensorboard" not in path.parts]
    assert {"recipe.toml", "metrics.jsonl"} <= {path.name for path in paths}
    for path in paths:
        if path.name not in may_differ:
            assert path.read_bytes() == (two / path.relative_to(one)).read_bytes(), path.name


def test_the_same_command_on_a_finished_run_says_so_and_changes_nothing(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, tmp_path: Path
) -> None:
    recipe = recipe_file("gan")
    trained_once("gan")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.name != ".lock"}
    ended = simulacra(*words(recipe))
    assert ended.code == 0
    assert "the same command with --steps 12 trains on, or give another --out" in ended.err
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("*") if p.name != ".lock"} == before


def test_a_finished_run_goes_on_with_more_steps(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, tmp_path: Path
) -> None:
    recipe = recipe_file("vae")
    trained_once("vae")
    ended = simulacra(*words(recipe, "--steps", 8))
    assert ended.code == 0
    assert "going on from step 6" in ended.err
    run = RunFolder(tmp_path / "run")
    assert run.read_facts()["step"] == 8
    assert run.read_recipe().steps == 8
    assert [row["step"] for row in run.rows("metrics")] == [2, 4, 6, 8]
    assert {row["step"] for row in run.rows("evaluations") if row["split"] == "test"} == {8}


def test_a_run_keeps_the_order_of_its_images_on_a_machine_with_more_memory(
    simulacra: Run, recipe_file: MakeFile, make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, store = recipe_file("vae"), make_store()
    monkeypatch.setattr("simulacra.data.batches.BLOCK", 2 * 8 * 8 * 3)
    monkeypatch.setattr("simulacra.data.batches.BLOCKS", 3)
    monkeypatch.setattr("simulacra.data.batches.SHARE", 1e-6)

    def trained(name: str, steps: int, memory: float) -> RunFolder:
        monkeypatch.setattr("simulacra.data.batches.memory", lambda: memory)
        out = tmp_path / name
        assert simulacra("train", recipe, "--data", store, "--out", out, "--no-report", "--steps", steps).code == 0
        return RunFolder(out)

    whole, elsewhere = trained("whole", 6, 1e9), trained("elsewhere", 6, float("inf"))
    trained("moved", 3, 1e9)
    moved = trained("moved", 6, float("inf"))
    assert elsewhere.read_facts()["data"]["order"] == "shuffled"
    for run in (whole, moved):
        assert {key: run.read_facts()["data"][key] for key in ("order", "block", "window")} == {
            "order": "block-shuffled",
            "block": 2,
            "window": 6,
        }
    assert moved.rows("metrics") == whole.rows("metrics") != elsewhere.rows("metrics")


def test_fewer_steps_than_were_made_are_refused(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any
) -> None:
    recipe = recipe_file("gan")
    trained_once("gan")
    ended = simulacra(*words(recipe, "--steps", 4))
    assert ended.code == 2
    assert "has come to step 6 already, beyond --steps 4; give more" in ended.err


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("optimizer.lr=1e-3", "optimizer.lr"),
        ("data.batch=2", "data.batch"),
        ("seed=1", "seed"),
        ("every.checkpoint=2", "every.checkpoint"),
    ],
)
def test_a_folder_of_another_recipe_is_refused(
    change: str, named: str, simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any
) -> None:
    recipe = recipe_file("gan")
    trained_once("gan")
    ended = simulacra(*words(recipe, "--set", change))
    assert ended.code == 2
    assert f"holds a run of another recipe (it differs in {named}); give another --out" in ended.err


def test_a_folder_of_another_family_is_refused(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any
) -> None:
    trained_once("gan")
    ended = simulacra(*words(recipe_file("vae")))
    assert ended.code == 2
    assert "objective.family" in ended.err


def test_a_folder_of_other_data_is_refused(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, make_store: MakeStore
) -> None:
    recipe = recipe_file("gan")
    trained_once("gan")
    ended = simulacra(*words(recipe, data=make_store(seed=5, name="other")))
    assert ended.code == 2
    assert "was trained on other data" in ended.err


def test_the_same_data_in_another_place_is_the_same_data(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, make_store: MakeStore
) -> None:
    recipe = recipe_file("gan")
    trained_once("gan")
    assert simulacra(*words(recipe, "--steps", 8, data=make_store(name="moved"))).code == 0


def test_a_folder_with_other_files_is_refused_and_left_as_it_was(
    simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("mine")
    ended = simulacra(*words(recipe_file("gan")))
    assert ended.code == 2
    assert "is not empty and holds no run (it has thesis.tex); give another --out" in ended.err
    assert [path.name for path in (tmp_path / "run").iterdir() if path.name != ".lock"] == ["thesis.tex"]


def test_a_folder_whose_run_was_killed_before_it_began_is_taken(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, tmp_path: Path
) -> None:
    recipe = recipe_file("acgan")
    trained_once("acgan")
    run = tmp_path / "run"
    for path in run.iterdir():  # what is there if the kill comes between recipe.toml and run.json
        if path.name not in ("recipe.toml", ".lock"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (run / ".run.json.aside").write_text("{")
    (run / ".run.json.7-7.aside").write_text("{")
    ended = simulacra(*words(recipe))
    assert ended.code == 0, ended.err


def test_a_run_folder_in_the_place_of_a_file_is_refused(
    simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    (tmp_path / "run").write_text("in the way")
    ended = simulacra(*words(recipe_file("gan")))
    assert ended.code == 2, ended.err
    assert "Traceback" not in ended.err


def test_a_damaged_checkpoint_is_told_with_a_remedy_that_helps(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, tmp_path: Path
) -> None:
    recipe = recipe_file("gan")
    trained_once("gan")
    newest = RunFolder(tmp_path / "run").checkpoints()[6]
    newest.write_bytes(newest.read_bytes()[:1000])
    ended = simulacra(*words(recipe, "--steps", 8))
    assert ended.code == 2
    assert f"{newest} is damaged; delete it to fall back on the checkpoint before it" in ended.err
    newest.unlink()
    ended = simulacra(*words(recipe, "--steps", 8))
    assert ended.code == 0
    assert "going on from step 3" in ended.err


@pytest.mark.parametrize(
    ("family", "change", "said"),
    [
        ("acgan", 'data.labels=["Beard"]', "has no label 'Beard' (it has: Smiling, Eyeglasses, Male); choose"),
        ("acgan", "data.exclusive=true", "data.exclusive is true, so data.labels must be all classes of"),
        ("gan", "data.size=16", "has images of 8x8 where 16x16 is wanted; pack them in that size"),
        ("gan", "data.channels=1", "has 3 channels where 1 are wanted; pack it again so"),
    ],
)
def test_data_that_does_not_fit_the_recipe_is_refused(
    family: str, change: str, said: str, simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    ended = simulacra(*words(recipe_file(family), "--set", change))
    assert ended.code == 2
    assert said in ended.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("family", "change"), [("gan", "networks.generator.channels=[8,8,8,8,8]"), ("gan", "expect.parameters.generator=3")]
)
def test_networks_that_cannot_be_built_are_refused_before_a_folder_is_made(
    family: str, change: str, simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    ended = simulacra(*words(recipe_file(family), "--set", change))
    assert ended.code == 2
    assert not (tmp_path / "run" / "recipe.toml").exists()
    assert simulacra(*words(recipe_file(family))).code == 0, "the folder can be used all the same"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("objective.code.noise=99999999999999", "the networks take"),
        ("networks.generator.channels=[100000000000,100000000000]", "more parameters than can be counted"),
        ("data.batch=1000000000000", "data.batch = 1000000000000: a batch takes"),
    ],
)
def test_what_no_memory_holds_is_refused_before_a_folder_is_made(
    change: str, said: str, simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    for recipe in (recipe_file("gan"), recipe_file("acgan", **{"data.labels": "all"})):
        ended = simulacra(*words(recipe, "--set", change))
        assert ended.code == 2, ended.err
        assert said in ended.err
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("more", [("--device", "foo"), ("--set", "start.run=nowhere")])
def test_a_folder_made_for_a_training_that_is_refused_goes_again(
    more: tuple[str, ...], simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    ended = simulacra(*words(recipe_file("gan"), *more))
    assert ended.code == 2, ended.err
    assert not (tmp_path / "run").exists()


def test_the_shortest_training_makes_an_update(
    simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    assert simulacra(*words(recipe_file("gan"), "--minutes", 1e-12)).code == 0
    assert list(RunFolder(tmp_path / "run").checkpoints()) == [1]


@pytest.mark.parametrize("content", ["[]", "{}", '{"data": 3}', '{"data": {}}', '{"best": 3}', '{"step": "x"}'])
def test_a_run_with_a_damaged_run_json_is_refused(
    content: str, simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, tmp_path: Path
) -> None:
    recipe = recipe_file("gan")
    trained_once("gan")
    (tmp_path / "run" / "run.json").write_text(content)
    ended = simulacra(*words(recipe))
    assert ended.code == 2, ended.err
    assert "run.json is damaged" in ended.err


def test_all_labels_are_those_of_the_data(
    simulacra: Run, recipe_file: MakeFile, words: Any, make_store: MakeStore, tmp_path: Path
) -> None:
    store = make_store(labels=("Coat", "Bag"), exclusive=True, name="classes")
    assert simulacra(*words(recipe_file("acgan"), "--set", "data.labels=all", data=store)).code == 0
    data = RunFolder(tmp_path / "run").read_recipe().data
    assert (data.labels, data.exclusive) == (("Coat", "Bag"), True)


def test_all_classes_are_no_attributes_but_some_of_them_may_be(
    simulacra: Run, recipe_file: MakeFile, words: Any, make_store: MakeStore
) -> None:
    store = make_store(labels=("Coat", "Bag", "Shirt"), exclusive=True, name="classes")
    recipe = recipe_file("classifier")
    ended = simulacra(*words(recipe, "--set", 'data.labels=["Bag","Shirt","Coat"]', data=store))
    assert ended.code == 2
    assert "of which a picture has exactly one; set data.exclusive=true" in ended.err
    assert simulacra(*words(recipe, "--set", 'data.labels=["Bag","Coat"]', data=store)).code == 0


def test_a_run_that_goes_on_in_another_precision_says_so(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, tmp_path: Path
) -> None:
    recipe = recipe_file("vae")
    trained_once("vae")
    assert "from here on in" not in simulacra(*words(recipe, "--steps", 7)).err
    run = RunFolder(tmp_path / "run")
    now = run.read_facts()["precision"]
    before = "float32" if now == "bfloat16" else "bfloat16"
    run.write_facts({"precision": before})
    assert f"in {before} so far, from here on in {now}" in simulacra(*words(recipe, "--steps", 8)).err


def test_all_labels_of_data_without_any_are_refused(
    simulacra: Run, recipe_file: MakeFile, words: Any, make_store: MakeStore
) -> None:
    store = make_store(labels=(), name="bare")
    ended = simulacra(*words(recipe_file("acgan"), "--set", "data.labels=all", data=store))
    assert ended.code == 2
    assert "pack the data with --labels table.csv" in ended.err


@pytest.mark.parametrize(("epochs", "steps"), [(1, 4), (2, 7), (0.01, 1)])
def test_a_length_in_epochs_counts_passes_over_the_training_images(
    epochs: float, steps: int, simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    assert simulacra(*words(recipe_file("gan"), "--epochs", epochs)).code == 0
    assert RunFolder(tmp_path / "run").read_recipe().steps == steps


@pytest.mark.parametrize("epochs", ["0", "-1", "nan", "inf"])
def test_a_length_in_epochs_that_is_none_is_refused(
    epochs: str, simulacra: Run, recipe_file: MakeFile, words: Any
) -> None:
    ended = simulacra(*words(recipe_file("gan"), "--epochs", epochs))
    assert ended.code == 2, ended.err
    assert "--epochs" in ended.err


def test_minutes_end_a_training_with_a_checkpoint_and_a_finished_run(
    simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    recipe = recipe_file("gan", steps=1_000_000, **{"every.checkpoint": 1_000_000, "every.log": 1000})
    assert simulacra(*words(recipe, "--minutes", 0.005)).code == 0
    run = RunFolder(tmp_path / "run")
    step = run.read_facts()["step"]
    assert run.read_facts()["state"] == "finished"
    assert 0 < step < 1_000_000
    assert list(run.checkpoints()) == [step]
    assert 0.25 < run.read_facts()["seconds"] < 2, "0.3 seconds were asked for, and one more update may begin"
    assert simulacra(*words(recipe, "--minutes", 0.005)).code == 0
    assert run.read_facts()["step"] == step
    assert simulacra(*words(recipe, "--minutes", 0.01)).code == 0
    assert run.read_facts()["step"] > step


def test_a_data_set_smaller_than_a_batch_trains(
    simulacra: Run, recipe_file: MakeFile, words: Any, make_store: MakeStore
) -> None:
    store = make_store(count=3, held_out=0, name="three")
    ended = simulacra(*words(recipe_file("vae"), "--set", "data.batch=8", data=store))
    assert ended.code == 0, ended.err


def test_a_data_set_without_training_image_is_refused(
    simulacra: Run, recipe_file: MakeFile, words: Any, make_store: MakeStore
) -> None:
    ended = simulacra(*words(recipe_file("vae"), data=make_store(count=6, held_out=3, name="none")))
    assert ended.code == 2
    assert "has no training image" in ended.err


def test_a_loss_that_is_not_finite_ends_with_2_the_step_the_last_checkpoint_and_advice(
    family: str, simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = FAMILIES[family].update

    def poisoned(self: Any, batch: Any, step: int, optimize: Any) -> Any:
        values = update(self, batch, step, optimize)
        return values if step < 4 else {name: value / 0 for name, value in values.items()}

    monkeypatch.setattr(FAMILIES[family], "update", poisoned)
    recipe, run = recipe_file(family), RunFolder(tmp_path / "run")
    for _ in range(2):  # to try again from the checkpoint ends in the same way
        ended = simulacra(*words(recipe))
        assert ended.code == 2
        assert "stopped being finite at step 4" in ended.err
        assert f"the last good checkpoint is {run.checkpoints()[3]}" in ended.err
        assert "a lower learning rate (--set optimizer.lr=...)" in ended.err
        assert "Traceback" not in ended.err
        assert list(run.checkpoints()) == [3]
        assert run.read_facts()["state"] == "diverged"
    for line in (run.path / "metrics.jsonl").read_text("utf-8").splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} in metrics.jsonl"))
    assert simulacra("sample", run.path, "--out", tmp_path / "good.npy").code == (0 if family != "classifier" else 2)


def test_a_huge_learning_rate_ends_with_2(simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path) -> None:
    ended = simulacra(*words(recipe_file("vae"), "--set", "optimizer.lr=1e30", "--set", "precision=float32"))
    assert ended.code == 2
    assert "stopped being finite" in ended.err
    for path in RunFolder(tmp_path / "run").checkpoints().values():
        state = torch.load(path, weights_only=True)
        assert all(value.isfinite().all() for value in state["networks"].values())


def test_the_label_rows_that_a_run_keeps_are_those_of_training_images(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, make_store: MakeStore, tmp_path: Path
) -> None:
    trained_once("acgan")
    run = RunFolder(tmp_path / "run")
    rows = run.read_conditions(run.read_recipe())
    store = open_store(tmp_path / "store")
    expected = store.labels[store.rows("train")][:, [0, 2]]  # Smiling and Male
    assert np.array_equal(np.sort(rows, 0), np.sort(expected, 0))
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, expected.tolist()))


def test_a_run_without_labels_keeps_no_label_rows(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, tmp_path: Path
) -> None:
    trained_once("gan")
    run = RunFolder(tmp_path / "run")
    assert run.read_conditions(run.read_recipe()) is None


def test_a_recipe_without_data_at_hand_asks_for_it(simulacra: Run, recipe_file: MakeFile, tmp_path: Path) -> None:
    ended = simulacra("train", recipe_file("gan"), "--out", tmp_path / "run")
    assert ended.code == 2
    assert "this recipe is for the data set made, which Simulacra does not have; give --data PATH" in ended.err


def test_python_may_train_too(tiny: Callable[..., Recipe], make_store: MakeStore, tmp_path: Path) -> None:
    from simulacra.verbs.train import train

    said: list[str] = []
    ended = train(tiny("gan"), str(make_store()), tmp_path / "run", report=False, say=said.append)
    assert (ended.step, ended.images_seen) == (6, 24)
    assert said[0].startswith("using 20 colour images of 8x8")


def test_shipped_recipes_that_can_be_made_on_the_spot_build() -> None:
    for name in ("demo-vae", "demo-dcgan", "demo-acgan"):
        build(load(name))


def test_a_recipe_without_published_counts_follows_the_size_of_a_store(
    simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    ended = simulacra(*words(recipe_file("gan", **{"data.size": 16})))
    assert ended.code == 0, ended.err
    assert "images of 16x16 follow the data: 8x8" in ended.err
    assert RunFolder(tmp_path / "run").read_recipe().data.size == 8


def test_batch_norm_on_one_image_is_refused_before_anything_is_written(
    simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path
) -> None:
    narrow = {"kind": "convolution", "channels": [4, 8, 8], "norm_first": True}
    recipe = recipe_file("gan", **{"networks.discriminator": narrow, "data.batch": 1})
    ended = simulacra(*words(recipe))
    assert ended.code == 2
    assert "the batch norm of discriminator at 1x1 takes two images per process; set data.batch=2" in ended.err
    assert not (tmp_path / "run").exists()


def test_a_run_that_never_made_a_step_may_be_begun_again(
    simulacra: Run, recipe_file: MakeFile, words: Any, trained_once: Any, tmp_path: Path
) -> None:
    trained_once("vae")
    run = RunFolder(tmp_path / "run")
    for path in (*run.checkpoints().values(), run.path / "metrics.jsonl"):
        path.unlink()
    run.write_facts({"step": 0, "state": "running"})
    assert simulacra(*words(recipe_file("vae", **{"data.batch": 2}))).code == 0


@pytest.mark.parametrize(
    "change", ["objective.kl_weight=1e300", "optimizer.lr=1e39", "optimizer.weight_decay=1e300", "seed=-1"]
)
def test_numbers_that_no_network_can_hold_are_refused(change: str, simulacra: Run) -> None:
    ended = simulacra("summary", "demo-vae", "--set", change)
    assert ended.code == 2
    assert change.split("=")[0].rpartition(".")[2] in ended.err


def test_seeds_may_be_of_any_size(simulacra: Run, recipe_file: MakeFile, words: Any, tmp_path: Path) -> None:
    seed = 10**30
    assert simulacra(*words(recipe_file("vae"), "--seed", seed)).code == 0
    assert simulacra("sample", tmp_path / "run", "--seed", seed, "--out", tmp_path / "x.png").code == 0
