"""Sections of what samples are like: their nearest training images, and how often they show each label."""

import numpy as np
from numpy.typing import NDArray

from simulacra.report.blocks import Album, Block, Fold, Section, Table
from simulacra.report.figures import share_pairs
from simulacra.report.formats import listed, percent
from simulacra.report.reading import Arrays, Record, Unreadable, images, names

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
            title=heading, headed=True, columns=[f"{ratio:.2f}" for ratio in ratios[part].tolist()],
            across="distance to the training image / to the held-out one", caption=caption,
            alt=f"{len(ratios[part])} images.",
        )
        for name, part, (heading, caption) in zip(("likest", "any"), parts, captions.items(), strict=True)
        if len(ratios[part])
    ]  # fmt: skip


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
        "frequencies", figure, alt=f"Shares of {len(labels)} labels among training images and among samples.",
        caption="Where the diamond lies left of the dot, samples show the label less often than training images do; "
        "thin lines are 95% intervals. Labels of samples were told by a judge, whose usual errors are taken out. The "
        "axis is stretched at both ends, so that rare labels can be read." + _obeyed(labels, given),
    )  # fmt: skip
    rows = [
        (labels[place], percent(data[place], 1), percent(samples[place], 1),
         f"{percent(low[place], 1)} to {percent(high[place], 1)}", percent(floor[place], 1))
        for place in np.argsort(-data, kind="stable").tolist()
    ]  # fmt: skip
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
