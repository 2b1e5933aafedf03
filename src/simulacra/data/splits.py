"""Which pictures train, validate and test.

In a store the split depends on the pictures' content, so that all copies of a picture are in one split, and in small
classes on the class too. A run may hold out more of the training images, which are drawn one by one at random.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulacra.data.store import SPLITS, ImageStore
from simulacra.errors import DataError
from simulacra.seeds import Draw, stream

TRAIN, VALID, TEST = range(len(SPLITS))
# Upper ends of train and valid on a scale of 0 to 1.
ENDS = (0.90, 0.95)
# Classes with fewer different pictures than these are split by class, and from these on each part has some of them.
SMALL, SHARED = 100, 10
NAMED = 5  # labels that a sentence lists

# Words for the parts of a split. `HELD` is the test split where no other is, else the validation split.
HELD = -1
WORDS: dict[str, int] = {
    **dict.fromkeys(("train", "training", "trainings", "trn", "tr", "learn", "learning", "trainval"), TRAIN),
    **dict.fromkeys(("valid", "val", "validation", "validate", "validating", "vld", "va", "vali"), VALID),
    **dict.fromkeys(("dev", "devel", "development", "devset"), VALID),
    **dict.fromkeys(("test", "testing", "tests", "tst", "te", "ts"), TEST),
    **dict.fromkeys(("eval", "evaluation", "evaluate", "evaluating", "holdout", "heldout"), HELD),
}
# Words that say nothing beside one of those.
FILLERS = re.compile(
    "sets?|data|datasets?|images?|imgs?|pics?|pictures?|photos?|splits?|samples?|part|fold|dir|folder|files|jpe?g|png|raw|"
    "new|final|original"
)
GLUED = re.compile(f"({'|'.join(sorted(WORDS, key=len, reverse=True))})({FILLERS.pattern})")


def split_by_content(digests: Sequence[bytes]) -> NDArray[np.uint8]:
    """About 90 % train, 5 % valid and 5 % test, none of them empty if there are enough pictures.

    Args:
        digests: one hash of at least 8 bytes per picture, equal for equal pictures.

    Returns:
        (N,) uint8, an index into SPLITS.
    """
    positions = _positions(digests)
    split = np.searchsorted(ENDS, positions, side="right").astype(np.uint8)
    for part in (TRAIN, VALID, TEST):
        if len(split) and not (split == part).any():
            _lend(split, positions, part)
    return split


def roles(names: Iterable[str]) -> dict[str, tuple[int, str]]:
    """The part of a split that each folder's name says, and the rest of the name; only for names that say one.

    What all names have in common, as in seg_train and seg_test, is no part of the rest.
    """
    words = {name: words_of(name) for name in names}
    common = set.intersection(*({word.lower() for word in found} for found in words.values())) if words else set()
    found: dict[str, tuple[int, str]] = {}
    for name, parts in words.items():
        said = {WORDS[word.lower()] for word in parts if word.lower() in WORDS}
        rest = [word for word in parts if word.lower() not in WORDS and word.lower() not in common]
        rest = [word for word in rest if not FILLERS.fullmatch(word.lower())]
        # train-val is what is trained on, test-dev and eval-test what is tested on; train-test is neither.
        said = {TRAIN} if said == {TRAIN, VALID} else {TEST} if TEST in said and TRAIN not in said else said
        if len(said) == 1:
            found[name] = said.pop(), " ".join(word for word in rest if not word.isdigit())
    parts_there = {part for part, _ in found.values()}
    held = VALID if TEST in parts_there and VALID not in parts_there else TEST
    return {name: (held if part == HELD else part, rest) for name, (part, rest) in found.items()}


def words_of(name: str) -> list[str]:
    """The words of a name, of which one may be the part of a split: TrainSet, hold-out, seg_train, val2017."""
    text = re.sub(r"(?i)(hold|held)[\W_]?(out)", r"\1\2", name)
    text = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])", " ", text)
    words = [word for word in re.split(r"[\W_]+", text) if word]
    glued = [(word, GLUED.fullmatch(word.lower())) for word in words]
    return [part for word, match in glued for part in (match.groups() if match else (word,))]


def split_by_class(digests: Sequence[bytes], classes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """As `split_by_content`, but no class is left without a training picture, and small ones are shared out too.

    Of a class with fewer than `SMALL` different pictures about 5 % are valid and 5 % test, and at least one each from
    `SHARED` pictures on. Smaller classes give 5 % of all their pictures together, never the last one of a class.

    Args:
        digests: one hash of at least 8 bytes per picture, equal for equal pictures.
        classes: (N,) the class of each picture.

    Returns:
        (N,) uint8, an index into SPLITS.
    """
    split = split_by_content(digests)
    if not len(split):
        return split
    _, first, content = np.unique(_positions(digests), return_index=True, return_inverse=True)
    owner = classes[first]
    part = split[first]
    tops: list[int] = []
    seconds: list[int] = []
    tiny = 0
    for kind in np.unique(owner):
        members = np.flatnonzero(owner == kind)  # ascending in place, as contents are
        if len(members) >= SMALL:
            continue
        part[members] = TRAIN
        if len(members) >= SHARED:
            share = max(1, round((1 - ENDS[1]) * len(members)))
            part[members[-share:]], part[members[-2 * share : -share]] = TEST, VALID
            continue
        tiny += len(members)
        tops += members[-1:].tolist() if len(members) > 1 else []
        seconds += members[-2:-1].tolist() if len(members) > 2 else []
    share = int(np.ceil(round((1 - ENDS[1]) * tiny, 6)))
    lent = [*sorted(tops, reverse=True), *sorted(seconds, reverse=True)]
    part[lent[:share]], part[lent[share : 2 * share]] = TEST, VALID
    shared: NDArray[np.uint8] = part[content]
    return shared


def untrained(store: ImageStore) -> tuple[str, ...]:
    """Labels that no training image of a store has; none where there are no training images."""
    rows = store.rows("train")
    if not len(rows):
        return ()
    shown = store.labels[rows].max(axis=0)
    return tuple(name for name, met in zip(store.label_names, shown, strict=True) if not met)


def untrained_line(names: Sequence[str]) -> str:
    """One sentence on labels that no training image has."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"no training image has the label {' or '.join(names[:NAMED])}{more}, so a model cannot learn it"


def hold_out(store: ImageStore, count: int, seed: int) -> ImageStore:
    """The same images with some of the training ones in the split "valid", for one run; nothing on disk changes.

    Args:
        store: the data set.
        count: number of training images that join the valid split; 0 gives the store itself.
        seed: decides which.

    Raises:
        DataError: that would leave no training image.
    """
    if not count:
        return store
    rows = store.rows("train")
    if count >= len(rows):
        raise DataError(f"data.holdout = {count:,}: {store.path} has {len(rows):,} training images; hold out fewer")
    split = store.split.copy()
    split[stream(seed, Draw.HOLDOUT).permutation(rows)[:count]] = VALID
    return replace(store, split=split)


def _positions(digests: Sequence[bytes]) -> NDArray[np.float64]:
    """Hashes on a scale of 0 to 1."""
    return np.array([int.from_bytes(digest[:8], "big") for digest in digests], dtype=np.float64) / 2.0**64


def _lend(split: NDArray[np.uint8], positions: NDArray[np.float64], part: int) -> None:
    """Moves one picture with all its copies into an empty split, unless this would empty another split."""
    contents = {other: np.unique(positions[split == other]) for other in (TRAIN, VALID, TEST) if other != part}
    richest = max(contents, key=lambda other: len(contents[other]))
    if len(contents[richest]) > 1 or part == TRAIN:
        split[positions == contents[richest][-1]] = part


def require_valid(store: ImageStore, least: int) -> None:
    """Refuses a data set without images to choose by.

    Raises:
        DataError: the split "valid" has fewer than `least` images.
    """
    count, train = len(store.rows("valid")), len(store.rows("train"))
    if count < least:
        held_out = max(least, min(1000, train // 10))
        raise DataError(
            f'{store.path} has {count} images in the split "valid", by which a checkpoint is chosen; train with some '
            f"training images held out for it: --set data.holdout={held_out}"
        )
