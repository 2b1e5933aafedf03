"""Of which update, which weights and which data a picture is, so that it is never shown as another's."""

from dataclasses import dataclass

from simulacra.report.blocks import Text
from simulacra.report.formats import listed, number, plain
from simulacra.report.reading import Arrays, Record, Row
from simulacra.report.scores import rank


@dataclass(frozen=True)
class Origin:
    """Where a picture comes from.

    Attributes:
        step: updates that the model had had.
        weights: averaged or raw.
        against: fingerprint of another data set that samples were held against; empty for the one trained on.
    """

    step: int
    weights: str
    against: str


def origin(record: Record, arrays: Arrays | None = None) -> Origin:
    """Where a picture comes from; what its arrays do not tell is that of the pictures that the training drew."""
    told = arrays or {}
    step, weights, against = (told[key].item() if key in told and told[key].size == 1 else None
                              for key in ("step", "weights", "against"))  # fmt: skip
    usual = "averaged" if record.recipe and record.recipe.average else "raw"
    return Origin(
        step if isinstance(step, int) else record.drawn,
        weights if weights in ("averaged", "raw") else usual,
        plain(against or "", 60),
    )


def dated(record: Record, arrays: Arrays) -> list[Text]:
    """In what a picture differs from the run's own pictures, in a sentence; nothing where it is one of them."""
    own, usual = origin(record, arrays), origin(record)
    parts = [f"at update {number(own.step)}"] if own.step != usual.step else []
    parts += [f"with the {own.weights} weights"] if own.weights != usual.weights else []
    parts += [f"against another data set ({own.against})"] if own.against else []
    return [Text(f"This was measured {listed(parts)}.")] if parts else []


def row_of(record: Record, arrays: Arrays, metric: str) -> Row | None:
    """The newest row of a metric that was measured of what a picture shows, on images kept aside; None without one."""
    own, usual = origin(record, arrays), origin(record)
    rows = [
        row
        for row in reversed(record.evaluations)
        if (row.get("metric"), row["step"], row.get("weights") or usual.weights, row.get("against") or "")
        == (metric, own.step, own.weights, own.against)
        and row.get("split") != "train"
    ]
    return min(rows, key=lambda row: rank(str(row.get("split"))), default=None)
