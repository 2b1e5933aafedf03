"""SOURCES: where pictures may come from. A new source is one function and one row here."""

from pathlib import Path

from simulacra.data.sources.arrays import open_arrays
from simulacra.data.sources.avatars import open_avatars
from simulacra.data.sources.base import Kind, Options, Source
from simulacra.data.sources.celeba import open_celeba
from simulacra.data.sources.folder import open_folder
from simulacra.data.sources.idx import open_idx
from simulacra.data.sources.known import KNOWN
from simulacra.errors import DataError, nearest

__all__ = ["KNOWN", "SOURCES", "Kind", "Options", "Source", "open_source"]

SOURCES: dict[str, Kind] = {
    "folder": Kind(open_folder, frozenset({"size", "channels", "crop", "labels"})),
    "celeba": Kind(open_celeba, frozenset({"size", "channels", "crop"})),
    "idx": Kind(open_idx, frozenset({"size", "channels", "crop"})),
    "arrays": Kind(open_arrays, frozenset({"size", "channels", "crop", "layout", "values"})),
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
