"""Data sets that go by a name, and where their files are found."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from simulacra.data.sources.idx import looks_like_idx
from simulacra.errors import DataError

FASHION_PLACES = ("/usr/share/datasets/fashion-mnist",)
FASHION_VARIABLE = "SIMULACRA_FASHION_MNIST"


class Known(NamedTuple):
    """A data set that goes by a name: the source that reads it, and how its files are found (None: it needs none)."""

    kind: str
    find: Callable[[Path | None], Path] | None


def find_fashion_mnist(path: Path | None) -> Path:
    """The folder with Fashion-MNIST's four files: the one given, the one the environment names, or the system's.

    Raises:
        DataError: it is in none of these; how to get it.
    """
    named = os.environ.get(FASHION_VARIABLE)
    places = [path] if path else [Path(place) for place in (named, *FASHION_PLACES) if place]
    for place in places:
        if looks_like_idx(place):
            return place
    raise DataError(
        f"Fashion-MNIST is not in {' or '.join(map(str, places))}; on Debian and Ubuntu: apt-get install "
        "dataset-fashion-mnist; elsewhere fetch the four .gz files from "
        f"https://github.com/zalandoresearch/fashion-mnist and name their folder in {FASHION_VARIABLE}"
    )


KNOWN: dict[str, Known] = {
    "avatars": Known("avatars", None),
    "fashion-mnist": Known("idx", find_fashion_mnist),
}
