"""An audit's report in plain words, and as tables to print."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from simulacra.errors import one_line

# A label rarer than this among the images, or a class this much smaller than the largest, is hard to learn.
RARE, UNEVEN = 0.01, 10
STRONG = 0.5
FEW = 1_000
SHOWN = 12


class Table(NamedTuple):
    """Rows to print: as many cells each as there are columns."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def findings(report: dict[str, Any]) -> list[str]:
    """What a person should know before training, one sentence each, the gravest first; none if nothing is odd."""
    found = (_of_splits(report), _of_copies(report), _of_pictures(report), _of_labels(report))
    return [one_line(sentence) for sentences in found for sentence in sentences]


def audit_tables(report: dict[str, Any]) -> list[Table]:
    """The report as tables: the pictures, the labels, and the labels that go together."""
    size = f"{report['width']}x{report['height']}, {'colour' if report['channels'] == 3 else 'grey'}"
    exact, near = report["duplicates"]["exact"], report["duplicates"]["near"]
    original = report["original"] or {}
    pictures = [
        ("images", f"{report['images']:,}"),
        *((f"  {split}", f"{count:,}") for split, count in report["splits"].items()),
        ("packed as", size),
        *((f"{word} original", "x".join(map(str, original[word]))) for word in ("smallest", "largest") if original),
        ("exact copies", f"{exact['images']:,}"),
        ("  across splits", f"{exact['across_splits']:,}"),
        ("near copies, pairs", f"{near['pairs']:,}"),
        ("  across splits", f"{near['across_splits']:,}"),
        ("of one colour", f"{report['constant']['images']:,}"),
        ("left out, unreadable", f"{len(report['left_out']):,}"),
    ]
    tables = [Table(report["title"] or report["path"], ("what", "how many"), pictures)]
    splits = [split for split, count in report["splits"].items() if count]
    if report["labels"]:
        rows = [
            (label["name"], f"{label['count']:,}", *(f"{label[part]:.1%}" for part in ("share", *splits)))
            for label in report["labels"]
        ]
        tables.append(Table("classes" if report["exclusive"] else "labels", ("name", "images", "share", *splits), rows))
    if report["correlations"]:
        rows = [(pair["a"], pair["b"], f"{pair['r']:+.2f}") for pair in report["correlations"][:SHOWN]]
        tables.append(Table("labels that go together, or apart", ("one", "other", "r"), rows))
    return tables


def _of_splits(report: dict[str, Any]) -> Iterator[str]:
    for split, count in report["splits"].items():
        if not count:
            yield f"the {split} split is empty"
    train = report["splits"]["train"]
    if train < FEW:
        yield f"there are only {train:,} training images; a model will rather learn them by heart than what they share"


def _of_copies(report: dict[str, Any]) -> Iterator[str]:
    exact, near = report["duplicates"]["exact"], report["duplicates"]["near"]
    if exact["across_splits"]:
        yield (
            f"{_images(exact['across_splits'], 'is a copy', 'are copies')} of one in another split (the first: "
            f"{_both(exact['examples_across_splits'][0])}), so what is measured on test will flatter"
        )
    if near["across_splits"]:
        yield (
            f"images that hardly differ lie in different splits, {near['across_splits']:,} times (the first: "
            f"{_both(near['examples_across_splits'][0])})"
        )
    if exact["images"]:
        where = f"(the first: {_both(exact['examples'][0])})"
        yield f"{_images(exact['images'], 'is a copy', 'are copies')} of another {where} and weigh the more in training"
    if near["pairs"]:
        yield f"images that hardly differ: {near['pairs']:,} (the first: {_both(near['examples'][0])})"


def _of_pictures(report: dict[str, Any]) -> Iterator[str]:
    constant, original = report["constant"], report["original"] or {}
    if constant["images"]:
        yield (
            f"{_images(constant['images'], 'is', 'are')} of one colour all over (the first: {constant['examples'][0]})"
        )
    if original.get("smaller_than_packed"):
        yield (
            f"{_images(original['smaller_than_packed'], 'was', 'were')} smaller than {report['width']}x"
            f"{report['height']} and had to be enlarged (the smallest: {'x'.join(map(str, original['smallest']))})"
        )
    if report["left_out"]:
        bad = report["left_out"][0]
        yield f"pictures left out: {len(report['left_out']):,} (the first: {bad['name']} {bad['why']})"
    for what, count in report["odd"].items():
        yield f"{what}: {count:,}"


def _of_labels(report: dict[str, Any]) -> Iterator[str]:
    labels = report["labels"]
    if report["exclusive"] and labels:
        least, most = (choose(labels, key=lambda label: label["count"]) for choose in (min, max))
        if most["count"] > UNEVEN * least["count"]:
            yield (
                f"classes are uneven: {most['name']} has {most['count']:,} images, "
                f"{least['name']} has {least['count']:,}"
            )
        return
    for label in labels:
        if min(label["share"], 1 - label["share"]) < RARE:
            yield f"label {label['name']} is 1 in {label['count']:,} of {report['images']:,} images: hard to learn"
    for pair in report["correlations"]:
        if abs(pair["r"]) >= STRONG:
            how = "mostly come together" if pair["r"] > 0 else "mostly shut each other out"
            yield f"labels {pair['a']} and {pair['b']} {how} (r = {pair['r']:+.2f}): a model may take one for the other"


def _images(count: int, one: str, many: str) -> str:
    return f"{count:,} image {one}" if count == 1 else f"{count:,} images {many}"


def _both(names: list[str]) -> str:
    return " and ".join(names)
