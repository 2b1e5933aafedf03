"""What the folders of a data set mean: classes, a split, or a wrapper around them.

People lay pictures out as split/class, class/split, classes alone, a split alone, with folders around all of it, and
with pictures beside it. What is guessed here is said in one line, and two options say otherwise.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulacra.data.sources.base import describe, one_hot, some
from simulacra.data.splits import TEST, TRAIN, VALID, WORDS, roles, words_of
from simulacra.data.store import SPLITS
from simulacra.errors import DataError

CLASSES, SPLIT = ("folders", "none"), ("folder", "random")  # values of the options

# Where more of the pictures than this lie outside the folders, the folders are no classes.
STRAY = 0.25
# Words of the names of images, and of what is drawn over them: masks beside images are no pictures of the data set.
IMAGES = re.compile("images?|imgs?|jpegimages|photos?|pictures?|rgb|color")
MASKS = re.compile(
    "masks?|seg|segs|segmentations?|segmentation(class|object)|annotations?|labels?|gt|ground|truth|groundtruth|trimaps?|"
    "depth|edges"
)
MASK_HINT = re.compile("mask|seg|annotation|label|gt|truth|trimap|depth|edges", re.IGNORECASE)  # quick to look for
# Folders of these names, numbered, are pieces of one data set where each holds the same classes.
PIECES = re.compile(r"(folds?|splits?|parts?|batch|chunk|shard)[\W_]*\d+")

Folders = list[tuple[str, ...]]  # of each picture, the names of the folders around it, the outermost first
Rows = NDArray[np.int64]


@dataclass
class Content:
    """What is known of a folder's pictures."""

    kept: Rows  # (N,) indices of the pictures that are taken, ascending
    label_names: tuple[str, ...]  # K names
    labels: NDArray[np.uint8]  # (N, K) uint8 in {0, 1}
    split: NDArray[np.uint8] | None  # (N,) uint8, an index into SPLITS, or None
    lines: list[str]  # what was understood, to be said
    odd: dict[str, int]  # what was left out, as a sentence, and how often
    no_classes: str  # why there are no labels; "" where there are some
    exclusive: bool  # whether the labels are classes, so that a row has one 1
    factor_names: tuple[str, ...] = ()  # F names
    factors: NDArray[np.float32] | None = None  # (N, F) float32, or None


@dataclass
class _Reading:
    """What is known so far."""

    names: Sequence[str]  # of all pictures, relative paths
    folders: Folders  # of each picture, those that are not understood yet
    kept: NDArray[np.bool_]  # which pictures are taken
    split: NDArray[np.int64] | None = None  # of each picture, where a split is found
    classes: list[str] = field(default_factory=list)  # of each picture that is taken, where classes are found
    notes: list[str] = field(default_factory=list)  # what was understood, in words
    outside: dict[str, list[int]] = field(default_factory=dict)  # pictures that are left out: why -> their indices

    def rows(self) -> list[int]:
        """The pictures that are taken."""
        return np.flatnonzero(self.kept).tolist()

    def leave_out(self, why: str, rows: Iterable[int]) -> None:
        """Takes pictures no more."""
        rows = list(rows)
        if rows:
            self.outside.setdefault(why, []).extend(rows)
            self.kept[rows] = False

    def tops(self, rows: Iterable[int] | None = None) -> Counter[str]:
        """How many pictures lie in each outermost folder; "" where they lie in none."""
        rows = self.rows() if rows is None else rows
        return Counter(self.folders[row][0] if self.folders[row] else "" for row in rows)


def read_layout(
    names: Sequence[str], classes: str | None = None, split: str | None = None, labelled: bool = False
) -> Content:
    """Understands the folders of a data set.

    Args:
        names: N relative paths, their parts set apart by "/", in the Unicode form in which they are compared.
        classes: "folders" or "none"; by default folders are classes where they look so.
        split: "folder" or "random"; by default folders are a split where they bear its names.
        labelled: whether a table labels the pictures, so that folders are a split and nothing else.

    Raises:
        DataError: an option has another value, or asks for what the folders do not give.
    """
    for option, value, known in (("classes", classes, CLASSES), ("split", split, SPLIT)):
        if value is not None and value not in known:
            raise DataError(f"--{option} is {value!r}, expected {' or '.join(known)}; choose one of them")
    read = _Reading(names, [tuple(name.split("/")[:-1]) for name in names], np.ones(len(names), dtype=np.bool_))
    if classes != "folders" and not labelled:
        _leave_out_mask_folders(read)
        _leave_out_mask_files(read)
    _look_through(read)
    _find_split(read, split, classed=classes != "none" and not labelled)
    if split == "folder" and read.split is None:
        raise DataError(
            "--split folder: no folders are called like the parts of a split; call them train, valid and test"
        )
    no_classes = "--classes none was given"
    if classes != "none" and not labelled:
        no_classes = _find_classes(read, forced=classes == "folders")
        if no_classes and classes == "folders":
            raise DataError(f"--classes folders: {no_classes}; put the pictures of each class in a folder of its own")
    return _concluded(read, no_classes, labelled, drawn=split == "random")


def _leave_out_mask_folders(read: _Reading) -> None:
    """Leaves out folders of masks beside folders of images: masks beside images, train_masks beside train."""
    groups: dict[tuple[tuple[str, ...], str], dict[bool, set[str]]] = defaultdict(lambda: defaultdict(set))
    inside: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for folders in set(read.folders):
        for level, name in enumerate(folders):
            base, mask = _without_mask(name)
            groups[folders[:level], base][mask].add(name)
            inside[folders[:level]].add(name)
    for (parent, base), found in sorted(groups.items(), key=lambda group: -len(group[0][0])):
        if not (found[True] and found[False]) or (base and not roles([base])):  # face and face_mask may be classes
            continue
        level = len(parent)
        below = [row for row in read.rows() if len(read.folders[row]) > level and read.folders[row][:level] == parent]
        masks, images = ([row for row in below if read.folders[row][level] in found[mask]] for mask in (True, False))
        files = {_file_without_mask(read.names[row]) for row in images}
        fit = sum(_file_without_mask(read.names[row]) in files for row in masks)
        if fit * 2 < len(masks) and found[True] | found[False] != inside[parent]:
            continue
        read.leave_out(f"of {some(sorted(found[True]))} beside {some(sorted(found[False]))}", masks)
        for row in images if not base else ():
            read.folders[row] = (*parent, *read.folders[row][level + 1 :])


def _leave_out_mask_files(read: _Reading) -> None:
    """Leaves out masks that lie beside their images in one folder: img_01_mask.png beside img_01.png."""
    masks = [row for row in read.rows() if MASK_HINT.search(read.names[row].rpartition("/")[2])]
    masks = [row for row in masks if _without_mask(_stem(read.names[row]))[1]]
    where = {read.folders[row] for row in masks}
    images: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in set(read.rows()) - set(masks) if masks else ():
        if read.folders[row] in where:
            images[read.folders[row]].add(_file_without_mask(read.names[row]))
    fit = [row for row in masks if _file_without_mask(read.names[row]) in images[read.folders[row]]]
    if len(fit) * 2 >= sum(map(len, images.values())):
        read.leave_out("called like masks of others", fit)


def _without_mask(name: str) -> tuple[str, bool]:
    """A name without the words for images and masks, and whether there was one for masks."""
    whole = name.lower()
    words = [whole] if MASKS.fullmatch(whole) else [word.lower() for word in words_of(name)]
    mask = next((at for at, word in enumerate(words) if MASKS.fullmatch(word)), None)
    rest = [
        word
        for at, word in enumerate(words)
        if not MASKS.fullmatch(word) and not IMAGES.fullmatch(word) and not (mask and at > mask and word.isdigit())
    ]
    return " ".join(rest), mask is not None


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _file_without_mask(path: str) -> str:
    return _without_mask(_stem(path))[0]


def _look_through(read: _Reading, quiet: bool = False) -> None:
    """Takes away folders that are around everything; a few pictures may lie beside them."""
    through: list[str] = []
    while True:
        tops = read.tops()
        flat = tops.pop("", 0)
        if len(tops) != 1 or flat > STRAY * len(read.rows()):
            break
        through += tops
        for row in read.rows():
            read.folders[row] = read.folders[row][1:]
    if through and not quiet:
        read.notes.append(f"looked through the folder {'/'.join(through)}")


def _find_split(read: _Reading, asked: str | None, classed: bool) -> None:
    """Finds the level of folders that is a split, if there is one, and takes it away; `classed` if classes follow."""
    tops = read.tops()
    flat = tops.pop("", 0)
    parts = roles(tops)
    kinds = {part for part, _ in parts.values()}
    others = tops.keys() - parts
    if parts and (len(kinds) > 1 if not others else TRAIN in kinds and (len(kinds) > 1 or _agree(read, parts))):
        if flat > STRAY * len(read.rows()) and asked != "folder":
            read.notes.append(f"no split from folders, since {flat:,} pictures lie outside {some(sorted(tops))}")
            return
        _take_split(read, 0, parts, asked)
        return
    if parts and not others and len(parts) > 1:  # several parts of one kind, such as train1 and train2
        for row in read.rows():
            read.folders[row] = read.folders[row][1:]
        read.notes.append(f"looked through the folders {some(sorted(tops))}")
        return
    depth = max((len(read.folders[row]) for row in read.rows()), default=0)
    for level in range(1, depth):
        inside = Counter(read.folders[row][level] for row in read.rows() if len(read.folders[row]) > level)
        parts = roles(inside)
        covered = sum(inside[name] for name in parts)
        if len({part for part, _ in parts.values()}) > 1 and covered >= (1 - STRAY) * len(read.rows()):
            _take_split(read, level, parts, asked)
            return
    if asked is None and classed and len(others) > 1:
        _leave_out_unlabelled(read, tops)
    if asked is None and (named := sorted(name for name in tops if name.lower() in WORDS)):
        read.notes.append(f"{', '.join(named)} taken for a class, though it is called like a part of a split")


def _leave_out_unlabelled(read: _Reading, tops: Counter[str]) -> None:
    """Leaves out a folder called test beside folders of classes; train may be a class, as bus and tram are."""
    deep = {read.folders[row][0] for row in read.rows() if len(read.folders[row]) > 1}
    for name, (part, rest) in sorted(roles(tops).items()):
        if part != TRAIN and not rest and name not in deep:
            read.leave_out(
                f"of {name} without classes", [row for row in read.rows() if read.folders[row][:1] == (name,)]
            )
            del tops[name]


def _agree(read: _Reading, parts: dict[str, tuple[int, str]]) -> bool:
    """Whether the folders inside those that are called like a split are also inside the others."""
    inside: dict[bool, set[str]] = {True: set(), False: set()}
    for row in read.rows():
        folders = read.folders[row]
        if len(folders) > 1:
            inside[folders[0] in parts].add(folders[1].lower())
    return bool(inside[True]) and len(inside[True] & inside[False]) * 2 >= min(len(inside[True]), len(inside[False]))


def _take_split(read: _Reading, level: int, parts: dict[str, tuple[int, str]], asked: str | None) -> None:
    """Takes one level of folders for the split; the rest of its names is a class where it says one, as in trainA."""
    rows = read.rows()
    inside = [row for row in rows if len(read.folders[row]) > level and read.folders[row][level] in parts]
    names = sorted({read.folders[row][level] for row in inside}, key=lambda name: (parts[name][0], name))
    said = Counter(parts[name] for name in names)
    rests = {part: {rest for other, rest in said if other == part} for part in (TRAIN, VALID, TEST)}
    classed = level == 0 and len(rests[TRAIN]) > 1 and "" not in rests[TRAIN]
    classed = classed and rests[VALID] | rests[TEST] <= rests[TRAIN]
    split = np.full(len(read.names), TRAIN, dtype=np.int64)
    for row in inside:
        folders = read.folders[row]
        part, rest = parts[folders[level]]
        split[row] = part
        read.folders[row] = (*folders[:level], *((rest,) if classed else ()), *folders[level + 1 :])
    if asked == "random":
        read.notes.append(f"the folders {'/'.join(names)} are no split, as asked")
        read.split = None
        return
    read.split = split
    read.notes.append(f"split from folders {'/'.join(names)}")
    outside = set(rows) - set(inside)
    read.leave_out(f"outside the folders {'/'.join(names)}", sorted(outside))


def _strip_parts(read: _Reading, split: NDArray[np.int64]) -> None:
    """Inside each part of the split, looks through a folder around everything: train/images/cat, test/test."""
    for _ in range(3):
        mine = {part: [row for row in read.rows() if split[row] == part] for part in set(split.tolist())}
        tops = {part: read.tops(rows) for part, rows in mine.items() if rows}
        classes = {name for counts in tops.values() if len(counts) > 1 for name in counts}
        for part, counts in tops.items():
            name, *others = counts
            deeper = any(len(read.folders[row]) > 1 for row in mine[part])
            if name and not others and name not in classes and (deeper or name.lower() in WORDS):
                for row in mine[part]:
                    read.folders[row] = read.folders[row][1:]


def _find_classes(read: _Reading, forced: bool) -> str:
    """Finds the class of each picture that is taken; or says why there are none."""
    if read.split is not None:
        _strip_parts(read, read.split)
    else:
        _look_through(read, quiet=True)
    _leave_out_copies(read)
    _look_into_equal_folders(read)
    tops = _same_spelling(read)
    unlabelled = _unlabelled_parts(read, tops)
    labelled = [row for row in tops if read.split is None or read.split[row] not in unlabelled]
    stray = [row for row in labelled if not tops[row]]
    names = sorted({tops[row] for row in labelled} - {""})
    if len(names) < 2:
        return _why_none(read, names)
    if len(stray) > STRAY * len(labelled) and not forced:
        return f"{len(stray):,} of {len(labelled):,} pictures lie outside the folders {some(sorted(names))}"
    for part, mine in unlabelled.items():
        read.leave_out(f"of {SPLITS[part]} without classes", mine)
    read.leave_out("outside classes", stray)
    read.classes = [tops[row] for row in read.rows()]
    return ""


def _leave_out_copies(read: _Reading) -> None:
    """Leaves out a folder around copies of the class folders beside it, as unpacking twice gives."""
    inner: dict[str, set[str]] = defaultdict(set)
    for row in read.rows():
        if len(read.folders[row]) > 1:
            inner[read.folders[row][0]].add(read.folders[row][1])
    beside = set(read.tops())
    around = [name for name, names in inner.items() if len(names) > 1 and names <= beside - {name}]
    rows = [row for row in read.rows() if read.folders[row] and read.folders[row][0] in around]
    read.leave_out(f"of {some(sorted(around))}, whose folders are classes beside it,", rows)


def _look_into_equal_folders(read: _Reading) -> None:
    """Where all folders hold folders of the same names, looks through numbered pieces, and says so of others."""
    inner: dict[str, set[str]] = defaultdict(set)
    for row in read.rows():
        top, second = (*read.folders[row], "", "")[:2]
        inner[top].add(second)
    common = set.intersection(*inner.values()) if inner else set()
    if len(inner) < 2 or len(common) < 2 or "" in common | inner.keys():
        return
    if all(PIECES.fullmatch(name.lower()) for name in inner):
        for row in read.rows():
            read.folders[row] = read.folders[row][1:]
        read.notes.append(f"looked through the folders {some(sorted(inner))}")
    else:
        read.notes.append(f"the folders {some(sorted(common))} inside each of them are not used")


def _unlabelled_parts(read: _Reading, tops: dict[int, str]) -> dict[int, list[int]]:
    """Parts of the split that show none of the classes that are trained on, and their pictures."""
    if read.split is None:
        return {}
    mine = {part: [row for row in tops if read.split[row] == part] for part in (TRAIN, VALID, TEST)}
    classes = {tops[row] for row in mine.pop(TRAIN)} - {""}
    return {part: rows for part, rows in mine.items() if len(classes) > 1 and not classes & {tops[row] for row in rows}}


def _same_spelling(read: _Reading) -> dict[int, str]:
    """The outermost folder of each picture; a folder called Cat in one part and cat in another is one class."""
    tops = {row: read.folders[row][0].strip() if read.folders[row] else "" for row in read.rows()}
    if read.split is None:
        return tops
    spelt: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row, name in tops.items():
        spelt[name.casefold()][int(read.split[row])].add(name)
    first = {
        folded: next(iter(parts[min(parts)])) for folded, parts in spelt.items() if max(map(len, parts.values())) == 1
    }
    return {row: first.get(name.casefold(), name) for row, name in tops.items()}


def _why_none(read: _Reading, names: list[str]) -> str:
    """Why there are no classes, where there are not even two folders."""
    if names:
        return f"{names[0]} is the only folder"
    if read.split is not None:
        return "there are no folders inside those of the split"
    through = next((note for note in read.notes if note.startswith("looked through")), "")
    return f"all pictures lie in {through.removeprefix('looked through ')}" if through else "there are no folders"


def _concluded(read: _Reading, no_classes: str, labelled: bool, drawn: bool) -> Content:
    """The content as it is handed on, and its line."""
    kept = np.flatnonzero(read.kept)
    split = None if read.split is None else read.split[kept].astype(np.uint8)
    label_names = sorted(set(read.classes))
    index = {name: at for at, name in enumerate(label_names)}
    members = np.array([index[name] for name in read.classes], dtype=np.int64)
    labels = one_hot(members, len(label_names)) if read.classes else np.zeros((len(kept), 0), np.uint8)
    foldered = any("/" in name for name in read.names)
    said = []
    if read.classes:
        said.append(describe(label_names, labels, True, "folder names"))
    elif foldered and not labelled:
        said.append("no classes, as asked" if no_classes.startswith("--") else f"no classes, since {no_classes}")
    one_part = split is not None and (len(set(split.tolist())) < 2 or TRAIN not in split)
    said += [note for note in read.notes if not (one_part and note.startswith("split from"))]
    odd = {
        f"{'picture' if len(rows) == 1 else 'pictures'} {why} left out (the first: {read.names[rows[0]]})": len(rows)
        for why, rows in read.outside.items()
    }
    said += [f"{count:,} {what}" for what, count in odd.items()]
    if one_part:
        left = SPLITS[int(split[0])] if split is not None and len(split) else "nothing"
        said.append(f"the split is drawn, since only {left} is left of the folders' own")
        split = None
    elif split is None and foldered:
        said.append("the split is drawn" + (", as asked" if drawn else ""))
    if labelled and split is None:  # by a table, which says where the split is from
        said = []
    return Content(
        kept=kept,
        label_names=tuple(label_names),
        labels=labels,
        split=split,
        lines=["; ".join(said)] if said else [],
        odd=odd,
        no_classes=no_classes,
        exclusive=bool(read.classes),
    )
