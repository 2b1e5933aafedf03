"""PICTURES: what can be drawn of a finished run, each from what its objective can do. Arrays out, no files."""

from collections.abc import Callable

from simulacra.evaluation.pictures.grids import (
    categories,
    category_pairs,
    classes,
    confusion,
    fixed,
    pairs,
    predictions,
    reconstructions,
    samples,
    sweeps,
)
from simulacra.evaluation.pictures.maps import latent_map, principal_map
from simulacra.evaluation.pictures.preview import Arrays, preview
from simulacra.evaluation.subject import Subject
from simulacra.runs import RunFolder

__all__ = ["PICTURES", "Arrays", "draw", "fixed", "preview"]

PICTURES: dict[str, Callable[[Subject], Arrays | None]] = {
    "samples": samples,
    "reconstructions": reconstructions,
    "pairs": pairs,
    "classes": classes,
    "categories": categories,
    "category-pairs": category_pairs,
    "sweeps": sweeps,
    "map": latent_map,
    "map-pca": principal_map,
    "confusion": confusion,
    "verdicts": predictions,
}


def draw(run: RunFolder, subject: Subject, names: tuple[str, ...] | None = None) -> list[str]:
    """Draws every picture that the objective is able to, and keeps it in the run folder.

    Args:
        run: where they are kept.
        subject: what is drawn.
        names: of PICTURES; all by default.

    Returns:
        The names of those that could be drawn.
    """
    drawn = []
    for name in names or tuple(PICTURES):
        arrays = PICTURES[name](subject)
        if arrays is not None:
            run.write_picture(name, arrays, preview(arrays))
            drawn.append(name)
    return drawn
