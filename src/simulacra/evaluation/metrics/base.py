"""What a group of metrics is, and what it gives."""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulacra.evaluation.context import Material
from simulacra.evaluation.pictures import Arrays
from simulacra.measurements import Measurement
from simulacra.objectives import Generates


@dataclass
class Results:
    """What a group measured.

    Attributes:
        measurements: of the metrics of the group.
        notes: sentences that a person should read beside them.
        pictures: name -> arrays, kept in the run folder under that name.
    """

    measurements: list[Measurement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, Arrays] = field(default_factory=dict)

    def add(self, other: "Results") -> None:
        """Takes over what another part measured."""
        self.measurements += other.measurements
        self.notes += other.notes
        self.pictures |= other.pictures


@dataclass(frozen=True)
class Group:
    """Metrics that are computed together; `catalogue.METRICS` lists them.

    Attributes:
        lacks: why a run cannot have these metrics, in words that begin "not applicable, "; None where it can.
        measure: measures them.
    """

    lacks: Callable[[Material], str | None]
    measure: Callable[[Material], Results]


def lacks_images(material: Material) -> str | None:
    """Why metrics of generated images do not apply; None for a model that generates images."""
    if isinstance(material.subject.objective, Generates):
        return None
    return f"not applicable, family {material.subject.recipe.objective.family} generates no images"
