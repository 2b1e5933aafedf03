"""Randomness as an argument: every draw follows from a seed and named numbers, never from what was drawn before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum, unique
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
_PROCESS: ContextVar[tuple[int, int]] = ContextVar("process", default=(0, 1))


@unique
class Draw(IntEnum):
    """What is drawn: the first key of every stream, so that no two kinds of draw share their random numbers.

    Three draws are older than this list, and their numbers stay as they are, since other ones would change what they
    give: dropout and the noise of networks in an update (engine/loop.py), the weights of random-vgg, and drawn faces.
    """

    # Training: changing one of these numbers changes what a recipe trains.
    ORDER = 1  # of training images in an epoch
    FLIPS = 2
    WEIGHTS = 3  # at the start
    UPDATE = 4  # noise, codes and augmentation of one update
    CONDITIONS = 5  # label rows that a run keeps, for samples without the data set
    HOLDOUT = 6  # images that a run holds out for its own valid split
    REAL_SNAPSHOT = 7  # training images that show what real images look like
    BENCH_IMAGES = 8
    ROWS = 9  # rows that need not differ from other draws
    # Pictures of a run.
    FIXED_SAMPLES = 10
    SAMPLE_SHEET = 11
    INTERPOLATIONS = 12
    CLASS_GRID = 13
    CATEGORY_GRID = 14
    CATEGORY_PAIRS = 15
    SWEEPS = 16
    # Sampling, evaluation and editing.
    SAMPLES = 20
    EVALUATED_SAMPLES = 21
    REAL_IMAGES = 22
    SCORED_SAMPLES = 23  # of a checkpoint
    JUDGE_ERRORS = 24
    SHUFFLED_LABELS = 25
    ATTRIBUTE_VECTORS = 26
    ENCODED_IMAGES = 27
    WANTED_CLASSES = 28
    LEAKAGE_BOOTSTRAP = 29
    NEAREST_OTHERS = 30
    INVERSION_STARTS = 31
    POSTERIOR_CODES = 32
    DISENTANGLEMENT = 33
    EDITING = 34
    DIRECTIONS = 35
    SHUFFLED_CODES = 36
    FREQUENCY_BOOTSTRAP = 42
    NEIGHBOUR_HALVES = 43  # of the sets whose neighbours are counted


def stream(seed: int, *keys: int) -> np.random.Generator:
    """A NumPy generator that depends on the seed and the keys alone (non-negative integers)."""
    return np.random.default_rng(np.random.SeedSequence((seed, *keys)))


def torch_seed(seed: int, *keys: int) -> int:
    """A 63-bit seed for torch, equal for equal arguments and unrelated for different arguments."""
    word = np.random.SeedSequence((seed, *keys)).generate_state(1, np.uint64)[0]
    return int(word >> np.uint64(1))


def choose_rows(rows: NDArray[np.int64], limit: int | None, *keys: int) -> NDArray[np.int64]:
    """At most `limit` of the rows, in ascending order; equal arguments choose equal rows.

    The choice is random, because the first rows of a sorted data set are all of one class.

    Args:
        rows: (n,) rows of a store.
        limit: how many at most; None for all.
        keys: of the draw; `Draw.ROWS` by default.
    """
    return np.sort(stream(0, *(keys or (Draw.ROWS,))).permutation(rows)[:limit])


@contextmanager
def as_process(rank: int, world: int) -> Iterator[None]:
    """While it is open, `draw_rows` gives the share of process `rank` of `world` processes with a common seed."""
    before = _PROCESS.set((rank, world))
    try:
        yield
    finally:
        _PROCESS.reset(before)


def draw_rows(draw: Callable[..., T], size: tuple[int, ...], **options: Any) -> T:
    """Random numbers with a row per image, of which each process gets the rows of its own images.

    The rows are drawn for the common batch of all processes, and a process takes every world-th row, as it does with
    the images. So an image meets the same random numbers however many processes there are.

    Args:
        draw: like `torch.rand`: a size -> a tensor of that size.
        size: of this process's share, with its images first.
        options: of `draw`.

    Returns:
        A tensor of that size.
    """
    rank, world = _PROCESS.get()
    common: Any = draw((size[0] * world, *size[1:]), **options)
    return common[rank::world]
