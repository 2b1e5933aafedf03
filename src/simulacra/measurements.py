"""Measurement: one number of a run, as a row of evaluations.jsonl keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

from simulacra.catalogue import METRICS, OBEDIENCE, RENAMED, UNCLEAR
from simulacra.estimates import Better, Estimate

Key = tuple[str | int | None, ...]

# Values and keys of rows that earlier versions wrote, and what they are called now.
WEIGHTS = {"averaged": "ema"}
KEYS = {"floor": "baseline", "kinds": "modes"}

NO_LABELS = "not applicable, the data set has no labels"  # the reason why a number is missing that needs a judge

TEXTS = ("split", "code", "label", "extractor", "judge", "against", "data", "density", "weights", "why")
COUNTS = ("n", "real", "seed", "version")
ALIKE = ("extractor", "judge", "version")  # what must be equal of any two numbers; the metric may ask for more
CONDITIONS = ("extractor", "judge", "weights", "n", "real", "density", "version")


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One number of a run."""

    metric: str  # a name of `catalogue.METRICS`; a row of a later version may bear another one
    # the value with its interval, both finite; None where it is withheld, which `why` explains
    estimate: Estimate | None
    step: int = 0  # updates that the model had had
    # the value of real images, chance or a linear code in the place of the model; None without one
    baseline: float | None = None
    split: str | None = None  # of the real images that the number is about; None where it is about samples alone
    # how many images, pairs or codes the number is a mean over or a distance of; None where the run cannot have this
    # metric
    n: int | None = None
    code: str | None = None  # the part of the code that it is about; None for all of it
    label: str | None = None  # the attribute or class that it is about; None for all together
    # label of the features that it was computed from; None where it is about pixels or a judge
    extractor: str | None = None
    judge: str | None = None  # label of the classifier that predicted labels; None without one
    weights: str | None = None  # which weights of the model, ema or raw; None where the training measured it on its way
    # fingerprint of another data set that it was measured against; None for the one trained on
    against: str | None = None
    # fingerprint of the real images that the number depends on, with their labels where it is about these; None where a
    # judge stands for them, and in rows of earlier versions
    data: str | None = None
    real: int | None = None  # how many real images the samples were compared with; None where that is not asked
    density: str | None = None  # the likelihood whose logarithm it is, with its width; None for other metrics
    version: int | None = None  # of the definition of the metric, as in METRICS; None for the first one
    seed: int | None = None  # of the samples, where `evaluate` measured it; None where the training did on its way
    why: str | None = None  # the reason why it is withheld, or cannot be measured
    # further entries of the row, such as how many labels or factors it is a mean over
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A number that is none is withheld, and so are limits: no reader has to ask, and JSON knows no NaN."""
        estimate = self.estimate
        if estimate is not None and _finite(estimate.value) is None:
            object.__setattr__(self, "estimate", None)
            object.__setattr__(self, "why", "withheld, it is no finite number")
        elif estimate is not None and any(
            limit is not None and _finite(limit) is None for limit in (estimate.low, estimate.high)
        ):
            object.__setattr__(self, "estimate", Estimate(estimate.value))
        if self.baseline is not None and _finite(self.baseline) is None:
            object.__setattr__(self, "baseline", None)

    @property
    def subject(self) -> Key:
        """What is measured, under whatever conditions."""
        return (self.metric, self.code, self.label, self.split, self.against)

    @property
    def conditions(self) -> dict[str, str | int]:
        """How it was measured, as far as that is known."""
        return {name: value for name in CONDITIONS if (value := getattr(self, name)) is not None}

    @property
    def alike(self) -> dict[str, Any]:
        """What else must be equal where two numbers of one subject are compared, as far as the row says it."""
        asked = METRICS[self.metric].alike if self.metric in METRICS else tuple(self.conditions)
        return {name: getattr(self, name, self.details.get(name)) for name in (*ALIKE, *asked)}

    @property
    def key(self) -> Key:
        """What must be equal where two numbers of one run are compared: what is measured, and how."""
        return (*self.subject, self.weights, *self.alike.values())

    @property
    def identity(self) -> Key:
        """What a row has in common with the row that it replaces: a judge that was trained anew is no other row."""
        return (*self.subject, self.extractor, self.weights, self.n, self.step)

    @property
    def better(self) -> Better:
        """Where better values lie."""
        return METRICS[self.metric].better if self.metric in METRICS else "neither"

    @property
    def chance(self) -> float | None:
        """What a model would get that ignores its labels; None for metrics to which that means nothing."""
        return _finite(self.details.get("chance"))

    @property
    def obedience(self) -> str | None:
        """How far samples obey a label, or all together, in a word of OBEDIENCE; None for other metrics.

        It says where the accuracy lies between chance and the judge's accuracy on real images.
        """
        estimate, chance, most = self.estimate, self.chance, self.baseline
        if self.metric != "condition_accuracy" or estimate is None or chance is None or most is None:
            return None
        low = estimate.value if estimate.low is None else estimate.low
        high = estimate.value if estimate.high is None else estimate.high
        if most <= chance or (low <= chance and high >= most):
            return UNCLEAR
        way = (estimate.value - chance) / (most - chance) if low > chance else -inf
        return next(word for word, least in OBEDIENCE.items() if way >= least)

    @property
    def applies(self) -> bool:
        """Whether a run of this kind can have such a number."""
        return self.estimate is not None or self.n is not None

    def to_json(self) -> dict[str, Any]:
        """The row of evaluations.jsonl: the numbers first, then whatever else is known."""
        value, low, high = (
            (self.estimate.value, self.estimate.low, self.estimate.high) if self.estimate else (None, None, None)
        )
        row = {"metric": self.metric, "value": value, "low": low, "high": high, "baseline": self.baseline}
        row |= {"n": self.n, "split": self.split, "step": self.step}
        others = {key: getattr(self, key) for key in (*TEXTS, *COUNTS) if key not in row}
        return row | {key: value for key, value in others.items() if value is not None} | dict(self.details)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Measurement":
        """A row of evaluations.jsonl, also of an earlier version; an entry of the wrong type counts as missing."""
        row = {KEYS.get(key, key): value for key, value in row.items()}
        if isinstance(row.get("real"), float):  # of the frequency of a label
            row["training_share"] = row.pop("real")
        metric = str(row.pop("metric", None) or "value")
        value, low, high, baseline = (_finite(row.pop(key, None)) for key in ("value", "low", "high", "baseline"))
        bounds = (low, high) if low is not None and high is not None else (None, None)
        estimate = None if value is None else Estimate(value, *bounds)
        row.pop("better", None)  # the catalogue says so
        texts: dict[str, Any] = {key: _text(row.pop(key, None)) for key in TEXTS}
        counts: dict[str, Any] = {key: _count(row.pop(key, None)) for key in COUNTS}
        weights = texts.pop("weights")
        why = texts.pop("why") or (None if estimate else "it is no number")
        return cls(
            metric=RENAMED.get(metric, metric),
            estimate=estimate,
            step=_count(row.pop("step", None)) or 0,
            baseline=baseline,
            weights=WEIGHTS.get(weights, weights) if weights else None,
            why=why,
            **texts,
            **counts,
            details=row,
        )


def _finite(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isfinite(value) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
