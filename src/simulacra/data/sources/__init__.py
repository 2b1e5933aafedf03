"""SOURCES: kinds of data, and KNOWN: named data sets. A new source is one function and one row."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from simulacra.data.sources.arrays import open_arrays
from simulacra.data.sources.avatars import open_avatars
from simulacra.data.sources.base import Kind, Options, Source, read_options
from simulacra.data.sources.celeba import looks_like_celeba, open_celeba
from simulacra.data.sources.folder import open_folder
from simulacra.data.sources.idx import looks_like_idx, open_idx
from simulacra.data.store import is_store
from simulacra.errors import DataError, nearest
from simulacra.files import expand

__all__ = ["KNOWN", "SOURCES", "Kind", "Options", "Source", "open_source", "read_options"]

FASHION_FOLDERS = ("/usr/share/datasets/fashion-mnist",)
FASHION_VARIABLE = "SIMULACRA_FASHION_MNIST"


def find_fashion_mnist(path: Path | None) -> Path:
    """The folder with the four files of Fashion-MNIST: the given one, that of the environment, or the system's.

    Raises:
        DataError: it is in none of these folders.
    """
    named = os.environ.get(FASHION_VARIABLE)
    folders = [path] if path else [Path(folder) for folder in (named, *FASHION_FOLDERS) if folder]
    for folder in folders:
        if looks_like_idx(folder):
            return folder
    raise DataError(
        f"Fashion-MNIST is not in {' or '.join(map(str, folders))}; on Debian and Ubuntu: apt-get install "
        "dataset-fashion-mnist; elsewhere fetch the four .gz files from "
        f"https://github.com/zalandoresearch/fashion-mnist and name their folder in {FASHION_VARIABLE}"
    )


# Data sets with a name: the source that reads each, and what finds its files, if it has any.
Find = Callable[[Path | None], Path]
KNOWN: dict[str, tuple[str, Find | None]] = {"avatars": ("avatars", None), "fashion-mnist": ("idx", find_fashion_mnist)}

FORM, FILES = "size channels crop", "values background max_pixels"
SOURCES = {
    kind: Kind(function, frozenset(options.split()))
    for kind, function, options in (
        ("folder", open_folder, f"{FORM} {FILES} labels classes split columns missing unknown factors"),
        ("celeba", open_celeba, f"{FORM} {FILES}"),
        ("idx", open_idx, FORM),
        ("arrays", open_arrays, f"{FORM} layout values background"),
        ("avatars", open_avatars, "size channels count seed"),
    )
}


def _hint(kind: str) -> str:
    """What to do about a source that does not exist: often it is the path of pictures."""
    path = expand(kind)
    if path.is_dir() and is_store(path):
        return f", but a packed store of that name; train on it: --data {shlex.quote(kind)}"
    if path.is_dir() or (path.is_file() and path.suffix in (".npy", ".npz")):
        name = "arrays" if path.is_file() else "idx" if looks_like_idx(path) else "folder"
        name = "celeba" if name == "folder" and looks_like_celeba(path) else name
        out = shlex.quote(f"stores/{path.absolute().stem}")
        what = "a folder" if path.is_dir() else "a file"
        return f", but {what} of that name; pack it: simulacra pack {name} {shlex.quote(kind)} --out {out}"
    return f"; {nearest(kind, SOURCES.keys() | KNOWN.keys())}"


def open_source(kind: str, path: Path | None = None, options: Options | None = None) -> Source:
    """Opens a source by its kind or its name; reads only what is needed to know names, labels and sizes.

    Args:
        kind: a key of SOURCES or of KNOWN.
        path: the folder or file; known names need none.
        options: the user's options.

    Raises:
        DataError: no such kind, an option that the kind does not take, or data that it cannot read.
    """
    namesake = Path(kind) if kind in KNOWN and path is None and Path(kind).is_dir() else None
    if kind in KNOWN:
        kind, find = KNOWN[kind]
        path = find(path) if find else path
    if kind not in SOURCES:
        raise DataError(f"there is no source {kind!r}{_hint(kind)}")
    options = options or Options()
    unfit = sorted(options.given().keys() - SOURCES[kind].takes)
    if unfit:
        takes = ", ".join(sorted(SOURCES[kind].takes))
        raise DataError(f"the source {kind} takes no {unfit[0]}; leave it out (it takes: {takes})")
    if kind == "avatars" and path is not None:
        raise DataError(
            f"avatars are drawn, not read; for the pictures in {path}: "
            f"simulacra pack folder {shlex.quote(str(path))} --out stores/mine"
        )
    if path is None and kind != "avatars":
        raise DataError(f"the source {kind} needs a path; give the folder or file that holds the pictures")
    if path is not None and not path.exists():
        raise DataError(f"{path} does not exist; give the path of a folder or file")
    if path is not None and not path.is_file() and not path.is_dir():
        raise DataError(f"{path} is a pipe, a socket or a device; give the path of a folder or file")
    source = SOURCES[kind].open(path or Path(), options)
    if namesake is not None and not is_store(namesake):
        source.card["notes"].append(f"the folder {namesake} here has the name of a known data set and was not read")
    return source
