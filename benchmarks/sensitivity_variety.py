"""Whether each number of the group `variety` says what it is there to say: real images, damaged in known ways.

python benchmarks/sensitivity_variety.py STORE [--count 1000] [--features random-vgg] [--json]

Images that are taken out of the training set stand in for samples, once as they are, then blurred, copied, repeated and
so on. Their own labels are given in the place of a judge's verdicts.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.ndimage import gaussian_filter

from simulacra.data.store import ImageStore, open_store
from simulacra.evaluation.features import FEATURES, Extractor
from simulacra.evaluation.frequencies import divergence, entropy, kinds
from simulacra.evaluation.nearest import Pool
from simulacra.evaluation.scores.variety import compared_features, compared_pixels, duplicates
from simulacra.evaluation.variety import beyond, fine_energy, sharpness

Images = np.ndarray
Labels = np.ndarray


def damages(
    store: ImageStore, rows: np.ndarray, known: np.ndarray, spare: np.ndarray
) -> Iterator[tuple[str, Images, Labels]]:
    """Name, images and labels: real images of these rows, and what becomes of them.

    Training images are `known` ones; `spare` ones count as neither known nor held out.
    """
    images, labels = store.pixels(rows), store.labels[rows]
    draw, tenth = np.random.default_rng(1), len(rows) // 10

    def with_tenth(others: np.ndarray) -> tuple[Images, Labels]:
        mixed = np.concatenate([others, rows[tenth:]])
        return store.pixels(mixed), store.labels[mixed]

    def blurred(pictures: Images, sigma: float) -> Images:
        return gaussian_filter(pictures, (0, sigma, sigma, 0))

    yield "real", images, labels
    yield "blurred a little", blurred(images, 0.7), labels
    yield "blurred", blurred(images, 1.5), labels
    yield "noise on top", np.clip(images + draw.normal(0, 10, images.shape), 0, 255).astype(np.uint8), labels
    copies = with_tenth(known[:: len(known) // tenth][:tenth])
    yield "10% copied", *copies
    yield "10% copied, all blurred", blurred(copies[0], 0.7), copies[1]
    yield "10% repeated", *with_tenth(rows[tenth : 2 * tenth])
    gone = labels.shape[1] // 2 if store.exclusive else 1
    kept = spare[~store.labels[spare][:, :gone].any(1)]
    few = draw.choice(kept, len(rows), replace=False)
    yield "kinds dropped", store.pixels(few), store.labels[few]
    yield "10% noise", np.concatenate([draw.integers(0, 256, images[:tenth].shape, np.uint8), images[tenth:]]), labels


def measure(store: ImageStore, extractor: Extractor, count: int) -> list[dict[str, float | str]]:
    """A row a damage. `nearer` is what a distance alone would say of copies, without that to held-out images."""
    order = np.random.default_rng(0).permutation(store.rows("train"))
    rows, stand_in, rest = order[:count], order[count : 2 * count], order[2 * count :]
    known, spare = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    seen, held_out = known[:2000], store.rows("test")[:count]
    pool, unseen = Pool.of(lambda places: store.pixels(known[places]), len(known)), store.pixels(held_out)
    known_vectors, held_out_vectors, stand_in_vectors = (
        extractor.vectors(store.pixels(those)) for those in (seen, held_out, stand_in)
    )
    found: list[dict[str, float | str]] = []
    for name, images, labels in damages(store, rows, seen, spare):
        vectors, start = extractor.vectors(images), time.process_time()
        by_features = compared_features(vectors, held_out_vectors, known_vectors)
        by_pixels = compared_pixels(images, unseen, pool, flip=False, progress=lambda done, total: None)
        of_real = pool.nearest(unseen).distances
        counts, shares = kinds(labels.astype(bool), store.labels[order].astype(bool))
        numbers = {
            "copies_features": by_features.copies.estimate.value,
            "copies_pixels": by_pixels.copies.estimate.value,
            "nearer": beyond(by_pixels.train.distances, of_real, 0.05).estimate.value,
            "duplicates": duplicates(vectors, stand_in_vectors).estimate.value,
            "broken_features": by_features.broken.estimate.value,
            "broken_pixels": by_pixels.broken.estimate.value,
            "sharpness": sharpness(fine_energy(images), fine_energy(unseen)).value,
            "kinds_shown": (counts[:-1] > 0).sum() / (len(counts) - 1),
            "label_entropy": entropy(counts).value,
            "label_divergence": divergence(counts, shares).value,
        }
        numbers = {key: round(float(number), 3) for key, number in numbers.items()}
        found.append({"damage": name} | numbers | {"seconds": round(time.process_time() - start, 1)})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("store", type=Path, help="a packed data set with labels and a test split")
    parser.add_argument("--count", type=int, default=1000, help="images in the place of samples")
    parser.add_argument("--features", default="random-vgg", choices=FEATURES)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    asked = parser.parse_args()
    rows = measure(open_store(asked.store), FEATURES[asked.features], asked.count)
    if asked.json:
        print(json.dumps(rows))
        return
    table = Table(*rows[0], box=None)
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
