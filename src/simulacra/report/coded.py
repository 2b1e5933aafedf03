"""Sections of what single numbers of a code mean: grids of categories, their combinations, and sweeps."""

import numpy as np

from simulacra.report.blocks import Album, Block, Section
from simulacra.report.reading import Arrays, Record, Unreadable, images


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
                f"categories-{place}", rows, title=title, headed=len(keys) > 1,
                columns=numbered(found.shape[1]), across=f"category of code {place}",
                caption="Each row shares its noise and every other code; from column to column only the category "
                "changes. Nobody told the network what a category is: what a column has in common is what it found.",
                alt=f"{found.shape[1]} generated images, one for each category, all of the same noise.",
            )
        )  # fmt: skip
    return Section("What the categories mean", blocks)


def category_pairs(record: Record, album: Album, arrays: Arrays) -> Section:
    """Every combination of two categorical codes."""
    found = images(arrays, "images", 5)
    rows = [(str(row), line) for row, line in enumerate(found, 1)]
    down, across = found.shape[:2]
    shown = album.pictures(
        "category-pairs", rows, title="Two codes together", columns=numbered(across), across="category of code 2",
        down="code 1",
        caption=f"All {down} times {across} combinations of two codes, made of one and the same noise: down a column "
        "the first code changes, along a row the second. Codes that mean different things change different things.",
        alt=f"{across} generated images: this category of code 1 with each category of code 2.",
    )  # fmt: skip
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
    for place, (number, lines) in enumerate(zip(numbers.tolist(), found, strict=True)):
        name = which.format(number)
        blocks.append(
            album.pictures(
                f"sweeps-{number}", [(f"sample {row}", line) for row, line in enumerate(lines, 1)],
                title=name[:1].upper() + name[1:], headed=True, columns=[f"{value:g}" for value in values.tolist()],
                across=unit,
                caption=f"From left to right only {name} changes; each row keeps all else as it is."
                + ("" if place else f" {note}"),
                alt=f"{len(values)} generated images along {name}, from {values[0]:g} to {values[-1]:g}.",
            )
        )  # fmt: skip
    return Section("Along single numbers of the code", blocks)


def numbered(count: int) -> list[str]:
    """Names of columns: 1, 2, 3."""
    return [str(place) for place in range(1, count + 1)]
