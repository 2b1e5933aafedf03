"""SOURCES: where pictures may come from, and KNOWN: named data sets. A new source is one function and one row."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from simulacra.data.sources.arrays import open_arrays
from simulacra.data.sources.avatars import open_avatars
from simulacra.data.sources.base import Kind, Options, Source
from simulacra.data.sources.celeba import open_celeba
from simulacra.data.sources.folder import open_folder
from simulacra.data.sources.idx import looks_like_idx, open_idx
from simulacra.errors import DataError, nearest

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


__all__ = ["KNOWN", "SOURCES", "Kind", "Options", "Source", "open_source"]

SOURCES: dict[str, Kind] = {
    "folder": Kind(
        open_folder, frozenset({"size", "channels", "crop", "labels", "values", "background", "max_pixels"})
    ),
    "celeba": Kind(open_celeba, frozenset({"size", "channels", "crop"})),
    "idx": Kind(open_idx, frozenset({"size", "channels", "crop"})),
    "arrays": Kind(open_arrays, frozenset({"size", "channels", "crop", "layout", "values", "background"})),
    "avatars": Kind(open_avatars, frozenset({"size", "channels", "count", "seed"})),
}


def open_source(kind: str, path: Path | None = None, options: Options | None = None) -> Source:
    """Opens a source by its kind or known name; reads no more of it than it takes to understand it.

    Args:
        kind: a key of SOURCES or of KNOWN.
        path: the folder or file; known names find theirs without.
        options: what the user asked for.

    Raises:
        DataError: no such kind, an option it does not take, or a source that is not what it should be.
    """
    if kind in KNOWN:
        known = KNOWN[kind]
        kind, path = known.kind, known.find(path) if known.find else path
    if kind not in SOURCES:
        raise DataError(f"there is no source {kind!r}; {nearest(kind, SOURCES.keys() | KNOWN.keys())}")
    options = options or Options()
    unfit = sorted(options.given().keys() - SOURCES[kind].takes)
    if unfit:
        takes = ", ".join(sorted(SOURCES[kind].takes))
        raise DataError(f"the source {kind} takes no {unfit[0]}; leave it out (it takes: {takes})")
    if path is None:
        if kind != "avatars":
            raise DataError(f"the source {kind} needs a path; give the folder or file that holds the pictures")
    elif not path.exists():
        raise DataError(f"{path} does not exist; give the path of a folder or file")
    return SOURCES[kind].open(path or Path(), options)
