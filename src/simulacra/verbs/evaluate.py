"""The verb `evaluate`: how good a trained run is, in numbers."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from simulacra.catalogue import of_group
from simulacra.data.resolve import resolve
from simulacra.data.sources import Options
from simulacra.data.store import ImageStore
from simulacra.diagnosis import as_facts, diagnose
from simulacra.engine.checkpoints import Which
from simulacra.errors import RunError, nearest
from simulacra.evaluation.context import FEWEST, Chosen, Material, choose
from simulacra.evaluation.data_of_run import store_at_hand, store_of, with_splits_of
from simulacra.evaluation.features import extractor_for
from simulacra.evaluation.metrics import GROUPS, Results
from simulacra.evaluation.preview import preview
from simulacra.evaluation.subject import Weights, open_model
from simulacra.measurements import Measurement
from simulacra.progress import Live
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.tabular import Table, Tabular

COLUMNS = ("metric", "of", "value", "low", "high", "chance", "baseline", "better", "n", "split")  # of the printed table


SPLIT_NOTES = {
    "valid": "there are no test images: the held-out images are those of the valid split",
    "valid+test": "there are few held-out images: those of the valid and the test split are taken together",
    "train": (
        "there are too few held-out images: training images take their place, so these numbers do not show what a "
        "model learned by heart"
    ),
}


@dataclass(frozen=True, repr=False)
class Evaluated(Tabular):
    """What `evaluate` measured.

    Attributes:
        title: of the printed table: samples, real images, extractor and step.
        measurements: also those without a number, which say why.
        notes: sentences that a person should read beside them.
    """

    title: str
    measurements: list[Measurement]
    notes: list[str]

    @property
    def measured(self) -> bool:
        """Whether there is any number."""
        return any(measurement.estimate for measurement in self.measurements)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The measurements as rows of evaluations.jsonl, for scripts."""
        words = [{"obedience": row.obedience} if row.obedience else {} for row in self.measurements]
        return [row.to_json() | word for row, word in zip(self.measurements, words, strict=True)]

    def to_table(self) -> Table:
        """The measurements that have a number."""
        rows = [cells(measurement) for measurement in self.measurements if measurement.estimate]
        return Table(self.title, COLUMNS, rows, self.notes, ("split", "n", "better", "baseline", "chance"))


def evaluate(
    path: Path,
    *,
    data: Path | None = None,
    against: Path | None = None,
    count: int = 2000,
    features: str | None = None,
    only: Sequence[str] = (),
    step: Which = None,
    weights: Weights | None = None,
    seed: int = 0,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Evaluated:
    """Measures a run beside real images and keeps the measurements in its evaluations.jsonl.

    Args:
        path: the run folder.
        data: what was trained on: the store, or what it was packed from; as run.json and recipe.toml say by default.
        against: another store or other pictures to measure against instead.
        count: how many samples.
        features: name of an extractor; the one that suits the data by default.
        only: names of groups of metrics; all by default.
        step: of one of the run's checkpoints, or the one marked best; the newest by default.
        weights: the EMA of the weights, where the recipe keeps one, or the last weights themselves.
        seed: of the samples.
        cache: folder of features of real images; the user's cache folder by default.
        say: takes lines that a person should read before anything is measured.

    Raises:
        RunError: the run cannot be measured so.
        DataError: the store is not the one trained on, or too small.
    """
    _check(count, seed, only)
    run = RunFolder(path)
    recipe = run.read_recipe()
    store, own = real_images(run, recipe, data, against, say)
    subject = open_model(run, step, weights=weights, store=store, recipe=recipe)
    chosen = choose(store, count)
    with run.lock_if_writable(say) as writable, Live("measuring") as live:
        show = partial(_show, live)
        extractor = extractor_for(features, store, cache, partial(show, "training a judge of the labels"))
        material = Material(subject, chosen, extractor, seed, None if own else store.fingerprint, cache, show)
        results = _measured(material, only or tuple(GROUPS))
        not_kept = _kept(run, results, material) if writable else f"{path} may not be written to"
    notes = [f"these numbers are not kept: {not_kept}"] if not_kept else []
    notes += remarks(chosen, count, best=own and run.read_best() == subject.step)
    notes += [*obeyed(results.measurements), *results.notes, *reasons(results.measurements)]
    notes += [] if not_kept else outdated(run)
    return Evaluated(_title(material), results.measurements, notes)


def outdated(run: RunFolder) -> list[str]:
    """A sentence about the run's report, which does not show what was measured just now; none where there is none."""
    from simulacra.report.formatting import typed

    page = run.path / "report.html"
    return [f"{page} is older than these values; write it again: simulacra report {typed(run.path)}"] * page.is_file()


def _show(live: Live, what: str, done: int, total: int) -> None:
    live.show(done / max(1, total), f"{what} {done:,}/{total:,}")


def _title(material: Material) -> str:
    real, extractor, step = len(material.chosen.held_out), material.extractor.label, material.subject.step
    return f"{material.count:,} samples, {real:,} real images; {extractor}; step {step:,}"


def _check(count: int, seed: int, only: Sequence[str]) -> None:
    if count < FEWEST:
        raise RunError(f"-n {count}: expected at least {FEWEST} samples")
    if seed < 0:
        raise RunError(f"--seed {seed}: expected 0 or more")
    for name in only:
        if name not in GROUPS:
            raise RunError(f"--only {name}: there is no such group of metrics; {nearest(name, GROUPS)}")


def _kept(run: RunFolder, results: Results, material: Material) -> str | None:
    """Keeps what was measured in the run folder; why it could not be kept, or None."""
    try:
        keep(run, [measurement for measurement in results.measurements if measurement.applies])
        findings = as_facts(diagnose(run))  # for the report, which shows those of run.json
        run.write_facts(_about_data(run, results.measurements, material.store) | findings)
        for name, arrays in results.pictures.items():
            run.write_picture(name, arrays | _origin(material), preview(arrays))
    except RunError as error:
        return str(error)
    return None


def _about_data(run: RunFolder, measurements: Sequence[Measurement], store: ImageStore) -> dict[str, Any]:
    """For run.json: where the images are that a run was measured beside, and which metrics it cannot have, and why."""
    measured = run.read_facts().get("measured", {})
    lacks = measured.get(store.fingerprint, {}).get("not_applicable", {})
    lacks = {metric: why for metric, why in lacks.items() if metric not in {row.metric for row in measurements}}
    lacks |= {row.metric: row.why for row in measurements if not row.applies}
    about = {"path": str(store.path), "absolute": str(store.path.absolute()), "not_applicable": lacks}
    return {"measured": measured | {store.fingerprint: about}}


def real_images(
    run: RunFolder, recipe: Recipe, data: Path | None, against: Path | None, say: Callable[[str], None]
) -> tuple[ImageStore, bool]:
    """The store that a run is measured beside, and whether its pictures and splits are those that it was trained on.

    Raises:
        RunError: both `data` and `against` are given.
        DataError: there is no store, or it does not fit the run.
    """
    if against is None:
        return store_of(run, data, recipe=recipe, say=say), True
    store = other_store(recipe, data, against, say)
    trained = run.read_facts().get("data", {})
    if "fingerprints" not in trained and (before := store_at_hand(run)) is not None:  # of an earlier version
        trained = trained | {"fingerprints": before.fingerprints}
    own = with_splits_of(store, recipe, trained)
    return own or store, own is not None


def other_store(recipe: Recipe, data: Path | None, against: Path, say: Callable[[str], None]) -> ImageStore:
    """The images that a run is measured against in the place of those that it was trained on, packed if need be.

    Raises:
        RunError: both are given.
        DataError: there is no store, or its images are of another shape.
    """
    if data is not None:
        raise RunError("--data and --against were both given; give the one store to measure against")
    height, width, channels = recipe.data.shape
    packed = resolve(str(against), Options(size=(width, height), channels=channels), say=say)
    if packed.fresh:
        say(packed.message)
    return packed.store


def keep(run: RunFolder, measurements: Sequence[Measurement]) -> None:
    """Appends measurements to evaluations.jsonl, in the place of earlier ones of the same thing."""
    new = {measurement.identity for measurement in measurements}
    kept = [measurement for measurement in run.measurements() if measurement.identity not in new]
    lines = [json.dumps(measurement.to_json()) + "\n" for measurement in [*kept, *measurements]]
    run.write("evaluations.jsonl", "".join(lines).encode())


def _measured(material: Material, groups: Sequence[str]) -> Results:
    """What every group measures; metrics that a run cannot have are named, without a value, and not kept."""
    results = Results()
    for name in groups:
        group = GROUPS[name]
        if why := group.lacks(material):
            results.measurements += [material.measurement(metric, None, why=why) for metric in of_group(name)]
        else:
            results.add(group.measure(material))
    return results


def _origin(material: Material) -> dict[str, np.ndarray[Any, Any]]:
    """Where a picture comes from, among its arrays."""
    subject = material.subject
    origin = {"step": np.array(subject.step), "weights": np.array(subject.weights)}
    return origin if material.against is None else origin | {"against": np.array(material.against)}


def remarks(chosen: Chosen, count: int, *, best: bool) -> list[str]:
    """What a person should know of the images that there were.

    Args:
        chosen: the images.
        count: how many samples were asked for.
        best: whether the checkpoint was chosen by valid images.
    """
    n, m, notes = len(chosen.reference), len(chosen.held_out), []
    if n < count:
        notes.append(f"measured {n:,} samples, not {count:,}: no more training images are left to set the baseline")
    if m < n:
        notes.append(f"the {chosen.split} split has {m:,} images, so {n:,} samples are compared with {m:,} real images")
    if chosen.split in SPLIT_NOTES:
        notes.append(SPLIT_NOTES[chosen.split])
        if best and chosen.split != "train":
            notes.append("this checkpoint was chosen by the valid images, so their numbers flatter it a little")
    return notes


def reasons(measurements: Sequence[Measurement]) -> list[str]:
    """Why a run cannot have some metrics, those of one reason in one sentence."""
    whys = {measurement.metric: measurement.why for measurement in measurements if not measurement.applies}
    return [
        f"{', '.join(metric for metric, other in whys.items() if other == why)}: {why}"
        for why in dict.fromkeys(whys.values())
    ]


def obeyed(measurements: Sequence[Measurement]) -> list[str]:
    """How far labels are obeyed, all together first: `Young: partly obeyed, 0.65 between chance 0.52 and ...`."""
    from simulacra.report.glossary import obedience

    return [
        f"{row.label or 'all labels together'}: {sentence}"
        for row in measurements
        if (sentence := obedience(row, "{:.2f}".format))
    ]


def cells(measurement: Measurement) -> tuple[str, ...]:
    """A measurement as the printed table shows it."""
    return (
        measurement.metric,
        " ".join(filter(None, (measurement.code, measurement.label))),
        *numbers(measurement, measurement.chance),
        measurement.better,
        "" if measurement.n is None else f"{measurement.n:,}",
        measurement.split or "",
    )


def numbers(measurement: Measurement, *others: float | None) -> tuple[str, ...]:
    """Value, low, high, other numbers and baseline in the cells of a printed table, empty where there is none."""
    from simulacra.report.formatting import number

    estimate = measurement.estimate
    values = (estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)
    return tuple("" if value is None else number(value) for value in (*values, *others, measurement.baseline))
