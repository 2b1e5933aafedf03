"""GROUPS: what can be measured of a trained run, beside its data; a group holds what is computed together."""

from collections.abc import Callable
from typing import NamedTuple

from simulacra.evaluation.context import Material, Results
from simulacra.evaluation.metrics import conditions, disentanglement, diversity, quality, reconstruction

__all__ = ["GROUPS", "Group", "Results"]


class Group(NamedTuple):
    """Metrics that are computed together; `catalogue.BY_GROUP` lists them."""

    # why a run cannot have these metrics, in words that begin "not applicable, "; None where it can
    lacks: Callable[[Material], str | None]
    measure: Callable[[Material], Results]


GROUPS: dict[str, Group] = {
    "quality": Group(Material.lacks_images, quality.measure),
    "conditions": Group(conditions.lacks, conditions.measure),
    "reconstruction": Group(Material.lacks_images, reconstruction.measure),
    "disentanglement": Group(disentanglement.lacks, disentanglement.measure),
    "diversity": Group(Material.lacks_images, diversity.measure),
}
