"""Averages of weights: of which networks they are kept, and that those fit one another."""

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
def test_an_average_is_kept_of_all_that_makes_images_or_codes(
    family: str, names: set[str], tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    training = make_training(tiny(family, average=0.9), store)
    assert {key.split(".")[0] for key in training.averages.kept} == names


def test_where_averages_are_shown_encoder_and_decoder_are_of_one_moment(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    training = make_training(tiny("vae", average=0.9), store)
    for _ in train(training):
        pass
    last = {key: value.clone() for key, value in training.objective.networks.state_dict().items()}
    with training.averages.shown():
        shown = training.objective.networks.state_dict()
        for network in ("encoder", "mean", "decoder"):
            assert any(not torch.equal(shown[key], last[key]) for key in last if key.startswith(f"{network}."))
    assert all(torch.equal(value, last[key]) for key, value in training.objective.networks.state_dict().items())


def test_a_checkpoint_that_averages_the_decoder_alone_is_gone_on_with(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    recipe = tiny("vae", average=0.9)
    for tick in train(make_training(recipe, store)):
        if tick.step == 4:
            break
    path = make_training(recipe, store).run.checkpoints()[3]
    state = read_checkpoint(path)
    decoder = {key: value for key, value in state["averages"].items() if key.startswith("decoder.")}
    torch.save(state | {"averages": decoder}, path)
    training = make_training(recipe, store)
    assert training.start == 3
    for key, value in training.averages.kept.items():
        assert torch.equal(value, decoder.get(key, state["networks"][key])), key
