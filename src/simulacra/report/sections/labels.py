"""Sections of what labels and codes do to images, by the word of a judge that was trained on real ones."""

import numpy as np
from numpy.typing import NDArray

from simulacra.report.blocks import Album, Block, Chart, Fold, Section
from simulacra.report.figures import heat_map
from simulacra.report.formats import percent, plain
from simulacra.report.reading import Arrays, Record, Unreadable, names

Matrix = NDArray[np.float64]

LEAST_SCALE = 0.1  # nats: what is next to nothing is to look so
TOLD = 0.02  # nats from which a code is said to tell of a label
JUDGE = "The judge is a classifier that was trained on real images alone and knows nothing of this model."


def leakage(record: Record, album: Album, arrays: Arrays) -> Section:
    """What else moves when one label is turned; of classes, which are taken for which."""
    matrix = _matrix(arrays, "matrix")
    asked, judged = names(arrays, "asked", len(matrix)), names(arrays, "judged", matrix.shape[1])
    vectors = bool(arrays.get("vectors", np.zeros(1)).any())
    if arrays.get("exclusive", np.zeros(1)).any():
        return Section("Are classes obeyed?", [_classes(album, matrix, asked, judged, vectors)])
    turned = "moving a code along an attribute vector" if vectors else "turning one label"
    blocks: list[Block] = [_changes(album, matrix, asked, judged, vectors, turned)]
    if "absolute" in arrays and (sizes := _matrix(arrays, "absolute")).shape == matrix.shape:
        blocks.append(Fold("Changes in either direction", [_sizes(album, sizes, asked, judged, turned)]))
    return Section("What else a label changes", blocks)


def _changes(album: Album, matrix: Matrix, asked: list[str], judged: list[str], vectors: bool, turned: str) -> Chart:
    own = _own(asked, judged)
    figure = heat_map(
        100 * matrix, asked, judged, title="What turning one label changes", x_name="label that the judge sees",
        y_name="label turned on", unit="change of judged probability, % points", form="{:+.0f}", signed=True, most=100,
        own=own,
    )  # fmt: skip
    how = (
        "codes of held-out images were moved by the mean code of training images with the label less that of those "
        "without, and decoded; labels that go together in the data are in that vector too"
        if vectors
        else "the generator made the same images again, noise and all other labels held, with one label turned"
    )
    caption = (
        f"For each row, {how}. A cell says by how many percentage points the judge finds the column's label more "
        "likely (blue) or less likely (vermilion) when the row's label goes from off to on. Framed cells are the label "
        f"itself: +100 would be obeyed always. All else should be 0: what is not leaks.{_worst(matrix, asked, judged)} "
        f"{JUDGE}"
    )
    alt = f"Heat map of {len(asked)} labels turned by {len(judged)} labels judged, after {turned}."
    return album.chart("leakage", figure, alt=alt, caption=caption)


def _sizes(album: Album, sizes: Matrix, asked: list[str], judged: list[str], turned: str) -> Chart:
    figure = heat_map(
        100 * sizes, asked, judged, title="What turning one label changes, either way",
        x_name="label that the judge sees", y_name="label turned", unit="mean change without its sign, % points",
        form="{:.0f}", most=100, own=_own(asked, judged),
    )  # fmt: skip
    caption = (
        "The same without signs: a label that rises in one image and falls in the next cancels out above and is seen "
        "here."
    )
    alt = f"Heat map of the size of changes of {len(judged)} judged labels after {turned}."
    return album.chart("leakage-absolute", figure, alt=alt, caption=caption)


def _classes(album: Album, matrix: Matrix, asked: list[str], judged: list[str], vectors: bool) -> Chart:
    figure = heat_map(
        100 * matrix, asked, judged, title="Classes asked for, and seen", x_name="class that the judge sees",
        y_name="class asked for", unit="share of its images, %", form="{:.0f}", most=100, own=_own(asked, judged),
    )  # fmt: skip
    how = (
        "Codes of held-out images were moved from the mean code of their own class to that of another, and decoded."
        if vectors
        else "Samples were made for each class."
    )
    worst = _worst(matrix, asked, judged, "The commonest confusion: {share} of {asked} look like {judged}.")
    caption = (
        f"{how} Each row is a class that was asked for, each column what the judge takes its images for; a row adds up "
        f"to 100%, and the diagonal, framed, is obeyed.{worst} {JUDGE} It errs on real images too: see its floor in "
        "the table of evaluations."
    )
    alt = f"Heat map of {len(asked)} classes asked for by classes judged."
    return album.chart("leakage", figure, alt=alt, caption=caption)


def code_labels(record: Record, album: Album, arrays: Arrays) -> Section:
    """How much each code that was told no label says of each label."""
    matrix = _matrix(arrays, "matrix")
    codes, judged = names(arrays, "codes", len(matrix)), names(arrays, "judged", matrix.shape[1])
    figure = heat_map(
        matrix, codes, judged, title="What codes tell of labels", x_name="label that the judge sees", y_name="code",
        unit="mutual information, nats", form="{:.2f}", most=max(LEAST_SCALE, float(matrix.max())),
    )  # fmt: skip
    found = [
        f"{plain(code, 30)} tells most of {judged[int(row.argmax())]} ({row.max():.2f} nats)"
        for code, row in zip(codes, matrix, strict=True)
        if row.max() >= TOLD
    ]
    said = f" {'; '.join(found[:6])}." if found else " No code tells anything worth speaking of."
    caption = (
        "Nobody told the model a label. A cell says how much knowing a code's value tells of a label that the judge "
        "sees in the sample: 0 is nothing, 0.69 nats settle a label that half of the samples have, and rarer labels "
        f"have less to tell.{said} {JUDGE}"
    )
    alt = f"Heat map of {len(codes)} codes by {len(judged)} labels judged."
    return Section("What the codes found", [album.chart("code-labels", figure, alt=alt, caption=caption)])


def _matrix(arrays: Arrays, key: str) -> Matrix:
    found = arrays.get(key)
    if found is None or found.ndim != 2 or not found.size or found.dtype.kind not in "fiu":
        raise Unreadable(f"it has no array {key!r} of two dimensions")
    if not np.isfinite(found).all():
        raise Unreadable(f"{key!r} holds a number that is not finite")
    return found.astype(np.float64)


def _own(asked: list[str], judged: list[str]) -> int:
    """How many of the first rows stand for the same label as the column of their number."""
    count = 0
    while count < min(len(asked), len(judged)) and asked[count] == judged[count]:
        count += 1
    return count


def _worst(
    matrix: Matrix,
    asked: list[str],
    judged: list[str],
    words: str = "The largest leak: {asked} moves {judged} by {points} points.",
) -> str:
    """The largest cell off the diagonal in words, or nothing where there is none."""
    sizes = np.abs(matrix)
    for place in range(_own(asked, judged)):
        sizes[place, place] = 0
    row, column = divmod(int(sizes.argmax()), matrix.shape[1])
    value = float(matrix[row, column])
    if abs(value) < 0.005:
        return ""
    said = words.format(
        asked=asked[row], judged=judged[column], share=percent(value), points=f"{100 * value:+.0f}".replace("-", "−")
    )
    return f" {said}"
