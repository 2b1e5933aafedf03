"""What every family in FAMILIES keeps to, before its author writes a test."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from simulacra.data.batches import Batch, Batches
from simulacra.data.store import ImageStore, open_store
from simulacra.engine.devices import Devices
from simulacra.engine.loop import Training, train
from simulacra.engine.optimizers import Optimizers
from simulacra.objectives import (
    FAMILIES,
    Classifies,
    Encodes,
    Generates,
    Infers,
    Objective,
    Validates,
    build,
    summarize,
)
from simulacra.recipe import Recipe

MakeRecipe = Callable[..., Recipe]
MakeTraining = Callable[..., Training]


class Watched:
    """An `optimize` that keeps what each player's step moved and left behind."""

    def __init__(self, objective: Objective, optimize: Optimizers) -> None:
        self.objective, self.optimize = objective, optimize
        self.moved: dict[str, set[str]] = {}
        self.graded: dict[str, set[str]] = {}

    def __call__(self, player: str, loss: Tensor) -> None:
        parameters = dict(self.objective.networks.named_parameters())
        for parameter in parameters.values():
            parameter.grad = None
        before = {name: parameter.detach().clone() for name, parameter in parameters.items()}
        self.optimize(player, loss)
        self.moved[player] = {name for name, p in parameters.items() if not torch.equal(p, before[name])}
        self.graded[player] = {name for name, p in parameters.items() if p.grad is not None}


def first_batch(recipe: Recipe, store: ImageStore) -> Batch:
    return Batches(store, batch=4, seed=0, flip=True, labels=tuple(recipe.data.labels))[0]


def prepared(recipe: Recipe, precision: Any = "float32") -> tuple[Objective, Watched, Devices]:
    objective, devices = build(recipe), Devices("cpu", precision)
    devices.move(objective.networks)
    return objective, Watched(objective, Optimizers(objective, recipe.optimizer, devices)), devices


def weights(objective: Objective) -> dict[str, Tensor]:
    """Parameters and buffers, copied."""
    return {name: value.clone() for name, value in objective.networks.state_dict().items()}


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def owned(objective: Objective, player: str) -> set[str]:
    """Names of a player's parameters."""
    return {
        f"{network}.{name}"
        for network in objective.players[player]
        for name, _ in objective.networks[network].named_parameters()
    }


def test_an_update_moves_only_its_player(family: str, tiny: MakeRecipe, store: ImageStore) -> None:
    recipe = tiny(family)
    objective, watched, _ = prepared(recipe)
    torch.manual_seed(0)
    objective.update(first_batch(recipe, store), 0, watched)
    assert set(watched.moved) == set(objective.players), "in step 0 every player learns"
    for player, moved in watched.moved.items():
        assert moved == owned(objective, player)
        assert watched.graded[player] == owned(objective, player)


@pytest.mark.parametrize(
    ("family", "rhythm"),
    [("gan", "discriminator_steps"), ("acgan", "discriminator_steps"), ("wgan", "critic_steps")],
)
def test_a_generator_waits_for_its_turn(family: str, rhythm: str, tiny: MakeRecipe, store: ImageStore) -> None:
    recipe = tiny(family, **{f"objective.{rhythm}": 3})
    objective, watched, _ = prepared(recipe)
    turns = []
    for step in range(4):
        watched.moved.clear()
        values = objective.update(first_batch(recipe, store), step, watched)
        assert ("loss/generator" in values) == ("generator" in watched.moved)
        turns.append("generator" in watched.moved)
    assert turns == [True, False, False, True]


def test_players_move_networks_that_exist_and_every_network_has_one(family: str, tiny: MakeRecipe) -> None:
    objective = build(tiny(family))
    assert {name for names in objective.players.values() for name in names} == set(objective.networks)
    assert set(objective.inputs) == set(objective.networks)


def test_players_and_needs_are_those_of_the_settings(family: str, tiny: MakeRecipe) -> None:
    recipe = tiny(family)
    assert build(recipe).players == recipe.objective.players
    assert set(recipe.objective.needs) <= set(build(recipe).networks)
    assert recipe.objective.family == family


def test_a_family_is_final(family: str) -> None:
    assert getattr(FAMILIES[family], "__final__", False)
    assert FAMILIES[family].__bases__[0] is Objective


def test_update_reports_finite_scalars_named_chart_and_line(family: str, tiny: MakeRecipe, store: ImageStore) -> None:
    recipe = tiny(family)
    objective, watched, _ = prepared(recipe)
    values = objective.update(first_batch(recipe, store), 0, watched)
    assert values
    for name, value in values.items():
        chart, slash, line = name.partition("/")
        assert (bool(chart), slash, bool(line), line.count("/")) == (True, "/", True, 0), name
        assert value.shape == (), name
        assert value.isfinite(), name


def test_validate_gives_one_finite_value_per_image(family: str, tiny: MakeRecipe, store: ImageStore) -> None:
    recipe = tiny(family)
    objective, *_ = prepared(recipe)
    assert isinstance(objective, Validates) == isinstance(objective, (Encodes, Classifies))
    if not isinstance(objective, Validates):
        return
    with objective.evaluating():
        values = objective.validate(first_batch(recipe, store))
    assert values
    for name, value in values.items():
        assert value.shape == (4,), name
        assert value.isfinite().all(), name
        assert not value.requires_grad, name


def test_what_a_family_can_do_has_the_shapes_it_says(family: str, tiny: MakeRecipe, store: ImageStore) -> None:
    recipe = tiny(family)
    objective, *_ = prepared(recipe)
    batch = first_batch(recipe, store)
    assert isinstance(objective, Generates | Encodes | Classifies)
    with objective.evaluating():
        if isinstance(objective, Generates):
            labels = batch.labels if objective.code.labels else None
            images = objective.decode(objective.code.draw(4, labels))
            assert images.shape == (4, 3, 8, 8)
            assert images.abs().max() <= 1.5
        if isinstance(objective, Encodes):
            assert objective.encode(batch.images).shape == (4, objective.code.width)
        if isinstance(objective, Infers):
            assert [part.shape for part in objective.posterior(batch.images)] == [(4, objective.code.width)] * 2
            assert objective.density
            assert objective.log_likelihood(batch.images, objective.encode(batch.images)).shape == (4,)
        if isinstance(objective, Classifies):
            assert objective.logits(batch.images).shape == (4, len(recipe.data.labels))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_family_trains_in_both_precisions_with_weights_in_float32(
    family: str, precision: str, tiny: MakeRecipe, store: ImageStore
) -> None:
    recipe = tiny(family)
    objective, watched, devices = prepared(recipe, precision)
    with devices.autocast():
        for step in range(2):
            values = objective.update(first_batch(recipe, store), step, watched)
            assert all(value.isfinite() and value.dtype == torch.float32 for value in values.values())
    assert {value.dtype for value in objective.networks.parameters()} == {torch.float32}
    for optimizer in watched.optimize.optimizers.values():
        assert {v.dtype for state in optimizer.state.values() for v in state.values()} == {torch.float32}


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("onehot", [True, False])
def test_a_family_that_takes_labels_takes_classes_and_attributes(
    family: str, exclusive: bool, onehot: bool, tiny: MakeRecipe, make_store: Callable[..., Any]
) -> None:
    recipe = tiny(family)
    if not recipe.objective.labelled:
        pytest.skip("this family needs no label")
    names = ["Coat", "Bag", "Shirt"]
    changes = {"data.labels": names, "data.exclusive": exclusive}
    if isinstance(build(recipe), Generates):
        changes["objective.code.labels"] = "onehot" if onehot else "binary"
    recipe = recipe.with_changes(changes)
    store = open_store(make_store(labels=tuple(names), exclusive=exclusive))
    objective, watched, _ = prepared(recipe)
    batch = first_batch(recipe, store)
    assert all(value.isfinite() for value in objective.update(batch, 0, watched).values())
    with objective.evaluating():
        assert isinstance(objective, Validates)
        assert all(value.shape == (4,) for value in objective.validate(batch).values())
        if isinstance(objective, Generates):
            assert objective.code.width == 3 + (6 if onehot and not exclusive else 3)
            assert torch.equal(objective.code.labels_of(objective.code.draw(4, batch.labels)), batch.labels)


def test_looking_changes_nothing(family: str, tiny: MakeRecipe, store: ImageStore) -> None:
    recipe = tiny(family)
    objective, *_ = prepared(recipe)
    list(objective.networks.modules())[-1].eval()  # a mode that somebody set on purpose comes back too
    modes = {name: module.training for name, module in objective.networks.named_modules()}
    before, batch = weights(objective), first_batch(recipe, store)
    with objective.evaluating():
        assert not torch.is_grad_enabled()
        assert not any(module.training for module in objective.networks.modules())
        look(objective, batch)
    assert torch.is_grad_enabled()
    assert_equal(before, weights(objective))
    assert all(parameter.grad is None for parameter in objective.networks.parameters())
    assert {name: module.training for name, module in objective.networks.named_modules()} == modes


def test_looking_ends_even_where_a_look_fails(family: str, tiny: MakeRecipe) -> None:
    objective, *_ = prepared(tiny(family))

    def fail() -> None:
        with objective.evaluating():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert torch.is_grad_enabled()
    assert all(network.training for network in objective.networks.values())


def look(objective: Objective, batch: Batch) -> None:
    torch.rand(17)  # a careless look that draws from the global generator
    if isinstance(objective, Validates):
        objective.validate(batch)
    if isinstance(objective, Generates):
        objective.decode(objective.code.draw(4, batch.labels if objective.code.labels else None))
    if isinstance(objective, Encodes):
        objective.encode(batch.images)
    if isinstance(objective, Classifies):
        objective.logits(batch.images)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_with_looks_is_byte_for_byte_training_without(
    family: str, precision: str, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    recipe = tiny(family)
    plain = make_training(recipe, store, "plain", precision)
    for _ in train(plain):
        pass
    watched = make_training(recipe, store, "watched", precision)
    batch = first_batch(recipe, store)
    for _ in train(watched):
        with watched.objective.evaluating():
            look(watched.objective, batch)
    assert_equal(weights(plain.objective), weights(watched.objective))
    rows = [(training.run.path / "metrics.jsonl").read_bytes() for training in (plain, watched)]
    assert rows[0] == rows[1]


def test_first_weights_follow_from_the_seed_alone(family: str, tiny: MakeRecipe) -> None:
    one = weights(build(tiny(family)))
    torch.rand(5)
    assert_equal(one, weights(build(tiny(family))))
    other = weights(build(tiny(family, seed=1)))
    assert any(not torch.equal(value, other[name]) for name, value in one.items())


def test_the_summary_counts_what_the_networks_hold(family: str, tiny: MakeRecipe) -> None:
    objective = build(tiny(family))
    summary = summarize(objective)
    held = sum(parameter.numel() for parameter in objective.networks.parameters())
    assert summary["parameters"] == held
    for network in summary["networks"].values():
        assert network["parameters"] == sum(row["parameters"] for row in network["layers"])
    for player in summary["players"].values():
        assert player["parameters"] == sum(summary["networks"][name]["parameters"] for name in player["networks"])


def test_to_summarize_changes_no_weight_and_no_mode(family: str, tiny: MakeRecipe) -> None:
    objective = build(tiny(family))
    before = weights(objective)
    summarize(objective)
    assert_equal(before, weights(objective))
    assert all(module.training for module in objective.networks.modules())
