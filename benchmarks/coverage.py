"""How often the program's 95% intervals contain the truth: 1,000 simulated data sets of each kind of interval.

python benchmarks/coverage.py [--times 1000] [--only NAME] [--write]

Each kind is simulated where the truth is known: by theory, or as the mean over all simulations where the value has no
bias or where the interval is about its mean over draws of the same size. An interval that covers in 92 to 98 of 100
cases is right; above is needlessly wide, below promises too much. `--write` puts the table into docs/metrics.md. A
shorter form is tests/evaluation/test_coverage.py.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import entr, rel_entr

from simulacra.estimates import Estimate, difference, paired, welch
from simulacra.evaluation.distances import Cloud, frechet_pair, kernel, nearer, neighbours
from simulacra.evaluation.metrics import conditions, correction, disentanglement, frequencies, leakage
from simulacra.evaluation.metrics.diversity import duplicates, sharpness, tail_share
from simulacra.studies import questions

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
LEAST, MOST = 0.92, 0.98
Random = np.random.Generator
Draw = Callable[[Random], Estimate | None]


class Kind(NamedTuple):
    """One kind of interval."""

    draw: Draw  # a simulated data set and its estimate
    truth: float | None = None  # None: the mean of the value over all simulations
    most: float = MOST  # coverage that is not too wide; 1 where the interval is known to be on the safe side, and why
    why: str = ""


def normal_mean(random: Random) -> Estimate:
    return Estimate.of(random.normal(1, 2, 20))


def skewed_mean(random: Random) -> Estimate:
    return Estimate.of(random.lognormal(0, 0.5, 100))


def share(p: float, n: int) -> Draw:
    return lambda random: Estimate.share(random.random(n) < p)


def shares_apart(random: Random) -> Estimate | None:
    return difference(Estimate.share(random.random(200) < 0.1), Estimate.share(random.random(200) < 0.2))


def unequal_spreads(random: Random) -> Estimate | None:
    return welch(random.normal(1, 1, 5), random.normal(0, 3, 4))


def pairs(random: Random) -> Estimate | None:
    seeds = random.normal(0, 3, 5)
    return paired(seeds + random.normal(1, 1, 5), seeds + random.normal(0, 1, 5))


def slope(random: Random) -> Estimate:
    cases = random.normal(0, 1, 6) + np.arange(4.0)[:, None] + random.normal(0, 1, (4, 6))
    return questions.trend(cases, (1, 2, 3, 4), "higher").effect


def interaction(random: Random) -> Estimate:
    early, late = random.normal(0, 1, (2, 6)), random.normal(0, 1, (2, 6))
    early[1] += 2
    late[1] += 0.5
    return questions.early_not_late(early, late, "higher").effect


def geometric_mean(random: Random) -> Estimate:
    return Estimate.of(np.log(random.lognormal(1, 1, 30))).exp()


def sharp(random: Random) -> Estimate:
    return sharpness(random.normal(1.5, 1, 60), random.normal(1, 0.7, 80))


WIDTH = 8
SCALES = np.linspace(1, 0.3, WIDTH)


def vectors(random: Random, n: int, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return random.standard_normal((n, WIDTH)) * SCALES * scale + shift


def kernel_apart(random: Random) -> Estimate:
    return kernel(vectors(random, 120), vectors(random, 150, 0.3))


def kernel_alike(random: Random) -> Estimate:
    return kernel(vectors(random, 120), vectors(random, 150))


def frechet_apart(random: Random) -> Estimate:
    return frechet_pair(Cloud(vectors(random, 120)), Cloud(vectors(random, 150, 0.3, 1.3)))[0]


def frechet_limit(random: Random) -> Estimate:
    return frechet_pair(Cloud(vectors(random, 120)), Cloud(vectors(random, 150, 0.3, 1.3)))[1]


FRECHET = WIDTH * 0.3**2 + float(np.square(0.3 * SCALES).sum())  # of the two Gaussians


@cache
def fixed(seed: int) -> np.ndarray:
    """A set that is the same in every simulation: the interval of memorisation takes real images as given."""
    return vectors(np.random.default_rng(seed), 200)


def neighbour(name: str) -> Draw:
    return lambda random: neighbours(vectors(random, 200), vectors(random, 150, 0.3))[name]


def memorised(random: Random) -> Estimate:
    train, held_out = fixed(1), fixed(2)
    return nearer(train, held_out, vectors(random, 150))


def tail(random: Random) -> Estimate:
    return tail_share(random.normal(-0.3, 1, 300), random.normal(0, 1, 200), 0.05).estimate


def tail_alike(random: Random) -> Estimate:
    return tail_share(random.normal(0, 1, 300), random.normal(0, 1, 200), 0.05).estimate


def repeated(random: Random) -> Estimate:
    return duplicates(vectors(random, 300).astype(np.float32), vectors(random, 300).astype(np.float32)).estimate


JOINT = np.array([[0.3, 0.05, 0.05], [0.05, 0.2, 0.35]])


def mutual_information(random: Random) -> Estimate:
    cells = random.choice(6, 400, p=JOINT.ravel())
    return conditions.information(cells // 3, cells % 3)


INFORMATION = float(rel_entr(JOINT, JOINT.sum(1, keepdims=True) * JOINT.sum(0)).sum())
MODES = np.array([0.4, 0.3, 0.2, 0.1])
DATA = np.array([0.25, 0.25, 0.25, 0.25])


def entropy(random: Random) -> Estimate:
    return frequencies.entropy(random.multinomial(400, MODES))


def divergence(random: Random) -> Estimate:
    return frequencies.divergence(random.multinomial(400, MODES), DATA)


def judged(random: Random, true: np.ndarray, hits: float, alarms: float) -> np.ndarray:
    """What a judge predicts for labels."""
    return random.random(true.shape) < np.where(true, hits, alarms)


def corrected_attribute(p: float, hits: float, alarms: float) -> Draw:
    def draw(random: Random) -> Estimate:
        known = random.random((300, 1)) < 0.4
        confusion = conditions_confusion(known, judged(random, known, hits, alarms))
        samples = judged(random, random.random((300, 1)) < p, hits, alarms)
        return correction.corrected(samples, confusion).of(0).estimate

    return draw


def conditions_confusion(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    from simulacra.evaluation.judge import count_confusion

    return count_confusion(true, predicted, exclusive=False)


def corrected_obedience(random: Random) -> Estimate:
    known = random.random((400, 2)) < 0.4
    wanted = random.random((300, 2)) < 0.3
    shown = np.where(random.random(wanted.shape) < 0.8, wanted, ~wanted)
    pairs_of = ((wanted, judged(random, shown, 0.85, 0.1)), (known, judged(random, known, 0.85, 0.1)))
    hits = correction.attributes(*pairs_of)
    parts = [part.shares for part in hits if part is not None]
    return correction.together(parts, np.ones(len(parts))).estimate


CLASSES = np.array([0.5, 0.3, 0.2])
MIXING = np.array([[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.1, 0.2, 0.7]])


def corrected_class(random: Random) -> Estimate:
    def predicted(classes: np.ndarray) -> np.ndarray:
        return np.array([random.choice(3, p=MIXING[one]) for one in classes])

    known, true = random.choice(3, 300), random.choice(3, 300, p=CLASSES)
    confusion = np.zeros((3, 3), np.int64)
    np.add.at(confusion, (known, predicted(known)), 1)
    return correction.corrected(np.eye(3, dtype=bool)[predicted(true)], confusion).of(2).estimate


def rare(random: Random) -> Estimate:
    known = random.random((2000, 3)) < 0.3
    confusion = conditions_confusion(known, judged(random, known, 0.95, 0.02))
    samples = judged(random, random.random((1000, 3)) < np.array([0.03, 0.06, 0.04]), 0.95, 0.02)
    shares_of = correction.corrected(samples, confusion)
    return frequencies.rare_ratio(shares_of, np.array([0.06, 0.06, 0.04]), np.ones(3, bool), 1000)


def leaking(own: float, others: float, n: int = 200) -> Draw:
    """Effects of three labels on one another with this mean, the same for all but noise from image to image."""

    def draw(random: Random) -> Estimate:
        mean = np.where(np.eye(3, dtype=bool), own, others)
        return leakage.resampled(mean + random.normal(0, 0.4, (n, 3, 3)), leakage.ratio, leakage.without_leaks)

    return draw


def disentangled(name: str) -> Draw:
    def draw(random: Random) -> Estimate | None:
        values = random.integers(0, 4, (300, 2)).astype(np.float64)
        codes = np.concatenate([values + random.normal(0, 0.7, (300, 2)), random.normal(0, 1, (300, 1))], 1)
        factors = [disentanglement.factor_of(values[:, index]) for index in range(2)]

        def score(codes: np.ndarray, factors: list[disentanglement.Factor]) -> dict[str, float | None]:
            if name == "mig":
                return {name: float(disentanglement.mutual_information_gap(codes, factors).mean())}
            gaps = disentanglement.separated_predictability(codes, factors, np.random.default_rng(0))
            return {name: float(gaps.mean())}

        return disentanglement.halved(score, codes.astype(np.float32), factors, 10)[name]

    return draw


KINDS: dict[str, Kind] = {
    "a mean, Student's t, 20 values": Kind(normal_mean, 1.0),
    "a mean of skewed losses, 100 images": Kind(skewed_mean, float(np.exp(0.125))),
    "a geometric mean, 30 values": Kind(geometric_mean, float(np.exp(1))),
    "a share of 50%, 50 images": Kind(share(0.5, 50), 0.5),
    "a share of 5%, 200 images": Kind(share(0.05, 200), 0.05),
    "a difference of two shares": Kind(shares_apart, -0.1),
    "a difference of means over seeds (Welch)": Kind(unequal_spreads, 1.0),
    "a paired difference over 5 seeds": Kind(pairs, 1.0),
    "a slope over 6 seeds (study: trend)": Kind(slope, 3.0),
    "an interaction over 6 seeds (study: early-not-late)": Kind(interaction, 1.5),
    "sharpness": Kind(sharp, float(np.exp(0.5))),
    "kernel distance, two distributions": Kind(kernel_apart),
    "kernel distance, one distribution": Kind(kernel_alike, 0.0),
    "Fréchet distance at its number of images": Kind(frechet_apart),
    "Fréchet distance, its limit": Kind(frechet_limit, FRECHET),
    "precision": Kind(neighbour("precision")),
    "recall": Kind(neighbour("recall")),
    "density": Kind(neighbour("density")),
    "coverage": Kind(neighbour("coverage")),
    "memorisation": Kind(memorised),
    "copies and broken samples": Kind(tail, 0.08905),
    "copies and broken samples, at chance": Kind(tail_alike, 0.05),
    "duplicates, at chance": Kind(repeated, 0.01),
    "mutual information": Kind(mutual_information, INFORMATION),
    "entropy of labels": Kind(entropy, float(entr(MODES).sum())),
    "divergence of labels": Kind(divergence, float(rel_entr(DATA, MODES).sum())),
    "corrected share of an attribute": Kind(corrected_attribute(0.3, 0.9, 0.1), 0.3),
    "corrected share of a rare attribute, poor judge": Kind(corrected_attribute(0.03, 0.7, 0.1), 0.03),
    "corrected share of a class": Kind(corrected_class, 0.2),
    "corrected obedience to labels": Kind(corrected_obedience, 0.8),
    "rare labels": Kind(rare, float(np.cbrt(0.5))),
    "leakage, clear": Kind(leaking(0.6, 0.2), 1 / 3),
    "leakage, none": Kind(leaking(0.6, 0.0), 0.0),
    "leakage, little": Kind(leaking(0.6, 0.03), 0.05),
    "mutual information gap (MIG)": Kind(disentangled("mig")),
    "separated predictability (SAP)": Kind(disentangled("sap")),
}


class Covered(NamedTuple):
    """What simulations of one kind gave."""

    share: float  # of intervals that contain the truth
    below: float  # of those that lie below it
    missing: float  # of estimates without an interval
    width: float  # of an interval, in standard deviations of the value; about 3.9 for a normal one
    times: int


def simulate(kind: Kind, times: int, seed: int = 0) -> Covered:
    """Coverage over so many data sets, which follow from the seed."""
    random, found = np.random.default_rng(seed), []
    for _ in range(times):
        estimate = kind.draw(random)
        if estimate is None or estimate.low is None or estimate.high is None:
            found.append((np.nan, np.nan, np.nan if estimate is None else estimate.value))
        else:
            found.append((estimate.low, estimate.high, estimate.value))
    low, high, value = np.array(found).T
    has = ~np.isnan(low)
    truth = float(np.nanmean(value)) if kind.truth is None else kind.truth
    inside = (low[has] <= truth + 1e-12) & (truth - 1e-12 <= high[has])
    width = float((high[has] - low[has]).mean() / max(1e-12, np.nanstd(value)))
    return Covered(
        float(inside.mean()), float((high[has] < truth).mean()), 1 - float(has.mean()), width, int(has.sum())
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--only", help="kinds whose name contains this")
    parser.add_argument("--write", action="store_true", help="write the table into docs/metrics.md")
    options = parser.parse_args()
    rows = []
    for name, kind in KINDS.items():
        if options.only and options.only not in name:
            continue
        begun = time.process_time()
        got = simulate(kind, options.times)
        mark = "" if LEAST <= got.share <= kind.most else " <<<"
        print(
            f"{name:55} {got.share:6.1%} below {got.below:5.1%} none {got.missing:4.1%} width {got.width:5.2f}"
            f" {time.process_time() - begun:5.1f} s{mark}",
            flush=True,
            file=sys.stderr,
        )
        rows.append(f"| {name} | {got.share:.1%} |\n")
    if options.write:
        from sensitivity import filled

        head = f"| interval | contains the truth in, of {options.times:,} |\n|---|---|\n"
        text = filled(PAGE.read_text("utf-8"), "coverage of intervals", head + "".join(rows), Path(__file__).name)
        PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
