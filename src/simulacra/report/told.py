"""Sections of what a model says of the labels of test images, beside what is true."""

import numpy as np
from numpy.typing import NDArray

from simulacra.report.blocks import Album, Block, Section, Table
from simulacra.report.figures import heat_map
from simulacra.report.formats import MISSING, number, percent
from simulacra.report.reading import Arrays, Record, Unreadable, names

Counts = NDArray[np.int64]


def confusion(record: Record, album: Album, arrays: Arrays) -> Section:
    """Which classes are taken for which, and how well each is told."""
    counts = _counts(arrays, 2)
    if counts.shape[0] != counts.shape[1]:
        raise Unreadable(f"'counts' is {counts.shape}, not square")
    labels = names(arrays, "label_names", len(counts))
    right, total = int(np.trace(counts)), int(counts.sum())
    wrong = counts - np.diag(np.diag(counts))
    true, told = divmod(int(wrong.argmax()), len(counts))
    worst = (
        f" The commonest mistake: {number(int(wrong.max()))} images of {labels[true]} told to be {labels[told]}."
        if wrong.any()
        else ""
    )
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = heat_map(
        shares, labels, labels, title="Classes, true and told", x_name="told class", y_name="true class",
        unit="share of the true class, %", most=100, texts=[f"{count:,}" if count else "" for count in counts.flat],
    )  # fmt: skip
    chart = album.chart(
        "confusion", figure,
        alt=f"Confusion matrix of {len(counts)} classes; {number(right)} of {number(total)} are on its diagonal.",
        caption=f"Each row is a true class, each column what its images were told to be; cells count test images, the "
        f"darker the larger their share of the row, and empty ones are 0. {number(right)} of {number(total)} "
        f"({percent(right / total)}) lie on the diagonal, told rightly.{worst}",
    )  # fmt: skip
    rows = [
        (label, number(int(counts[place].sum())), _share(counts[place, place], counts[place].sum()),
         _share(counts[place, place], counts[:, place].sum()))
        for place, label in enumerate(labels)
    ]  # fmt: skip
    caption = "Found: of the class's images, how many were told to be of it. Right: of those told to be, how many are."
    head = ("class", "test images", "found (recall)", "right (precision)")
    return Section("Classes told of test images", [chart, Table(caption, head, rows, frozenset({1, 2, 3}))])


def verdicts(record: Record, album: Album, arrays: Arrays) -> Section:
    """How well each attribute is told, beside what guessing alone would give."""
    counts = _counts(arrays, 3)
    if counts.shape[1:] != (2, 2):
        raise Unreadable(f"'counts' is {counts.shape}, not a table of 2 times 2 for each label")
    labels = names(arrays, "label_names", len(counts))
    rows = []
    for label, ((neither, false), (missed, hit)) in zip(labels, counts.tolist(), strict=True):
        total, have = neither + false + missed + hit, missed + hit
        guess = max(have, total - have)
        rows.append(
            (label, _share(have, total), _share(neither + hit, total), _share(guess, total), _share(hit, have),
             _share(hit, hit + false))
        )  # fmt: skip
    caption = (
        f"Of {number(int(counts[0].sum()))} test images, how many have the label, how often it is told rightly, and "
        "how often the commoner answer alone would be right: only what lies above that was learnt. Found: of those "
        "that have it, how many were told to. Right: of those told to have it, how many do."
    )
    head = ("label", "have it", "told rightly", "by guessing", "found (recall)", "right (precision)")
    table: Block = Table(caption, head, rows, frozenset(range(1, 6)))
    return Section("Labels told of test images", [table])


def _counts(arrays: Arrays, dimensions: int) -> Counts:
    counts = arrays.get("counts")
    if counts is None or counts.ndim != dimensions or counts.dtype.kind not in "iu" or not counts.sum():
        raise Unreadable(f"it has no array 'counts' of {dimensions} dimensions that counts anything")
    return counts.astype(np.int64)


def _share(part: int, whole: int) -> str:
    """A share with a decimal, as classes differ by less than a percent."""
    return percent(int(part) / int(whole), 1) if whole else MISSING
