"""What the report says of families, charts and metrics, in plain words. An unknown name is shown as it is."""

from collections.abc import Mapping
from typing import Any, get_args

from simulacra.report.formats import plain
from simulacra.report.versus import Better
from simulacra.report.words.base import Words
from simulacra.report.words.charts import CHARTS
from simulacra.report.words.metrics import BETTER, METRICS

__all__ = [
    "BETTER", "CHARTS", "FAMILIES", "FLOOR", "METRICS", "Words", "direction", "of_chart", "of_family", "of_metric",
]  # fmt: skip

FLOOR = "what real images, chance or a linear code get in the same place"

FAMILIES = {
    "vae": "variational autoencoder (VAE)",
    "gan": "generative adversarial network (GAN)",
    "wgan": "Wasserstein GAN (WGAN)",
    "acgan": "auxiliary-classifier GAN (ACGAN)",
    "infogan": "information-maximising GAN (InfoGAN)",
    "classifier": "classifier",
}


def of_family(family: object) -> str:
    """A family's name for people."""
    return FAMILIES.get(str(family), plain(family, 60) if family else "model")


def of_chart(chart: str, lines: set[str]) -> Words:
    """What to say of one chart of metrics.jsonl.

    Args:
        chart: the part of its keys before the slash.
        lines: the parts behind it; "fake" among them tells the accuracy of a discriminator from a classifier's.
    """
    key = "accuracy of D" if chart == "accuracy" and "fake" in lines else chart
    found = CHARTS.get(key)
    title = plain(chart.replace("_", " ").strip(), 36) or "values"
    return found or Words(title[:1].upper() + title[1:], title, "As the run logged it.")


def of_metric(metric: str) -> Words:
    """What to say of one metric of evaluations.jsonl."""
    title = plain(metric, 36) or "value"
    return METRICS.get(metric) or Words(title, title, "As it was evaluated.")


def direction(row: Mapping[str, Any]) -> Better:
    """Where better numbers lie, of a row of evaluations.jsonl; neither where nobody says."""
    said: Better | None = next((way for way in get_args(Better) if row.get("better") == way), None)
    return said or BETTER.get(str(row.get("metric")), "neither")
