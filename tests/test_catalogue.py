"""The table of metrics, and what docs/metrics.md says of it."""

from pathlib import Path

from simulacra.catalogue import METRICS, OBEDIENCE, UNCLEAR, WIDTHS, caution
from simulacra.evaluation.features import FEATURES

PAGE = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text("utf-8")


def test_the_page_lists_every_metric_as_the_table_has_it() -> None:
    listed = PAGE.split("<!-- metrics table: begin -->")[1].split("<!-- end -->")[0].strip().splitlines()[2:]
    baselines = {name: metric.baseline.meaning if metric.baseline else "–" for name, metric in METRICS.items()}
    assert listed == [
        f"| `{name}` | {metric.title} | {metric.better} | {metric.unit} | {baselines[name]} |"
        for name, metric in METRICS.items()
    ]


def test_the_page_says_from_which_share_on_a_word_holds() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    for word, least in OBEDIENCE.items():
        (line,) = [line for line in lines if line.startswith(f"| {word} |")]
        assert least < 0 or f"{least:g}" in line
    assert any(line.startswith(f"| {UNCLEAR} |") for line in lines)


def test_every_metric_says_how_to_read_it() -> None:
    assert all(metric.reading[:2].strip() and metric.reading.endswith(".") for metric in METRICS.values())


def test_recall_and_coverage_are_told_apart() -> None:
    recall, coverage = METRICS["recall"].reading, METRICS["coverage"].reading
    assert "within the neighbourhood of some sample (Kynkäänniemi et al. 2019)" in recall
    assert "at least one sample within their own neighbourhood (Naeem et al. 2020)" in coverage
    assert "look at it first" in recall
    assert "forgives more than recall" in coverage


def test_few_images_are_warned_of() -> None:
    assert caution(151, 300, 100) is None
    assert "unbiased is still biased upwards below 150; go by the kernel" in str(caution(300, 150, 100))
    assert "the smaller set has 100 images for 512 features: the Fréchet distance" in str(caution(1000, 100, 512))


def test_the_widths_of_extractors_are_those_of_their_features() -> None:
    assert {name: extractor.width for name, extractor in FEATURES.items()} == WIDTHS
