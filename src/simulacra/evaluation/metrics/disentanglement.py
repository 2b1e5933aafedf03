"""Disentanglement: MIG, SAP, the FactorVAE score and DCI, from codes (n, d) and known factors (n, F).

All scores lie in [0, 1], and higher is better; chance gives more than 0, which is measured with codes beside the
factors of other images. A factor of whole numbers is taken as classes without an order; the values of any other are put
into bins of equal counts where classes are needed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.estimates import Estimate, t_quantile
from simulacra.evaluation.context import Material, Results
from simulacra.objectives import Encodes
from simulacra.seeds import Draw, choose_rows, stream

Array = NDArray[np.float64]
AnyCodes = NDArray[np.floating]
Classes = NDArray[np.int64]
Scores = dict[str, float | None]

BINS = 20  # of a latent dimension, equally wide: as in Locatello et al. 2019, arXiv:1811.12359
FACTOR_BINS = 10  # of a factor that is no class, equally full
MOST_CLASSES = 64  # whole numbers beyond these are measured on a scale, not classes
TREES, DEEPEST, LEAF = 10, 10, 2  # of a forest
# Variance, where the prior has 1, below which a dimension says nothing: Burda et al. 2016, arXiv:1509.00519.
ACTIVE = 0.01


@dataclass(frozen=True)
class Factor:
    """One known cause of the images."""

    values: Array  # (n,) as they were drawn
    classes: Classes  # (n,) index of the class, or of the bin
    discrete: bool  # whether the values are classes


def factor_of(values: NDArray[np.floating]) -> Factor:
    """A factor's values (n,) with their classes."""
    numbers = np.asarray(values, np.float64)
    distinct = np.unique(numbers)
    if len(distinct) <= MOST_CLASSES and np.array_equal(distinct, np.round(distinct)):
        return Factor(numbers, np.searchsorted(distinct, numbers), True)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, FACTOR_BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, numbers, side="right")
    return Factor(numbers, np.searchsorted(np.unique(bins), bins), False)


def _binned(codes: AnyCodes) -> Classes:
    """The bin (n, d) of each value, from 0."""
    low, high = codes.min(0), codes.max(0)
    width = np.where(high > low, high - low, 1.0)
    return np.minimum(((codes - low) / width * BINS).astype(np.int64), BINS - 1)


def _tables(bins: Classes, classes: Classes, count: int) -> Array:
    """How often each bin (n, d) of each latent dimension occurs with each of so many classes: (d, BINS, count)."""
    dimensions = bins.shape[1]
    cells = (np.arange(dimensions) * BINS + bins) * count + classes[:, None]
    counts = np.bincount(cells.ravel(), minlength=dimensions * BINS * count)
    return counts.reshape(dimensions, BINS, count).astype(np.float64)


def information(codes: AnyCodes, factors: list[Factor]) -> Array:
    """The share (d, F) of a factor's entropy that each latent dimension says: I(z_i; v_j) / H(v_j)."""
    from scipy.special import entr

    bins, shares = _binned(codes), np.zeros((codes.shape[1], len(factors)))
    for index, factor in enumerate(factors):
        joint = _tables(bins, factor.classes, int(factor.classes.max()) + 1) / len(codes)
        entropy = entr(joint.sum(1)).sum(-1)
        mutual = entropy + entr(joint.sum(2)).sum(-1) - entr(joint).sum((1, 2))
        shares[:, index] = np.maximum(mutual, 0) / np.where(entropy > 0, entropy, 1)
    return shares


def active(codes: AnyCodes) -> NDArray[np.bool_]:
    """Which latent dimensions (d,) of the codes (n, d) change with the image at all."""
    return codes.var(0) > ACTIVE


def gaps(table: Array) -> Array:
    """For each column (F,): by how much its largest entry exceeds the second, or 0 where there is one row."""
    ordered = np.sort(np.vstack([np.zeros(table.shape[1]), table]), axis=0)
    return ordered[-1] - ordered[-2]


def mutual_information_gap(codes: AnyCodes, factors: list[Factor]) -> Array:
    """MIG for each of F factors (F,): how much more the best of d latent dimensions says of it than the second best.

    Chen et al. 2018, arXiv:1802.04942, equation 6, whose mean over the factors is the score. They draw codes from
    q(z|x); as Locatello et al. 2019 do, the mean codes (n, d) are binned instead.
    """
    return gaps(information(codes, factors))


def separated_predictability(codes: AnyCodes, factors: list[Factor], random: np.random.Generator) -> Array:
    """SAP for each of F factors (F,): how much better the best of d latent dimensions predicts it than the second best.

    Kumar et al. 2018, arXiv:1711.00848, section 3: of a continuous factor the share of variance that a line explains;
    of a discrete one the balanced accuracy of thresholds on the dimension. They fit thresholds to the images that they
    score; here bins of codes (n, d) choose the class on one random half and are scored on the other.
    """
    fit, test = np.array_split(random.permutation(len(codes)), 2)
    bins, scores = _binned(codes), np.zeros((codes.shape[1], len(factors)))
    for index, factor in enumerate(factors):
        if not factor.discrete:
            scores[:, index] = _correlations(codes, factor.values) ** 2
            continue
        count = int(factor.classes.max()) + 1
        fitted, tested = (_tables(bins[half], factor.classes[half], count) for half in (fit, test))
        predicted = (fitted / np.maximum(fitted.sum(1, keepdims=True), 1)).argmax(2)  # (d, BINS): the class of a bin
        rates = tested / np.maximum(tested.sum(1, keepdims=True), 1)
        right = np.take_along_axis(rates, predicted[..., None], 2)
        scores[:, index] = right.sum((1, 2)) / (tested[0].sum(0) > 0).sum()
    return gaps(scores)


def _correlations(codes: AnyCodes, values: Array) -> Array:
    """Correlation (d,) of each latent dimension with values (n,); 0 for a dimension that never changes."""
    centred, other = np.asarray(codes, np.float64) - codes.mean(0), values - values.mean()
    scale = np.sqrt(np.square(centred).sum(0) * np.square(other).sum())
    return (centred * other[:, None]).sum(0) / np.where(scale > 0, scale, 1)


def explain(codes: AnyCodes, factors: list[Factor], random: np.random.Generator) -> Scores:
    """DCI: what forests use that predict each factor from the code (n, d), n of 5 or more.

    Eastwood and Williams 2018, "A framework for the quantitative evaluation of disentangled representations", offer
    lasso and random forests and report errors; here forests, fitted on four fifths of the images and scored on the
    rest, and scores of which 0 is a guess and 1 is perfect.

    Returns:
        dci_disentanglement, equation 2, whether a latent dimension serves one factor; dci_completeness, equation 3,
        whether a factor is served by one latent dimension; dci_informativeness, how well factors are predicted from
        whole codes: of a continuous one the share of variance, of a discrete one the accuracy, scaled so that always
        naming the commonest class is 0 and no mistake is 1.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    order, seed = random.permutation(len(codes)), int(random.integers(2**31))
    test, fit = np.split(order, [len(codes) // 5])
    importance, scores = np.zeros((codes.shape[1], len(factors))), []
    for index, factor in enumerate(factors):
        make_forest = RandomForestClassifier if factor.discrete else RandomForestRegressor
        wanted = factor.classes.astype(np.float64) if factor.discrete else factor.values
        forest = make_forest(TREES, max_depth=DEEPEST, min_samples_leaf=LEAF, max_features=None, random_state=seed)
        forest.fit(codes[fit], wanted[fit])
        importance[:, index] = forest.feature_importances_
        scores.append(_better_than_a_guess(forest.predict(codes[test]), wanted[test], wanted[fit], factor.discrete))
    names = ("dci_disentanglement", "dci_completeness", "dci_informativeness")
    return dict(zip(names, (*spread_of(importance), float(np.mean(scores))), strict=True))


def _better_than_a_guess(predicted: Array, true: Array, fitted: Array, discrete: bool) -> float:
    """0 for a prediction as good as a guess without the code on the same images, 1 for no mistake."""
    if discrete:
        values, counts = np.unique(fitted, return_counts=True)
        error, of_guess = float((predicted != true).mean()), float((values[counts.argmax()] != true).mean())
    else:
        error, of_guess = float(np.square(predicted - true).mean()), float(np.square(fitted.mean() - true).mean())
    return max(0.0, 1 - error / of_guess) if of_guess else 0.0


def spread_of(importance: Array) -> tuple[float, float]:
    """Disentanglement and completeness of an importance matrix (d, F): 1 less the entropy of rows, of columns.

    Rows count by their share of all importance, columns likewise.
    """
    from scipy.special import entr

    total = importance.sum()
    if not total:
        return 0.0, 0.0

    def concentration(table: Array) -> float:
        sums = table.sum(1)
        shares = table / np.where(sums > 0, sums, 1)[:, None]
        return float((sums / total * (1 - entr(shares).sum(1) / np.log(max(2, table.shape[1])))).sum())

    return concentration(importance), concentration(importance.T)


def majority_votes(
    codes: AnyCodes, factors: list[Factor], random: np.random.Generator, *, size: int = 32, votes: int = 5000
) -> float | None:
    """FactorVAE score: does the latent dimension that varies least in a set of images show which factor they share?

    Kim and Mnih 2018, arXiv:1802.05983, section 4. They generate images with one factor fixed; here sets of `size` are
    drawn from the rows of codes (n, d) that share a class of it, without replacement; a class with fewer images is
    never fixed. Dimensions that are not active are left out, as they would win every vote. Half of the votes train the
    majority classifier, the others are scored, as many for each factor.

    Returns:
        The share of right answers, or None where fewer than two factors have a class of `size` images, or no dimension
        is active.
    """
    spread = codes.std(0)
    alive = np.flatnonzero(active(codes))
    classes = [
        [rows for value in np.unique(factor.classes) if len(rows := np.flatnonzero(factor.classes == value)) >= size]
        for factor in factors
    ]
    asked = [large for large in classes if large]
    if len(asked) < 2 or not len(alive):
        return None
    scaled = np.asarray(codes[:, alive], np.float64) / spread[alive]
    tables = np.zeros((2, len(alive), len(asked)))
    for vote in range(votes):
        factor = vote // 2 % len(asked)
        rows = asked[factor][random.integers(len(asked[factor]))]
        steady = scaled[random.choice(rows, size, replace=False)].var(0).argmin()
        tables[vote % 2, steady, factor] += 1
    answers = tables[0].argmax(1)
    return float(tables[1, np.arange(len(alive)), answers].sum() / tables[1].sum())


MOST, FEW = 2000, 1000  # images that are asked, and fewest held-out ones before training images are asked instead

Codes = NDArray[np.float32]


def lacks(material: Material) -> str | None:
    """These metrics take an encoder, and factors that are known and vary."""
    model, family = material.subject.objective, material.subject.recipe.objective.family
    if not isinstance(model, Encodes):
        return f"not applicable, family {family} has no encoder"
    if material.store.factors is None:
        return (
            "not applicable, the factors behind these images are not known; "
            "avatars and columns of numbers in a table give them"
        )
    if len(varied(material)[2]) < 2:
        return "not applicable, fewer than two factors vary over these images"
    return None


def varied(material: Material) -> tuple[str, NDArray[np.int64], list[int]]:
    """A split, so many of its rows, and the columns of factors that are known of all of them and vary.

    Factors are never shown in training, so training images may be asked as well; forests need many.
    """
    assert material.store.factors is not None, "there are factors"
    held_out = material.chosen.split
    split = held_out if len(material.store.rows(held_out)) >= FEW else "train"
    rows = choose_rows(material.store.rows(split), MOST)
    factors = np.asarray(material.store.factors[rows], np.float64)
    known = np.isfinite(factors).all(0)
    return split, rows, np.flatnonzero(np.ptp(np.where(known, factors, 0), axis=0) > 0).tolist()


def gap_scores(seed: int, codes: Codes, factors: list[Factor]) -> Scores:
    """The scores that take little time."""
    return {
        "mig": float(mutual_information_gap(codes, factors).mean()),
        "sap": float(separated_predictability(codes, factors, stream(seed, Draw.DISENTANGLEMENT, 0)).mean()),
        "factorvae_score": majority_votes(codes, factors, stream(seed, Draw.DISENTANGLEMENT, 1)),
    }


def forests(seed: int, codes: Codes, factors: list[Factor]) -> Scores:
    """The scores that random forests are grown for."""
    return explain(codes, factors, stream(seed, Draw.DISENTANGLEMENT, 2))


# What computes scores -> how often images are split into halves for it: forests take long.
SPLITS: dict[Callable[[int, Codes, list[Factor]], Scores], int] = {gap_scores: 10, forests: 4}


def halved(
    score: Callable[[Codes, list[Factor]], Scores], codes: Codes, factors: list[Factor], splits: int
) -> dict[str, Estimate | None]:
    """Scores with 95% intervals, from how those of two random halves of the images differ, over several splits.

    The squared standard error is the mean square of half the difference: McCarthy 1969, "Pseudo-replication: half
    samples". These scores jump, as bins, trees and votes choose between classes; a jackknife, which leaves out one
    block after another, takes jumps for more than they are (Shao and Wu 1989, "A general theory for jackknife variance
    estimation").
    """
    whole, random = score(codes, factors), stream(0, Draw.DISENTANGLEMENT, 3)
    halves = [rows for _ in range(splits) for rows in np.array_split(random.permutation(len(codes)), 2)]
    parts = [score(codes[rows], [factor_of(factor.values[rows]) for factor in factors]) for rows in halves]
    estimates: dict[str, Estimate | None] = {}
    for name, value in whole.items():
        first, second = np.array([part[name] for part in parts], np.float64).reshape(splits, 2).T  # None becomes nan
        margin = t_quantile(splits) * float(np.sqrt(np.square((first - second) / 2).mean()))
        bounds = (value - margin, value + margin) if value is not None and np.isfinite(margin) else ()
        estimates[name] = None if value is None else Estimate(value, *bounds)
    return estimates


def measure(material: Material) -> Results:
    """Each score with its interval; the baseline is the score of the same codes beside the factors of other images."""
    store, results, seed = material.store, Results(), material.seed
    assert store.factors is not None, "there are factors"
    split, rows, columns = varied(material)
    names = [store.factor_names[column] for column in columns]
    codes = material.subject.encode(store.pixels(rows))
    factors = [factor_of(store.factors[rows, column]) for column in columns]
    shuffled = codes[stream(seed, Draw.SHUFFLED_CODES).permutation(len(codes))]
    progress = material.stage("measuring what each latent dimension means")
    why = "withheld: no latent dimension changes with the image"
    if active(codes).any():
        why = "withheld: fewer than two factors have a value that 32 images share"
    about: dict[str, Any] = {"split": split, "n": len(rows), "details": {"factors": len(factors)}}
    for done, (score, splits) in enumerate(SPLITS.items()):
        progress(done, len(SPLITS))
        seeded = partial(score, seed)
        baselines = seeded(shuffled, factors)
        for name, estimate in halved(seeded, codes, factors, splits).items():
            about |= {"baseline": baselines[name], "why": None if estimate else why}
            results.measurements.append(material.measurement(name, estimate, **about))
    progress(len(SPLITS), len(SPLITS))
    results.notes.append(f"disentanglement is of {len(names)} factors: {', '.join(names)}")
    if split == "train":
        results.notes.append(f"disentanglement is of training images, as fewer than {FEW:,} are held out")
    results.pictures["code-factors"] = {"shares": information(codes, factors), "factor_names": np.array(names)}
    return results
