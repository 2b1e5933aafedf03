"""The split follows from content alone."""

import hashlib

import numpy as np
import pytest

from simulacra.data.splits import TEST, TRAIN, VALID, split_by_content


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
