"""Every recipe that ships can be read, built and counted, without a weight in memory."""

import re
import tomllib
from importlib import resources
from math import prod

import pytest
import torch
from torch import nn

from simulacra.networks import decoder, encoder, head, layer_table, output_shape
from simulacra.recipe import Recipe, load, read_table, shipped, to_toml

OURS = {f"{name}-{family}" for name in ("avatars", "demo") for family in ("vae", "dcgan", "acgan")} | {
    "fashion-acgan",
    "fashion-vae",
}
SYSTEMS = {
    "celeba-vae-512", "celeba-dcgan-bn", "celeba-acgan",
    "celeba-vae-1024", "celeba-dcgan-k5", "celeba-acgan-k5",
    "celeba-vae-256-flat", "celeba-gan-upsample", "celeba-acgan-upsample",
    "celeba-vae-100", "celeba-dcgan", "celeba-acgan-onehot",
    "fashion-dcgan", "fashion-vae-mlp", "fashion-vae-mlp-64",
}  # fmt: skip
MAKERS = {"vae": "decoder", "gan": "generator", "acgan": "generator"}


def code_width(recipe: Recipe) -> int:
    if recipe.objective.family == "vae":
        return recipe.objective.latent
    code, labels = recipe.objective.code, len(recipe.data.labels)
    numbers_a_label = 2 if code.labels == "onehot" and not recipe.data.exclusive else 1
    return code.noise + labels * numbers_a_label


def heads(recipe: Recipe) -> dict[str, int]:
    """Name of a head -> how many numbers it gives."""
    if recipe.objective.family == "vae":
        return {"mean": recipe.objective.latent, "logvar": recipe.objective.latent}
    labels = {"label": len(recipe.data.labels)} if recipe.objective.family == "acgan" else {}
    return {"source": 1} | labels


def build(recipe: Recipe) -> dict[str, tuple[nn.Sequential, tuple[int, ...]]]:
    """Name -> network on the meta device and the shape of its input, as the families join them."""
    maker = MAKERS[recipe.objective.family]
    reader = "encoder" if maker == "decoder" else "discriminator"
    height, width, channels = recipe.data.shape
    with torch.device("meta"):
        trunk = encoder(recipe.networks[reader], recipe.data.shape)
        features = output_shape(trunk, channels, height, width)
        ends = {name: head(recipe.networks[reader], features, outputs) for name, outputs in heads(recipe).items()}
        made = decoder(recipe.networks[maker], code_width(recipe), recipe.data.shape)
    readers = {reader: (trunk, (channels, height, width))} | {name: (end, features) for name, end in ends.items()}
    return readers | {maker: (made, (code_width(recipe),))}


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_published_systems_ship() -> None:
    assert set(shipped()) >= SYSTEMS | OURS


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_comes_back_from_toml_as_it_was(name: str) -> None:
    recipe = load(name)
    assert read_table(tomllib.loads(to_toml(recipe)), name, {}) == recipe


@pytest.mark.parametrize("name", shipped())
def test_a_header_gives_source_and_command(name: str) -> None:
    text = (resources.files("simulacra") / "recipes" / f"{name}.toml").read_text("utf-8")
    header = [line for line in text.splitlines() if line.startswith("#")]
    assert re.search(r"arXiv:\d{4}\.\d{4,5}", "\n".join(header))
    assert f"# simulacra train {name} --data stores/{load(name).data.name}" in header


@pytest.mark.parametrize("name", sorted(SYSTEMS | OURS))
def test_the_networks_of_a_recipe_read_and_make_its_images(name: str) -> None:
    recipe = load(name)
    networks = build(recipe)
    height, width, channels = recipe.data.shape
    outputs = {part: output_shape(network, *inputs) for part, (network, inputs) in networks.items()}
    assert outputs[MAKERS[recipe.objective.family]] == (channels, height, width)
    for part, numbers in heads(recipe).items():
        assert outputs[part] == (numbers,)


@pytest.mark.parametrize("name", sorted(SYSTEMS | OURS))
def test_published_parameter_counts_match(name: str) -> None:
    recipe = load(name)
    counts = {part: parameters(network) for part, (network, _) in build(recipe).items()}
    players = {
        "autoencoder": sum(counts.values()),
        "generator": counts.get("generator", 0),
        "discriminator": sum(counts.values()) - counts.get("generator", 0),
    }
    assert recipe.expect.parameters == {player: players[player] for player in recipe.expect.parameters}


@pytest.mark.parametrize("name", sorted(SYSTEMS | OURS))
def test_published_layers_match(name: str) -> None:
    networks = build(load(name))
    for part, expected in load(name).expect.layers.items():
        network, inputs = networks[part]
        assert tuple(row.parameters for row in layer_table(network, *inputs) if row.parameters) == expected


@pytest.mark.parametrize(
    ("name", "player", "count"),
    [
        ("celeba-vae-512", "autoencoder", 7_677_792),
        ("celeba-dcgan-bn", "generator", 3_576_704),
        ("celeba-dcgan-bn", "discriminator", 2_765_696),
        ("celeba-acgan", "generator", 3_576_704),
        ("celeba-acgan", "discriminator", 2_772_864),
        ("celeba-dcgan", "generator", 3_576_704),
        ("celeba-dcgan", "discriminator", 2_765_568),
        ("fashion-dcgan", "generator", 791_776),
        ("fashion-dcgan", "discriminator", 691_680),
        ("fashion-vae-mlp", "autoencoder", 788_788),
    ],
)
def test_a_recipe_expects_what_was_published(name: str, player: str, count: int) -> None:
    assert load(name).expect.parameters[player] == count


def test_a_reshaped_code_is_as_wide_as_the_smallest_image() -> None:
    assert code_width(load("celeba-vae-1024")) == prod((64, 4, 4))


@pytest.mark.parametrize("name", shipped())
def test_rows_are_logged_before_checkpoints(name: str) -> None:
    every = load(name).every
    assert every.checkpoint % every.log == 0
