"""Conditions: what is said of painters that obey, that leak, that take no notice, and that find a label alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from simulacra.catalogue import of_group
from simulacra.data.batches import Batch
from simulacra.data.store import ImageStore, open_store
from simulacra.evaluation.context import Material, choose
from simulacra.evaluation.features import FEATURES
from simulacra.evaluation.metrics import GROUPS, Results
from simulacra.evaluation.metrics.conditions import categories, chance_obedience
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Encodes, Generates, Objective
from simulacra.objectives.base import Optimize
from simulacra.objectives.code import Code
from simulacra.settings.objectives import CodeSettings

CONDITIONS = GROUPS["conditions"]
Paint = Callable[[Tensor], Tensor]  # (n, 2) in [0, 1], how bright top and left are, of codes


class Painter(Objective, Generates):
    """Paints the pictures that `seen` holds, from whatever a code says."""

    maker = "hand"

    def __init__(self, code: Code, paint: Paint) -> None:
        super().__init__({"hand": (nn.Sequential(nn.Linear(1, 1)), (1,))}, {"hand": ("hand",)})
        self.code, self.paint = code, paint

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        return {}

    def decode(self, codes: Tensor) -> Tensor:
        images = torch.rand(len(codes), 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 80 + 60
        top, left = self.paint(codes).T[:, :, None, None, None]
        images[:, :, :4] += 100 * top
        images[:, :, :, :4] += 60 * left
        return images.clamp(0, 255) / 127.5 - 1


class Copyist(Painter, Encodes):
    """Tells how bright top and left are, and paints them again."""

    def encode(self, images: Tensor) -> Tensor:
        pixels = (images + 1) * 127.5
        right, below = pixels[:, :, :, 4:].mean(1), pixels[:, :, 4:].mean(1)
        top = (right[:, :4].mean((1, 2)) - right[:, 4:].mean((1, 2))) / 100
        left = (below[:, :, :4].mean((1, 2)) - below[:, :, 4:].mean((1, 2))) / 60
        return torch.stack([top, left], 1)


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where judges are kept, each trained once for all of these tests."""
    return tmp_path_factory.mktemp("judges")


@pytest.fixture
def material(tiny: Any, judges: Path) -> Callable[..., Material]:
    """material(objective, store, family, **changes): to be measured, 200 samples, or 40."""

    def make(objective: Objective, store: ImageStore, family: str, count: int = 40, **changes: Any) -> Material:
        recipe = tiny(family, **changes)
        conditions = store.labels[store.rows("train")][:, store.columns(tuple(recipe.data.labels))]
        subject = Subject(objective, recipe, conditions if recipe.data.labels else None, store, step=3)
        return Material(subject, choose(store, count), FEATURES["random-vgg"], cache=judges)

    return make


def painter(paint: Paint, *, exclusive: bool = False) -> Painter:
    """A painter with three labels behind one dimension of noise."""
    return Painter(Code(CodeSettings(noise=1), 3, exclusive=exclusive), paint)


def rows(results: Results) -> list[dict[str, Any]]:
    return [measurement.to_json() for measurement in results.measurements if measurement.applies]


def by_name(results: Results, metric: str) -> dict[str | None, dict[str, Any]]:
    return {row.get("label"): row for row in rows(results) if row["metric"] == metric}


LABELS = {"data.labels": ["Bright_Top", "Bright_Left", "Coin"]}


def test_a_painter_that_obeys_is_said_to_and_leaks_nothing(seen, material) -> None:
    made = material(painter(lambda codes: codes[:, 1:3]), seen(), "acgan", **LABELS)
    assert CONDITIONS.lacks(made) is None
    found = CONDITIONS.measure(made)
    raw, better = by_name(found, "condition_accuracy"), by_name(found, "condition_accuracy_corrected")
    assert list(raw) == list(better) == [None, "Bright_Top", "Bright_Left", "Coin"], "all together first"
    for label in ("Bright_Top", "Bright_Left", None):
        assert raw[label]["value"] > 0.95
        assert raw[label]["baseline"] > 0.95
        assert raw[label]["low"] <= raw[label]["value"] <= raw[label]["high"]
        assert better[label]["value"] > 0.95
        assert raw[label]["n"] == made.count
    for row in (raw["Coin"], better["Coin"]):
        assert row["value"] is None
        assert "the judge did not learn it: area under the curve 0." in row["why"]
    assert any(note.startswith("Coin: not judged; the judge did not learn it") for note in found.notes)
    assert raw[None]["labels"] == 2
    leak = by_name(found, "leakage")[None]
    assert leak["value"] < 0.1
    assert leak["low"] <= leak["value"] <= leak["high"]
    picture = found.pictures["leakage"]
    assert picture["asked"].tolist() == ["Bright_Top", "Bright_Left", "Coin"]
    assert picture["judged"].tolist() == ["Bright_Top", "Bright_Left"]
    assert np.diag(picture["matrix"][:2]).min() > 0.8
    assert np.abs(picture["matrix"][2]).max() < 0.05, "nothing follows the coin"
    assert {row["metric"] for row in rows(found)} <= set(of_group("conditions"))
    assert {row["judge"] for row in rows(found)} == {made.judge.label}


def test_a_painter_that_leaks_is_caught(seen, material) -> None:
    def both(codes: Tensor) -> Tensor:
        return torch.stack([codes[:, 1], torch.maximum(codes[:, 1], codes[:, 2])], 1)

    found = CONDITIONS.measure(material(painter(both), seen(), "acgan", **LABELS))
    matrix = found.pictures["leakage"]["matrix"]
    assert matrix[0, 1] > 0.2, "switching the top on switches the left on, where it was not"
    assert abs(matrix[1, 0]) < 0.1
    assert by_name(found, "leakage")[None]["value"] > 0.1
    assert by_name(found, "condition_accuracy")["Bright_Left"]["value"] < 0.9


def test_a_painter_that_takes_no_notice_is_right_by_chance(seen, material) -> None:
    found = CONDITIONS.measure(
        material(painter(lambda codes: (codes[:, :1] > 0).float().expand(-1, 2)), seen(), "acgan", **LABELS)
    )
    raw = by_name(found, "condition_accuracy")
    for label in ("Bright_Top", None):
        assert raw[label]["value"] == pytest.approx(raw[label]["chance"], abs=0.2)
        assert 0.2 < raw[label]["chance"] < 0.8
    assert 0.2 < by_name(found, "condition_accuracy_corrected")["Bright_Top"]["value"] < 0.8
    leak = by_name(found, "leakage")[None]
    assert leak["value"] is None
    assert leak["why"] == "no label that is switched changes"


def test_classes_asked_for_are_crossed_with_classes_seen(seen, material) -> None:
    def swapped(codes: Tensor) -> Tensor:  # the second class is painted as the third, which has neither
        return torch.stack([codes[:, 1], torch.zeros(len(codes))], 1)

    store = seen(exclusive=True)
    made = material(painter(swapped, exclusive=True), store, "acgan", **LABELS | {"data.exclusive": True})
    found = CONDITIONS.measure(made)
    raw, better = by_name(found, "condition_accuracy"), by_name(found, "condition_accuracy_corrected")
    assert raw["Bright_Top"]["value"] > 0.95
    assert raw["Bright_Left"]["value"] < 0.05
    assert raw["Bright_Top"]["chance"] == pytest.approx(raw["Bright_Top"]["n"] / made.count, abs=0.05)
    assert better["Bright_Left"]["value"] < 0.1
    assert sum(raw[label]["n"] for label in LABELS["data.labels"]) == raw[None]["n"] == made.count
    matrix = found.pictures["leakage"]["matrix"]
    assert np.allclose(matrix.sum(1), 1)
    assert matrix[1, 2] > 0.95
    leak = by_name(found, "leakage")[None]
    assert leak["value"] > 0.2
    assert leak["baseline"] < 0.05


def test_attribute_vectors_of_an_autoencoder_are_moved_along(seen, material) -> None:
    found = CONDITIONS.measure(material(Copyist(Code(CodeSettings(noise=2)), lambda codes: codes), seen(), "vae"))
    picture = found.pictures["leakage"]
    assert picture["asked"].tolist() == picture["judged"].tolist() == ["Bright_Top", "Bright_Left"]
    assert picture["vectors"]
    assert np.diag(picture["matrix"]).min() > 0.8
    leak = by_name(found, "leakage")[None]
    assert leak["value"] < 0.15
    assert leak["split"] == "test"
    assert {row["metric"] for row in rows(found)} == {"leakage"}


def test_a_code_is_moved_from_class_to_class(seen, material) -> None:
    copyist = Copyist(Code(CodeSettings(noise=2)), lambda codes: codes)
    found = CONDITIONS.measure(material(copyist, seen(exclusive=True), "vae"))
    assert np.diag(found.pictures["leakage"]["matrix"]).min() > 0.8
    assert by_name(found, "leakage")[None]["value"] < 0.1


def test_a_code_that_found_a_label_is_called_by_it(seen, material) -> None:
    code = Code(CodeSettings(noise=1, categorical=(2, 3), continuous=1))

    def paint(codes: Tensor) -> Tensor:  # the first code decides the top, the continuous one the left
        parts = code.split(codes)
        return torch.stack([parts.categories[:, 0].float(), (parts.continuous[:, 0] > 0).float()], 1)

    found = CONDITIONS.measure(material(Painter(code, paint), seen(), "infogan"))
    values = {(row["code"], row["label"]): row for row in rows(found)}
    assert {row["metric"] for row in rows(found)} == {"mutual_information"}
    assert values["categorical 1", "Bright_Top"]["value"] > 0.5
    assert values["continuous 1", "Bright_Left"]["value"] > 0.4
    for pair in (("categorical 2", "Bright_Top"), ("categorical 1", "Bright_Left")):
        assert values[pair]["value"] < 0.1
        assert values[pair]["baseline"] > 0
    assert any(note.startswith("categorical 1 says most about Bright_Top (0.") for note in found.notes)
    assert "categorical 2 says nothing about any label" in found.notes
    picture = found.pictures["code-labels"]
    assert picture["codes"].tolist() == ["categorical 1", "categorical 2", "continuous 1"]
    assert picture["matrix"].shape == (3, 2)


def test_categories_that_are_classes_are_named(seen, material) -> None:
    code = Code(CodeSettings(noise=1, categorical=(3,)))

    def paint(codes: Tensor) -> Tensor:
        return codes[:, 1:3]  # one-hot: the first category is the first class, the third has neither

    found = CONDITIONS.measure(material(Painter(code, paint), seen(exclusive=True), "infogan"))
    (note,) = [note for note in found.notes if note.startswith("categorical 1, its categories: ")]
    assert "1 is Bright_Top (1" in note
    assert "2 is Bright_Left (1" in note
    whole = next(row for row in rows(found) if "label" not in row)
    assert whole["value"] > 0.9, "nearly all of log 3"


@pytest.mark.parametrize(
    ("family", "why"),
    [
        ("classifier", "not applicable, family classifier generates no images"),
        ("gan", "not applicable, family gan has no labels and no codes that could mean one"),
    ],
)
def test_what_has_no_conditions_is_not_asked(subject, family, why) -> None:
    made = subject(family)
    assert CONDITIONS.lacks(Material(made, choose(made.store, 6), FEATURES["random-vgg"])) == why


def test_a_data_set_without_labels_or_with_others_is_not_asked(subject, make_store, seen, material) -> None:
    made = subject("vae")
    bare = replace(made, store=open_store(make_store(count=30, held_out=8, labels=(), name="bare")))
    reason = CONDITIONS.lacks(Material(bare, choose(bare.store, 6), FEATURES["random-vgg"]))
    assert reason == "not applicable, the data set has no labels that a judge could learn"
    other = replace(subject_of(seen, material), store=made.store)
    reason = CONDITIONS.lacks(Material(other, choose(made.store, 6), FEATURES["random-vgg"]))
    assert reason == "not applicable, the data set has none of the labels of the model"


def test_where_a_label_is_rare_never_showing_it_is_right_nearly_always() -> None:
    never, rare = np.zeros(10, bool), np.arange(10) == 0
    assert chance_obedience(never, rare, exclusive=False) == pytest.approx(0.9)
    assert chance_obedience(rare, rare, exclusive=False) == pytest.approx(0.82)
    assert chance_obedience(rare, ~rare, exclusive=True) == pytest.approx(0.1)


def test_a_class_that_is_everywhere_names_no_category() -> None:
    column, classes = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 0, 0, 1])
    assert categories("c", column, classes, ("Shirt", "Bag")) == ["c, its categories: 1 is Shirt (100%)"]
    apart = np.array([0, 0, 0, 1, 1, 1])
    assert categories("c", column, apart, ("Shirt", "Bag")) == ["c, its categories: 1 is Shirt (100%), 2 is Bag (100%)"]
    assert categories("c", column, np.array([0, 0, 1, 0, 0, 1]), ("Shirt", "Bag")) == []


def subject_of(seen: Any, material: Any) -> Subject:
    return material(painter(lambda codes: codes[:, 1:3]), seen(), "acgan", **LABELS).subject
