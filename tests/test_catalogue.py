"""The table of metrics, and what docs/metrics.md says of it."""

from pathlib import Path

from simulacra.catalogue import METRICS, OBEDIENCE, UNCLEAR

PAGE = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text("utf-8")


def test_the_page_lists_every_metric_as_the_table_has_it() -> None:
    listed = PAGE.split("<!-- metrics table: begin -->")[1].split("<!-- end -->")[0].strip().splitlines()[2:]
    assert listed == [
        f"| `{name}` | {metric.better} | {metric.unit} | {metric.baseline.meaning if metric.baseline else '–'} |"
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
