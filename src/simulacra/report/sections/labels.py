"""Sections about labels: their effect on images, their frequency among samples, and how well they are predicted."""

import numpy as np
from numpy.typing import NDArray

from simulacra.report.figures.charts import heat_map, share_pairs
from simulacra.report.formatting import MISSING, listed, number, percent
from simulacra.report.page import Album, Block, Chart, Fold, Section, Table
from simulacra.report.record import Arrays, Record, Unreadable, names, numbers, scalar

Matrix = NDArray[np.float64]

LEAST_LEAK = 0.005  # smaller changes are not mentioned
JUDGE = "The judge is a classifier that was trained on real images alone and knows nothing about this model."


def leakage(record: Record, album: Album, arrays: Arrays) -> Section:
    """What else changes when one label is switched on; of classes, which are mistaken for which."""
    matrix = numbers(arrays, "matrix", (None, None))
    switched, judged = names(arrays, "asked", len(matrix)), names(arrays, "judged", matrix.shape[1])
    vectors = bool(scalar(arrays, "vectors"))
    if scalar(arrays, "exclusive"):
        return Section("Are classes obeyed?", [_classes(album, matrix, switched, judged, vectors)])
    blocks: list[Block] = [_changes(album, matrix, switched, judged, vectors)]
    if "absolute" in arrays and (sizes := numbers(arrays, "absolute", (None, None))).shape == matrix.shape:
        blocks.append(Fold("Changes in either direction", [_sizes(album, sizes, switched, judged)]))
    return Section("What else a label changes", blocks)


def _changes(album: Album, matrix: Matrix, switched: list[str], judged: list[str], vectors: bool) -> Chart:
    """Mean changes of predicted labels, with their sign."""
    figure = heat_map(
        100 * matrix,
        switched,
        judged,
        title="What switching on one label changes",
        axes=("label predicted by the judge", "label switched on"),
        unit="change of predicted probability, % points",
        form="{:+.0f}",
        signed=True,
        most=100,
        framed=_shared(switched, judged),
    )
    how = (
        "For each row, codes of held-out images were moved along an attribute vector and decoded. The vector is the "
        "mean code of training images with the label minus the mean code of those without it, so it also contains "
        "labels that often occur together with it."
        if vectors
        else "For each row, the generator generated the same images twice, with the row's label off and on. The noise "
        "and all other labels stayed the same."
    )
    worst = _largest(matrix, switched, judged)
    points = f"{100 * worst[2]:+.0f}".replace("-", "−") if worst else ""
    leak = f" The largest leak: {worst[0]} changes {worst[1]} by {points} points." if worst else ""
    caption = (
        f"{how} A cell says by how many percentage points the probability of the column's label rises (blue) or falls "
        "(vermilion), as predicted by a judge. The framed cells are the label itself: +100 means that it is always "
        f"obeyed, as the judge sees it. All other cells should be 0; the rest is leakage.{leak} {JUDGE}"
    )
    alt = f"Heat map of {len(switched)} labels switched on by {len(judged)} predicted labels."
    return album.chart("leakage", figure, alt=alt, caption=caption)


def _sizes(album: Album, sizes: Matrix, switched: list[str], judged: list[str]) -> Chart:
    """Mean sizes of the changes, without their sign."""
    figure = heat_map(
        100 * sizes,
        switched,
        judged,
        title="What switching on one label changes, in either direction",
        axes=("label predicted by the judge", "label switched on"),
        unit="mean size of the change, % points",
        form="{:.0f}",
        most=100,
        framed=_shared(switched, judged),
    )
    caption = (
        "The same without signs. A label that rises in one image and falls in another cancels out in the figure above "
        "and is visible here."
    )
    alt = f"Heat map of the size of changes: {len(switched)} labels switched on by {len(judged)} predicted labels."
    return album.chart("leakage-absolute", figure, alt=alt, caption=caption)


def _classes(album: Album, matrix: Matrix, requested: list[str], judged: list[str], vectors: bool) -> Chart:
    """Shares of predicted classes among the images of each requested class."""
    figure = heat_map(
        100 * matrix,
        requested,
        judged,
        title="Classes requested and predicted",
        axes=("class predicted by the judge", "requested class"),
        unit="share of its images, %",
        form="{:.0f}",
        most=100,
        framed=_shared(requested, judged),
    )
    how = (
        "Codes of held-out images were moved from the mean code of their class to that of another class, and decoded."
        if vectors
        else "Samples were generated for each class."
    )
    worst = _largest(matrix, requested, judged)
    mistake = f" The most frequent mistake: {percent(worst[2])} of {worst[0]} look like {worst[1]}." if worst else ""
    caption = (
        f"{how} Each row is a requested class. Each column is a class that the judge predicts. A row adds up to 100%. "
        f"The framed diagonal is the share that obeys.{mistake} {JUDGE} It also makes mistakes on real images: its "
        "accuracy there stands beside the metric Labels obeyed in the score card, with what chance would give."
    )
    alt = f"Heat map of {len(requested)} requested classes by predicted classes."
    return album.chart("leakage", figure, alt=alt, caption=caption)


def _shared(rows: list[str], columns: list[str]) -> int:
    """How many of the first rows stand for the same label as the column of the same index."""
    count = 0
    while count < min(len(rows), len(columns)) and rows[count] == columns[count]:
        count += 1
    return count


def _largest(matrix: Matrix, rows: list[str], columns: list[str]) -> tuple[str, str, float] | None:
    """Row, column and value of the largest cell off the diagonal; None where all are about 0."""
    sizes = np.abs(matrix)
    same = np.arange(_shared(rows, columns))
    sizes[same, same] = 0
    row, column = divmod(int(sizes.argmax()), matrix.shape[1])
    value = float(matrix[row, column])
    return (rows[row], columns[column], value) if sizes[row, column] >= LEAST_LEAK else None


FREQUENCIES = 5  # columns: data, samples, lower and upper limit, real images as predicted by the judge


def frequencies(record: Record, album: Album, arrays: Arrays) -> Section:
    """How often samples show each label, beside the training images."""
    shares = numbers(arrays, "shares", (None, FREQUENCIES))
    data, sampled, low, high, _ = shares.T
    labels = names(arrays, "label_names", len(shares))
    figure = share_pairs(
        labels, data, sampled, (low, high), title="How often each label occurs", keys=("training images", "samples")
    )
    given = [label for label, flag in zip(labels, arrays.get("given", np.zeros(0)).tolist(), strict=False) if flag]
    only = f" Samples were generated for given values of {listed(given)}: only other labels are the model's own choice."
    chart = album.chart(
        "frequencies",
        figure,
        alt=f"Shares of {len(labels)} labels among training images and among samples.",
        caption="Where the diamond lies left of the dot, samples show the label less often than training images do. "
        "Thin lines are 95% intervals. A judge predicted the labels of samples; its usual errors are removed. The "
        f"axis is stretched at both ends, so that rare labels can be read.{only if given else ''}",
    )
    rows = []
    for index in np.argsort(-data, kind="stable").tolist():
        real, share, start, end, judged = (percent(value, 1) for value in shares[index])
        rows.append((labels[index], real, share, f"{start} to {end}", judged))
    head = ("label", "training images", "samples", "interval", "real images, as predicted")
    caption = "How often each label occurs. The last column, predictions of real images, shows the judge's own error."
    table = Table(caption, head, rows, frozenset(range(1, 5)))
    return Section("How often samples show each label", [chart, Fold("As a table", [table])])


def confusion(record: Record, album: Album, arrays: Arrays) -> Section:
    """Which classes are mistaken for which, and how well each is predicted."""
    counts = _counts(arrays, (None, None))
    if counts.shape[0] != counts.shape[1]:
        raise Unreadable(f"'counts' is {counts.shape}, not square")
    labels = names(arrays, "label_names", len(counts))
    correct, total = int(np.trace(counts)), int(counts.sum())
    wrong = counts - np.diag(np.diag(counts))
    true, predicted = divmod(int(wrong.argmax()), len(counts))
    mistake = f"{number(int(wrong.max()))} images of {labels[true]} are predicted as {labels[predicted]}"
    figure = heat_map(
        100 * counts / np.maximum(counts.sum(1, keepdims=True), 1),
        labels,
        labels,
        title="True and predicted classes",
        axes=("predicted class", "true class"),
        unit="share of the true class, %",
        most=100,
        texts=[f"{count:,}" if count else "" for count in counts.flat],
    )
    chart = album.chart(
        "confusion",
        figure,
        alt=f"Confusion matrix of {len(counts)} classes; {number(correct)} of {number(total)} are on its diagonal.",
        caption="Each row is a true class, each column a predicted class. Cells count test images; empty cells are 0. "
        f"A darker cell is a larger share of its row. {number(correct)} of {number(total)} "
        f"({percent(correct / total)}) are on the diagonal: predicted "
        f"correctly.{f' The most frequent mistake: {mistake}.' if wrong.any() else ''}",
    )
    rows = [
        (label, number(int(row.sum())), _share(row[index], row.sum()), _share(row[index], column.sum()))
        for index, (label, row, column) in enumerate(zip(labels, counts, counts.T, strict=True))
    ]
    caption = (
        "Recall: the share of the images of a class that are predicted as this class. Precision: the share of the "
        "images predicted as a class that belong to it."
    )
    table = Table(caption, ("class", "test images", "recall", "precision"), rows, frozenset({1, 2, 3}))
    return Section("Predicted classes of test images", [chart, table])


def predictions(record: Record, album: Album, arrays: Arrays) -> Section:
    """How well each attribute is predicted, beside the accuracy of a constant answer."""
    counts = _counts(arrays, (None, 2, 2))
    labels, rows = names(arrays, "label_names", len(counts)), []
    for label, ((neither, false), (missed, hit)) in zip(labels, counts.tolist(), strict=True):
        total, have = neither + false + missed + hit, missed + hit
        of_all = [_share(part, total) for part in (have, neither + hit, max(have, total - have))]
        rows.append((label, *of_all, _share(hit, have), _share(hit, hit + false)))
    caption = (
        f"Of {number(int(counts[0].sum()))} test images. Constant answer: the accuracy of always giving the more "
        "frequent answer; only what lies above it was learned. Recall: the share of the images with the label that "
        "are predicted to have it. Precision: the share of the images predicted to have the label that do have it."
    )
    head = ("label", "have it", "accuracy", "constant answer", "recall", "precision")
    return Section("Predicted labels of test images", [Table(caption, head, rows, frozenset(range(1, 6)))])


def _counts(arrays: Arrays, shape: tuple[int | None, ...]) -> NDArray[np.int64]:
    counts = numbers(arrays, "counts", shape)
    if arrays["counts"].dtype.kind == "f" or not counts.sum():
        raise Unreadable("its array 'counts' counts nothing")
    return counts.astype(np.int64)


def _share(part: int, whole: int) -> str:
    """A share with a decimal, as classes differ by less than a percent."""
    return percent(int(part) / int(whole), 1) if whole else MISSING
