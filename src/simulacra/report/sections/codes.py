"""The section of the map: the test images' codes in the plane, coloured by labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulacra.report.blocks import Album, Chart, Gallery, Section
from simulacra.report.figures import code_map, label_maps
from simulacra.report.formats import listed, percent, plain
from simulacra.report.reading import Arrays, Record, Unreadable, names

Points = NDArray[np.float32]
Flags = NDArray[np.bool_]
MOST_OTHERS = 8
WORDS = ("first", "second")
CODE_AXES = ("first number of the code (no unit)", "second number (no unit)")
AS_IT_IS = "placed at its code, which is two numbers; samples come from around the middle."
AS_SHADOW = (
    "placed along the two directions in which the codes vary most (principal components, Pearson 1901): a shadow of "
    "the codes, in which near dots may be far apart along other directions."
)
BY_TSNE = (
    "placed by t-SNE (van der Maaten and Hinton 2008) so that images with similar codes lie close together; directions "
    "and distances between far groups mean nothing."
)


@dataclass(frozen=True)
class Placing:
    """How codes came into the plane.

    Attributes:
        file: name of the figure.
        how: the end of a sentence that begins with the dots.
        axes: names of the axes, where their numbers mean something.
    """

    file: str
    how: str
    axes: tuple[str, str] | None


def code_maps(record: Record, album: Album, arrays: Arrays) -> Section:
    """One map coloured by the chosen label or by class, and small ones for the other labels."""
    plane = Placing("map", AS_IT_IS, CODE_AXES) if _is_plane(arrays) else Placing("map", BY_TSNE, None)
    return _maps(album, arrays, plane, "Map of the codes")


def principal_maps(record: Record, album: Album, arrays: Arrays) -> Section:
    """The same of the codes' principal components."""
    shares = arrays.get("explained", np.empty(0))
    if shares.shape != (2,):
        raise Unreadable("it has no array 'explained' of two shares")
    axes = [
        f"{word} component ({percent(float(share))} of variance)" for word, share in zip(WORDS, shares, strict=True)
    ]
    return _maps(
        album, arrays, Placing("map-pca", AS_SHADOW, (axes[0], axes[1])), "Map of the codes by principal components"
    )


def _maps(album: Album, arrays: Arrays, placing: Placing, title: str) -> Section:
    points, flags = _dots(arrays)
    labels = names(arrays, "label_names", flags.shape[1])
    exclusive = "exclusive" in arrays and bool(arrays["exclusive"].any())
    chosen = plain(arrays["chosen"].item()) if arrays.get("chosen", np.empty(0)).size == 1 else ""
    place = labels.index(chosen) if chosen in labels else 0
    groups, subject = [], ""
    if labels and exclusive:
        groups, subject = [(label, flags[:, column]) for column, label in enumerate(labels)], "class"
    elif labels:
        subject = labels[place]
        groups = [(f"without {subject}", ~flags[:, place]), (subject, flags[:, place])]
    charts = [_main(album, points, groups, subject, placing)]
    others = [
        (label, flags[:, column])
        for column, label in enumerate(labels)
        if column != place and flags[:, column].any() and not flags[:, column].all()
    ]
    if others and not exclusive:
        charts.append(_small(album, points, others, f"{placing.file}-labels"))
    return Section(title, [Gallery(charts)])


def _is_plane(arrays: Arrays) -> bool:
    codes = arrays.get("codes")
    return codes is not None and codes.ndim == 2 and codes.shape[1] == 2


def _dots(arrays: Arrays) -> tuple[Points, Flags]:
    points, labels = arrays.get("points"), arrays.get("labels")
    if points is None or points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
        raise Unreadable("it has no array 'points' of N finite places in the plane")
    flags = np.zeros((len(points), 0), dtype=np.bool_) if labels is None else labels.astype(np.bool_)
    if flags.ndim != 2 or len(flags) != len(points):
        raise Unreadable("its arrays 'points' and 'labels' do not go together")
    return points.astype(np.float32), flags


def _main(album: Album, points: Points, groups: list[tuple[str, Flags]], subject: str, placing: Placing) -> Chart:
    """The map itself."""
    title = f"Codes of the test images{f', by {plain(subject, 24)}' if subject else ''}"
    coloured = f", coloured by {subject}" if subject else ""
    names_of_axes = {"names": placing.axes} if placing.axes else {}
    return album.chart(
        placing.file, code_map(points, groups, title=title, **names_of_axes),
        alt=f"Scatter plot of the codes of {len(points):,} images in two dimensions{coloured}.",
        caption=f"Each of the {len(points):,} dots is an image kept aside from training, {placing.how} Where colours "
        "form regions, the code knows of the label.",
    )  # fmt: skip


def _small(album: Album, points: Points, others: list[tuple[str, Flags]], file: str) -> Chart:
    """The labels that divide the images most evenly: rare ones would be dots nobody sees."""
    even = sorted(others, key=lambda item: abs(float(item[1].mean()) - 0.5))[:MOST_OTHERS]
    shown = [item for item in others if any(item is kept for kept in even)]
    left = f" Of {len(others)} labels, those that divide the images most evenly." if len(others) > len(shown) else ""
    return album.chart(
        file, label_maps(points, shown, title="The same map by other labels"),
        alt=f"The same scatter plot coloured by {listed([label for label, _ in shown])}.",
        caption=f"The same dots, blue where the image has the label named above, with its share of the images.{left}",
    )  # fmt: skip
