"""Conditions: whether samples obey their labels, what a label changes besides, and what unlabelled codes mean."""

from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.estimates import Estimate
from simulacra.evaluation.context import Arrays, Material, Results
from simulacra.evaluation.judge import Judge
from simulacra.evaluation.metrics import correction, leakage
from simulacra.evaluation.metrics.correction import Hits
from simulacra.evaluation.metrics.leakage import Columns, Flags
from simulacra.measurements import NO_LABELS, Measurement
from simulacra.objectives import Encodes
from simulacra.seeds import Draw, stream

ACCURACY, CORRECTED = "condition_accuracy", "condition_accuracy_corrected"


def lacks(material: Material) -> str | None:
    """The judge's labels are compared with a model that has labels, that encodes, or that has codes of its own."""
    model, recipe = material.subject.objective, material.subject.recipe
    family = recipe.objective.family
    if why := material.lacks_images():
        return why
    code = material.subject.generates.code
    if not (code.labels or code.categorical or code.continuous or isinstance(model, Encodes)):
        return f"not applicable, family {family} has no labels and no codes that could mean one"
    if not material.store.label_names:
        return f"{NO_LABELS} that a judge could learn"
    if code.labels and recipe.data.exclusive != material.store.exclusive:
        return "not applicable, labels are classes in one of run and data set and attributes in the other"
    if code.labels and not set(recipe.data.labels) & set(material.store.label_names):
        return "not applicable, the data set has none of the labels of the model"
    return None


def measure(material: Material) -> Results:
    """Whether labels are obeyed, leakage of labels or of attribute vectors, and information in codes."""
    judge, model, results = material.judge, material.subject.generates, Results()
    assert judge is not None, "a data set with labels has a judge"
    names = judge.label_names
    unlearned = np.flatnonzero(~judge.learned)
    results.notes += [f"{names[column]}: not judged; {why_unlearned(judge, column)}" for column in unlearned.tolist()]
    labels = material.subject.recipe.data.labels if model.code.labels else names
    asked = np.flatnonzero(np.isin(names, labels))
    if model.code.labels:
        results.measurements += obedience(material, judge, asked)
    if model.code.labels or isinstance(model, Encodes):
        results.add(_of_classes(material, judge) if judge.exclusive else _of_attributes(material, judge, asked))
    if model.code.categorical or model.code.continuous:
        results.add(meanings(material, judge))
    return results.completed(material, "conditions", why_lacking(material, judge))


def why_lacking(material: Material, judge: Judge) -> dict[str, str]:
    """Metric of the group -> why it is not measured, where it is not."""
    family, code = material.subject.recipe.objective.family, material.subject.generates.code
    unlabelled = f"not applicable, family {family} takes no labels that samples could obey"
    uncoded = f"not applicable, family {family} has no codes that could mean a label"
    unlearned = "withheld, the judge learned no label"
    alone = "withheld, fewer than two labels can be switched and judged, so none can leak into another"
    movable = code.labels or isinstance(material.subject.objective, Encodes)
    return {
        **dict.fromkeys((ACCURACY, CORRECTED), unlabelled if not code.labels else unlearned),
        "leakage": alone if movable else f"not applicable, family {family} has no labels and no encoder",
        "mutual_information": unlearned if code.categorical or code.continuous else uncoded,
    }


def obedience(material: Material, judge: Judge, asked: Columns) -> list[Measurement]:
    """Two measurements of all labels together, the judge's and the corrected one, and two per label.

    The generator has the labels of the columns `asked` among the judge's.
    """
    wanted = wanted_labels(material, judge)
    predicted = judge.predict(material.samples, material.stage("judging samples"))
    solve = correction.classes if judge.exclusive else correction.attributes
    corrections = solve((wanted, predicted), (judge.true, judge.predicted))
    measurements: list[Measurement] = []
    judged: list[int] = []
    corrected: list[tuple[Hits, int]] = []
    for column in asked.tolist():
        generated_for, predicted_as = wanted[:, column], predicted[:, column]
        hits = predicted_as[generated_for] if judge.exclusive else predicted_as == generated_for
        about: dict[str, Any] = {"label": judge.label_names[column], "n": len(hits), "judge": judge.label}
        if why := why_withheld(judge, column, len(hits)):
            measurements += [material.measurement(metric, None, why=why, **about) for metric in (ACCURACY, CORRECTED)]
            continue
        judged.append(column)
        chance = {"chance": chance_obedience(predicted_as, generated_for, exclusive=judge.exclusive)}
        share, baseline = Estimate.share(hits), float(judge.accuracy[column])
        measurements.append(material.measurement(ACCURACY, share, baseline=baseline, details=chance, **about))
        if correct := corrections[column]:
            corrected.append((correct, len(hits)))
            chance = {"chance": correct.chance}
            measurements.append(material.measurement(CORRECTED, correct.shares.estimate, details=chance, **about))
        else:
            why = "the judge finds it in too few real images for a correction"
            measurements.append(material.measurement(CORRECTED, None, why=why, **about))
    means = [mean_obedience(material, judge, predicted, wanted, judged)] if judged else []
    means += [mean_correction(material, judge, corrected)] if corrected else []
    return means + measurements


def mean_correction(material: Material, judge: Judge, corrected: list[tuple[Hits, int]]) -> Measurement:
    """The mean of corrected shares, by how many samples count for each label."""
    parts, sizes = zip(*corrected, strict=True)
    weights = np.array(sizes, np.float64)
    estimate = correction.together([part.shares for part in parts], weights).estimate
    chance = float(np.average([part.chance for part in parts], weights=weights))
    n = int(weights.sum()) if judge.exclusive else sizes[0]
    about: dict[str, Any] = {"n": n, "judge": judge.label, "details": {"labels": len(parts), "chance": chance}}
    return material.measurement(CORRECTED, estimate, **about)


def mean_obedience(material: Material, judge: Judge, predicted: Flags, wanted: Flags, judged: list[int]) -> Measurement:
    """The mean over the judged labels; of classes, the share of all samples that were generated for one of them."""
    about: dict[str, Any] = {"judge": judge.label}
    if not judge.exclusive:
        right = (predicted == wanted)[:, judged].mean(1)
        guesses = [chance_obedience(predicted[:, column], wanted[:, column], exclusive=False) for column in judged]
        about["details"] = {"labels": len(judged), "chance": sum(guesses) / len(judged)}
        baseline = float(judge.accuracy[judged].mean())
        estimate = leakage.resampled(right, float)
        return material.measurement(ACCURACY, estimate, n=len(right), baseline=baseline, **about)
    counted = wanted[:, judged].any(1)
    chance = float((predicted[counted].mean(0) * wanted[counted].mean(0)).sum())
    about["details"] = {"labels": len(judged), "chance": chance}
    hits, confusion = predicted[counted][wanted[counted]], judge.confusion[judged]
    baseline = float(confusion[np.arange(len(judged)), judged].sum() / confusion.sum())
    return material.measurement(ACCURACY, Estimate.share(hits), n=len(hits), baseline=baseline, **about)


def chance_obedience(predicted: Flags, wanted: Flags, *, exclusive: bool) -> float:
    """The share of samples that would have the label (n,) they were generated for if the model ignored its labels.

    For a class it is the share of all samples that are predicted to be of it. For an attribute it is the probability
    that two independent draws are equal: where hats are rare, a generator without hats is right nearly always.
    """
    have, want = float(predicted.mean()), float(wanted.mean())
    return have if exclusive else have * want + (1 - have) * (1 - want)


def wanted_labels(material: Material, judge: Judge) -> Flags:
    """(n, J) which of the judge's labels each sample was generated for; labels that the model lacks are off."""
    labels = material.subject.generates.code.labels_of(material.codes).numpy() > 0.5
    wanted = np.zeros((len(labels), len(judge.label_names)), bool)
    for index, name in enumerate(material.subject.recipe.data.labels):
        if name in judge.label_names:
            wanted[:, judge.label_names.index(name)] = labels[:, index]
    return wanted


def why_withheld(judge: Judge, column: int, n: int) -> str | None:
    """Why the share of a label is withheld, of n samples that count for it; None where it is not."""
    if not judge.learned[column]:
        return why_unlearned(judge, column)
    return None if n else "no sample was generated for it"


def why_unlearned(judge: Judge, column: int) -> str:
    """Why the judge's predictions of a label do not count."""
    area = float(judge.auc[column])
    if np.isnan(area):
        return "all held-out images are alike in it, so the judge could not be tested"
    return f"the judge did not learn it: area under the curve {area:.2f} on held-out images, chance is 0.5"


Numbers = NDArray[np.int64]
Array = NDArray[np.float64]

SHUFFLES = 200


def information(a: Numbers, b: Numbers) -> Estimate:
    """Mutual information in nats of two columns (n,) of numbers from 0 on, and its 95% interval.

    The value for the shares in which pairs occur, minus the mean of its bias, (cells in use - rows in use - columns in
    use + 1) / (2 n): Miller 1955, as in Paninski 2003, Neural Computation 15(6), section 4.1. The interval is 1.96
    standard deviations of the mean of log p(a, b) / p(a) p(b). It is 0 where they are independent, and the smaller of
    the two entropies where one decides the other; never below 0.
    """
    counts = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(counts, (a, b), 1)
    joint = counts / len(a)
    expected = joint.sum(1, keepdims=True) * joint.sum(0)
    used = joint > 0
    pointwise = np.log(joint[used] / expected[used])
    mean = float((joint[used] * pointwise).sum())
    spread = float((joint[used] * np.square(pointwise - mean)).sum()) ** 0.5
    surplus = (used.sum() - (counts.sum(1) > 0).sum() - (counts.sum(0) > 0).sum() + 1) / (2 * len(a))
    value, margin = max(0.0, mean - float(surplus)), 1.96 * spread / len(a) ** 0.5
    return Estimate(value, max(0.0, value - margin), value + margin)


def chance_information(a: Numbers, b: Numbers) -> float:
    """The information that 19 of 20 shuffles of one column stay below: chance alone gives as much."""
    random = stream(0, Draw.SHUFFLED_LABELS)
    return float(np.quantile([information(random.permutation(a), b).value for _ in range(SHUFFLES)], 0.95))


def binned(values: NDArray[np.floating], parts: int = 10) -> Numbers:
    """The part (n,), from 0, that each value falls into, of parts with equally many values."""
    from scipy.stats import rankdata

    ranks = rankdata(values, method="ordinal").astype(np.int64) - 1
    return ranks * parts // len(values)


WORTH_A_SENTENCE = 0.02  # nats; the whole interval has to lie above it and above chance
NAMED = 3  # labels in such a sentence
CLASS_SHARE, LIFT = 0.5, 2  # of a category's samples, and times the share of all: it is then named after a class


def meanings(material: Material, judge: Judge) -> Results:
    """Mutual information of every code with every label that the judge learned, on samples."""
    codes = code_columns(material)
    predicted = judge.predict(material.samples, material.stage("judging samples"))
    learned = np.flatnonzero(judge.learned)
    results, matrix = Results(), np.zeros((len(codes), len(learned)))
    for index, (code, column) in enumerate(codes.items()):
        of_labels = [
            _mutual_information(material, judge, code, judge.label_names[label], column, predicted[:, label])
            for label in learned.tolist()
        ]
        matrix[index] = [measurement.estimate.value for measurement in of_labels if measurement.estimate]
        results.measurements += of_labels
        if judge.exclusive and len(learned):
            classes = predicted.argmax(1)
            results.measurements.append(_mutual_information(material, judge, code, None, column, classes))
        results.notes.append(sentence(code, of_labels))
        if judge.exclusive and code.startswith("categorical"):
            results.notes += categories(code, column, predicted.argmax(1), judge.label_names)
    if len(learned):
        results.pictures["code-labels"] = {
            "matrix": matrix,
            "codes": np.array(list(codes)),
            "judged": np.array([judge.label_names[column] for column in learned]),
            "n": np.array(len(predicted)),
        }
    return results


def code_columns(material: Material) -> dict[str, Numbers]:
    """Name of a code -> (n,) the samples' category, or the tenth of its range that they are in."""
    parts = material.subject.generates.code.split(material.codes)
    columns = {f"categorical {index + 1}": column.numpy() for index, column in enumerate(parts.categories.T)}
    for index, values in enumerate(parts.continuous.T):
        columns[f"continuous {index + 1}"] = binned(values.numpy())
    return columns


def _mutual_information(
    material: Material, judge: Judge, code: str, label: str | None, column: Numbers, predicted: NDArray[Any]
) -> Measurement:
    classes = predicted.astype(np.int64)
    return material.measurement(
        "mutual_information",
        information(column, classes),
        n=len(classes),
        baseline=chance_information(column, classes),
        code=code,
        label=label,
        judge=judge.label,
    )


def sentence(code: str, measurements: list[Measurement]) -> str:
    """Which labels a code says most about, out of its measurements."""
    worth = [
        (measurement.estimate.value, measurement.label)
        for measurement in measurements
        if measurement.estimate and measurement.estimate.low is not None and measurement.baseline is not None
        if measurement.estimate.low > max(WORTH_A_SENTENCE, measurement.baseline)
    ]
    if not worth:
        return f"{code} says nothing about any label"
    best = sorted(worth, key=lambda pair: -pair[0])
    named = ", ".join(f"{label} ({value:.2f} nats)" for value, label in best[:NAMED])
    more = f" and {len(best) - NAMED} more" if len(best) > NAMED else ""
    return f"{code} says most about {named}{more}"


def categories(code: str, column: Numbers, classes: Numbers, names: tuple[str, ...]) -> list[str]:
    """Which categories of a code are mostly of one class; none or one sentence."""
    named, overall = [], np.bincount(classes, minlength=len(names)) / len(classes)
    for category in np.unique(column).tolist():
        counts = np.bincount(classes[column == category], minlength=len(names))
        likeliest, share = int(counts.argmax()), counts.max() / counts.sum()
        if share >= max(CLASS_SHARE, min(LIFT * overall[likeliest], 1)):
            named.append(f"{category + 1} is {names[likeliest]} ({share:.0%})")
    return [f"{code}, its categories: {', '.join(named)}"] if named else []


def _of_attributes(material: Material, judge: Judge, asked: Columns) -> Results:
    """By how much each judged attribute changes when an asked one is switched."""
    by_label = bool(material.subject.generates.code.labels)
    learned = asked[judge.learned[asked]]
    asked = np.concatenate([learned, asked[~judge.learned[asked]]]) if by_label else learned
    switched = leakage.by_label(material, asked) if by_label else leakage.by_vector(material, asked)
    left = [judge.label_names[column] for column in asked.tolist() if column not in switched.asked]
    notes = [f"{name}: no attribute vector; too few training images have it, or lack it" for name in left]
    if not len(switched.asked):
        return Results(notes=notes)
    judged = switched.asked[judge.learned[switched.asked]]
    columns = np.concatenate([judged, np.setdiff1d(np.flatnonzero(judge.learned), judged)])
    before, after = leakage.probabilities(material, judge, switched)
    effects = leakage.effects(before[:, columns], after[:, :, columns], switched.labels)
    picture = _picture(judge, effects.mean(0), switched.asked, columns, by_label, len(effects))
    picture["absolute"] = np.abs(effects).mean(0)
    results = Results(notes=notes, pictures={"leakage": picture} if effects.size else {})
    if len(judged) < 2:
        results.notes.append("leakage: fewer than two labels are asked and judged, so none can leak into another")
        return results
    estimate = leakage.resampled(effects[:, : len(judged), : len(judged)], leakage.ratio, leakage.without_leaks)
    about = {"n": len(effects), "judge": judge.label, "details": {"labels": len(judged)}}
    results.measurements.append(_leakage(material, estimate, None if by_label else material.chosen.split, about))
    return results


def _of_classes(material: Material, judge: Judge) -> Results:
    """Which classes are predicted for samples of each asked class."""
    by_label = bool(material.subject.generates.code.labels)
    wanted: Flags
    if by_label:
        wanted, images, split = wanted_labels(material, judge), material.samples, None
    else:
        wanted, codes = leakage.by_class_mean(material)
        images, split = material.subject.decode(codes), material.chosen.split
    if not wanted.any():
        return Results(notes=["leakage: no class has enough images to be asked for"])
    cells = leakage.crossed(wanted, judge.predict(images))
    columns = np.arange(len(judge.label_names))
    picture = _picture(judge, leakage.shares(cells.mean(0)), columns, columns, by_label, len(cells))
    estimate = leakage.resampled(cells, lambda mean: leakage.ratio(leakage.shares(mean)))
    baseline = leakage.ratio(leakage.shares(judge.confusion))
    about = {"n": len(cells), "judge": judge.label, "details": {"labels": len(judge.label_names)}}
    return Results([_leakage(material, estimate, split, about, baseline)], pictures={"leakage": picture})


def _picture(
    judge: Judge, matrix: NDArray[np.float64], asked: Columns, judged: Columns, by_label: bool, n: int
) -> Arrays:
    """The matrix of asked by judged labels, measured on n images, as the picture `leakage` keeps it."""
    names = np.array(judge.label_names)
    arrays = {"matrix": matrix, "asked": names[asked], "judged": names[judged], "n": np.array(n)}
    return arrays | {"exclusive": np.array(judge.exclusive), "vectors": np.array(not by_label)}


def _leakage(
    material: Material, estimate: Estimate, split: str | None, about: dict[str, Any], baseline: float = nan
) -> Measurement:
    """Leakage, withheld where no label changes itself, so that there is nothing to compare others with."""
    if not isfinite(estimate.value):
        return material.measurement("leakage", None, split=split, why="no label that is switched changes", **about)
    finite = baseline if isfinite(baseline) else None
    return material.measurement("leakage", estimate, split=split, baseline=finite, **about)
