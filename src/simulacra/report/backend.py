"""Loads matplotlib whatever MPLBACKEND says: a notebook's backend may be missing here, and figures need none."""

import os
from contextlib import suppress

VARIABLE = "MPLBACKEND"


def load() -> None:
    """Loads matplotlib, which refuses to be loaded beside a backend that it cannot find; keeps one that it can."""
    wanted = os.environ.pop(VARIABLE, None)
    import matplotlib as mpl

    if wanted is not None:
        os.environ[VARIABLE] = wanted
        with suppress(ValueError):
            mpl.rcParams["backend"] = wanted


load()
