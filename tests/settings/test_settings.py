"""Every key of every family does something: another value trains otherwise, or it is refused before the training.

The walk takes every key of a small recipe in turn. A new key is walked by itself; where no other value can be guessed,
OTHERS has to say one.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import torch

from simulacra.data.batches import Batches, choose
from simulacra.data.resolve import fit
from simulacra.data.splits import hold_out
from simulacra.data.store import ImageStore, open_store
from simulacra.engine.devices import Devices
from simulacra.engine.optimizers import EMA, Optimizers
from simulacra.errors import SimulacraError
from simulacra.objectives import FAMILIES, Generates, Validates, build
from simulacra.recipe import Recipe, read_earlier, to_table
from simulacra.runs import RunFolder
from simulacra.settings import Settings
from simulacra.verbs.prepare import conditions
from simulacra.verbs.train import train

MakeRecipe = Callable[..., Recipe]
UPDATES = 2

# Recipes beside the smallest one of each family, so that each kind of network and each choice is walked too; with the
# keys that are walked there.
UPSAMPLES = {"kind": "upsample", "stem_channels": 8, "channels": [4], "activation": "leaky_relu"}
MLP = {"kind": "mlp", "widths": [5]}
VARIANTS: list[tuple[str, dict[str, Any], str]] = [
    *((family, {}, "") for family in sorted(FAMILIES)),
    ("vae", {"networks.encoder": MLP, "networks.decoder": UPSAMPLES}, "networks."),
    ("vae", {"networks.encoder.stem": 3, "networks.decoder": MLP}, "networks."),
    ("vae", {"networks.decoder.end": "convolution", "networks.decoder.stem": "dense"}, "networks.decoder."),
    ("vae", {"objective.kl_schedule": "cyclical", "objective.kl_steps": 4}, "objective."),
    ("wgan", {"objective.lipschitz": "clipping"}, "objective."),
    ("infogan", {"objective.code.continuous": 0}, "objective."),
    ("gan", {"optimizer.name": "sgd"}, "optimizer."),
    ("gan", {"optimizer.generator.lr": 1e-3, "optimizer.discriminator.lr": 1e-3}, "optimizer."),
]
# Values that cannot be guessed from the type of a key.
OTHERS: dict[str, list[Any]] = {
    "optimizer.betas": [(0.5, 0.9)],
    "optimizer.warmup": [3],
    "objective.loss": ["minimax", "least-squares", "hinge"],
    "objective.likelihood": ["l1"],
    "objective.augment": [("color",), ("translation",), ("cutout",)],
    "objective.code.categorical": [(3, 3)],
    "objective.kl_steps": [3],
    "objective.critic_steps": [1],
    "objective.real_label": [0.9],
    "data.labels": [("Smiling",), ("Male", "Smiling"), "all"],
    "data.size": [16],
    "channels": [(6, 4)],
    "widths": [(6,)],
    "kernel": [5],
    "stem": [3],
}
# Keys whose effect lies elsewhere: what shows it.
ELSEWHERE = {
    "title": "the report",
    "steps": "the length, in engine/test_loop.py",
    "minutes": "the length, in verbs/test_train.py",
    "precision": "promises/test_precision.py",
    "sync_batch_norm": "several processes, in promises/test_processes.py",
    "data.name": "the data where none is named",
    "data.order": "data/test_batches.py",
    "data.source": "the data where none is named",
    "objective.family": "the family itself",
    "start": "engine/test_checkpoints.py",
}
# A value that gives what another one gives, and says so.
EQUAL = {
    ("optimizer.name", "adamw"): "Adam, where no weight decays",
    ("norm_first", True): 'norm = "none" leaves nothing to normalise',
    ("norm_last", False): 'norm = "none" leaves nothing to normalise',
}


def keys(settings: Settings, above: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, type and value of every key; those of `every` and `expect` have tests of their own."""
    for key, field in type(settings).model_fields.items():
        name, value = f"{above}{key}", getattr(settings, key)
        if name in ("every", "expect") or name in ELSEWHERE or key in ("kind", "players"):
            continue
        if isinstance(value, Settings):
            yield from keys(value, f"{name}.")
        elif name == "networks":
            for network, table in value.items():
                yield from keys(table, f"networks.{network}.")
        else:
            yield name, field.annotation, value


def literals(annotation: Any) -> list[Any]:
    """The words that a type allows."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for part in get_args(annotation) if get_origin(part) for word in literals(part)]


def others(name: str, annotation: Any, value: Any) -> list[Any]:
    """Other values that a key may have."""
    listed = OTHERS.get(name) or OTHERS.get(name.rpartition(".")[2])
    if listed and not (isinstance(value, str) and literals(annotation)):
        return [other for other in listed if other != value]
    if words := literals(annotation):
        return [word for word in words if word != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1 if isinstance(value, int) else value / 2 or 0.3]
    pytest.fail(f"{name}: name another value than {value!r} in OTHERS")


@pytest.fixture(scope="module")
def trained(make_store_in: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe], str]:
    """What some updates of a recipe make of its networks, as a hash."""
    stores: dict[Any, ImageStore] = {}

    def train_some(recipe: Recipe) -> str:
        shape = recipe.data.shape
        if shape not in stores:
            stores[shape] = open_store(make_store_in(tmp_path_factory.mktemp("walk"), shape=shape))
        store = hold_out(stores[shape], recipe.data.holdout, recipe.seed)
        recipe = fit(recipe, store)
        objective, data = build(recipe), recipe.data
        optimize, ema = Optimizers(objective, recipe.optimizer, Devices("cpu", "float32")), EMA(objective, recipe.ema)
        order = choose(data.order, store)
        labels = tuple(data.labels)
        batches = Batches(store, batch=data.batch, seed=recipe.seed, flip=data.flip, labels=labels, order=order)
        for step in range(UPDATES):
            optimize.at(step, UPDATES)
            torch.manual_seed(step)
            objective.update(batches[step], step, optimize)
            ema.update(step)
        digest = hashlib.sha256(repr(objective.networks).encode())
        for state in (objective.networks.state_dict(), ema.weights):
            for key, value in state.items():
                digest.update(key.encode() + value.numpy().tobytes())
        drawn = conditions(recipe, store)
        digest.update(b"" if drawn is None else drawn.tobytes())
        if isinstance(objective, Generates):
            digest.update(repr(vars(objective.code)).encode())
        return digest.hexdigest()

    return train_some


@pytest.mark.parametrize(("family", "changes", "walks"), VARIANTS, ids=str)
def test_every_key_changes_the_training_or_is_refused(
    family: str, changes: dict[str, Any], walks: str, tiny: MakeRecipe, trained: Callable[[Recipe], str]
) -> None:
    recipe = tiny(family, **changes)
    plain, ignored, walked = trained(recipe), [], 0
    for name, annotation, value in keys(recipe):
        for other in others(name, annotation, value) if name.startswith(walks) else ():
            walked += 1
            if (name, other) in EQUAL or (name.rpartition(".")[2], other) in EQUAL:
                continue
            try:
                if trained(recipe.with_changes({name: other})) == plain:
                    ignored.append(f"{name} = {other!r}")
            except SimulacraError:
                pass
    assert not ignored
    assert walked > 5


EVERY: dict[str, list[Any]] = {
    "log": [3],
    "checkpoint": [2],
    "keep": [1],
    "epochs": [(2,)],
    "evaluate": [(), ("train",), ("test",), ("train", "valid", "test")],
    "limit": [2],
}


@pytest.mark.parametrize("family", ["vae", "gan"])
def test_every_rhythm_changes_the_files_of_a_run_or_is_refused(
    family: str, tiny: MakeRecipe, make_store: Callable[..., Path], tmp_path: Path
) -> None:
    store = make_store()
    recipe = tiny(family, steps=8, **{"every.epochs": [1]})

    def files(recipe: Recipe, name: str) -> dict[str, bytes]:
        train(recipe, str(store), tmp_path / name, report=False)
        rows = [tmp_path / name / f"{stream}.jsonl" for stream in ("metrics", "evaluations")]
        names = sorted(str(path.relative_to(tmp_path / name)) for path in (tmp_path / name).rglob("*.*"))
        return {path.name: path.read_bytes() for path in rows if path.is_file()} | {
            "names": "\n".join(path for path in names if "tfevents" not in path).encode()
        }

    assert set(EVERY) == set(type(recipe.every).model_fields) - {"score", "select"}, "these have tests of their own"
    plain = files(recipe, "plain")
    for key, values in EVERY.items():
        for number, value in enumerate(values):
            if key == "evaluate" and not value and family == "gan":
                continue  # nothing is measured of a GAN in any case
            try:
                assert files(recipe.with_changes({f"every.{key}": value}), f"{key}-{number}") != plain, (key, value)
            except SimulacraError as error:
                assert "does nothing beside" in str(error)  # noqa: PT017


def test_what_a_family_says_of_itself_is_what_it_can_do(family: str, tiny: MakeRecipe) -> None:
    recipe = tiny(family)
    objective = build(recipe)
    assert recipe.objective.generates == isinstance(objective, Generates)
    assert recipe.objective.validates == isinstance(objective, Validates)


@pytest.mark.parametrize(
    ("family", "changes", "said"),
    [
        ("classifier", {"ema": 0.9}, 'ema = 0.9 does nothing beside family "classifier", which generates no images'),
        ("gan", {"every.evaluate": ["train"]}, 'every.evaluate = ["train"] does nothing beside family "gan", of which'),
        ("vae", {"data.exclusive": True}, 'data.exclusive = true does nothing beside family "vae", which takes no'),
        (
            "vae",
            {"networks.decoder.slope": 0.1},
            'slope = 0.1 does nothing beside activation = "relu"; leave it at 0.2',
        ),
        ("wgan", {"networks.critic.order": "activation-norm"}, 'order = "activation-norm" does nothing beside norm ='),
        ("vae", {"objective.kl_weight": 0, "objective.total_correlation_weight": 6}, "does nothing beside kl_weight ="),
        ("infogan", {"objective.code.continuous": 0, "objective.continuous_weight": 1}, "that has no continuous part"),
        (
            "gan",
            {"optimizer.lr": 1, "optimizer.generator.lr": 2, "optimizer.discriminator.lr": 3},
            "optimizer.lr does nothing where each player has its own; set optimizer.discriminator.lr",
        ),
    ],
)
def test_a_key_that_its_family_cannot_use_is_refused(
    family: str, changes: dict[str, Any], said: str, tiny: MakeRecipe
) -> None:
    with pytest.raises(SimulacraError) as refused:
        tiny(family, **changes)
    assert said in str(refused.value)


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"acgan", "classifier"}))
@pytest.mark.parametrize("labels", [["Male"], "all"])
def test_a_family_without_labels_refuses_them_and_names_recipes_that_take_some(
    family: str, labels: Any, tiny: MakeRecipe
) -> None:
    with pytest.raises(SimulacraError) as refused:
        tiny(family, **{"data.labels": labels})
    assert f'does nothing beside family "{family}", which takes no labels; leave it out, or train' in str(refused.value)
    assert "celeba-acgan" in str(refused.value)
    assert "faces-fast" not in str(refused.value)


def test_a_recipe_of_an_earlier_version_opens_without_the_keys_that_did_nothing(tiny: MakeRecipe) -> None:
    recipe = tiny("gan")
    table = to_table(recipe)
    table["data"] |= {"labels": ["Male"], "exclusive": True}
    table["networks"]["generator"]["slope"] = 0.1
    assert read_earlier(table, "recipe.toml") == recipe


def test_a_table_for_measurements_alone_is_taken_with_a_line(
    simulacra: Callable[..., Any], recipe_file: Callable[..., Path], tmp_path: Path, rng_pictures: Path
) -> None:
    words = ("--data", rng_pictures, "--labels", rng_pictures / "table.csv", "--out", tmp_path / "run", "--no-report")
    ended = simulacra("train", recipe_file("gan"), *words, "--no-cache", "--steps", 1)
    assert ended.code == 0, ended.err
    assert "the training does not use the labels of" in ended.err
    assert "family gan takes none; measurements use them" in ended.err
    facts = RunFolder(tmp_path / "run").read_facts()
    assert facts["data"]["label_names"] == ["Male"]


@pytest.fixture
def rng_pictures(tmp_path: Path) -> Path:
    """Twenty pictures and a table of one label."""
    import numpy as np
    from PIL import Image

    folder, random = tmp_path / "pictures", np.random.default_rng(0)
    folder.mkdir()
    lines = ["file,Male"]
    for number in range(20):
        Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{number % 2}")
    (folder / "table.csv").write_text("\n".join(lines), "utf-8")
    return folder


def test_two_lengths_at_once_are_refused(simulacra: Callable[..., Any]) -> None:
    ended = simulacra("train", "demo-vae", "--data", "avatars", "--steps", 5, "--epochs", 2)
    assert ended.code == 2
    assert "--steps 5 and --epochs 2 both set the length; give one of them" in ended.err
