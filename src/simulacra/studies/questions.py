"""Questions: how values of several cases and seeds answer a claim. Pure functions of arrays, each with its method.

Every kind of question turns the values into one number per seed, the `contrast`, whose mean is 0 where the claim and
its opposite are equally far. Cases of one seed share their data order and draws, so the seed is what is drawn
independently, and Student's t (1908) over the seeds judges the mean. With values (cases, seeds) or curves:

    better          difference of two cases; one-sided where the claim has a direction
    equal           difference of two cases, against a margin: two one-sided tests (Schuirmann 1987)
    trend           change along an ordered setting, from a line fitted per seed; Page's test (1963) stands beside it
    early-not-late  difference at an early point, and how much of it is gone at a late one; both must hold (Berger 1982)
    within          one number of the curves of a run
    ranking         lead of the named label over the best of the others
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulacra.estimates import LEVEL, Estimate

Numbers = NDArray[np.float64]
Direction = Literal["higher", "lower", "different"]
Verdict = Literal["supported", "contradicted", "undecided"]

ALPHA, POWER = 1 - LEVEL, 0.8
MOST_SEEDS = 200  # more are advised to nobody


@dataclass(frozen=True)
class Answer:
    """What one measure says of a claim.

    Attributes:
        effect: the mean contrast over seeds with its 95% interval, in the unit of the metric.
        p: probability of a result at least so much in favour of the claim where the claim does not hold.
        p_against: the same for the opposite of the claim.
        detectable: the smallest true effect that this many seeds of this spread find in 8 of 10 studies, in the unit of
            the metric; for `equal` the smallest margin that they confirm where the cases are equal. None where the
            seeds do not differ at all.
        seeds: how many.
        method: the name of the test.
        contrast: (seeds,) one number per seed, whose mean is the effect.
        needed: with how many seeds 8 of 10 studies would tell, if effect and spread are as they were seen: a rough
            number, without Holm's correction. None above MOST_SEEDS, and where the seeds do not differ at all.
    """

    effect: Estimate
    p: float
    p_against: float
    detectable: float | None
    seeds: int
    method: str
    contrast: Numbers
    needed: int | None = None


def better(cases: Numbers, direction: Direction) -> Answer:
    """Whether the second case is better than the first.

    Args:
        cases: (2, seeds) values; the reference first.
        direction: where the claim puts the second case.
    """
    return judge(cases[1] - cases[0], direction, "Student's t of paired differences")


def equal(cases: Numbers, margin: float) -> Answer:
    """Whether two cases differ by less than a margin: two one-sided tests, Schuirmann 1987.

    The claim is contradicted where the difference is certainly beyond the margin, on either side.

    Args:
        cases: (2, seeds) values; the reference first.
        margin: the largest difference that still counts as none, in the unit of the values; above 0.
    """
    contrast = cases[1] - cases[0]
    inside = [judge(contrast + margin, "higher").p, judge(contrast - margin, "lower").p]
    outside = [judge(contrast + margin, "lower").p, judge(contrast - margin, "higher").p]
    effect, error, freedom = Estimate.of(contrast), _error(contrast), len(contrast) - 1
    smallest = (_t(1 - ALPHA, freedom) + _t((1 + POWER) / 2, freedom)) * error if error else None
    method = "two one-sided t-tests (Schuirmann)"
    needed = _needed(abs(margin - abs(effect.value)), contrast, ALPHA if abs(effect.value) < margin else ALPHA / 2)
    return Answer(effect, max(inside), min(1.0, 2 * min(outside)), smallest, len(contrast), method, contrast, needed)


def trend(cases: Numbers, setting: Sequence[float], direction: Direction) -> Answer:
    """Whether values rise or fall along an ordered setting.

    A straight line is fitted to the values of each seed; the contrast is what it changes from the first to the last
    setting, so that its unit is that of the metric.

    Args:
        cases: (cases, seeds) values, three cases or more.
        setting: (cases,) where the cases lie: their rank, or the logarithm of what was set.
        direction: where the claim puts the last case, seen from the first.
    """
    x = np.asarray(setting, np.float64)
    centred = x - x.mean()
    slopes = centred @ cases / (centred @ centred)
    return judge(slopes * (x[-1] - x[0]), direction, "Student's t of the slopes of all seeds")


def page(cases: Numbers, direction: Direction) -> float:
    """The p-value of Page's test of ordered alternatives (1963), which only looks at ranks.

    Args:
        cases: (cases, seeds) values, in the order of the claim.
        direction: "higher" or "lower": whether the values are claimed to rise or to fall.
    """
    from scipy.stats import page_trend_test

    return float(page_trend_test((-cases if direction == "lower" else cases).T).pvalue)


def early_not_late(early: Numbers, late: Numbers, direction: Direction) -> Answer:
    """Whether the second case differs from the first early in a training, and less so late: an interaction.

    Both parts must hold, so the larger of their p-values counts (intersection-union, Berger 1982). The effect is the
    interaction: the early difference less the late one.

    Args:
        early: (2, seeds) values at the early point; the reference first.
        late: (2, seeds) values at the late point.
        direction: where the claim puts the second case early: "higher" or "lower".
    """
    gain, left = early[1] - early[0], late[1] - late[0]
    first = judge(gain, direction)
    both = judge(gain - left, direction, "t-tests of the early difference and of its change; both must hold")
    against = min(1.0, 2 * min(first.p_against, both.p_against))
    p = max(first.p, both.p)
    needed = None if None in (first.needed, both.needed) else max(first.needed or 0, both.needed or 0)
    return Answer(both.effect, p, against, both.detectable, both.seeds, both.method, both.contrast, needed)


def within(values: Numbers, direction: Direction) -> Answer:
    """Whether one number of a run's curves lies above or below 0.

    Args:
        values: (seeds,), such as the mean difference of two curves.
        direction: where the claim puts it.
    """
    return judge(values, direction, "Student's t over seeds")


def ranking(scores: Numbers, named: int) -> Answer:
    """Whether the named label has the highest score of all.

    The contrast is its lead over the best of the others, which chance favours: the test is on the safe side.

    Args:
        scores: (labels, seeds), two labels or more.
        named: index of the label that the claim puts first.
    """
    others = np.delete(scores, named, axis=0).max(axis=0)
    return judge(scores[named] - others, "higher", "Student's t of the lead over the best other label")


def judge(contrast: Numbers, direction: Direction, method: str = "") -> Answer:
    """Student's one-sample t of a contrast (seeds,) against 0; two seeds or more.

    Where all seeds agree to the last digit there is no spread to judge by, and the sign test takes its place: n equal
    signs have a chance of 1 in 2^n.

    Raises:
        ValueError: fewer than two seeds, or a value that is not finite.
    """
    if len(contrast) < 2 or not np.isfinite(contrast).all():
        raise ValueError("a question needs finite values of two seeds or more")
    above, below = _one_sided(contrast)
    p, against = (below, above) if direction == "lower" else (above, below)
    if direction == "different":
        p, against = min(1.0, 2 * min(above, below)), 1.0
    detectable = _detectable(contrast, direction)
    needed = _needed(abs(float(contrast.mean())), contrast, ALPHA / 2 if direction == "different" else ALPHA)
    return Answer(Estimate.of(contrast), p, against, detectable, len(contrast), method, contrast, needed)


def holm(values: Sequence[float]) -> list[float]:
    """p-values of several measures of one study, corrected so that all conclusions together are wrong in 5%: Holm 1979.

    Args:
        values: p-values in [0, 1].

    Returns:
        Corrected p-values, in the same order.
    """
    order = sorted(range(len(values)), key=lambda index: values[index])
    corrected, highest = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = highest
    return corrected


def verdicts(answers: Sequence[Answer]) -> list[Verdict]:
    """What each measure of a study says of the claim, corrected for their number by Holm."""
    favour, against = (
        holm([answer.p for answer in answers]),
        holm([answer.p_against for answer in answers]),
    )
    return [
        "supported" if p < ALPHA else "contradicted" if opposite < ALPHA else "undecided"
        for p, opposite in zip(favour, against, strict=True)
    ]


def verdict(of_measures: Sequence[Verdict]) -> Verdict:
    """What a study says: supported where all measures support the claim, contradicted where one contradicts it."""
    if "contradicted" in of_measures:
        return "contradicted"
    return "supported" if set(of_measures) == {"supported"} else "undecided"


def _one_sided(contrast: Numbers) -> tuple[float, float]:
    """p-values of a mean above 0, and of a mean below 0."""
    from scipy.special import stdtr

    mean, error, count = float(contrast.mean()), _error(contrast), len(contrast)
    if not error:
        if not mean:
            return 1.0, 1.0
        return (0.5**count, 1.0) if mean > 0 else (1.0, 0.5**count)
    below = float(stdtr(count - 1, mean / error))
    return 1 - below, below


def _detectable(contrast: Numbers, direction: Direction) -> float | None:
    """The smallest mean that is found with the power of 80%, by the noncentral t."""
    from scipy.optimize import brentq
    from scipy.stats import nct

    error, freedom = _error(contrast), len(contrast) - 1
    if not error:
        return None
    critical = _t(1 - ALPHA / 2 if direction == "different" else 1 - ALPHA, freedom)

    def missing(shift: float) -> float:
        return float(nct.sf(critical, freedom, shift)) - POWER

    return float(brentq(missing, 0.0, 10 * critical + 10)) * error


def _needed(effect: float, contrast: Numbers, alpha: float) -> int | None:
    """The fewest seeds with which a mean so large is found with the power of 80%, by the noncentral t."""
    from scipy.special import stdtrit
    from scipy.stats import nct

    if not (error := _error(contrast)):
        return None
    counts = np.arange(2, MOST_SEEDS + 1)
    shifts = effect / (error * sqrt(len(contrast))) * np.sqrt(counts)
    critical = stdtrit(counts - 1, 1 - alpha)
    enough = np.flatnonzero(nct.sf(critical, counts - 1, shifts) >= POWER)
    return int(counts[enough[0]]) if len(enough) else None


def _error(contrast: Numbers) -> float:
    """The standard error of the mean; 0 where the seeds differ by no more than rounding."""
    spread = float(contrast.std(ddof=1))
    return spread / sqrt(len(contrast)) if spread > 1e-12 * max(1e-300, float(np.abs(contrast).max())) else 0.0


def _t(probability: float, freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability)) if freedom else inf
