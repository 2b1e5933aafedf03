"""What the report says of families, charts and metrics. An unknown name is shown as it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulacra.catalogue import METRICS, WIDTHS, Metric, caution
from simulacra.estimates import Estimate
from simulacra.measurements import Measurement
from simulacra.report.formatting import number, percent, plain
from simulacra.settings.objectives import FULL_NAMES


@dataclass(frozen=True)
class ChartWords:
    """What is said of a chart of metrics.jsonl."""

    title: str
    unit: str  # name and unit of its values
    reading: str  # sentences that say how to read it
    percent: bool = False  # whether its values are shares in [0, 1]
    reference: float | None = None  # a level worth drawing


Words = ChartWords | Metric

BASELINE = "what real images, chance or a linear code get in the place of the model"

CHARTS = {
    "loss": ChartWords(
        "Loss",
        "loss (no unit)",
        "The loss that each network is trained to reduce. The loss of a single network should fall. Where two networks "
        "compete, each gains what the other loses, so level curves mean balance and not that learning has stopped.",
    ),
    "accuracy": ChartWords(
        "Accuracy",
        "share of images",
        "The share of images that are predicted correctly. Higher is better.",
        percent=True,
    ),
    "accuracy of D": ChartWords(
        "Discriminator's accuracy",
        "share of images",
        "How often the discriminator (D) classifies real and generated images correctly. Near 50% on both means that "
        "it cannot tell them apart. 100% on both means that it wins and the generator has little to learn from.",
        percent=True,
        reference=0.5,
    ),
    "label_loss": ChartWords(
        "Label loss",
        "cross-entropy (nats)",
        "How hard it is to predict the labels of real and of generated images. Lower is easier. Generated images are "
        "often easier, because the generator learns to exaggerate its labels.",
    ),
    "label_accuracy": ChartWords(
        "Label accuracy of D",
        "share of labels",
        "The share of labels that the discriminator (D) itself predicts correctly. A real image has its own labels, a "
        "generated image the labels that it was generated for. The generator is trained to please D, so a high value "
        "on generated images does not show that labels are obeyed: an independent judge measures that (Labels obeyed).",
        percent=True,
    ),
    "reconstruction": ChartWords(
        "Reconstruction loss",
        "error",
        "How much an image changes when it is encoded and decoded again, measured by the recipe's likelihood. Lower is "
        "closer to the original.",
    ),
    "kl": ChartWords(
        "KL divergence",
        "nats per image",
        "How much the codes say about their images, measured against the prior that samples are drawn from. Near 0 "
        "means that the code is ignored. A large value means detailed codes, but samples from the prior may then fall "
        "between the codes of real images.",
    ),
    "kl_weight": ChartWords(
        "Weight of the KL",
        "factor (no unit)",
        "The factor of the KL divergence in the loss. The recipe may change it during training. A larger factor makes "
        "codes simpler.",
    ),
    "total_correlation": ChartWords(
        "Total correlation",
        "nats",
        "How much the latent dimensions depend on one another, up to a constant. Lower is nearer to independent "
        "dimensions.",
    ),
    "distance": ChartWords(
        "Estimated distance",
        "difference of mean scores",
        "The critic's mean score of real images minus its mean score of generated images. It estimates how far the two "
        "are apart, on a scale of its own. It should rise while the critic learns and fall while the generator learns.",
    ),
    "penalty": ChartWords(
        "Penalty",
        "squared slope (no unit)",
        "The penalty that limits the slope of the discriminator or critic, before its weight. Small means that the "
        "limit is kept.",
    ),
    "gradient": ChartWords(
        "Length of the gradient",
        "length (no unit)",
        "The length of each network's gradient over all its parameters, at every tenth update. Near 0 for a generator "
        "means that it has nothing to learn from. Sudden jumps mean that the learning rate is too high.",
    ),
    "recognition": ChartWords(
        "Recognition loss",
        "loss (nats)",
        "How hard it is to predict from a generated image the code that it was generated from. Lower means that the "
        "code is visible in the image. A guess among ten categories costs 2.3, a guess of a continuous code 0.17.",
    ),
    "code_accuracy": ChartWords(
        "Accuracy of the code head",
        "share of generated images",
        "How often the model's own code head predicts the category that an image was generated from. High means that "
        "the code head tells categories apart, if only by faint patterns: look at the pictures of the categories.",
        percent=True,
    ),
}


def of_family(family: object) -> str:
    """A family's name for people."""
    return FULL_NAMES.get(str(family), plain(family, 60) if family else "model")


def of_chart(name: str, lines: set[str]) -> ChartWords:
    """What to say of one chart of metrics.jsonl, by the part of its keys before the slash and the parts behind it."""
    # A line "fake" means the accuracy of a discriminator and not of a classifier.
    key = "accuracy of D" if name == "accuracy" and "fake" in lines else name
    title = plain(name.replace("_", " ").strip(), 36) or "values"
    return CHARTS.get(key) or ChartWords(title[:1].upper() + title[1:], title, "As the run logged it.")


def of_metric(name: str) -> Metric:
    """What to say of one metric of evaluations.jsonl."""
    title = plain(name, 36) or "value"
    return METRICS.get(name) or Metric(title, title, "neither")


def reading_of(metric: Metric, baseline: bool) -> str:
    """How to read a metric, with what its baseline is where one is shown."""
    if not baseline or not metric.baseline:
        return metric.reading
    return f"{metric.reading} The baseline is {metric.baseline.meaning}."


def caution_of(metric: str, conditions: Mapping[str, Any], features: Any = None) -> str | None:
    """The warning of `evaluate` about a distance of few images; None for other metrics, and where it is not known.

    Args:
        metric: a name of `catalogue.METRICS`.
        conditions: how it was measured, with `extractor`, `n` and `real`.
        features: per image; those of the extractor in rows of earlier versions, which do not say it.
    """
    width = features or WIDTHS.get(str(conditions.get("extractor")).partition(",")[0])
    counts = [count for name in ("n", "real") if isinstance(count := conditions.get(name), int)]
    if not metric.startswith("frechet_distance") or not counts or not isinstance(width, int):
        return None
    return caution(min(counts), min(counts), width)


def unreliable(row: Measurement) -> str | None:
    """The same of a row of evaluations.jsonl."""
    return caution_of(row.metric, row.conditions, row.details.get("features"))


def standing(metric: Metric, estimate: Estimate, baseline: float) -> str:
    """How a value stands to its baseline: `20.9 points short of real images, 88.2%`.

    A value that is worse than what a good model comes near to is short of it; where less is better, it lies above.
    """
    name, goal = (metric.baseline.name, metric.baseline.goal) if metric.baseline else ("the baseline", False)
    level = f"{name}, {written(metric, baseline)}"
    if estimate.low is not None and estimate.high is not None and estimate.low <= baseline <= estimate.high:
        return f"interval includes {level}"
    gap = estimate.value - baseline
    size = f"{percent(abs(gap), 1).removesuffix('%')} points" if metric.percent else number(abs(gap))
    below = "short of" if goal and metric.better == "higher" else "below"
    return f"{size} {'above' if gap > 0 else below} {level}"


def obedience(row: Measurement, form: Callable[[float], str]) -> str:
    """How far a label is obeyed: `partly obeyed, 0.65 between chance 0.52 and the judge's 0.80`; empty without it.

    `form` writes a share.
    """
    if row.obedience is None or row.estimate is None or row.chance is None or row.baseline is None:
        return ""
    value, chance, most = map(form, (row.estimate.value, row.chance, row.baseline))
    if row.chance <= row.estimate.value <= row.baseline:
        return f"{row.obedience}, {value} between chance {chance} and the judge's {most}"
    return f"{row.obedience}, {value} where chance is {chance} and the judge's accuracy {most}"


def written(words: Words, value: Any) -> str:
    """A value as text: percent or number, as its metric or chart is read."""
    return percent(value, 1) if words.percent else number(value)
