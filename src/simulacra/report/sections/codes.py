"""Sections about codes: maps, categories, sweeps, and what each latent dimension says."""

import numpy as np
from numpy.typing import NDArray

from simulacra.report.figures.charts import UNNAMED, code_map, heat_map, label_maps, sorted_bars
from simulacra.report.formatting import listed, number, percent, plain
from simulacra.report.page import Album, Block, Chart, Gallery, Section
from simulacra.report.record import Arrays, Record, Unreadable, images, names, numbers, scalar, text
from simulacra.report.sections.labels import JUDGE

Points = NDArray[np.float32]
Flags = NDArray[np.bool_]
MOST_OTHERS = 8
MOST_DIMENSIONS = 24  # rows of a matrix
LEAST_SCALE = 0.1  # nats: the end of a scale, so that almost no information looks like none
LEAST_INFORMATION = 0.02  # nats below which a code is said to say nothing about a label


# How codes were projected onto the plane: sentences about the positions of the dots, names of axes that mean something.
IDENTITY = (
    "Its position is its code, which has two dimensions. Most samples come from near the middle.",
    ("first latent dimension (no unit)", "second latent dimension (no unit)"),
)
TSNE = (
    "The map was made by t-SNE (van der Maaten and Hinton 2008): images with similar codes lie close together. "
    "Directions, and distances between groups that are far apart, mean nothing.",
    UNNAMED,
)
PRINCIPAL_COMPONENTS = (
    "Its position is the projection of its code onto the two directions in which codes vary most (principal "
    "components, Pearson 1901). Dots that are close together here may be far apart in other directions."
)


def code_maps(record: Record, album: Album, arrays: Arrays) -> Section:
    """One map coloured by the chosen label or by class, and small ones for the other labels."""
    codes = arrays.get("codes", np.empty(0))
    two = codes.ndim == 2 and codes.shape[1] == 2
    return _maps(album, arrays, "map", *(IDENTITY if two else TSNE), "Map of the codes")


def principal_maps(record: Record, album: Album, arrays: Arrays) -> Section:
    """The same for the codes' principal components."""
    first, second = numbers(arrays, "explained", (2,)).tolist()
    axes = (f"first component ({percent(first)} of variance)", f"second component ({percent(second)} of variance)")
    return _maps(album, arrays, "map-pca", PRINCIPAL_COMPONENTS, axes, "Map of the codes by principal components")


def _maps(album: Album, arrays: Arrays, file: str, explanation: str, axes: tuple[str, str], title: str) -> Section:
    """The maps of a projection: the explanation says what positions mean."""
    points, flags = _dots(arrays)
    labels = names(arrays, "label_names", flags.shape[1])
    exclusive, chosen = bool(scalar(arrays, "exclusive")), text(arrays, "chosen")
    index = labels.index(chosen) if chosen in labels else 0
    groups, colouring = [], ""
    if labels and exclusive:
        groups, colouring = list(zip(labels, flags.T, strict=True)), "class"
    elif labels:
        colouring = labels[index]
        groups = [(f"without {colouring}", ~flags[:, index]), (colouring, flags[:, index])]
    coloured = f", coloured by {colouring}" if colouring else ""
    regions = " Where one colour fills a region, the code contains the label." if colouring else ""
    figure_title = f"Codes of the test images{f', by {plain(colouring, 24)}' if colouring else ''}"
    charts = [
        album.chart(
            file,
            code_map(points, groups, title=figure_title, names=axes),
            alt=f"Scatter plot of the codes of {len(points):,} images in two dimensions{coloured}.",
            caption=f"Each of the {len(points):,} dots is a held-out image. {explanation}{regions}",
        )
    ]
    others = [
        (label, flags[:, column])
        for column, label in enumerate(labels)
        if column != index and flags[:, column].any() and not flags[:, column].all()
    ]
    if others and not exclusive:
        charts.append(_small_maps(album, points, others, f"{file}-labels"))
    return Section(title, [Gallery(charts)])


def _dots(arrays: Arrays) -> tuple[Points, Flags]:
    """(N, 2) points in the plane, and (N, K) labels of each."""
    points, labels = numbers(arrays, "points", (None, 2)), arrays.get("labels")
    flags = np.zeros((len(points), 0), dtype=np.bool_) if labels is None else labels.astype(np.bool_)
    if flags.ndim != 2 or len(flags) != len(points):
        raise Unreadable("its arrays 'points' and 'labels' do not go together")
    return points.astype(np.float32), flags


def _small_maps(album: Album, points: Points, others: list[tuple[str, Flags]], file: str) -> Chart:
    """Maps of the labels that divide the images most evenly; dots of rare labels could not be seen."""
    even = sorted(range(len(others)), key=lambda index: abs(float(others[index][1].mean()) - 0.5))[:MOST_OTHERS]
    shown = [others[index] for index in sorted(even)]
    left = ""
    if len(others) > len(shown):
        left = f" Of {len(others)} labels, the {len(shown)} that divide the images most evenly."
    return album.chart(
        file,
        label_maps(points, shown, title="The same map by other labels"),
        alt=f"The same scatter plot coloured by {listed([label for label, _ in shown])}.",
        caption="The same dots, blue where the image has the label above. The percentage is the share of images with "
        f"the label.{left}",
    )


def kl_dimensions(record: Record, album: Album, arrays: Arrays) -> Section:
    """The KL divergence of each latent dimension, sorted, so that inactive ones are easy to see."""
    kl = numbers(arrays, "kl", (None,))
    variance = numbers(arrays, "variance", kl.shape)
    least = scalar(arrays, "least") or 0.01
    active = variance > least
    count, half = len(kl), int(np.searchsorted(np.cumsum(np.sort(kl)[::-1]), kl.sum() / 2)) + 1
    figure = sorted_bars(
        kl,
        active,
        title="Information in each latent dimension",
        x_name="latent dimensions, most information first",
        y_name="KL divergence (nats)",
    )
    chart = album.chart(
        "kl-dimensions",
        figure,
        alt=f"Bar chart of {count} latent dimensions by KL divergence; {int(active.sum())} are active.",
        caption=f"{int(active.sum())} of {count} latent dimensions are active: their mean varies from image to image "
        f"(variance above {least:g}, Burda et al. 2016). Together they hold {number(float(kl.sum()))} nats per image, "
        f"and {half} of them hold half of it. Grey dimensions have about the same mean for every image: the model "
        "does not need them.",
    )
    return Section("Information in each latent dimension", [chart])


def code_factors(record: Record, album: Album, arrays: Arrays) -> Section:
    """Which latent dimension says something about which factor."""
    shares = numbers(arrays, "shares", (None, None))
    factors = names(arrays, "factor_names", shares.shape[1])
    rows = np.sort(np.argsort(-shares.max(1), kind="stable")[:MOST_DIMENSIONS])
    best, factor = divmod(int(shares.argmax()), shares.shape[1])
    figure = heat_map(
        100 * shares[rows],
        [str(row + 1) for row in rows.tolist()],
        factors,
        title="Factors in each latent dimension",
        axes=("known factor", "latent dimension"),
        unit="share of the factor's entropy, %",
        form="{:.0f}",
    )
    left = "" if len(rows) == len(shares) else f" Shown are the {len(rows)} of {len(shares)} dimensions that say most."
    chart = album.chart(
        "code-factors",
        figure,
        alt=f"Matrix of {len(rows)} latent dimensions and {len(factors)} known factors, shaded by information.",
        caption="Each cell is the share of a factor's entropy that one latent dimension explains (mutual information, "
        "which chance keeps slightly above 0). One dark cell in a column: a single dimension holds the factor. One "
        f"dark cell in a row: the dimension holds nothing else. Dimension {best + 1} says most: "
        f"{100 * shares.max():.0f}% of {factors[factor]}.{left}",
    )
    return Section("What each latent dimension means", [chart])


def code_labels(record: Record, album: Album, arrays: Arrays) -> Section:
    """How much each code of a model that was trained without labels says about each label."""
    matrix = numbers(arrays, "matrix", (None, None))
    codes, judged = names(arrays, "codes", len(matrix)), names(arrays, "judged", matrix.shape[1])
    figure = heat_map(
        matrix,
        codes,
        judged,
        title="Information of codes about labels",
        axes=("label predicted by the judge", "code"),
        unit="mutual information, nats",
        form="{:.2f}",
        most=max(LEAST_SCALE, float(matrix.max())),
    )
    best = [
        f"{plain(code, 30)} says most about {judged[int(row.argmax())]} ({row.max():.2f} nats)"
        for code, row in zip(codes, matrix, strict=True)
        if row.max() >= LEAST_INFORMATION
    ]
    findings = f" {'; '.join(best[:6])}." if best else " No code says anything about a label."
    caption = (
        "The model was trained without labels. A cell is the mutual information of a code and a label of the sample, "
        "as predicted by a judge. 0 means none; 0.69 nats decide a label that half of the samples have. Rarer labels "
        f"have less to say.{findings} {JUDGE}"
    )
    alt = f"Heat map of {len(codes)} codes by {len(judged)} predicted labels."
    chart = album.chart("code-labels", figure, alt=alt, caption=caption)
    return Section("What the codes say about labels", [chart])


def categories(record: Record, album: Album, arrays: Arrays) -> Section:
    """For each categorical code a grid: a row shares everything else, a column is a category."""
    keys = sorted((key for key in arrays if key.startswith("images_")), key=lambda key: (len(key), key))
    if not keys:
        raise Unreadable("it has no array 'images_1'")
    blocks: list[Block] = []
    for code, key in enumerate(keys, 1):
        grid = images(arrays, key, 5)
        blocks.append(
            album.pictures(
                f"categories-{code}",
                [(f"noise {row}", line) for row, line in enumerate(grid, 1)],
                title="One code, every category" if len(keys) == 1 else f"Code {code}, every category",
                headed=len(keys) > 1,
                columns=numbered(grid.shape[1]),
                across=f"category of code {code}",
                caption="Each row shares its noise and all other codes; from column to column only the category "
                "changes. The network was not given any meaning of the categories. What the images of a column have in "
                "common is what the network has learned.",
                alt=f"{grid.shape[1]} generated images, one for each category, all from the same noise.",
            )
        )
    return Section("What the categories mean", blocks)


def category_pairs(record: Record, album: Album, arrays: Arrays) -> Section:
    """Every combination of two categorical codes."""
    grid = images(arrays, "images", 5)
    down, across = grid.shape[:2]
    shown = album.pictures(
        "category-pairs",
        [(str(row), line) for row, line in enumerate(grid, 1)],
        title="Two codes together",
        columns=numbered(across),
        across="category of code 2",
        down="code 1",
        caption=f"All {down} × {across} combinations of two codes, generated from the same noise. Down a column the "
        "first code changes, along a row the second. Codes with different meanings change different things.",
        alt=f"{across} generated images: this category of code 1 with each category of code 2.",
    )
    return Section("Two categorical codes together", [shown])


def sweeps(record: Record, album: Album, arrays: Arrays) -> Section:
    """Images along single latent dimensions, or along the continuous codes of InfoGAN."""
    grids, values = images(arrays, "images", 6), arrays.get("values", np.empty(0))
    dimensions = arrays.get("numbers", np.arange(1, len(grids) + 1))
    if values.shape != grids.shape[2:3] or dimensions.shape != grids.shape[:1]:
        raise Unreadable("its arrays 'images', 'values' and 'numbers' do not go together")
    limit = scalar(arrays, "drawn_to")
    kind, unit = "latent dimension", "value, in standard deviations of the prior"
    note = " These are the latent dimensions that vary most over test images, the widest first."
    if limit is not None:
        kind, unit = "continuous code", "value of the code"
        note = f" Training used values from {-limit:g} to {limit:g}; beyond them the network extrapolates."
    blocks: list[Block] = []
    for dimension, rows in zip(dimensions.tolist(), grids, strict=True):
        name = f"{kind} {dimension}"
        blocks.append(
            album.pictures(
                f"sweeps-{dimension}",
                [(f"sample {row}", line) for row, line in enumerate(rows, 1)],
                title=name.capitalize(),
                headed=True,
                columns=[f"{value:g}" for value in values.tolist()],
                across=unit,
                caption=f"From left to right only {name} changes; each row keeps all else.{'' if blocks else note}",
                alt=f"{len(values)} generated images along {name}, from {values[0]:g} to {values[-1]:g}.",
            )
        )
    return Section("Along single latent dimensions" if limit is None else "Along continuous codes", blocks)


def numbered(count: int) -> list[str]:
    """Names of columns: 1, 2, 3."""
    return [str(index) for index in range(1, count + 1)]
