"""Sections of a report. PICTURES: name of a picture in the run folder -> the function that shows it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from simulacra.report.arrays import Arrays, Unreadable, images
from simulacra.report.figures.grids import fold
from simulacra.report.formatting import plain
from simulacra.report.page import Album, Section
from simulacra.report.record import Record, origin_note
from simulacra.report.sections import codes, labels, samples

# In the order of the report.
PICTURES: dict[str, Callable[[Record, Album, Arrays], Section]] = {
    "samples": samples.samples,
    "reconstructions": samples.reconstructions,
    "inversions": samples.inversions,
    "nearest": samples.nearest,
    "pairs": samples.pairs,
    "classes": samples.classes,
    "frequencies": labels.frequencies,
    "leakage": labels.leakage,
    "confusion": labels.confusion,
    "verdicts": labels.predictions,
    "categories": codes.categories,
    "category-pairs": codes.category_pairs,
    "code-labels": codes.code_labels,
    "kl-dimensions": codes.kl_dimensions,
    "code-factors": codes.code_factors,
    "sweeps": codes.sweeps,
    "map": codes.code_maps,
    "map-pca": codes.principal_maps,
}


def picture_sections(record: Record, album: Album) -> list[Section]:
    """A section per picture of a run, in the order of PICTURES, then unknown ones; gaps say what cannot be shown."""
    stored = [name for name in record.folder.pictures() if not name.startswith("fixed-")]
    sections = []
    for name in [*(name for name in PICTURES if name in stored), *(name for name in stored if name not in PICTURES)]:
        arrays = record.arrays(name)
        if arrays is None:
            continue
        try:
            show = PICTURES.get(name)
            section = show(record, album, arrays) if show else unknown(album, name, arrays)
            sections.append(replace(section, blocks=[*origin_note(record, arrays), *section.blocks]))
        except Unreadable as error:
            record.gaps.append(f"pictures/{plain(name, 80)}.npz is left out: {error}.")
    evolution = samples.over_training(record, album)
    return [*sections[:1], *([evolution] if evolution else []), *sections[1:]]


def unknown(album: Album, name: str, arrays: Arrays) -> Section:
    """A picture that this version does not know: its images in rows, if it holds any."""
    several = arrays.get("images", np.empty(0)).ndim == 5
    grid = images(arrays, "images", 5) if several else fold(images(arrays, "images"), 10)
    title = plain(name.replace("-", " ").replace("_", " "), 80)
    rows = [("", row[:12]) for row in grid[:12]]
    shown = album.pictures(name, rows, title=title, caption="As the run drew it.", alt=f"Grid of images: {title}.")
    return Section(title[:1].upper() + title[1:], [shown])
