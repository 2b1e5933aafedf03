"""The audit of a data set: labels, splits and duplicates, as values, as sentences and as tables."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.data.splits import untrained, untrained_line
from simulacra.data.store import SPLITS, ImageStore
from simulacra.errors import one_line
from simulacra.tabular import Table

# A label with a smaller share of the images, or a class this many times smaller than the largest, is hard to learn.
RARE, UNEVEN = 0.01, 10
STRONG = 0.5
FEW = 1_000
SHOWN = 12
BLOCK = 512
# Side of the thumbnails that are compared first.
SIDE = 8
# Root mean square differences, of 255: in thumbnails, which forgive noise and compression, and then in full.
THUMBNAIL_LIMIT, IMAGE_LIMIT = 5.0, 8.0
# Number of principal components of thumbnails in the search tree; their distance never exceeds that of thumbnails.
COMPONENTS = 12
NEIGHBOURS = 4
EXAMPLES = 5
# Correlations of labels are listed above this value, the strongest first, at most so many.
CORRELATED, LISTED = 0.1, 100

Rows = NDArray[np.int64]
_both = " and ".join


class Scan(NamedTuple):
    """The result of one pass over all images."""

    first: NDArray[np.int64]  # (N,) the first row with the same pixels; its own row if no earlier row has them
    constant: NDArray[np.bool_]  # (N,) bool, whether the image has a single colour
    thumbnails: NDArray[np.float32]  # (N, D) float32, mean colours of an 8x8 grid, 0 to 255


def audit(store: ImageStore) -> dict[str, Any]:
    """Checks every image and label of a store.

    Args:
        store: a packed store; its images are read once, block by block.

    Returns:
        JSON values: images, height, width, channels, splits, original, left_out, odd, constant, duplicates, labels,
        untrained, exclusive, correlations, and findings as sentences.
    """
    scanned = scan(store.images)
    height, width, channels = store.shape
    constant = np.flatnonzero(scanned.constant)
    report: dict[str, Any] = {
        "path": str(store.path),
        **{key: store.card.get(key) for key in ("title", "source", "licence")},
        "fingerprint": store.fingerprint,
        "images": len(store.images),
        "height": height,
        "width": width,
        "channels": channels,
        "splits": {split: len(store.rows(split)) for split in SPLITS},
        "original": store.card.get("original"),
        "left_out": store.card.get("left_out", []),
        "odd": store.card.get("odd", {}),
        "constant": {"images": len(constant), "examples": [store.names[row] for row in constant[:EXAMPLES].tolist()]},
        "duplicates": _duplicates(store, scanned),
        "exclusive": store.exclusive,
        "labels": _frequencies(store),
        "untrained": list(untrained(store)),
        "correlations": [] if store.exclusive else _correlations(store),
    }
    return {**report, "findings": findings(report)}


def findings(report: dict[str, Any]) -> list[str]:
    """What a person should know before training, one sentence each, the most serious first."""
    groups = (_of_splits(report), _of_copies(report), _of_pictures(report), _of_labels(report))
    return [one_line(sentence) for sentences in groups for sentence in sentences]


def audit_tables(report: dict[str, Any]) -> list[Table]:
    """The report as tables: the pictures, the labels, and the correlated labels."""
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
    tables = [Table(report["title"] or report["path"], ("what", "count"), pictures)]
    splits = [split for split, count in report["splits"].items() if count]
    if report["labels"]:
        rows = [
            (label["name"], f"{label['count']:,}", *(f"{label[part]:.1%}" for part in ("share", *splits)))
            for label in report["labels"]
        ]
        tables.append(Table("classes" if report["exclusive"] else "labels", ("name", "images", "share", *splits), rows))
    if report["correlations"]:
        rows = [(pair["a"], pair["b"], f"{pair['r']:+.2f}") for pair in report["correlations"][:SHOWN]]
        tables.append(Table("correlated labels", ("label", "other label", "r"), rows))
    return tables


def scan(images: NDArray[np.uint8]) -> Scan:
    """One pass over (N, H, W, C) uint8 images, with one block at a time in memory."""
    first_rows: dict[bytes, int] = {}
    first = np.empty(len(images), dtype=np.int64)
    constant = np.empty(len(images), dtype=np.bool_)
    thumbnails = []
    for start in range(0, len(images), BLOCK):
        block = np.ascontiguousarray(images[start : start + BLOCK])
        for row, image in enumerate(block, start):
            first[row] = first_rows.setdefault(hashlib.blake2b(image.data, digest_size=16).digest(), row)
        constant[start : start + BLOCK] = (block == block[:, :1, :1]).all(axis=(1, 2, 3))
        thumbnails.append(thumbnails_of(block))
    return Scan(first, constant, np.concatenate(thumbnails))


def near_pairs(images: NDArray[np.uint8], scanned: Scan) -> NDArray[np.int64]:
    """Pairs of images that are nearly equal: recompressed, resized, or with a little noise.

    Args:
        images: (N, H, W, C) uint8.
        scanned: the result of `scan` for them.

    Returns:
        (P, 2) rows, the lower first, sorted; of each image only its few nearest ones. Exact copies and constant images
        are left out.
    """
    from scipy.spatial import cKDTree

    rows = np.flatnonzero((scanned.first == np.arange(len(images))) & ~scanned.constant)
    if len(rows) < 2:
        return np.empty((0, 2), dtype=np.int64)
    points = _components(scanned.thumbnails[rows])
    reach = THUMBNAIL_LIMIT * np.sqrt(scanned.thumbnails.shape[1])
    _, near = cKDTree(points).query(points, k=min(NEIGHBOURS + 1, len(rows)), distance_upper_bound=reach)
    left, rank = np.nonzero(near < len(rows))
    pairs = np.unique(np.sort(np.stack([rows[left], rows[near[left, rank]]], axis=1), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    gap = scanned.thumbnails[pairs[:, 0]] - scanned.thumbnails[pairs[:, 1]]
    pairs = pairs[np.sqrt((gap**2).mean(axis=1)) <= THUMBNAIL_LIMIT]
    gaps = (images[one].astype(np.float32) - images[other] for one, other in pairs)
    alike = np.array([np.sqrt((gap**2).mean()) <= IMAGE_LIMIT for gap in gaps], dtype=np.bool_)
    return np.asarray(pairs[alike], dtype=np.int64)


def thumbnails_of(block: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(B, D) mean colours, 0 to 255, of a grid of 8x8 (fewer in smaller images) over (B, H, W, C) images."""
    count, height, width, channels = block.shape
    rows = _averaging(height) @ block.reshape(count, height, width * channels).astype(np.float32)
    cells: NDArray[np.float32] = _averaging(width) @ rows.reshape(count, -1, width, channels)
    return cells.reshape(count, -1)


def _averaging(length: int) -> NDArray[np.float32]:
    """(cells, length): the matrix that averages pixels over the cells of a thumbnail."""
    edges = np.linspace(0, length, min(SIDE, length) + 1).astype(np.int64)
    pixels = np.arange(length)
    inside = (pixels >= edges[:-1, None]) & (pixels < edges[1:, None])
    return np.asarray(inside / inside.sum(1, keepdims=True), np.float32)


def _components(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, D) points projected orthogonally onto their principal directions, so no distance grows."""
    centred = points - points.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ directions[:, -COMPONENTS:])


def _duplicates(store: ImageStore, scanned: Scan) -> dict[str, Any]:
    """Exact and near copies, and those across splits, with examples."""
    copies = np.flatnonzero(scanned.first != np.arange(len(scanned.first)))
    exact = np.stack([scanned.first[copies], copies], axis=1)
    near = near_pairs(store.images, scanned)
    copied = {"images": len(exact), "groups": len(np.unique(exact[:, 0])), **_contradictions(store, exact)}
    return {"exact": copied | _pairs(store, exact), "near": {"images": len(np.unique(near)), **_pairs(store, near)}}


def _contradictions(store: ImageStore, pairs: Rows) -> dict[str, Any]:
    """Copies that have other labels, and the labels that differ."""
    differing = pairs[(store.labels[pairs[:, 0]] != store.labels[pairs[:, 1]]).any(axis=1)]
    examples = []
    for pair in differing[:EXAMPLES].tolist():
        one, other = store.labels[pair]
        names = [name for name, differs in zip(store.label_names, one != other, strict=True) if differs]
        examples.append({"names": [store.names[row] for row in pair], "labels": names})
    return {"contradicting": len(differing), "examples_contradicting": examples}


def _pairs(store: ImageStore, pairs: Rows) -> dict[str, Any]:
    crossing = pairs[store.split[pairs[:, 0]] != store.split[pairs[:, 1]]]
    examples, across = (
        [[store.names[row] for row in pair] for pair in chosen[:EXAMPLES].tolist()] for chosen in (pairs, crossing)
    )
    counts = {"pairs": len(pairs), "across_splits": len(crossing)}
    return counts | {"examples": examples, "examples_across_splits": across}


def _frequencies(store: ImageStore) -> list[dict[str, Any]]:
    """How often each label is 1: the count, and its share of all images and of each split that is not empty."""
    parts = {split: store.labels[rows] for split in SPLITS if len(rows := store.rows(split))}
    return [
        {
            "name": name,
            "count": int(store.labels[:, column].sum()),
            "share": round(float(store.labels[:, column].mean()), 4),
            **{split: round(float(labels[:, column].mean()), 4) for split, labels in parts.items()},
        }
        for column, name in enumerate(store.label_names)
    ]


def _correlations(store: ImageStore) -> list[dict[str, Any]]:
    """Pairs of correlated labels; r is Pearson's coefficient."""
    varied = np.flatnonzero(store.labels.std(axis=0) > 0)
    if len(varied) < 2:
        return []
    matrix = np.atleast_2d(np.corrcoef(store.labels[:, varied], rowvar=False, dtype=np.float32))
    left, right = np.triu_indices(len(varied), k=1)
    strength = matrix[left, right]
    order = np.argsort(-np.abs(strength), kind="stable")
    listed = [at for at in order[:LISTED].tolist() if abs(strength[at]) >= CORRELATED]
    names = [store.label_names[column] for column in varied.tolist()]
    return [{"a": names[left[at]], "b": names[right[at]], "r": round(float(strength[at]), 3)} for at in listed]


def _of_splits(report: dict[str, Any]) -> Iterator[str]:
    for split, count in report["splits"].items():
        if not count:
            yield f"the {split} split is empty"
    train = report["splits"]["train"]
    if train < FEW:
        yield f"there are only {train:,} training images; a model may memorise them"


def _of_copies(report: dict[str, Any]) -> Iterator[str]:
    exact, near = report["duplicates"]["exact"], report["duplicates"]["near"]
    if exact["contradicting"]:
        first = exact["examples_contradicting"][0]
        both = _both(first["labels"]) if report["exclusive"] else f"with {_both(first['labels'])} and without"
        pictures = "1 picture is" if exact["contradicting"] == 1 else f"{exact['contradicting']:,} pictures are"
        yield f"{pictures} labelled {both} at once (the first: {_both(first['names'])}); keep one of the copies"
    if exact["across_splits"]:
        yield (
            f"{_images(exact['across_splits'], 'is a copy', 'are copies')} of an image in another split (the first: "
            f"{_both(exact['examples_across_splits'][0])}), so results on test will be too good"
        )
    if near["across_splits"]:
        yield (
            f"near copies lie in different splits, {near['across_splits']:,} times (the first: "
            f"{_both(near['examples_across_splits'][0])})"
        )
    if exact["images"]:
        where = f"(the first: {_both(exact['examples'][0])})"
        copies = _images(exact["images"], "is a copy", "are copies")
        yield f"{copies} of another image {where}; these images count more in training"
    if near["pairs"]:
        yield f"near copies: {near['pairs']:,} (the first: {_both(near['examples'][0])})"


def _of_pictures(report: dict[str, Any]) -> Iterator[str]:
    constant, original = report["constant"], report["original"] or {}
    if constant["images"]:
        yield (f"{_images(constant['images'], 'is', 'are')} of a single colour (the first: {constant['examples'][0]})")
    if original.get("smaller_than_packed"):
        yield (
            f"{_images(original['smaller_than_packed'], 'was', 'were')} smaller than {report['width']}x"
            f"{report['height']} and were enlarged (the smallest: {'x'.join(map(str, original['smallest']))})"
        )
    if report["left_out"]:
        bad = report["left_out"][0]
        yield f"pictures left out: {len(report['left_out']):,} (the first: {bad['name']} {bad['why']})"
    for what, count in report["odd"].items():
        yield f"{what}: {count:,}"


def _of_labels(report: dict[str, Any]) -> Iterator[str]:
    labels = report["labels"]
    if report["untrained"]:
        yield untrained_line(report["untrained"])
    if report["exclusive"] and labels:
        least, most = (choose(labels, key=lambda label: label["count"]) for choose in (min, max))
        if most["count"] > UNEVEN * least["count"]:
            larger = f"{most['name']} has {most['count']:,} images"
            yield f"classes are uneven: {larger}, {least['name']} has {least['count']:,}"
        return
    for label in labels:
        if min(label["share"], 1 - label["share"]) < RARE:
            few = min(label["count"], report["images"] - label["count"])
            has = "have" if few == label["count"] else "lack"
            yield f"only {few:,} of {report['images']:,} images {has} label {label['name']}: hard to learn"
    for pair in report["correlations"]:
        if abs(pair["r"]) >= STRONG:
            how = "mostly come together" if pair["r"] > 0 else "mostly exclude each other"
            yield f"labels {pair['a']} and {pair['b']} {how} (r = {pair['r']:+.2f}): a model may confuse them"


def _images(count: int, one: str, many: str) -> str:
    return f"{count:,} image {one}" if count == 1 else f"{count:,} images {many}"
