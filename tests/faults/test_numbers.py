"""Numbers of odd data: every metric of the catalogue gives a finite number, or says why it gives none."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from math import isfinite
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from simulacra.catalogue import of_group
from simulacra.data.store import open_store
from simulacra.errors import Diverged, RunError
from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material, choose
from simulacra.evaluation.judge import count_confusion
from simulacra.evaluation.metrics import GROUPS, disentanglement, reconstruction
from simulacra.evaluation.metrics.held_out import held_out, metric_of, score
from simulacra.evaluation.subject import Subject
from simulacra.measurements import Measurement
from simulacra.objectives import build
from simulacra.verbs.prepare import conditions

Arrays = dict[str, np.ndarray]
COUNT = 60


def constant(arrays: Arrays) -> None:
    arrays["images"][:] = 7


def black_and_white(arrays: Arrays) -> None:
    arrays["images"][:] = 0
    arrays["images"][::2] = 255


def one_picture_twice(arrays: Arrays) -> None:
    arrays["images"][1:] = arrays["images"][0]
    arrays["images"][::2, :4] = 200


def label_never_occurs(arrays: Arrays) -> None:
    arrays["labels"][:, 0] = 0


def label_always_occurs(arrays: Arrays) -> None:
    arrays["labels"][:] = 1


def class_of_one_picture(arrays: Arrays) -> None:
    arrays["labels"][:, 0] = 0
    arrays["labels"][-1, 0] = 1


def no_test_split(arrays: Arrays) -> None:
    arrays["split"][arrays["split"] == 2] = 0


def nothing_held_out(arrays: Arrays) -> None:
    arrays["split"][:] = 0


def fewest_pictures(arrays: Arrays) -> None:
    arrays["split"][12:] = 1
    arrays["split"][:12] = 0


def factors_that_are_no_numbers(arrays: Arrays) -> None:
    arrays["factors"][::3, 0] = np.nan
    arrays["factors"][1, 1] = np.inf
    arrays["factors"][:, 2] = 1e-42


def factors_that_hardly_vary(arrays: Arrays) -> None:
    arrays["factors"][:] = 0
    arrays["factors"][0] = 1
    arrays["factors"][:, 1] *= 3e38


DAMAGES = (
    *(constant, black_and_white, one_picture_twice, label_never_occurs, label_always_occurs, class_of_one_picture),
    *(no_test_split, nothing_held_out, fewest_pictures, factors_that_are_no_numbers, factors_that_hardly_vary),
)


class Sure:
    """A judge that never erred where it was tested, and predicts by brightness."""

    label, exclusive = "judge of tests", False

    def __init__(self, store: Any) -> None:
        rows = store.rows("test") if len(store.rows("test")) else store.rows("valid")
        self.label_names = store.label_names
        self.true = self.predicted = store.labels[rows].astype(bool)
        self.auc = np.where(self.true.any(0) & ~self.true.all(0), 1.0, np.nan)
        self.learned, self.n = self.auc >= 0.7, len(rows)
        self.confusion = count_confusion(self.true, self.predicted, exclusive=False)
        self.accuracy = np.ones(len(self.label_names))

    def probabilities(self, images: np.ndarray, progress: object = None) -> np.ndarray:
        light = images.reshape(len(images), -1).mean(1, dtype=np.float32) / 255
        return np.stack([light, 1 - light, light**2], 1).astype(np.float32)

    def predict(self, images: np.ndarray, progress: object = None) -> np.ndarray:
        return self.probabilities(images) > 0.45


def pixels(images: np.ndarray, progress: object = None) -> np.ndarray:
    return images.mean(3).reshape(len(images), -1).astype(np.float32)


PIXELS: Any = SimpleNamespace(name="plain", label="pixels", width=64, vectors=pixels)


@pytest.fixture
def measured(
    make_store: Callable[..., Path], tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Measurement]]:
    """measured(family, damage, weights=, shape=): all measurements of an untrained model beside damaged data."""
    monkeypatch.setattr(reconstruction, "INVERTED", 1)
    monkeypatch.setattr(reconstruction, "invert", partial(reconstruction.invert, steps=3, starts=1))
    monkeypatch.setattr(disentanglement, "SPLITS", dict.fromkeys(disentanglement.SPLITS, 1))

    def measure(
        family: str,
        damage: Callable[[Arrays], None] | None = None,
        weights: Callable[[torch.Tensor], torch.Tensor] | None = None,
        extractor: Any = PIXELS,
        shape: tuple[int, int, int] = (8, 8, 3),
        **changes: Any,
    ) -> list[Measurement]:
        name = f"store-{len(list(tmp_path.glob('store-*')))}"
        path = make_store(count=COUNT, held_out=12, shape=shape, name=name)
        arrays = {file: np.load(path / f"{file}.npy") for file in ("images", "labels", "split")}
        arrays["factors"] = np.random.default_rng(0).integers(0, 3, (COUNT, 3)).astype(np.float32)
        if damage:
            damage(arrays)
        for file, array in arrays.items():
            np.save(path / f"{file}.npy", array)
        head = path / "store.json"
        head.write_text(head.read_text().replace('"factor_names": []', '"factor_names": ["a", "b", "c"]'))
        store, recipe = open_store(path), tiny(family, **changes)
        objective = build(recipe)
        with torch.no_grad():
            for parameter in objective.networks.parameters():
                if weights:
                    parameter.copy_(weights(parameter))
        objective.networks.eval()
        subject = Subject(objective, recipe, conditions(recipe, store), store)
        found = [row for split in ("train", "test") for row in held_out(subject, split, 0)]
        if len(store.rows("valid")):
            found.append(score(subject, metric_of(recipe), extractor=extractor, cache=tmp_path / f"cache-{name}"))
        material = Material(subject, choose(store, 40), extractor, cache=tmp_path / f"cache-{name}")
        material.__dict__["judge"] = Sure(store)
        for group in GROUPS:
            lacks = GROUPS[group].lacks(material)
            rows = [] if lacks else GROUPS[group].measure(material).measurements
            assert not lacks or lacks.startswith("not applicable, ")
            missing = {*of_group(group)} - {row.metric for row in rows}
            assert lacks or not missing, (group, missing, "neither a number nor a reason")
            found += rows
        return found

    return measure


def check(rows: list[Measurement], why: object) -> None:
    """Each is a finite number with finite limits around it, or has a reason."""
    for row in rows:
        if row.estimate is None:
            assert row.why, (why, row)
            continue
        limits = [
            limit for limit in (row.estimate.low, row.estimate.high, row.baseline, row.chance) if limit is not None
        ]
        assert all(isfinite(number) for number in (row.estimate.value, *limits)), (why, row)
        if row.estimate.low is not None and row.estimate.high is not None:
            assert row.estimate.low <= row.estimate.value <= row.estimate.high, (why, row)


FAMILIES = ("vae", "acgan", "infogan")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_every_metric_gives_a_number_or_a_reason(damage: Any, measured: Any, attempts: int) -> None:
    first = DAMAGES.index(damage)
    for family in FAMILIES if attempts > 1 else (FAMILIES[first % len(FAMILIES)],):
        check(measured(family, damage), (family, damage.__name__))


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 16, 3)])
def test_images_of_any_shape_give_a_number_or_a_reason(shape: Any, measured: Any) -> None:
    check(measured("vae", shape=shape, **{"data.size": f"{shape[1]}x{shape[0]}", "data.channels": shape[2]}), shape)


def test_every_metric_of_held_out_images_is_attacked(measured: Any) -> None:
    rows = [row for family in ("vae", "acgan", "classifier") for row in measured(family, constant)]
    check(rows, "constant images")
    assert {*of_group("held_out")} <= {row.metric for row in rows}


ODD_WEIGHTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "zero": torch.zeros_like,
    "denormal": lambda part: torch.full_like(part, 1e-42),
    "huge": lambda part: torch.full_like(part, 1e30),
    "nan": lambda part: torch.full_like(part, float("nan")),
}


@pytest.mark.parametrize("weights", ODD_WEIGHTS)
def test_weights_that_give_no_numbers_are_refused(weights: str, measured: Any) -> None:
    refused = pytest.raises(Diverged, match="no finite number") if weights in ("huge", "nan") else nullcontext()
    with refused:
        check(measured("vae", weights=ODD_WEIGHTS[weights]), weights)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e-42, 0.0, 1e15])
def test_features_that_are_no_numbers_are_refused(value: float, measured: Any) -> None:
    def vectors(images: np.ndarray, progress: object = None) -> np.ndarray:
        found = pixels(images)
        found[: len(found) // 2 + 1] = value
        return found

    odd = SimpleNamespace(name="odd", label="odd", width=64, vectors=vectors)
    refused = nullcontext() if isfinite(value) else pytest.raises(RunError, match="features that are no finite numbers")
    with refused:
        check(measured("acgan", extractor=odd), value)


def test_a_measurement_that_is_no_number_is_withheld_and_its_row_is_json() -> None:
    for estimate in (Estimate(np.nan), Estimate(np.inf, 0.0, 1.0), Estimate(-np.inf, -np.inf, np.inf)):
        row = Measurement(metric="mse", estimate=estimate, n=3, baseline=np.nan)
        assert (row.estimate, row.baseline, row.why) == (None, None, "withheld, it is no finite number")
        assert "NaN" not in json.dumps(row.to_json())
    row = Measurement(metric="mse", estimate=Estimate(1.0, np.nan, np.inf), n=3)
    assert row.estimate == Estimate(1.0)


def test_weights_of_a_checkpoint_that_are_no_numbers_are_refused(
    answer: Any, trained_once: Callable[..., Path]
) -> None:
    run = trained_once("vae")
    for path in (run / "checkpoints").glob("*.pt"):
        state = torch.load(path, weights_only=True)
        next(iter(state["networks"].values())).fill_(float("nan"))
        torch.save(state, path)
    for words in (("sample", run, "--out", run / "x.png"), ("evaluate", run), ("export", run, "--out", run / "x")):
        said = answer(*words)
        assert "has weights that are no finite numbers" in said
        assert "choose another one with --step" in said


BRINKS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("infogan", ("optimizer.lr=1e30",), "stopped being finite"),
    ("gan", ("networks.discriminator.channels=[4, 4, 4]", "networks.generator.channels=[4, 4, 4]"), ""),
    ("vae", ("networks.encoder.channels=[4, 4, 4]", "networks.decoder.channels=[4, 4, 4]", "data.batch=1"), "1x1"),
    ("acgan", ("data.batch=500",), ""),
    ("vae", ("optimizer.lr=1e-40", "objective.kl_weight=1e30"), ""),
    ("gan", ("data.batch=1",), ""),
    ("classifier", ("optimizer.lr=1e10",), ""),
)


def test_a_training_on_the_brink_ends_in_a_sentence(
    answer: Any, recipe_file: Callable[..., Path], make_store: Any, tmp_path: Path, attempts: int
) -> None:
    store = make_store()
    for number, (family, settings, expected) in enumerate(BRINKS[: len(BRINKS) if attempts > 1 else 3]):
        changes = [word for setting in settings for word in ("--set", setting)]
        out = tmp_path / f"run-{number}"
        said = answer("train", recipe_file(family), "--data", store, "--out", out, *changes, "--no-report")
        assert expected in said, (family, settings)
