"""The split of a store follows from content alone; a run may hold out more images."""

import hashlib

import numpy as np
import pytest

from simulacra.data.splits import TEST, TRAIN, VALID, hold_out, split_by_content
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
