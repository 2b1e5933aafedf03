"""How the metrics of the other groups react to known damage: tables for docs/metrics-sensitivity.md.

    simulacra pack avatars --count 12000 --size 64 --out stores/avatars
    python benchmarks/sensitivity_groups.py --data avatars=stores/avatars [--data fashion-mnist=STORE] [-n 1000]

diversity: training images stand in for samples, as they are, blurred, copied, repeated and so on. conditions: held-out
images are asked for their own labels, then for those of ever more others. reconstruction: damaged images stand in for
what a model makes of them. disentanglement: the known factors stand in for codes.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sensitivity import PAGE, PIXELS, filled

from simulacra.data.batches import to_tensor
from simulacra.data.resolve import resolve
from simulacra.data.store import ImageStore, open_store
from simulacra.estimates import Estimate
from simulacra.evaluation.features import FEATURES, Extractor
from simulacra.evaluation.judge import judge_of
from simulacra.evaluation.metrics import correction, leakage
from simulacra.evaluation.metrics.conditions import ACCURACY, CORRECTED
from simulacra.evaluation.metrics.disentanglement import factor_of, forests, gap_scores
from simulacra.evaluation.metrics.diversity import (
    compare_features,
    compare_pixels,
    duplicates,
    fine_detail,
    sharpness,
    tail_share,
)
from simulacra.evaluation.metrics.frequencies import divergence, entropy, modes
from simulacra.evaluation.metrics.nearest import Pool
from simulacra.evaluation.metrics.reconstruction import signal_to_noise, squared_error, structural_similarity
from simulacra.seeds import stream

DATA = ("fashion-mnist", "avatars")
SWAPPED = (0.0, 0.1, 0.5, 1.0)
NOISES = (0.3, 1.0)  # deviations, of codes whose own is 1
BY_LABELS = ("modes_covered", "label_entropy", "label_divergence")  # of diversity: a table of their own
RIGHT = "true accuracy"
WHOLE = (ACCURACY, CORRECTED)  # printed with their intervals
Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
Numbers = dict[str, dict[str, Estimate]]  # damage -> metric -> estimate; the first damage is none


def damages(store: ImageStore, rows: Rows, known: Rows, spare: Rows) -> Iterator[tuple[str, Images, Labels]]:
    """Name, images and labels: real images of these rows, and what becomes of them.

    Training images are `known` ones; `spare` ones count as neither known nor held out.
    """
    images, labels = store.pixels(rows), store.labels[rows]
    draw, tenth = np.random.default_rng(1), len(rows) // 10

    def with_tenth(others: Rows) -> tuple[Images, Labels]:
        mixed = np.concatenate([others, rows[tenth:]])
        return store.pixels(mixed), store.labels[mixed]

    def blurred(pictures: Images, sigma: float) -> Images:
        found: Images = gaussian_filter(pictures, (0, sigma, sigma, 0))
        return found

    yield "none", images, labels
    yield "blurred by 0.7 pixels", blurred(images, 0.7), labels
    yield "blurred by 1.5 pixels", blurred(images, 1.5), labels
    board = (np.indices(store.shape[:2]).sum(0) % 2 * 16 - 8)[..., None]
    yield "checkerboard of 8 of 255", np.clip(images.astype(int) + board, 0, 255).astype(np.uint8), labels
    yield "noise of 10 of 255", np.clip(images + draw.normal(0, 10, images.shape), 0, 255).astype(np.uint8), labels
    copies = with_tenth(known[:: len(known) // tenth][:tenth])
    yield "10 % copied", *copies
    yield "10 % copied, all blurred by 0.7", blurred(copies[0], 0.7), copies[1]
    yield "10 % repeated", *with_tenth(rows[tenth : 2 * tenth])
    gone = labels.shape[1] // 2 if store.exclusive else 1
    kept = spare[~store.labels[spare][:, :gone].any(1)]
    few = draw.choice(kept, len(rows), replace=False)
    yield f"without {', '.join(store.label_names[:gone])}", store.pixels(few), store.labels[few]
    yield (
        "10 % nothing but noise",
        np.concatenate([draw.integers(0, 256, images[:tenth].shape, np.uint8), images[tenth:]]),
        labels,
    )


def diversity(store: ImageStore, extractor: Extractor, count: int) -> Numbers:
    """The metrics of diversity. The third is what a distance alone would say of copies, without that to held-out ones.

    Images' own labels are given in the place of a judge's verdicts.
    """
    order = np.random.default_rng(0).permutation(store.rows("train"))
    rows, stand_in, rest = order[:count], order[count : 2 * count], order[2 * count :]
    known, spare = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    seen, held_out = known[:2000], store.rows("test")[:count]
    pool, unseen = Pool.of(lambda places: store.pixels(known[places]), len(known)), store.pixels(held_out)
    known_vectors, held_out_vectors, stand_in_vectors = (
        extractor.vectors(store.pixels(those)) for those in (seen, held_out, stand_in)
    )
    of_real, detail = pool.nearest(unseen).distances, fine_detail(unseen)
    found: Numbers = {}
    for name, images, labels in damages(store, rows, seen, spare):
        vectors = extractor.vectors(images)
        by_features = compare_features(vectors, held_out_vectors, known_vectors)
        by_pixels = compare_pixels(images, unseen, pool, flip=False, progress=lambda done, total: None)
        of_samples = fine_detail(images)
        counts, shares = modes(labels.astype(bool), store.labels[order].astype(bool))
        found[name] = {
            "copies_features": by_features.copies.estimate,
            "copies_pixels": by_pixels.copies.estimate,
            "distance alone": tail_share(by_pixels.train.distances, of_real, 0.05).estimate,
            "duplicates": duplicates(vectors, stand_in_vectors).estimate,
            "broken_features": by_features.broken.estimate,
            "broken_pixels": by_pixels.broken.estimate,
            "sharpness": sharpness(of_samples.energy, detail.energy),
            **({} if of_samples.grid is None else {"checkerboard": Estimate.of(of_samples.grid)}),
            "modes_covered": Estimate(float((counts[:-1] > 0).sum() / (len(counts) - 1))),
            "label_entropy": entropy(counts),
            "label_divergence": divergence(counts, shares),
        }
    return found


def swapped(labels: Flags, part: float) -> Flags:
    """Labels (n, K) where that share of the rows, drawn at random, goes round among its images."""
    rows = stream(0, 3).permutation(len(labels))[: round(part * len(labels))]
    found = labels.copy()
    found[rows] = labels[np.roll(rows, 1)]
    return found


def obedience(
    true: Flags, predicted: Flags, wanted: Flags, real: correction.Pairs, learned: Flags, *, exclusive: bool
) -> dict[str, Estimate]:
    """How often images are what was asked for: in truth, as judged, and corrected; means over the labels learned.

    Args:
        true: (n, K) labels of the images.
        predicted: (n, K) predictions of the judge.
        wanted: (n, K) labels that they are asked to have.
        real: labels of other real images and what the judge predicts for them.
        learned: (K,) whether the judge can tell a label.
        exclusive: whether the labels are classes.
    """
    parts = (correction.classes if exclusive else correction.attributes)((wanted, predicted), real)
    sizes = wanted.sum(0) if exclusive else np.full(len(learned), len(wanted))
    mended = [(part.shares, size) for part, size, known in zip(parts, sizes, learned, strict=True) if part and known]
    better = correction.together([part for part, _ in mended], np.array([size for _, size in mended], np.float64))

    def right(labels: Flags) -> Estimate:
        if exclusive:
            return Estimate.share(labels[:, learned][wanted[:, learned]])
        return leakage.resampled((labels == wanted)[:, learned].mean(1), float)

    return {RIGHT: Estimate(right(true).value), ACCURACY: right(predicted), CORRECTED: better.estimate}


def conditions(store: ImageStore, count: int) -> Numbers:
    """Held-out images that are asked for labels of others; as many more say how often the judge errs."""
    judge = judge_of(store)
    assert judge is not None, "the data set has labels"
    held_out = stream(0, 4).permutation(np.concatenate([store.rows("valid"), store.rows("test")]))
    asked, known = np.split(held_out, [min(count, len(held_out) // 2)])
    true, predicted = store.labels[asked].astype(bool), judge.predict(store.pixels(asked))
    real = store.labels[known].astype(bool), judge.predict(store.pixels(known))
    return {
        f"labels of {100 * part:g} % swapped" if part else "none": obedience(
            true, predicted, swapped(true, part), real, judge.learned, exclusive=store.exclusive
        )
        for part in SWAPPED
    }


def reconstruction(images: Images, train: Images) -> Numbers:
    """Damaged images against themselves as they were."""
    targets = to_tensor(images)

    def score(damaged: Images) -> dict[str, Estimate]:
        again = to_tensor(damaged)
        errors = squared_error(targets, again)
        values = {
            "reconstruction_mse": errors,
            "psnr": signal_to_noise(errors),
            "ssim": structural_similarity(targets, again),
        }
        return {name: Estimate(float(value.double().mean())) for name, value in values.items()}

    found = {"none": score(images)}
    for damage, (meaning, strengths, spoil) in PIXELS.items():
        for strength in strengths:
            found[f"{damage} ({meaning}): {strength:g}"] = score(spoil(images, strength, train))
    return found


def disentanglement(values: NDArray[np.float64]) -> Numbers:
    """Factors (n, F) that vary, each scaled to a deviation of 1, in the place of codes; then less and less of them."""
    factors = [factor_of(one) for one in values.T]
    codes, draw = (values - values.mean(0)) / values.std(0), stream(0, 5)
    turn = np.linalg.qr(draw.normal(size=(len(factors), len(factors))))[0]
    cases = {"none": codes}
    cases |= {f"noise of deviation {noise:g}": codes + noise * draw.normal(size=codes.shape) for noise in NOISES}
    cases |= {"rotated at random": codes @ turn, "codes of other images": draw.permutation(codes)}
    found: Numbers = {}
    for name, one in cases.items():
        scores = gap_scores(0, one.astype(np.float32), factors) | forests(0, one.astype(np.float32), factors)
        found[name] = {metric: Estimate(value) for metric, value in scores.items() if value is not None}
    return found


def table(found: Numbers, names: tuple[str, ...]) -> str:
    """These metrics as a table in Markdown, with what lies outside the first row's interval in bold."""
    first = next(iter(found.values()))
    lines = [["damage", *names], ["---"] * (1 + len(names))]
    for damage, scores in found.items():
        lines.append([damage, *(cell(scores.get(name), first.get(name), whole=name in WHOLE) for name in names)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(one: Estimate | None, baseline: Estimate | None, *, whole: bool = False) -> str:
    """A value, in bold where it lies outside the baseline's interval; followed by its own interval if whole."""
    if one is None:
        return ""
    text = written(one.value)
    if baseline and baseline.low is not None and baseline.high is not None:
        text = text if baseline.low <= one.value <= baseline.high else f"**{text}**"
    return text if not whole or one.low is None else f"{text} ({written(one.low)} to {written(one.high)})"


def written(value: float | None) -> str:
    """Three digits."""
    return "" if value is None else f"{float(f'{value:.3g}'):,g}"


def of_data(name: str, store: ImageStore, count: int) -> str:
    """All tables of a data set."""
    train, test = (store.pixels(store.rows(split)[:count]) for split in ("train", "test"))
    groups = {
        "diversity": partial(diversity, store, FEATURES["random-vgg"], count),
        "conditions": partial(conditions, store, count),
        "reconstruction": partial(reconstruction, test, train),
    }
    if store.factors is not None:
        values = store.factors[store.rows("train")[:count]].astype(np.float64)
        groups["disentanglement"] = partial(disentanglement, values[:, np.ptp(values, axis=0) > 0])
    text = ""
    for group, measure in groups.items():
        start = time.process_time()
        found = measure()
        print(f"{name}, {group}: {time.process_time() - start:.0f} s of processor time", file=sys.stderr)
        names = tuple(next(iter(found.values())))
        by_labels = tuple(one for one in names if one in BY_LABELS)
        text += f"\n`{name}`, {group}:\n\n{table(found, tuple(one for one in names if one not in BY_LABELS))}"
        if by_labels:
            baseline = found["none"]
            found = {
                damage: one
                for damage, one in found.items()
                if damage == "none" or any(one[key] != baseline[key] for key in by_labels)
            }
            text += f"\n`{name}`, {group} of labels:\n\n{table(found, by_labels)}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", action="append", default=[], help="NAME=STORE, where a store lies")
    parser.add_argument("-n", type=int, default=1000, help="images in the place of samples, where there are as many")
    options = parser.parse_args()
    places = dict(text.split("=", 1) for text in options.data)
    stores = {name: open_store(Path(places[name])) if name in places else resolve(name).store for name in DATA}
    for store in stores.values():
        judge_of(store)  # trained once and kept, so no part of the time
    start, script = time.process_time(), Path(__file__).name
    tables = "".join(of_data(name, store, options.n) for name, store in stores.items())
    took = f"{time.process_time() - start:.0f} s of processor time"
    command = shlex.join(["python", f"benchmarks/{script}", *sys.argv[1:]])
    head = f"\n`{command}` wrote this in {took}, once the judges were trained.\n"
    PAGE.write_text(filled(PAGE.read_text("utf-8"), "other groups", f"{head}{tables}\n", script), "utf-8")


if __name__ == "__main__":
    main()
