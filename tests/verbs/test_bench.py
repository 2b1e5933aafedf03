"""How fast a recipe trains: what is counted, and that nothing is left behind. No figure of time is asked for."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from simulacra.data.batches import Batch
from simulacra.data.resolve import fit
from simulacra.data.store import open_store
from simulacra.engine.devices import Devices
from simulacra.objectives import Optimize
from simulacra.recipe import Recipe, load
from simulacra.runs import RunFolder
from simulacra.verbs.bench import EVERY, LEAST, Benched, Watch, bench, made_up, round_of, sentences, set_up

MakeRecipe = Callable[..., Recipe]
ROOT = Path(__file__).parents[2]
ASKED = {"recipe", "batch", "images_per_second", "step_ms", "matmul_share", "peak_memory_mb", "seconds_for_recipe"}
NOW = 0.01  # seconds: no more steps than there must be


def benchmark(name: str) -> ModuleType:
    """A file of benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def work(recipe: Recipe, folder: Path, steps: int) -> list[int]:
    """FLOP of each of the first updates."""
    store = made_up(recipe)
    training = set_up(fit(recipe, store), RunFolder(folder), store, Devices("cpu", "float32"))
    found = []
    for step in range(steps):
        watch = Watch(training.objective.update, torch.device("cpu"), warm=steps)
        training.optimize.at(step, recipe.steps)
        watch(training.batches[step], step, training.optimize)
        found.append(watch.flops)
    return found


def test_every_family_is_measured_and_nothing_stays(
    family: str, tiny: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = tiny(family)
    found = bench(recipe, seconds=NOW, device="cpu")
    figures = found.as_json()
    assert set(figures) >= ASKED
    assert found.measured_steps >= max(LEAST, round_of(recipe))
    assert all(isfinite(figures[key]) and figures[key] > 0 for key in ASKED - {"recipe"})
    assert 0 < found.outside_share < 1
    assert (found.recipe, found.batch, found.steps) == (recipe.title, recipe.data.batch, recipe.steps)
    assert found.images_per_second == pytest.approx(1e3 * found.batch / found.step_ms)
    assert found.seconds_for_recipe == pytest.approx(recipe.steps * found.step_ms / 1e3)
    assert not list(tmp_path.iterdir())


def test_work_repeats_itself_after_each_round(family: str, tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe = tiny(family)
    keys = [key for key in EVERY if key in type(recipe.objective).model_fields]
    changes: dict[str, Any] = {f"objective.{key}": 2 for key in keys}
    recipe = recipe.with_changes(changes)
    turn = round_of(recipe)
    assert turn == (2 if keys else 1)
    each = work(recipe, tmp_path / "run", 2 * turn)
    assert each[:turn] == each[turn:]
    assert len(set(each[:turn])) == turn, "a round is no longer than it must be"


def test_products_are_counted_as_by_hand_and_only_those_that_are_made(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe = tiny("gan")
    training = set_up(recipe, RunFolder(tmp_path / "run"), made_up(recipe), Devices("cpu", "float32"))
    objective = training.objective
    # Multiply-adds of an image layer by layer: places where the kernel is laid, channels before and after, kernel.
    generator = [3 * 8 * 2 * 2, 2 * 2 * 8 * 4 * 16, 4 * 4 * 4 * 3 * 16]  # transposed: it is laid where the input is
    judge = [4 * 4 * 3 * 4 * 16, 2 * 2 * 4 * 8 * 16, 8 * 1 * 2 * 2]

    def score(images: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(objective.networks["source"](objective.networks["discriminator"](images)).mean())

    def of_both(batch: Batch, _: int, optimize: Optimize) -> dict[str, torch.Tensor]:
        optimize("discriminator", score(batch.images))
        optimize("generator", score(objective.decode(objective.code.draw(len(batch.images)))))
        return {}

    watch = Watch(of_both, torch.device("cpu"), warm=1)
    watch(training.batches[0], 0, training.optimize)
    forward = sum(judge) + sum(generator) + sum(judge)
    discriminator = sum(judge) + sum(judge[1:])  # of its weights; and of what its layers get, but for the images
    through = sum(judge)  # the images' gradient, none of the weights it goes past
    own = sum(generator) + sum(generator[1:])
    assert watch.flops == 2 * recipe.data.batch * (forward + discriminator + through + own)


def test_after_the_first_updates_nothing_is_counted(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe = tiny("vae")
    training = set_up(recipe, RunFolder(tmp_path / "run"), made_up(recipe), Devices("cpu", "float32"))
    watch = Watch(training.objective.update, torch.device("cpu"), warm=1)
    for step in range(3):
        watch(training.batches[step], step, training.optimize)
        assert watch.flops == work(recipe, tmp_path / f"{step}", 1)[0]
    assert len(watch.seconds) == 3


def test_minutes_end_a_recipe_that_would_take_longer(tiny: MakeRecipe) -> None:
    found = bench(tiny("vae", steps=10**9, minutes=2.0), seconds=NOW, device="cpu")
    assert found.seconds_for_recipe == 120
    assert sentences(found)[2].startswith("this recipe ends after 2 minutes, which is about ")


def test_a_recipe_that_starts_from_a_run_is_measured_without_it(tiny: MakeRecipe, tmp_path: Path) -> None:
    free = tiny("vae")
    frozen = tiny("vae", **{"start.run": "nowhere", "start.frozen": ["encoder"]})
    assert work(frozen, tmp_path / "frozen", 1) < work(free, tmp_path / "free", 1)


def test_labels_are_made_up_where_a_recipe_takes_all(tiny: MakeRecipe) -> None:
    for exclusive in (False, True):
        store = made_up(tiny("classifier", **{"data.labels": "all", "data.exclusive": exclusive}))
        assert store.labels.shape == (len(store.images), len(store.label_names))
        assert len(store.label_names) > 1
        assert bool((store.labels.sum(1) == 1).all()) is exclusive


def test_the_command_measures_on_a_store_and_prints_json(
    simulacra: Callable[..., Any], recipe_file: Callable[..., Path], make_store: Callable[..., Path]
) -> None:
    path = make_store()
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    ended = simulacra("bench", recipe_file("acgan"), "--data", path, "--seconds", NOW, "--device", "cpu", "--json")
    assert ended.code == 0, ended.err
    assert set(json.loads(ended.out)) >= ASKED
    assert str(open_store(path).path) in ended.err
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before


def test_the_command_tells_a_person_how_long_it_will_take(
    simulacra: Callable[..., Any], recipe_file: Callable[..., Path]
) -> None:
    ended = simulacra("bench", recipe_file("vae"), "--seconds", NOW, "--device", "cpu")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert len(lines) == 4
    assert "this recipe: 6 steps of 4 take about 1 s on this machine" in lines[2]


@pytest.mark.parametrize("words", [["--data", "nowhere"], ["--seconds", "0"], ["--set", "data.size=9"]])
def test_what_cannot_be_measured_is_refused(
    words: list[str], simulacra: Callable[..., Any], recipe_file: Callable[..., Path]
) -> None:
    assert simulacra("bench", recipe_file("vae"), *words).code == 2


@pytest.mark.parametrize("name", ["dcgan-64", "vae-512", "fashion-dcgan"])
def test_plain_networks_are_those_of_the_recipe(name: str) -> None:
    plain = benchmark("plain")
    networks = {
        "dcgan-64": lambda: plain.faces()[:2],
        "vae-512": lambda: (plain.Autoencoder(),),
        "fashion-dcgan": lambda: plain.garments()[:2],
    }
    with torch.device("meta"):
        counts = [sum(p.numel() for p in network.parameters()) for network in networks[name]()]
    assert sorted(counts) == sorted(load(benchmark("training").RECIPES[name]).expect.parameters.values())


def test_a_ratio_is_of_medians_and_the_history_keeps_ratios_only(tiny: MakeRecipe) -> None:
    training = benchmark("training")
    ours = bench(tiny("vae"), seconds=NOW, device="cpu")
    turns = [
        ({"images_per_second": plain}, replace(ours, images_per_second=rate).as_json())
        for plain, rate in [(10.0, 30.0), (20.0, 30.0), (100.0, 50.0)]
    ]
    row = training.summed("vae-512", 4, turns)
    assert (row["plain"], row["ours"], row["ratio"], row["lowest"], row["highest"]) == (20, 30, 1.5, 0.5, 3)
    found = {"commit": "abc"} | {key: ours.as_json()[key] for key in training.ABOUT} | {"rows": [row]}
    kept = json.loads(training.remembered(found))
    assert kept["rows"] == {"vae-512": {key: round(row[key], 4) for key in training.KEPT}}


def test_the_history_has_a_row_a_change() -> None:
    training = benchmark("training")
    lines = (ROOT / "benchmarks" / "history.jsonl").read_text("utf-8").splitlines()
    assert lines
    for line in lines:
        kept = json.loads(line)
        assert set(kept) == {"commit", *training.ABOUT, "rows"}
        assert set(kept["rows"]) <= set(training.RECIPES)
        assert all(set(row) == set(training.KEPT) for row in kept["rows"].values())


def test_what_a_benched_recipe_says_can_be_written_as_json(tiny: MakeRecipe) -> None:
    found: Benched = bench(tiny("gan", **{"data.batch": 2}), seconds=NOW, device="cpu")
    assert json.loads(json.dumps(found.as_json())) == found.as_json()
