"""GROUPS: what can be measured of a trained run, beside its data; a group holds what is computed together."""

from simulacra.evaluation.metrics import conditions, disentanglement, diversity, quality, reconstruction
from simulacra.evaluation.metrics.base import Group, Results, lacks_images

__all__ = ["GROUPS", "Group", "Results"]

# Name of a group in `catalogue.METRICS` -> what measures it.
GROUPS: dict[str, Group] = {
    "quality": Group(lacks_images, quality.measure),
    "conditions": Group(conditions.lacks, conditions.measure),
    "reconstruction": Group(lacks_images, reconstruction.measure),
    "disentanglement": Group(disentanglement.lacks, disentanglement.measure),
    "diversity": Group(lacks_images, diversity.measure),
}
