"""Sections on labels: what they do to images, what a model says of them, and how often samples show them."""

import numpy as np
from numpy.typing import NDArray

from simulacra.report.figures import heat_map, share_pairs
from simulacra.report.formatting import MISSING, listed, number, percent, plain
from simulacra.report.page import Album, Block, Chart, Fold, Section, Table
from simulacra.report.record import Arrays, Record, Unreadable, images, names

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
        100 * matrix,
        asked,
        judged,
        title="What turning one label changes",
        x_name="label that the judge sees",
        y_name="label turned on",
        unit="change of judged probability, % points",
        form="{:+.0f}",
        signed=True,
        most=100,
        own=own,
    )
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
        100 * sizes,
        asked,
        judged,
        title="What turning one label changes, either way",
        x_name="label that the judge sees",
        y_name="label turned",
        unit="mean change without its sign, % points",
        form="{:.0f}",
        most=100,
        own=_own(asked, judged),
    )
    caption = (
        "The same without signs: a label that rises in one image and falls in the next cancels out above and is seen "
        "here."
    )
    alt = f"Heat map of the size of changes of {len(judged)} judged labels after {turned}."
    return album.chart("leakage-absolute", figure, alt=alt, caption=caption)


def _classes(album: Album, matrix: Matrix, asked: list[str], judged: list[str], vectors: bool) -> Chart:
    figure = heat_map(
        100 * matrix,
        asked,
        judged,
        title="Classes asked for, and seen",
        x_name="class that the judge sees",
        y_name="class asked for",
        unit="share of its images, %",
        form="{:.0f}",
        most=100,
        own=_own(asked, judged),
    )
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
        matrix,
        codes,
        judged,
        title="What codes tell of labels",
        x_name="label that the judge sees",
        y_name="code",
        unit="mutual information, nats",
        form="{:.2f}",
        most=max(LEAST_SCALE, float(matrix.max())),
    )
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


SPACES = {
    "features": (
        "By what a network sees",
        "Near means alike in the features of a network, which see shapes and things more than single pixels.",
    ),
    "pixels": (
        "By their pixels",
        "Near means that pixels differ little, on average over the image; among all training images.",
    ),
}
SHARES = 5  # columns of the picture of frequencies: data, samples, lower and upper limit, real images judged alike


def nearest(record: Record, album: Album, arrays: Arrays) -> Section:
    """Samples above the training image and the held-out image that are nearest to each."""
    found = [space for space in SPACES if f"{space}_samples" in arrays]
    if not found:
        raise Unreadable("it has no array 'features_samples' or 'pixels_samples'")
    return Section("Nearest training images", [strip for space in found for strip in _strips(album, arrays, space)])


def _strips(album: Album, arrays: Arrays, space: str) -> list[Block]:
    """The samples likest to training images, and some that are any."""
    title, meaning = SPACES[space]
    rows = [images(arrays, f"{space}_{what}") for what in ("samples", "train", "held_out")]
    if len({one.shape for one in rows}) > 1:
        raise Unreadable(f"its arrays of {space} differ in shape")
    count = len(rows[0])
    near, far = (_numbers(arrays, f"{space}_{what}_distances", count) for what in ("train", "held_out"))
    ratios = np.divide(near, far, out=np.ones(count), where=far > 0)
    likest, usual = (float(_numbers(arrays, f"{space}_{what}", 1)[0]) for what in ("likest", "usual"))
    captions = {
        f"{title}: the likest": f"{meaning} Each sample stands above its nearest training image and its nearest "
        "held-out image, which the model never saw. The number is the distance to the one over the distance to the "
        "other: near 0 a copy, near 1 no nearer than chance would have it; 5% of real images have less than "
        f"{usual:.2f}. These samples have the lowest numbers of all. A copy shares with its training image what no "
        "other image has.",
        f"{title}: any": "The same of samples drawn at random.",
    }
    parts = (slice(0, int(likest)), slice(int(likest), count))
    named = list(zip(("sample", "nearest training", "nearest held out"), rows, strict=True))
    return [
        album.pictures(
            f"nearest-{space}-{name}",
            [(what, row[part]) for what, row in named],
            title=heading,
            headed=True,
            columns=[f"{ratio:.2f}" for ratio in ratios[part].tolist()],
            across="distance to the training image / to the held-out one",
            caption=caption,
            alt=f"{len(ratios[part])} images.",
        )
        for name, part, (heading, caption) in zip(("likest", "any"), parts, captions.items(), strict=True)
        if len(ratios[part])
    ]


def frequencies(record: Record, album: Album, arrays: Arrays) -> Section:
    """How often samples show each label, beside the training set."""
    shares = arrays.get("shares", np.empty(0))
    if shares.ndim != 2 or shares.shape[1] != SHARES or not len(shares) or not np.isfinite(shares).all():
        raise Unreadable(f"it has no array 'shares' of {SHARES} numbers a label")
    data, samples, low, high, floor = shares.astype(np.float64).T
    labels = names(arrays, "label_names", len(shares))
    given = arrays.get("given", np.zeros(len(shares), bool))
    figure = share_pairs(
        labels, data, samples, (low, high), title="How often each label is there", keys=("training images", "samples")
    )
    chart = album.chart(
        "frequencies",
        figure,
        alt=f"Shares of {len(labels)} labels among training images and among samples.",
        caption="Where the diamond lies left of the dot, samples show the label less often than training images do; "
        "thin lines are 95% intervals. Labels of samples were told by a judge, whose usual errors are taken out. The "
        "axis is stretched at both ends, so that rare labels can be read." + _obeyed(labels, given),
    )
    rows = [
        (
            labels[place],
            percent(data[place], 1),
            percent(samples[place], 1),
            f"{percent(low[place], 1)} to {percent(high[place], 1)}",
            percent(floor[place], 1),
        )
        for place in np.argsort(-data, kind="stable").tolist()
    ]
    head = ("label", "training images", "samples", "interval", "real images, judged alike")
    caption = "How often each label is there. The last column shows how far the judge itself is off on real images."
    return Section(
        "What is shown how often", [chart, Fold("As a table", [Table(caption, head, rows, frozenset(range(1, 5)))])]
    )


def _obeyed(labels: list[str], given: NDArray[np.bool_]) -> str:
    told = [label for label, flag in zip(labels, given.tolist(), strict=False) if flag]
    if not told:
        return ""
    return f" Samples were made for given values of {listed(told)}: there the figure tells how well the model obeys."


def _numbers(arrays: Arrays, key: str, count: int) -> NDArray[np.float64]:
    found = arrays.get(key, np.empty(0)).reshape(-1)
    if found.shape != (count,) or found.dtype.kind not in "fiu" or not np.isfinite(found).all():
        raise Unreadable(f"it has no array {key!r} of {count} numbers")
    return found.astype(np.float64)


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
        shares,
        labels,
        labels,
        title="Classes, true and told",
        x_name="told class",
        y_name="true class",
        unit="share of the true class, %",
        most=100,
        texts=[f"{count:,}" if count else "" for count in counts.flat],
    )
    chart = album.chart(
        "confusion",
        figure,
        alt=f"Confusion matrix of {len(counts)} classes; {number(right)} of {number(total)} are on its diagonal.",
        caption=f"Each row is a true class, each column what its images were told to be; cells count test images, the "
        f"darker the larger their share of the row, and empty ones are 0. {number(right)} of {number(total)} "
        f"({percent(right / total)}) lie on the diagonal, told rightly.{worst}",
    )
    rows = [
        (
            label,
            number(int(counts[place].sum())),
            _share(counts[place, place], counts[place].sum()),
            _share(counts[place, place], counts[:, place].sum()),
        )
        for place, label in enumerate(labels)
    ]
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
            (
                label,
                _share(have, total),
                _share(neither + hit, total),
                _share(guess, total),
                _share(hit, have),
                _share(hit, hit + false),
            )
        )
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
