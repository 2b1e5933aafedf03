"""Promises of titles: a run is headed by what it is, its recipe stands in a line of its own."""

from pathlib import Path

import pytest

from simulacra.recipe import load
from simulacra.report.titles import recipe_line, title_of


def facts(name: str, data: str | None = None) -> dict[str, object]:
    return {"recipe_name": name} | ({"data": {"card": {"title": data}}} if data else {})


@pytest.mark.parametrize(
    ("recipe", "changes", "title"),
    [
        (
            "faces-acgan-fast",
            {"data.labels": ["Male", "Smiling", "Young"]},
            "ACGAN of my_photos, 64×64 colour, 3 labels: Male, Smiling, Young",
        ),
        ("celeba-acgan", {}, "ACGAN of my_photos, 64×64 colour, 1 label: Smiling"),
        (
            "fashion-acgan",
            {},
            "ACGAN of my_photos, 28×28 grey, 10 classes: T-shirt/top, Trouser, Pullover",
        ),
        ("faces-fast", {"data.size": "96x64"}, "GAN of my_photos, 96×64 colour"),
        ("celeba-vae-512", {}, "VAE of my_photos, 64×64 colour"),
        ("fashion-classifier-mlp", {}, "Classifier of my_photos, 28×28 grey, 10 classes"),
    ],
)
def test_a_title_says_family_data_size_and_the_labels_as_trained(recipe, changes, title) -> None:
    assert title_of(load(recipe, changes), facts(recipe, "my_photos")).startswith(title)


def test_data_without_a_card_is_called_by_its_folder_then_as_in_the_recipe() -> None:
    recipe = load("faces-fast")
    assert title_of(recipe, {}) == "GAN of celeba, 64×64 colour"
    sourced = recipe.with_changes({"data.source": {"path": "/srv/me/anime faces"}})
    assert title_of(sourced, {"data": "damaged"}) == "GAN of anime faces, 64×64 colour"


def test_the_recipe_is_named_with_what_was_changed() -> None:
    name = "faces-fast"
    assert recipe_line(load(name), facts(name)) == "Recipe faces-fast, unchanged"
    assert recipe_line(load(name, {"steps": 5000}), facts(name)) == "Recipe faces-fast, changed: steps = 5,000"
    several = {"steps": 5000, "seed": 3, "data.batch": 7, "data.flip": False, "ema": 0.5, "minutes": 4.0}
    line = recipe_line(load(name, several), facts(name))
    assert line.startswith("Recipe faces-fast, changed: steps = 5,000, minutes = 4.0, ")
    assert line.endswith(" and 2 more")


def test_what_follows_from_the_data_is_no_change() -> None:
    name, names = "faces-acgan-fast", ["Male", "Young"]
    of_data = facts(name) | {"data": {"label_names": names}}
    moved = {"data.source": {"path": "stores/x"}, "data.name": "x", "title": "own", "data.labels": names}
    assert recipe_line(load(name, moved), of_data) == f"Recipe {name}, unchanged"
    chosen = load(name, moved | {"data.labels": ["Male"]})
    assert recipe_line(chosen, of_data) == f"Recipe {name}, changed: data.labels = Male"


def test_a_recipe_of_ones_own_is_named_by_its_file_and_its_title(tmp_path: Path) -> None:
    recipe = load("faces-fast", {"title": "Mine"})
    assert recipe_line(recipe, facts(str(tmp_path / "mine.toml"))) == "Recipe mine.toml (Mine)"
    assert recipe_line(recipe, {}) == "Recipe: Mine"
