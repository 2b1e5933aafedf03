"""Randomness as an argument: every draw follows from a seed and named numbers, never from what was drawn before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
SOME = 9  # the key of a draw of rows that need not be kept apart from others
_PLACE: ContextVar[tuple[int, int]] = ContextVar("place", default=(0, 1))


def stream(seed: int, *keys: int) -> np.random.Generator:
    """A NumPy generator that depends on the seed and the keys alone (non-negative integers)."""
    return np.random.default_rng(np.random.SeedSequence((seed, *keys)))


def mixed(seed: int, *keys: int) -> int:
    """A 63-bit seed for torch, equal for equal arguments and unrelated for different ones."""
    word = np.random.SeedSequence((seed, *keys)).generate_state(1, np.uint64)[0]
    return int(word >> np.uint64(1))


def some(given: NDArray[np.int64], count: int | None, *keys: int) -> NDArray[np.int64]:
    """So many of the given rows in ascending order, or all where there are no more; the same ones every time.

    They are drawn, as the first rows of a data set that is in order are all of one class.

    Args:
        given: (n,) rows.
        count: how many at most; all for None.
        keys: that keep the draw apart from others.
    """
    return np.sort(stream(0, *(keys or (SOME,))).permutation(given)[:count])


@contextmanager
def shared(rank: int, world: int) -> Iterator[None]:
    """While it is open, `rows` gives the share of one of several processes, all of which draw from one seed."""
    before = _PLACE.set((rank, world))
    try:
        yield
    finally:
        _PLACE.reset(before)


def rows(draw: Callable[..., T], size: tuple[int, ...], **options: Any) -> T:
    """A draw with a row an image: made for the whole common batch, of which a process takes every world-th row, as it
    does of the images. So an image meets the same numbers however many processes there are.

    Args:
        draw: like `torch.rand`: a size -> a tensor of that size.
        size: of this process's share, its images first.
        options: for `draw`.

    Returns:
        A tensor of that size.
    """
    rank, world = _PLACE.get()
    whole: Any = draw((size[0] * world, *size[1:]), **options)
    return whole[rank::world]
