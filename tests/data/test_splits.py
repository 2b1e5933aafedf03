"""The split of a store follows from content alone; a run may hold out more images."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from simulacra.data.splits import TEST, TRAIN, VALID, hold_out, split_by_class, split_by_content, untrained
from simulacra.data.store import ImageStore
from simulacra.errors import DataError


def digests(count: int, first: int = 0) -> list[bytes]:
    return [hashlib.blake2b(str(number).encode(), digest_size=8).digest() for number in range(first, first + count)]


def test_shares_are_near_90_5_5() -> None:
    shares = np.bincount(split_by_content(digests(20_000)), minlength=3) / 20_000
    assert np.allclose(shares, (0.9, 0.05, 0.05), atol=0.01)


def test_a_duplicate_never_crosses_splits() -> None:
    for count in (1, 2, 3, 7, 500):
        split = split_by_content(digests(count) * 3).reshape(3, count)
        assert (split == split[0]).all()


def test_more_pictures_leave_the_others_where_they_were() -> None:
    many = digests(1000)
    assert (split_by_content(many)[:600] == split_by_content(many[:600])).all()


@pytest.mark.parametrize("first", range(0, 200, 10))
def test_every_split_has_a_picture_where_there_are_three(first: int) -> None:
    assert set(split_by_content(digests(3, first)).tolist()) == {TRAIN, VALID, TEST}
    assert TRAIN in split_by_content(digests(1, first))
    assert TRAIN in split_by_content(digests(2, first))


def test_no_picture_makes_an_empty_split() -> None:
    assert len(split_by_content([])) == 0


@pytest.mark.parametrize("sizes", [[1] * 60, [2, 2], [5] * 60, [1, 3, 9, 10, 40], [12] * 30, [500, 4, 1], [1]])
@pytest.mark.parametrize("first", [0, 1000, 2000])
def test_every_class_keeps_a_training_picture(sizes: list[int], first: int) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    split = split_by_class(digests(len(classes), first), classes)
    assert len(split) == len(classes)
    assert all((split[classes == kind] == TRAIN).any() for kind in range(len(sizes)))
    assert (split == TRAIN).mean() > 0.4


@pytest.mark.parametrize("count", [10, 20, 60, 99])
def test_every_part_shows_each_small_class(count: int) -> None:
    classes = np.repeat(np.arange(8), count)
    split = split_by_class(digests(len(classes)), classes)
    shares = [np.bincount(split[classes == kind], minlength=3) for kind in range(8)]
    assert (np.array(shares) == shares[0]).all()
    assert shares[0].min() >= 1
    assert shares[0][TRAIN] >= 0.8 * count


def test_tiny_classes_together_give_a_test_and_a_valid_split() -> None:
    classes = np.repeat(np.arange(60), 5)
    assert np.bincount(split_by_class(digests(300), classes)).tolist() == [270, 15, 15]


def test_large_classes_are_split_as_their_content_says() -> None:
    classes = np.arange(1000) % 4
    assert (split_by_class(digests(1000), classes) == split_by_content(digests(1000))).all()


def test_a_duplicate_never_crosses_splits_of_classes_either() -> None:
    classes = np.tile(np.arange(3), 20)
    split = split_by_class(digests(60) * 2, np.concatenate([classes, classes[::-1]])).reshape(2, 60)
    assert (split[0] == split[1]).all()


def test_labels_that_no_training_image_has_are_named(store: ImageStore) -> None:
    assert untrained(store) == ()
    labels = store.labels.copy()
    labels[store.rows("train"), 1] = 0
    assert untrained(replace(store, labels=labels)) == (store.label_names[1],)


def test_images_kept_aside_for_a_run_are_training_images_that_turn_valid(store: ImageStore) -> None:
    held = hold_out(store, 4, seed=0)
    kept = set(held.rows("valid").tolist()) - set(store.rows("valid").tolist())
    assert len(kept) == 4
    assert kept <= set(store.rows("train").tolist())
    assert sorted({*kept, *held.rows("train").tolist()}) == store.rows("train").tolist()
    assert held.rows("test").tolist() == store.rows("test").tolist()
    assert held.fingerprint == store.fingerprint


def test_the_seed_decides_which_images_are_kept_aside(store: ImageStore) -> None:
    rows = [hold_out(store, 6, seed=seed).rows("valid").tolist() for seed in (0, 0, 1)]
    assert rows[0] == rows[1]
    assert rows[0] != rows[2]


def test_nothing_kept_aside_is_the_store_itself(store: ImageStore) -> None:
    assert hold_out(store, 0, seed=0) is store


def test_holding_out_every_training_image_is_refused(store: ImageStore) -> None:
    with pytest.raises(DataError, match=r"data\.holdout = 14: .* has 14 training images; hold out fewer"):
        hold_out(store, 14, seed=0)
