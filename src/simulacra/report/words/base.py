"""How something is named and read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What is said of a chart or a metric.

    Attributes:
        title: above it.
        unit: name and unit of its values.
        reading: a sentence that tells how to read it.
        percent: its values are shares in [0, 1].
        reference: a level worth drawing, or None.
    """

    title: str
    unit: str
    reading: str
    percent: bool = False
    reference: float | None = None
