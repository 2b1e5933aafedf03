"""Sections on codes: grids of categories, sweeps, the map, and what each number of a code tells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulacra.report.figures import code_map, heat_map, label_maps, sorted_bars
from simulacra.report.formatting import listed, number, percent, plain
from simulacra.report.glossary import of_metric
from simulacra.report.page import Album, Block, Chart, Gallery, Section
from simulacra.report.record import Arrays, Record, Unreadable, image_pairs, images, names, row_of

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
        placing.file,
        code_map(points, groups, title=title, **names_of_axes),
        alt=f"Scatter plot of the codes of {len(points):,} images in two dimensions{coloured}.",
        caption=f"Each of the {len(points):,} dots is an image kept aside from training, {placing.how} Where colours "
        "form regions, the code knows of the label.",
    )


def _small(album: Album, points: Points, others: list[tuple[str, Flags]], file: str) -> Chart:
    """The labels that divide the images most evenly: rare ones would be dots nobody sees."""
    even = sorted(others, key=lambda item: abs(float(item[1].mean()) - 0.5))[:MOST_OTHERS]
    shown = [item for item in others if any(item is kept for kept in even)]
    left = f" Of {len(others)} labels, those that divide the images most evenly." if len(others) > len(shown) else ""
    return album.chart(
        file,
        label_maps(points, shown, title="The same map by other labels"),
        alt=f"The same scatter plot coloured by {listed([label for label, _ in shown])}.",
        caption=f"The same dots, blue where the image has the label named above, with its share of the images.{left}",
    )


MOST_NUMBERS = 24  # rows of a matrix


def inversions(record: Record, album: Album, arrays: Arrays) -> Section:
    """A few images that were kept aside, above the nearest that the generator can make."""
    above, below = image_pairs(arrays, "originals", "inversions")
    row = row_of(record, arrays, "inversion_mse")
    measured = (
        []
        if row is None
        else [
            f"{of_metric('inversion_mse').title}: {number(row.get('value'))}; the best linear code with as many "
            f"numbers leaves {number(row.get('floor'))}."
        ]
    )
    shown = album.pictures(
        "inversions",
        [("original", above), ("nearest found", below)],
        title="Codes found by search",
        caption=" ".join(
            [
                "Above, images that were kept aside from training; below, the nearest images that a search "
                "through the codes found. What the lower row lacks, the generator has no code for, or the search has "
                "missed.",
                *measured,
            ]
        ),
        alt=f"{len(above)} images.",
    )
    return Section("Nearest images that the generator makes", [shown])


def kl_dimensions(record: Record, album: Album, arrays: Arrays) -> Section:
    """The KL of each number of a code, sorted; dead ones at a glance."""
    kl, variance = (_vector(arrays, name) for name in ("kl", "variance"))
    if kl.shape != variance.shape:
        raise Unreadable(f"'kl' {kl.shape} and 'variance' {variance.shape} differ in shape")
    least = arrays.get("least", np.empty(0))
    alive = variance > (float(least.item()) if least.size == 1 else 0.01)
    count, half = len(kl), int(np.searchsorted(np.cumsum(np.sort(kl)[::-1]), kl.sum() / 2)) + 1
    figure = sorted_bars(
        kl,
        alive,
        title="How much each number of the code tells",
        x_name="numbers of the code, the most telling first",
        y_name="KL divergence (nats)",
        dead="says nothing",
    )
    chart = album.chart(
        "kl-dimensions",
        figure,
        alt=f"Bar chart of {count} numbers of the code by KL divergence; {int(alive.sum())} are active.",
        caption=f"{int(alive.sum())} of {count} numbers are active: their means vary from image to image (variance "
        f"above 0.01, Burda et al. 2016). Together they tell {number(float(kl.sum()))} nats an image, and {half} of "
        "them tell half of it. Grey ones stay where the prior has its middle, whatever the image: they are free to "
        "leave out.",
    )
    return Section("How much each number of the code tells", [chart])


def code_factors(record: Record, album: Album, arrays: Arrays) -> Section:
    """Which number of the code tells of which factor."""
    shares = arrays.get("shares", np.empty(0))
    if shares.ndim != 2 or not shares.size or not np.isfinite(shares).all():
        raise Unreadable("it has no table 'shares' of finite numbers")
    factors = names(arrays, "factor_names", shares.shape[1])
    rows = np.sort(np.argsort(-shares.max(1), kind="stable")[:MOST_NUMBERS])
    best, factor = divmod(int(shares.argmax()), shares.shape[1])
    figure = heat_map(
        100 * shares[rows],
        [str(row + 1) for row in rows.tolist()],
        factors,
        title="What each number tells of each factor",
        x_name="known factor",
        y_name="number of the code",
        unit="share of the factor's entropy, %",
        form="{:.0f}",
    )
    left = "" if len(rows) == len(shares) else f" The {len(rows)} most telling of {len(shares)} numbers are shown."
    chart = album.chart(
        "code-factors",
        figure,
        alt=f"Matrix of {len(rows)} numbers of the code and {len(factors)} known factors, shaded by information.",
        caption="Each cell says in percent how much of a factor's entropy a number of the code tells by itself (mutual "
        "information, which chance keeps a little above 0). One dark cell in a column means that one number holds "
        "the factor, one in a row that the number holds nothing else. Number "
        f"{best + 1} tells most of all: {100 * shares.max():.0f}% of {factors[factor]}.{left}",
    )
    return Section("What each number of the code means", [chart])


def _vector(arrays: Arrays, name: str) -> NDArray[np.float64]:
    found = arrays.get(name, np.empty(0))
    if found.ndim != 1 or not found.size or found.dtype.kind != "f" or not np.isfinite(found).all():
        raise Unreadable(f"it has no array {name!r} of finite numbers")
    return found.astype(np.float64)


def categories(record: Record, album: Album, arrays: Arrays) -> Section:
    """For each categorical code a grid: rows share all else, a column is a category."""
    keys = sorted((key for key in arrays if key.startswith("images_")), key=lambda key: (len(key), key))
    if not keys:
        raise Unreadable("it has no array 'images_1'")
    blocks: list[Block] = []
    for place, key in enumerate(keys, 1):
        found = images(arrays, key, 5)
        rows = [(f"noise {row}", line) for row, line in enumerate(found, 1)]
        title = "One code, every category" if len(keys) == 1 else f"Code {place}, every category"
        blocks.append(
            album.pictures(
                f"categories-{place}",
                rows,
                title=title,
                headed=len(keys) > 1,
                columns=numbered(found.shape[1]),
                across=f"category of code {place}",
                caption="Each row shares its noise and every other code; from column to column only the category "
                "changes. Nobody told the network what a category is: what a column has in common is what it found.",
                alt=f"{found.shape[1]} generated images, one for each category, all of the same noise.",
            )
        )
    return Section("What the categories mean", blocks)


def category_pairs(record: Record, album: Album, arrays: Arrays) -> Section:
    """Every combination of two categorical codes."""
    found = images(arrays, "images", 5)
    rows = [(str(row), line) for row, line in enumerate(found, 1)]
    down, across = found.shape[:2]
    shown = album.pictures(
        "category-pairs",
        rows,
        title="Two codes together",
        columns=numbered(across),
        across="category of code 2",
        down="code 1",
        caption=f"All {down} times {across} combinations of two codes, made of one and the same noise: down a column "
        "the first code changes, along a row the second. Codes that mean different things change different things.",
        alt=f"{across} generated images: this category of code 1 with each category of code 2.",
    )
    return Section("Two categorical codes together", [shown])


def sweeps(record: Record, album: Album, arrays: Arrays) -> Section:
    """Images along single numbers of a code."""
    found, values = images(arrays, "images", 6), arrays.get("values", np.empty(0))
    numbers = arrays.get("numbers", np.arange(1, len(found) + 1))
    if values.shape != found.shape[2:3] or numbers.shape != found.shape[:1]:
        raise Unreadable("its arrays 'images', 'values' and 'numbers' do not go together")
    end = arrays.get("drawn_to", np.empty(0))
    bounded = end.size == 1 and bool(np.isfinite(end).all())
    which = "continuous code {}" if bounded else "number {} of the code"
    unit = "value of the code" if bounded else "value, in standard deviations of the prior"
    note = "These are the numbers of the code that vary most over test images, the widest first."
    if bounded:
        note = f"In training it was drawn from {-end.item():g} to {end.item():g}: beyond, the network has to guess."
    blocks: list[Block] = []
    for place, (column, lines) in enumerate(zip(numbers.tolist(), found, strict=True)):
        name = which.format(column)
        blocks.append(
            album.pictures(
                f"sweeps-{column}",
                [(f"sample {row}", line) for row, line in enumerate(lines, 1)],
                title=name[:1].upper() + name[1:],
                headed=True,
                columns=[f"{value:g}" for value in values.tolist()],
                across=unit,
                caption=f"From left to right only {name} changes; each row keeps all else as it is."
                + ("" if place else f" {note}"),
                alt=f"{len(values)} generated images along {name}, from {values[0]:g} to {values[-1]:g}.",
            )
        )
    return Section("Along single numbers of the code", blocks)


def numbered(count: int) -> list[str]:
    """Names of columns: 1, 2, 3."""
    return [str(place) for place in range(1, count + 1)]
