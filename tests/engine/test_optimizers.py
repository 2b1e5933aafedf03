"""One optimizer a player."""

from collections.abc import Callable
from math import cos, pi
from typing import Any

import pytest
import torch

from simulacra.data.store import ImageStore
from simulacra.engine.checkpoints import read_checkpoint
from simulacra.engine.devices import Devices
from simulacra.engine.loop import Training, train
from simulacra.engine.optimizers import MEASURED, OPTIMIZERS, Optimizers, rate_factor
from simulacra.errors import RecipeError
from simulacra.objectives import build
from simulacra.recipe import Recipe
from simulacra.settings.training import OptimizerSettings

MakeRecipe = Callable[..., Recipe]


def test_every_optimizer_of_the_settings_is_there(tiny: MakeRecipe) -> None:
    annotation: Any = type(tiny("gan").optimizer).model_fields["name"].annotation
    assert set(OPTIMIZERS) == set(annotation.__args__)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_goes_downhill(name: str, tiny: MakeRecipe) -> None:
    recipe = tiny("vae", **{"optimizer.name": name, "optimizer.lr": 1e-2})
    objective = build(recipe)
    optimize = Optimizers(objective, recipe.optimizer, Devices("cpu", "float32"))

    def size() -> torch.Tensor:
        return torch.stack([parameter.square().sum() for parameter in objective.networks.parameters()]).sum()

    before = size().item()
    for _ in range(5):
        optimize("autoencoder", size())
    assert size().item() < before


def test_a_player_may_have_its_own_numbers(tiny: MakeRecipe) -> None:
    recipe = tiny("gan", **{"optimizer.lr": 1e-3, "optimizer.generator": {"lr": 5e-4, "betas": [0.5, 0.9]}})
    optimizers = Optimizers(build(recipe), recipe.optimizer, Devices("cpu", "float32")).optimizers
    groups = {player: optimizer.param_groups[0] for player, optimizer in optimizers.items()}
    assert (groups["generator"]["lr"], groups["generator"]["betas"]) == (5e-4, (0.5, 0.9))
    assert (groups["discriminator"]["lr"], groups["discriminator"]["betas"]) == (1e-3, (0.9, 0.999))


def test_a_player_may_have_its_own_algorithm(tiny: MakeRecipe) -> None:
    recipe = tiny("gan", **{"optimizer.generator.name": "sgd", "optimizer.generator.momentum": 0.5})
    optimizers = Optimizers(build(recipe), recipe.optimizer, Devices("cpu", "float32")).optimizers
    assert isinstance(optimizers["generator"], torch.optim.SGD)
    assert isinstance(optimizers["discriminator"], torch.optim.Adam)


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        ("constant", 0, [1, 1, 1, 1, 1, 1, 1, 1]),
        ("constant", 4, [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]),
        ("linear", 0, [1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]),
        ("linear", 4, [0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25]),
        ("cosine", 0, [(1 + cos(pi * step / 8)) / 2 for step in range(8)]),
        ("cosine", 20, [(step + 1) / 20 for step in range(8)]),
    ],
)
def test_a_learning_rate_follows_from_the_step_alone(schedule: str, warmup: int, expected: list[float]) -> None:
    settings = OptimizerSettings.model_validate({"schedule": schedule, "warmup": warmup})
    assert [rate_factor(settings, step, 8) for step in range(8)] == pytest.approx(expected)


def test_a_falling_rate_is_0_only_after_the_last_step() -> None:
    for schedule in ("linear", "cosine"):
        settings = OptimizerSettings.model_validate({"schedule": schedule, "warmup": 3})
        assert rate_factor(settings, 999, 1000) > 0
        assert rate_factor(settings, 1000, 1000) == pytest.approx(0)


def test_a_player_may_have_its_own_schedule(tiny: MakeRecipe) -> None:
    recipe = tiny("gan", **{"optimizer.lr": 1e-3, "optimizer.generator": {"schedule": "linear", "lr": 2e-3}})
    optimize = Optimizers(build(recipe), recipe.optimizer, Devices("cpu", "float32"))
    optimize.at(3, 4)
    rates = {player: optimizer.param_groups[0]["lr"] for player, optimizer in optimize.optimizers.items()}
    assert rates == {"discriminator": 1e-3, "generator": pytest.approx(5e-4)}
    assert recipe.falls
    assert not tiny("gan", **{"optimizer.warmup": 5}).falls


def test_a_common_schedule_that_no_player_follows_is_refused(tiny: MakeRecipe) -> None:
    own = {f"optimizer.{player}": {"schedule": "constant"} for player in ("discriminator", "generator")}
    with pytest.raises(RecipeError, match=r"optimizer\.schedule does nothing where each player has its own"):
        tiny("gan", **{"optimizer.schedule": "linear"} | own)
    del own["optimizer.generator"]
    assert tiny("gan", **{"optimizer.schedule": "linear"} | own).falls


def test_a_rate_of_a_checkpoint_is_not_taken_for_that_of_another_step(tiny: MakeRecipe) -> None:
    recipe = tiny("vae", **{"optimizer.schedule": "cosine"})
    one, other = (Optimizers(build(recipe), recipe.optimizer, Devices("cpu", "float32")) for _ in range(2))
    one.at(2, 6)
    other.load(one.state())
    for optimize in (one, other):
        optimize.at(5, 6)
    assert one.state() == other.state()


def test_the_length_of_the_gradient_is_told_in_every_tenth_update(tiny: MakeRecipe) -> None:
    recipe = tiny("vae", **{"optimizer.name": "sgd", "optimizer.lr": 1e-9})
    objective = build(recipe)
    optimize = Optimizers(objective, recipe.optimizer, Devices("cpu", "float32"))
    parameters = list(objective.networks.parameters())
    for step in range(21):
        optimize.at(step, 100)
        optimize("autoencoder", torch.stack([3 * parameter.sum() for parameter in parameters]).sum())
        assert (list(optimize.norms) == ["gradient/autoencoder"]) == (step % MEASURED == 0)
        if optimize.norms:
            count = sum(parameter.numel() for parameter in parameters)
            assert optimize.norms["gradient/autoencoder"].item() == pytest.approx(3 * count**0.5, rel=1e-5)


MakeRecipe = Callable[..., Recipe]
MakeTraining = Callable[..., Training]


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("vae", {"encoder", "mean", "logvar", "decoder"}),
        ("gan", {"generator"}),
        ("acgan", {"generator"}),
    ],
)
def test_an_ema_is_kept_of_all_that_makes_images_or_codes(
    family: str, names: set[str], tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    training = make_training(tiny(family, ema=0.9), store)
    assert {key.split(".")[0] for key in training.ema.weights} == names


def test_where_the_ema_is_in_use_encoder_and_decoder_are_of_one_moment(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    training = make_training(tiny("vae", ema=0.9), store)
    for _ in train(training):
        pass
    last = {key: value.clone() for key, value in training.objective.networks.state_dict().items()}
    with training.ema.in_use():
        shown = training.objective.networks.state_dict()
        for network in ("encoder", "mean", "decoder"):
            assert any(not torch.equal(shown[key], last[key]) for key in last if key.startswith(f"{network}."))
    assert all(torch.equal(value, last[key]) for key, value in training.objective.networks.state_dict().items())


def test_a_checkpoint_of_an_earlier_version_has_its_averages_read(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    recipe = tiny("vae", ema=0.9)
    for _ in train(make_training(recipe, store)):
        pass
    path = make_training(recipe, store).run.checkpoints()[6]
    state = read_checkpoint(path)
    torch.save({"averages" if part == "ema" else part: value for part, value in state.items()}, path)
    assert all(torch.equal(value, state["ema"][key]) for key, value in make_training(recipe, store).ema.weights.items())


def test_a_checkpoint_with_the_ema_of_the_decoder_alone_is_gone_on_with(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    recipe = tiny("vae", ema=0.9)
    for tick in train(make_training(recipe, store)):
        if tick.step == 4:
            break
    path = make_training(recipe, store).run.checkpoints()[3]
    state = read_checkpoint(path)
    decoder = {key: value for key, value in state["ema"].items() if key.startswith("decoder.")}
    torch.save(state | {"ema": decoder}, path)
    training = make_training(recipe, store)
    assert training.start == 3
    for key, value in training.ema.weights.items():
        assert torch.equal(value, decoder.get(key, state["networks"][key])), key
