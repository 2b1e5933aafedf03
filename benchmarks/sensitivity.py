"""How each metric of quality reacts to damaged images: tables for docs/metrics-sensitivity.md.

    python benchmarks/sensitivity.py [--data fashion-mnist=STORE] [--data avatars=STORE] [-n 2000] [--json]

Real images are used as samples: first unchanged, for the baseline, then with six kinds of damage of increasing
strength. Damage that only chooses images (modes left out, collapse, copies) chooses their features.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from simulacra.catalogue import METRICS, of_group
from simulacra.data.resolve import resolve
from simulacra.data.store import ImageStore, open_store
from simulacra.estimates import Estimate
from simulacra.evaluation.distances import Cloud, nearer
from simulacra.evaluation.features import Extractor, extractor_for
from simulacra.evaluation.metrics.quality import MEMORISATION, distances
from simulacra.seeds import stream

QUALITY = of_group("quality")
PAGE = Path(__file__).parents[1] / "docs" / "metrics-sensitivity.md"
CASES = (("fashion-mnist", "judge"), ("fashion-mnist", "random-vgg"), ("avatars", "random-vgg"))
UNBIASED = ("frechet_distance_unbiased", "kernel_distance")  # 0 for real images: their unit is the baseline's upper end
Images = NDArray[np.uint8]
Values = NDArray[np.float64]


class Sets(NamedTuple):
    """Disjoint rows of a store: real images, training images, images used as samples, and a reserve."""

    real: NDArray[np.int64]
    train: NDArray[np.int64]
    reference: NDArray[np.int64]
    reserve: NDArray[np.int64]


class Case(NamedTuple):
    """One data set with one extractor."""

    store: ImageStore
    extractor: Extractor
    rows: Sets


def noise(images: Images, deviation: float, train: Images) -> Images:
    """Normal noise with this standard deviation, for values of 0 to 255."""
    return rounded(images + stream(0, 1).normal(0, deviation, images.shape))


def blur(images: Images, radius: float, train: Images) -> Images:
    """A Gaussian blur with this standard deviation in pixels."""
    return rounded(gaussian_filter(images.astype(np.float32), (0, radius, radius, 0)))


def pca(images: Images, count: float, train: Images) -> Images:
    """The projection onto this number of principal components of training images: the best linear autoencoder."""
    flat, known = (part.reshape(len(part), -1).astype(np.float32) for part in (images, train))
    mean = known.mean(0)
    directions = np.linalg.svd(known - mean, full_matrices=False)[2][: int(count)]
    return rounded(((flat - mean) @ directions.T @ directions + mean).reshape(images.shape))


def rounded(values: NDArray[np.floating]) -> Images:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def modes(store: ImageStore) -> NDArray[np.int64]:
    """(N,) the kind of each image: its class, or the hair of an avatar."""
    if store.exclusive:
        return store.labels.argmax(1)
    assert store.factors is not None, "avatars know their factors"
    return store.factors[:, store.factor_names.index("top")].astype(np.int64)


def left_out(case: Case, share: float) -> NDArray[np.int64]:
    """Rows of images without this share of the kinds."""
    kinds = modes(case.store)
    pool = np.concatenate([case.rows.reference, case.rows.reserve])
    return pool[kinds[pool] >= round(share * (kinds.max() + 1))][: len(case.rows.reference)]


# Damage -> meaning of its strength, three strengths, and the function.
PIXELS: dict[str, tuple[str, tuple[float, ...], Callable[[Images, float, Images], Images]]] = {
    "noise": ("deviation, of 255", (8, 32, 64), noise),
    "blur": ("deviation in pixels", (0.5, 1, 2), blur),
    "PCA": ("components kept", (200, 50, 10), pca),
}
CHOICES: dict[str, tuple[str, tuple[float, ...]]] = {
    "modes left out": ("share of modes", (0.2, 0.4, 0.7)),
    "collapse": ("different images", (500, 50, 5)),
    "copies": ("share that is copied", (0.1, 0.5, 1)),
}
DISTANCES = ("frechet_distance", "frechet_distance_unbiased", "kernel_distance")
# Damage -> metrics that must tell it, even of a hundred images. The kernel distance needs more for the two without.
MOVES: dict[str, tuple[str, ...]] = {
    "noise": (*DISTANCES, "precision", "density"),
    "blur": (*DISTANCES, "recall", "coverage"),
    "PCA": (*DISTANCES, "recall", "coverage"),
    "modes left out": (*DISTANCES[:2], "recall", "coverage"),
    "collapse": (*DISTANCES[:2], "recall", "coverage"),
    "copies": (MEMORISATION,),
}


def case_of(store: ImageStore, name: str, count: int) -> Case:
    """Four sets of images of a store, three of them with this many images, from all splits, as nothing is trained."""
    order = stream(0, 2).permutation(len(store.images))
    parts = np.split(order, [count, 2 * count, 3 * count])
    return Case(store, extractor_for(name, store), Sets(*parts))


def measure(case: Case, *, only_strongest: bool = False) -> dict[tuple[str, float], dict[str, Estimate]]:
    """(damage, strength) -> metric -> estimate; ("", 0) is the baseline."""
    first = -1 if only_strongest else 0
    see = lambda rows: case.extractor.vectors(case.store.pixels(rows))  # noqa: E731
    real, train, stand_in = (see(rows) for rows in case.rows[:3])
    known, found = Cloud(real), {}

    def score(made: NDArray[np.float32]) -> dict[str, Estimate]:
        return distances(known, Cloud(made)) | {MEMORISATION: nearer(train, real, made)}

    found["", 0.0] = score(stand_in)
    images, trained = case.store.pixels(case.rows.reference), case.store.pixels(case.rows.train)
    for damage, (_, strengths, spoil) in PIXELS.items():
        for strength in strengths[first:]:
            found[damage, strength] = score(case.extractor.vectors(spoil(images, strength, trained)))
    for share in CHOICES["modes left out"][1][first:]:
        found["modes left out", share] = score(see(left_out(case, share)))
    for count in CHOICES["collapse"][1][first:]:
        found["collapse", count] = score(stand_in[np.arange(len(stand_in)) % int(count)])
    for share in CHOICES["copies"][1][first:]:
        copied = round(share * len(stand_in))
        found["copies", share] = score(np.concatenate([train[:copied], stand_in[copied:]]))
    return found


def worse(metric: str, one: Estimate, baseline: Estimate) -> bool:
    """Whether a value is worse than the baseline by more than its own interval."""
    assert one.low is not None
    assert one.high is not None
    return one.low > baseline.value if METRICS[metric].better == "lower" else one.high < baseline.value


def ratio(metric: str, one: Estimate, baseline: Estimate) -> float:
    """A value over the baseline; for unbiased distances, over the larger end of the baseline's interval."""
    assert baseline.low is not None
    assert baseline.high is not None
    unit = max(abs(baseline.low), abs(baseline.high)) if metric in UNBIASED else baseline.value
    return one.value / unit if unit else float("nan")


def table(found: dict[tuple[str, float], dict[str, Estimate]]) -> str:
    """A table in Markdown, with values in bold that are worse than the baseline."""
    baseline = found["", 0.0]
    lines = [["damage", "strength", *QUALITY], ["---"] * (2 + len(QUALITY))]
    lines.append(["none", "", *(f"{baseline[name].value:.3g}" for name in QUALITY)])
    meaning = {name: rest[0] for name, rest in (PIXELS | CHOICES).items()}
    for (damage, strength), scores in list(found.items())[1:]:
        cells = []
        for name in QUALITY:
            text = f"{float(f'{ratio(name, scores[name], baseline[name]):.2g}'):,g}"
            cells.append(f"**{text}**" if worse(name, scores[name], baseline[name]) else text)
        lines.append([f"{damage} ({meaning[damage]})", f"{strength:g}", *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def filled(text: str, mark: str, content: str, script: str = Path(__file__).name) -> str:
    """The page with new content between two marks."""
    begin, end = f"<!-- {mark}: written by benchmarks/{script} -->\n", f"<!-- end of {mark} -->"
    head, middle, rest = text.partition(begin)
    if not middle:
        raise SystemExit(f"{PAGE.name} has no line {begin.strip()}")
    return f"{head}{begin}{content}{end}{rest.partition(end)[2]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", action="append", default=[], help="NAME=STORE, where a store lies")
    parser.add_argument("-n", type=int, default=2000, help="images of each set")
    parser.add_argument("--json", action="store_true", help="print JSON as well")
    options = parser.parse_args()
    places = dict(text.split("=", 1) for text in options.data)
    parts: list[str] = []
    numbers: dict[str, Any] = {}
    for name, features in CASES:
        start = time.process_time()
        store = open_store(Path(places[name])) if name in places else resolve(name).store
        case = case_of(store, features, options.n)
        found = measure(case)
        parts.append(f"\n`{name}`, {options.n:,} images of each set, {case.extractor.name}:\n\n{table(found)}")
        numbers[f"{name}, {case.extractor.label}"] = [
            {"damage": damage, "strength": strength} | {metric: one.value for metric, one in scores.items()}
            for (damage, strength), scores in found.items()
        ]
        print(f"{name}, {features}: {time.process_time() - start:.0f} s of processor time", file=sys.stderr)
        PAGE.write_text(filled(PAGE.read_text("utf-8"), "sensitivity", "".join(parts) + "\n"), "utf-8")
    if options.json:
        print(json.dumps({"n": options.n, "cases": numbers}))


if __name__ == "__main__":
    main()
