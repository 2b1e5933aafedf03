"""GROUPS: what can be measured of a trained run, beside its data; a group holds what is computed together."""

from simulacra.evaluation.metrics.base import Better, Found, Group, Row, missing
from simulacra.evaluation.metrics.conditions import CONDITIONS
from simulacra.evaluation.metrics.disentanglement import DISENTANGLEMENT
from simulacra.evaluation.metrics.diversity import VARIETY
from simulacra.evaluation.metrics.quality import QUALITY
from simulacra.evaluation.metrics.reconstruction import RECONSTRUCTION

__all__ = ["DIRECTIONS", "GROUPS", "Better", "Found", "Group", "Row", "missing"]

GROUPS: dict[str, Group] = {
    "quality": QUALITY,
    "conditions": CONDITIONS,
    "reconstruction": RECONSTRUCTION,
    "disentanglement": DISENTANGLEMENT,
    "variety": VARIETY,
}

# Metric -> where better numbers lie.
DIRECTIONS: dict[str, Better] = {name: better for group in GROUPS.values() for name, better in group.metrics.items()}
