"""Randomness as an argument: every draw follows from a seed and named numbers, never from what was drawn before."""

import numpy as np


def stream(seed: int, *keys: int) -> np.random.Generator:
    """A NumPy generator that depends on the seed and the keys alone (non-negative integers)."""
    return np.random.default_rng(np.random.SeedSequence((seed, *keys)))


def mixed(seed: int, *keys: int) -> int:
    """A 63-bit seed for torch, equal for equal arguments and unrelated for different ones."""
    word = np.random.SeedSequence((seed, *keys)).generate_state(1, np.uint64)[0]
    return int(word >> np.uint64(1))
