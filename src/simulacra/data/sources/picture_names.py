"""Which picture a table's entry means: people write paths of other machines, other endings, or a bare name."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from simulacra.data.decode import SUFFIXES

# Endings that an entry may have where the picture's file has another.
ENDINGS = SUFFIXES | {".cr2", ".nef", ".dng", ".npy"}


class Match(NamedTuple):
    """What an entry names."""

    row: int  # index of the picture, or -1 where there is none, or more than one
    firm: bool = True  # whether no folder in the entry contradicts the picture's own
    rivals: tuple[str, ...] = ()  # the pictures that it fits equally well, where there are several


class Finder:
    """Finds the picture that an entry means.

    The longest tail of the path decides: of pictures with the name, the one that most of the folders before it fit. An
    absolute path, or one with the data set's own folder in front, is therefore understood. Upper and lower case,
    Unicode forms and endings are disregarded where they leave one picture alone.

    Args:
        names: relative paths of the pictures, their parts set apart by "/".
        base: the folder inside the data set in which the table lies; pictures there are looked for first.
    """

    def __init__(self, names: Sequence[str], base: str = "") -> None:
        self._names = [unicodedata.normalize("NFC", name) for name in names]
        self._paths = {name: row for row, name in enumerate(self._names)}
        self._stems: defaultdict[str, list[int]] = defaultdict(list)
        self._numbers: defaultdict[int, list[int]] = defaultdict(list)
        for row, name in enumerate(self._names):
            stem, _ = _cut(name.rpartition("/")[2])
            self._stems[stem.casefold()].append(row)
            if stem.isascii() and stem.isdigit():
                self._numbers[int(stem)].append(row)
        self._base = base
        inside = [name for name in self._names if name.startswith(f"{base}/")] if base else []
        self._inside = Finder([name.removeprefix(f"{base}/") for name in inside]) if inside else None
        self._inside_rows = [self._paths[name] for name in inside]

    def __call__(self, entry: str) -> Match:
        """The picture that an entry of a table means."""
        text = unicodedata.normalize("NFC", entry).strip().strip("\"'").replace("\\", "/").removeprefix("./")
        inside = f"{self._base}/{text}" if self._base else text
        for path in (inside, text):
            if path in self._paths:
                return Match(self._paths[path])
        if self._inside is not None and (match := self._inside(entry)).row >= 0:
            return match._replace(row=self._inside_rows[match.row])
        parts = [part for part in re.sub(r"^[A-Za-z]:", "", text).split("/") if part not in ("", ".", "..")]
        if not parts:
            return Match(-1)
        *folders, file = parts
        stem, _ = _cut(file)
        candidates = self._stems.get(stem.casefold(), [])
        if not candidates and stem.isascii() and stem.isdigit():  # a spreadsheet makes 1 of 000001
            candidates = self._numbers.get(int(stem), [])
        fits = {row: self._fit(row, file, [folder.casefold() for folder in folders]) for row in candidates}
        if not fits:
            return Match(-1)
        best = max(fits.values())
        rows = [row for row, fit in fits.items() if fit == best]
        if len(rows) > 1:
            return Match(-1, best[0], tuple(self._names[row] for row in rows))
        return Match(rows[0], best[0])

    def _fit(self, row: int, file: str, folders: list[str]) -> tuple[bool, int, int]:
        """How well a picture fits: no folder contradicts, so many folders agree, and how far the file's name does."""
        *own, name = self._names[row].split("/")
        alike = 0
        for mine, theirs in zip(reversed(own), reversed(folders), strict=False):
            if mine.casefold() != theirs:
                break
            alike += 1
        spelling = 3 * (name == file) or 2 * (name.casefold() == file.casefold()) or int(_cut(name)[0] == _cut(file)[0])
        return alike == min(len(own), len(folders)), alike, spelling


def looks_like_a_file(entry: str) -> bool:
    """Whether an entry ends as a picture's file does."""
    return bool(_cut(entry.strip())[1])


def _cut(file: str) -> tuple[str, str]:
    """A file's name without its ending, and the ending in lower case; "" where it has none of a picture's."""
    stem, dot, ending = file.rpartition(".")
    ending = f".{ending.lower()}"
    return (stem, ending) if dot and stem and ending in ENDINGS else (file, "")
