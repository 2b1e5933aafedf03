"""Sections of pictures: one function for each kind of picture that a run folder may hold."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from simulacra.report.figures.grids import fold
from simulacra.report.formatting import epochs, number, plain
from simulacra.report.glossary import of_metric
from simulacra.report.page import Album, Block, Fold, Section
from simulacra.report.record import Arrays, Record, Unreadable, dated, image_pairs, images, names, row_of
from simulacra.report.sections.codes import (
    categories,
    category_pairs,
    code_factors,
    code_maps,
    inversions,
    kl_dimensions,
    principal_maps,
    sweeps,
)
from simulacra.report.sections.labels import code_labels, confusion, frequencies, leakage, nearest, verdicts

PAIRS_OPEN = 8  # labels whose pairs are shown at once; the rest wait behind a fold


def samples(record: Record, album: Album, arrays: Arrays) -> Section:
    """Images decoded from random codes."""
    found = images(arrays, "images")[:32]
    grid = fold(found, 8)
    shown = album.pictures(
        "samples",
        [("", row) for row in grid],
        title=f"{grid.shape[0] * grid.shape[1]} samples",
        caption="Images that never existed, each made from its own random code and none picked by hand. Look for "
        "variety (are some alike?), for sharpness, and for how many are broken.",
        alt=f"Grid of {grid.shape[0] * grid.shape[1]} generated images.",
    )
    return Section("Samples", [shown])


def over_training(record: Record, album: Album) -> Section | None:
    """The same codes, decoded as the networks learned: one row for each look."""
    rows = []
    for name in record.looks():
        arrays = record.arrays(name)
        if arrays is None:
            continue
        step = int(name.removeprefix("fixed-"))
        try:
            found = images(arrays, "images")[:12]
        except Unreadable as error:
            record.gaps.append(f"pictures/{name}.npz is left out: {error}.")
            continue
        epoch = arrays.get("epoch")
        label = f"update {number(step)}" if epoch is None or epoch.size != 1 else f"epoch {epochs(epoch.item())}"
        rows.append((label if step else "untrained", found))
    if not rows:
        return None
    rows = [(label, found) for label, found in rows if found.shape == rows[-1][1].shape]
    shown = album.pictures(
        "fixed-codes",
        rows,
        title="The same codes over training",
        caption="Each column is one fixed code, each row a moment of the training, from early to late. Follow a column "
        "down to see a picture take shape; columns that grow alike are a sign of collapse.",
        alt=f"{len(rows[0][1])} images decoded from the same codes at this moment of the training.",
    )
    return Section("The same codes over training", [shown])


def reconstructions(record: Record, album: Album, arrays: Arrays) -> Section:
    """Test images above what remains of them after encoding and decoding."""
    above, below = image_pairs(arrays, "originals", "reconstructions")
    row = row_of(record, arrays, "mse")
    measured = (
        []
        if row is None
        else [
            f"{of_metric('mse').title} over the whole {plain(row.get('split'), 20)} split: {number(row.get('value'))} "
            f"({number(row.get('n'))} images, values from -1 to 1)."
        ]
    )
    shown = album.pictures(
        "reconstructions",
        [("original", above[:10]), ("reconstruction", below[:10])],
        title="Reconstructions",
        caption=" ".join(
            [
                "Above, images that were kept aside from training; below, the same images encoded and "
                "decoded again. What the lower row lacks did not fit through the code.",
                *measured,
            ]
        ),
        alt=f"{min(10, len(above))} images.",
    )
    return Section("Reconstructions", [shown])


def pairs(record: Record, album: Album, arrays: Arrays) -> Section:
    """Images that share their noise and differ in one label."""
    if arrays.get("images", np.empty(0)).ndim == 5:
        return classes(record, album, arrays)
    found = images(arrays, "images", 6)
    if found.shape[1] != 2:
        raise Unreadable(f"'images' has {found.shape[1]} rows a label, not 2 (off and on)")
    labels = names(arrays, "label_names", len(found))
    blocks: list[Block] = [
        album.pictures(
            f"pairs-{label}",
            [(f"without {label}", off[:10]), (f"with {label}", on[:10])],
            title=label,
            headed=True,
            caption=f"Only the label {label} differs between the two rows."
            if place
            else "Each column shares its "
            f"noise; only the label {label} differs between the two rows. What changes down a column is what the "
            "generator takes the label to mean; all else should stay.",
            alt="generated images; each column shares its noise with the other row.",
        )
        for place, (label, (off, on)) in enumerate(zip(labels, found, strict=True))
    ]
    if len(blocks) > PAIRS_OPEN:
        rest = blocks[PAIRS_OPEN:]
        blocks = [*blocks[:PAIRS_OPEN], Fold(f"{len(rest)} more label{'s' if len(rest) > 1 else ''}", rest)]
    return Section("Pairs that differ in one label", blocks)


def classes(record: Record, album: Album, arrays: Arrays) -> Section:
    """(rows of noise, classes, H, W, C): shown with a row for each class, so that its name stands beside it."""
    found = images(arrays, "images", 5)
    labels = names(arrays, "label_names", found.shape[1])
    rows = [(label, found[:12, place]) for place, label in enumerate(labels)]
    shown = album.pictures(
        "classes",
        rows,
        title="One noise, every class",
        caption="Each row is a class, each column shares its noise: down a column only the class changes, along a row "
        "everything but the class.",
        alt=f"{len(rows[0][1])} generated images of this class.",
    )
    return Section("Every class from the same noise", [shown])


def as_they_are(record: Record, album: Album, name: str, arrays: Arrays) -> Section:
    """A picture that this version has no words for: its images in rows, if it holds any."""
    found = arrays.get("images", np.empty(0))
    grid = images(arrays, "images", 5) if found.ndim == 5 else fold(images(arrays, "images"), 10)
    title = plain(name.replace("-", " ").replace("_", " "), 80)
    rows = [("", row[:12]) for row in grid[:12]]
    shown = album.pictures(name, rows, title=title, caption="As the run drew it.", alt=f"Grid of images: {title}.")
    return Section(title[:1].upper() + title[1:], [shown])


# Name of a picture in the run folder -> how it is shown, in the order of the report.
PICTURES: dict[str, Callable[[Record, Album, Arrays], Section]] = {
    "samples": samples,
    "reconstructions": reconstructions,
    "inversions": inversions,
    "nearest": nearest,
    "frequencies": frequencies,
    "pairs": pairs,
    "classes": classes,
    "leakage": leakage,
    "categories": categories,
    "category-pairs": category_pairs,
    "code-labels": code_labels,
    "kl-dimensions": kl_dimensions,
    "code-factors": code_factors,
    "sweeps": sweeps,
    "map": code_maps,
    "map-pca": principal_maps,
    "confusion": confusion,
    "verdicts": verdicts,
}


def picture_sections(record: Record, album: Album) -> list[Section]:
    """Every picture of a run, the known ones first; what cannot be shown is noted among the gaps."""
    stored = [name for name in record.folder.pictures() if not name.startswith("fixed-")]
    sections = []
    for name in [*(name for name in PICTURES if name in stored), *(name for name in stored if name not in PICTURES)]:
        arrays = record.arrays(name)
        if arrays is None:
            continue
        try:
            draw = PICTURES.get(name)
            section = draw(record, album, arrays) if draw else as_they_are(record, album, name, arrays)
            sections.append(replace(section, blocks=[*dated(record, arrays), *section.blocks]))
        except Unreadable as error:
            record.gaps.append(f"pictures/{plain(name, 80)}.npz is left out: {error}.")
    evolution = over_training(record, album)
    return [*sections[:1], *([evolution] if evolution else []), *sections[1:]]
