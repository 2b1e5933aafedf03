"""Which real images are measured against, and how their features are kept."""

from dataclasses import replace

import numpy as np
import pytest

from simulacra.catalogue import METRICS, of_group
from simulacra.data.store import open_store
from simulacra.errors import DataError
from simulacra.evaluation.context import FEWEST, RealImages, choose
from simulacra.evaluation.distances import Cloud, neighbours
from simulacra.evaluation.features import FEATURES
from simulacra.evaluation.metrics.quality import MEMORISATION, distances

SMALL = FEATURES["random-vgg"]


def normal(count: int, seed: int, shift: float = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 5)).astype(np.float32) + np.float32(shift)


def test_sets_are_disjoint_and_as_large_as_can_be(make_store) -> None:
    chosen = choose(open_store(make_store(count=60, held_out=10)), 25)
    assert (chosen.split, len(chosen.held_out), len(chosen.train), len(chosen.reference)) == ("test", 10, 10, 25)
    assert not set(chosen.train) & set(chosen.reference)
    assert len(choose(open_store(make_store(count=60, held_out=10, name="other")), 100).reference) == 30


def test_no_more_held_out_images_than_samples(make_store) -> None:
    chosen = choose(open_store(make_store(count=60, held_out=10)), 7)
    assert (len(chosen.held_out), len(chosen.train), len(chosen.reference)) == (7, 7, 7)


def test_without_test_images_the_valid_ones_are_taken(make_store) -> None:
    path = make_store(count=60, held_out=10)
    split = np.load(path / "split.npy")
    split[split == 2] = 0
    np.save(path / "split.npy", split)
    assert choose(open_store(path), 20).split == "valid"


@pytest.mark.parametrize(
    ("count", "held_out", "split"),
    [(60, 10, "test"), (20, 3, "valid+test"), (60, 5, "valid+test"), (20, 2, "train"), (20, 0, "train")],
)
def test_few_held_out_images_are_joined_and_training_images_take_the_place_of_too_few(
    count, held_out, split, make_store
) -> None:
    store = open_store(make_store(count=count, held_out=held_out))
    chosen = choose(store, 20)
    assert chosen.split == split
    assert len(chosen.held_out) == len(chosen.train) >= FEWEST
    assert set(chosen.held_out) <= set(store.rows(split))
    assert not set(chosen.reference) & {*chosen.held_out, *chosen.train}


def test_too_few_images_are_refused(make_store) -> None:
    with pytest.raises(DataError, match="has 9 training images; measuring samples takes at least 12"):
        choose(open_store(make_store(count=15)), 20)


def test_features_are_kept_and_found_again(make_store, tmp_path) -> None:
    store, calls = open_store(make_store()), []

    def find(rows: list[int]) -> np.ndarray:
        def progress(done: int, total: int) -> None:
            calls.append(done)

        return RealImages(store, SMALL, tmp_path / "cache").features("train", np.array(rows), progress)

    first = find([3, 4])
    assert len(calls) == 1
    assert np.array_equal(find([3, 4]), first)
    assert len(calls) == 1, "from the cache"
    find([3, 5])
    assert len(calls) == 2, "other images"
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(b"torn")
    assert np.array_equal(find([3, 4]), first)
    assert len(calls) == 3, "a damaged file is made again"


def test_other_data_or_another_extractor_has_its_own_features(make_store, tmp_path) -> None:
    other = replace(SMALL, name="other")
    for store in (open_store(make_store()), open_store(make_store(seed=1, name="other"))):
        for extractor in (SMALL, other):
            RealImages(store, extractor, tmp_path / "cache").features("train", np.array([0, 1]))
    assert len(list((tmp_path / "cache").iterdir())) == 4


def test_sums_and_radii_of_real_images_are_kept_and_found_again(make_store, tmp_path) -> None:
    store, rows = open_store(make_store(count=40)), np.arange(12)
    found = normal(12, 0)
    first = RealImages(store, SMALL, tmp_path / "cache").cloud(found, "train", rows)
    assert {name: part.shape for name, part in first.computed.items()} == {
        "kernel-6": (6, 6, 2),
        "near": (2, 12, 11),
    }
    again = RealImages(store, SMALL, tmp_path / "cache").cloud(np.zeros((12, 5), np.float32), "train", rows)
    assert all(np.array_equal(again.computed[name], part) for name, part in first.computed.items()), (
        "not from the features"
    )
    assert neighbours(first, normal(9, 1)) == neighbours(found, normal(9, 1))


def test_baselines_are_computed_once_for_the_same_images(make_store, tmp_path) -> None:
    store, calls = open_store(make_store(count=40)), []

    def find(real: list[int], reference: list[int]) -> dict[str, float]:
        def measure() -> dict[str, float]:
            calls.append(1)
            return {"one": float(len(calls)), "other": 0.1}

        return RealImages(store, SMALL, tmp_path / "cache").baselines(np.array(real), np.array(reference), measure)

    assert find([1, 2], [3]) == find([1, 2], [3]) == {"one": 1, "other": 0.1}
    assert find([1], [2, 3])["one"] == 2, "the same rows, cut elsewhere"
    assert find([1, 2], [4])["one"] == 3


def test_better_samples_score_better() -> None:
    real, good, bad = (Cloud(part) for part in (normal(60, 0), normal(80, 2), normal(80, 2, shift=2)))
    good, bad = distances(real, good), distances(real, bad)
    assert (*good, MEMORISATION) == of_group("quality")
    for name in good:
        sign = 1 if METRICS[name].better == "lower" else -1
        assert sign * good[name].value < sign * bad[name].value, name
