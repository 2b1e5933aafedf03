"""Each number of quality moves the right way when real images are damaged; the benchmark's damages, at small size."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.catalogue import METRICS
from simulacra.data.decode import Picture
from simulacra.data.sources import FASHION_FOLDERS, Options, open_source
from simulacra.data.store import ImageStore
from simulacra.estimates import Estimate

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("sensitivity", ROOT / "benchmarks" / "sensitivity.py")
assert SPEC is not None
assert SPEC.loader is not None
sensitivity: Any = importlib.util.module_from_spec(SPEC)
sys.modules["sensitivity"] = sensitivity
SPEC.loader.exec_module(sensitivity)

COUNT, IMAGES = 100, 600
Scores = dict[tuple[str, float], dict[str, Estimate]]
# What must not seem worse: what is seen of few kinds, or copied, is as good as real. Both numbers are draws.
STAYS = {
    "modes left out": ("precision",),
    "copies": (*sensitivity.DISTANCES, "precision", "density"),
}


def opened(name: str) -> ImageStore:
    """The first images of a known data set, not packed."""
    source = open_source(name, None, Options(size=(24, 24), count=IMAGES if name == "avatars" else None))
    pictures = source.pictures(1)
    images = np.stack([check(next(pictures)) for _ in range(IMAGES)])
    labels, factors = source.labels[:IMAGES], source.factors
    return ImageStore(
        Path(name),
        images,
        labels,
        tuple(source.label_names),
        source.exclusive,
        np.zeros(IMAGES, np.uint8),
        name,
        None if factors is None else factors[:IMAGES],
        tuple(source.factor_names),
    )


def check(picture: Picture) -> np.ndarray:
    assert picture.pixels is not None
    return picture.pixels


@pytest.fixture(scope="module", params=["avatars", "fashion-mnist"])
def scores(request: pytest.FixtureRequest) -> Scores:
    """Numbers of untouched images, and of images with the strongest damage of each kind."""
    if request.param == "fashion-mnist" and not Path(FASHION_FOLDERS[0]).is_dir() and not os.environ.get("CI"):
        pytest.skip("NO REAL DATA: apt-get install dataset-fashion-mnist")
    case = sensitivity.case_of(opened(request.param), "random-vgg", COUNT)
    found: Scores = sensitivity.measure(case, only_strongest=True)
    return found


def of(scores: Scores, damage: str) -> dict[str, Estimate]:
    return next(found for (name, _), found in scores.items() if name == damage)


@pytest.mark.parametrize(
    ("damage", "metric"), [(one, name) for one, moved in sensitivity.MOVES.items() for name in moved]
)
def test_a_damage_makes_the_metrics_worse_that_are_there_to_tell_it(damage: str, metric: str, scores: Scores) -> None:
    found, baseline = of(scores, damage)[metric], of(scores, "")[metric]
    if (damage, metric) == ("modes left out", "recall"):  # of a hundred images a few stand for many: a wide interval
        assert found.value < baseline.value
    else:
        assert sensitivity.worse(metric, found, baseline)


@pytest.mark.parametrize(("damage", "metric"), [(one, name) for one, stays in STAYS.items() for name in stays])
def test_a_damage_leaves_other_metrics_alone(damage: str, metric: str, scores: Scores) -> None:
    found, baseline = of(scores, damage)[metric], of(scores, "")[metric]
    furthest = baseline.high if METRICS[metric].better == "lower" else baseline.low
    assert furthest is not None
    assert not sensitivity.worse(metric, found, Estimate(furthest))
