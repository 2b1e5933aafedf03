"""The EMA of weights: of which networks it is kept, and that the averages fit one another."""

from collections.abc import Callable

import pytest
import torch

from simulacra.data.store import ImageStore
from simulacra.engine.checkpoints import read_checkpoint
from simulacra.engine.loop import Training, train
from simulacra.recipe import Recipe

MakeRecipe = Callable[..., Recipe]
MakeTraining = Callable[..., Training]


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("vae", {"encoder", "mean", "logvar", "decoder"}),
        ("gan", {"generator"}),
        ("acgan", {"generator"}),
        ("classifier", set()),
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
