"""What may be compared: numbers of several runs that measure the same in the same way, and why others may not."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulacra.catalogue import BY_GROUP, METRICS, OF_LABELS, of_group
from simulacra.data.store import is_store
from simulacra.measurements import NO_LABELS, Key, Measurement
from simulacra.report.formatting import image_shape, listed, plain
from simulacra.report.record import Record, newest, weights_name

COMMAND = "simulacra evaluate"  # with which an advice begins
LIMIT = 60  # letters of a condition in a sentence
NEEDED = ("density", "loss")  # conditions without which a number compares with nothing
JUDGE_FEATURES = "features of "  # with which the label of an extractor begins that depends on the labels of its data
PREFIXES = ("not applicable, ", "withheld, ", "withheld: ")  # of the reason why a run has no such number


@dataclass(frozen=True)
class Match:
    """Numbers of at least two runs that measure the same in the same way."""

    conditions: dict[str, Any]  # how they were measured, as far as it is the same for all; `data` is the real images
    scores: Mapping[int, Measurement]  # index of a run -> its number

    @property
    def first(self) -> Measurement:
        """The number of the first run, which stands for all where they agree."""
        return next(iter(self.scores.values()))


@dataclass(frozen=True)
class Candidate:
    """A number of a run, with what must be equal where it is compared with a number of another run."""

    record: Record
    row: Measurement
    alike: dict[str, Any]  # name of a condition -> its value

    @property
    def subject(self) -> Key:
        """What is measured, whatever it is measured beside."""
        return (self.row.metric, self.row.code, self.row.label, self.row.split)

    @property
    def comparable(self) -> bool:
        """Whether it compares with any number that is alike."""
        known = all(self.alike.get(name, "") is not None for name in NEEDED)
        return known and self.alike.get("place") in (None, 1)


Variant = dict[int, Candidate]  # index of a run -> its number; all of them alike


def matches(
    records: Sequence[Record], wanted: Sequence[str] = (), split: str | None = None
) -> tuple[list[Match], list[str]]:
    """The numbers of runs that can be compared, of the wanted metrics or all, and sentences about the others.

    Of each run those numbers count that were measured with the weights that its samples are drawn with. For everything
    measured the numbers with the conditions that most runs share are taken, more images first. The split is as in
    `comparison_of`.
    """
    chosen = split or default_split(records)
    subjects: dict[Key, dict[tuple[Any, ...], Variant]] = {}
    for index, candidates in enumerate(_candidates(records)):
        for candidate in candidates:
            if candidate.row.split in (None, chosen) and (not wanted or candidate.row.metric in wanted):
                variants = subjects.setdefault(candidate.subject, {})
                variants.setdefault(tuple(candidate.alike.items()), {})[index] = candidate
    matched: list[Match] = []
    different, missing = dict[tuple[int, str], list[str]](), dict[tuple[int, str], list[str]]()
    for variants in subjects.values():
        shared = max(variants.values(), key=lambda variant: (len(variant), variant[min(variant)].row.n or 0))
        first = shared[min(shared)]
        if len(shared) > 1 and first.comparable:
            matched.append(Match(_in_common(shared), {index: shared[index].row for index in sorted(shared)}))
        for index, record in enumerate(records):
            others = [variant[index] for variant in variants.values() if index in variant]
            other = min(others, key=lambda other: len(_differing(other, first)), default=None)
            if other is None and first.comparable and (why := _why_missing(record, first)):
                missing.setdefault((index, why), []).append(first.row.metric)
            elif other is not None and (index not in shared or not first.comparable):
                different.setdefault((index, _why_different(other, first)), []).append(first.row.metric)
    notes = [_not_compared(records[index], metrics, why) for (index, why), metrics in different.items()]
    for index, record in enumerate(records):
        notes += _not_measured(record, {why: names for (of_run, why), names in missing.items() if of_run == index})
    return matched, notes


def default_split(records: Sequence[Record]) -> str:
    """The split that a comparison is about unless another one is asked for."""
    splits = {row.split for record in records for row in record.evaluations if row.estimate}
    return next((split for split in ("test", "valid", "valid+test") if split in splits), "test")


def weights_of(record: Record) -> str | None:
    """The weights that the samples of a run are drawn with, ema or raw; None where its recipe cannot be read."""
    return record.recipe.weights if record.recipe else None


def numbers_of(record: Record) -> list[Measurement]:
    """The newest numbers of a run that were measured with the weights that its samples are drawn with."""
    weights = weights_of(record)
    rows = [row for row in record.evaluations if weights is None or row.weights in (None, weights)]
    return [row for row in newest(rows) if row.estimate]


def _candidates(records: Sequence[Record]) -> Iterator[list[Candidate]]:
    """The numbers of each run, with all that must be equal."""
    known = {_of_earlier(record, row): row.data for record in records for row in record.evaluations if row.data}
    for record in records:
        yield [Candidate(record, row, _alike(record, row, known)) for row in numbers_of(record)]


def _alike(record: Record, row: Measurement, known: Mapping[Key, str | None]) -> dict[str, Any]:
    """What must be equal, as the row says it, the recipe, and the data."""
    alike = row.alike
    objective = record.recipe and record.recipe.objective
    if "labels" in alike:
        names = tuple(sorted(record.recipe.data.labels)) if record.recipe else ()
        alike["labels"] = None if row.label else (names or alike["labels"])
    if "loss" in alike and objective:
        keys = ("kl_weight", "kl_reduction", "likelihood", "reduction")
        alike["loss"] = ", ".join(f"{key} = {getattr(objective, key, None)}" for key in keys)
    if "place" in alike:
        code = getattr(objective, "code", None)
        places = {"categorical": len(code.categorical), "continuous": code.continuous} if code else {}
        alike["place"] = places.get((row.code or "").partition(" ")[0])
    if row.judge or not (row.split or row.metric in METRICS):
        alike["data"] = None
    else:
        before = _of_earlier(record, row)
        alike["data"] = row.data or known.get(before) or before
    return alike | {"trained on": not (row.against and row.split == "train")}


def _of_earlier(record: Record, row: Measurement) -> Key:
    """What stands for the real images in a row of an earlier version: the whole data set, and what the run held out."""
    whole = row.against or str(record.fact("data", "fingerprint"))
    data = record.recipe.data if record.recipe and not row.against else None
    held_out = f"{data.holdout} of seed {record.recipe.seed}" if data and data.holdout and record.recipe else None
    labels = " ".join(data.labels) if data and row.metric in OF_LABELS else None
    return (whole, held_out if row.split != "test" else None, row.metric, row.split, labels)


def _in_common(variant: Variant) -> dict[str, Any]:
    """How the numbers were measured, as far as it is the same for all."""
    first, *others = (candidate.row.conditions for candidate in variant.values())
    if data := next(iter(variant.values())).alike["data"]:
        first["data"] = data if isinstance(data, str) else data[0]
        others = [other | {"data": first["data"]} for other in others]
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


# --- why numbers are not compared


def _named_once(metrics: Sequence[str]) -> str:
    return listed(list(dict.fromkeys(metrics)))


def _not_compared(record: Record, metrics: Sequence[str], why: str) -> str:
    are = "is" if len(set(metrics)) == 1 else "are"
    return f"for {record.name}, {_named_once(metrics)} {are} not compared, because {why}"


def _not_measured(record: Record, missing: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for each reason, with its metrics, that a command removes; and one for all others."""
    start = f"not measured of {record.name}"
    notes = [f"{start}: {_named_once(metrics)}; {why}" for why, metrics in missing.items() if COMMAND in why]
    others = [f"{_named_once(metrics)} ({why})" for why, metrics in missing.items() if COMMAND not in why]
    return [*notes, f"{start}: {'; '.join(others)}"] if others else notes


def _differing(a: Candidate, b: Candidate) -> list[str]:
    """The conditions in which two numbers differ."""
    return [key for key in dict.fromkeys([*a.alike, *b.alike]) if a.alike.get(key) != b.alike.get(key)]


def _why_different(mine: Candidate, other: Candidate) -> str:
    """Why two numbers of one subject cannot be compared, and what to do about it."""
    keys = _differing(mine, other)
    if mine.alike.get("place") not in (None, 1) or other.alike.get("place") not in (None, 1):
        return "the codes of two trainings have no common order, so those of one place need not mean the same"
    if unknown := [each for each in (mine, other) if not each.comparable]:
        if "density" not in mine.alike:
            return f"the recipe of {listed([each.record.name for each in unknown])} cannot be read"
        return f"the likelihood is not known, as an earlier version measured it; measure again: {_again(unknown)}"
    if essential := next((key for key in keys if key in ESSENTIAL), None):
        return f"{_values(essential, mine, other)}, and {ESSENTIAL[essential]}"
    if "version" in keys:  # of the metric's definition; none is the first one
        newest = max(each.alike["version"] or 1 for each in (mine, other))
        older = [each for each in (mine, other) if (each.alike["version"] or 1) < newest]
        return f"it has been defined anew since {older[0].record.name} was measured; measure again: {_again(older)}"
    if "data" in keys:
        return _other_data(mine, other)
    if "judge" in keys or _judged_by_features(mine, other):
        return _other_labels(mine, other)
    if keys == ["trained on"]:
        return f"{mine.record.name} and {other.record.name} were not both trained on these training images"
    values = listed([_values(key, mine, other) for key in keys])
    if str(other.alike["extractor"]).startswith(JUDGE_FEATURES):  # which takes labels
        mine, other = other, mine
    return f"{values}; to measure {mine.record.name} in the same way: {command(mine.record, other)}"


# Conditions that follow from what a model is, and why they must be equal.
ESSENTIAL = {
    "density": "log-densities compare only where likelihood and width are equal",
    "loss": "losses compare only where they are the same sum; compare mse and kl",
    "labels": "a mean compares only with a mean over the same labels; compare label by label",
    "factors": "a mean compares only with a mean over the same factors",
}


def _values(key: str, mine: Candidate, other: Candidate) -> str:
    """A condition and what it is for either run."""
    values = (each.alike.get(key) for each in (mine, other))
    a, b = (listed(value) if isinstance(value, tuple) else "unknown" if value is None else value for value in values)
    return f"{key} is {plain(a, LIMIT)} for {mine.record.name} and {plain(b, LIMIT)} for {other.record.name}"


def _other_data(mine: Candidate, other: Candidate) -> str:
    """Why numbers are of other real images, and how to measure both beside the same ones."""
    a, b = mine.record, other.record
    shapes = [image_shape(record.fact("data", "shape") or ()) for record in (a, b)]
    if shapes[0] != shapes[1]:
        return (
            f"its images are {shapes[0]} and those of {b.name} are {shapes[1]}, and numbers of images of other sizes "
            "or colours do not compare; train both on images of one size"
        )
    reason = _how_data_differ(a, b)
    if mine.row.seed is None or other.row.seed is None:
        return f"{reason}, and a training measures its own; what `evaluate` measures compares beside one store"
    held_out = any(record.recipe and record.recipe.data.holdout for record in (a, b)) and mine.row.split != "test"
    if held_out and not differ_in(a, b, "pictures"):
        return f"{reason}, as data.holdout differs; train both with the same data.holdout and seed"
    return f"{reason}; {_beside(mine, other)}"


def _how_data_differ(a: Record, b: Record) -> str:
    """The part of the data in which two runs differ."""
    names = [_named(record) for record in (a, b)]
    if differ_in(a, b, "pictures"):
        return f"data is {names[0]} for {a.name} and {names[1]} for {b.name}"
    if differ_in(a, b, "split"):
        return f"its pictures are those of {b.name}, but split into train, valid and test in another way"
    return f"it was not measured beside the same images as {b.name}"


def differ_in(a: Record, b: Record, part: str) -> bool:
    """Whether the data of two runs differ in a part: pictures, split or labels; all are one where a run is older."""
    whole = [record.fact("data", "fingerprint") for record in (a, b)]
    parts = [record.fact("data", "fingerprints", part) for record in (a, b)]
    return whole[0] != whole[1] if None in parts else parts[0] != parts[1]


def _named(record: Record) -> str:
    """The data of a run as its user typed it."""
    return plain(record.fact("data", "path") or record.fact("data", "fingerprint") or "unknown", LIMIT)


def _other_labels(mine: Candidate, other: Candidate) -> str:
    """Why numbers are of other judges, and how to have both judged by the same one."""
    a, b = mine.record, other.record
    names = [tuple(record.fact("data", "label_names") or ()) for record in (a, b)]
    if a.fact("data", "fingerprint") == b.fact("data", "fingerprint") and not (mine.row.against or other.row.against):
        return f"their judges were trained by different versions; measure both again: {_again([mine, other])}"
    how = "of other labels" if names[0] != names[1] else "on other images"
    return f"its judge was trained {how} than the judge of {b.name}; {_beside(mine, other)}"


def _judged_by_features(mine: Candidate, other: Candidate) -> bool:
    """Whether features differ that a judge of the data computes."""
    names = {str(each.alike["extractor"]) for each in (mine, other)}
    return len(names) > 1 and all(name.startswith(JUDGE_FEATURES) for name in names)


def _beside(mine: Candidate, other: Candidate) -> str:
    """The command that measures one of two runs beside the images of the other."""
    for one, like in ((mine, other), (other, mine)):
        _, store = _data_of(like)
        if store:
            what = f"to measure {one.record.name} beside the images of {like.record.name}"
            # A row of an earlier version does not say which images it is about.
            again = "" if like.row.data or like.row.judge else f" and {command(like.record, like)}"
            return f"{what}: {command(one.record, like, store)}{again}"
    places = listed([_named(each.record) for each in (mine, other)])
    return f"there is no store at {places}; measure both beside one: {command(mine.record, other, 'STORE')}"


def _again(candidates: Iterable[Candidate]) -> str:
    """The commands that measure runs once more as they were measured."""
    return " and ".join(dict.fromkeys(command(each.record, each) for each in candidates))


def _data_of(candidate: Candidate) -> tuple[str, str | None]:
    """The fingerprint of the data set that a number was measured beside, and its path; None where it is not at hand."""
    record, row = candidate.record, candidate.row
    own, measured = str(record.fact("data", "fingerprint")), record.table("measured")
    labelled = (
        [each for each in measured if each != own] if row.judge and not record.fact("data", "label_names") else []
    )
    fingerprint = row.against or (labelled[-1] if labelled else own)
    places = [str(path) for path in record.folder.data_places()] if fingerprint == own else []
    about = measured.get(fingerprint)
    places += [str(about.get(key)) for key in ("path", "absolute")] if isinstance(about, dict) else []
    return fingerprint, next((place for place in places if is_store(Path(place))), None)


# --- why numbers are missing


def _why_missing(record: Record, like: Candidate) -> str:
    """Why a run has no number to compare with another one, and what to do about it."""
    row, family = like.row, plain(record.fact("family") or "unknown", LIMIT)
    rows = [each for each in record.evaluations if (each.metric, each.code, each.label) == like.subject[:3]]
    if other := next((each for each in rows if each.estimate and each.split == row.split), None):
        used, drawn_by = weights_name(other.weights), weights_name(weights_of(record))
        return f"its {used} were measured, and its samples are drawn with its {drawn_by}: {command(record, like)}"
    if withheld := next((each.why for each in rows if each.applies and not each.estimate), None):
        return _reason(withheld)
    if other := next((each for each in rows if each.estimate and each.split != "train"), None):
        return _other_split(record, other, like)
    if row.seed is None:
        return f"trainings of family {family} measure no such number"
    (data, store), own = _data_of(like), record.fact("data", "fingerprint")
    if why := _needs(record, row.metric) or _lacks(record, data, row.metric):
        return why
    if (why := _lacks(record, str(own), row.metric)) and not why.startswith(_reason(NO_LABELS)):
        return why
    if row.judge and data != own and store and not _measured_so(record, like):
        what = "its data has other labels" if record.fact("data", "label_names") else "its data has no labels"
        return f"{what}; to measure it beside those of {like.record.name}: {command(record, like, store)}"
    if why or _measured_so(record, like):
        return why or "such a model has no such number"
    return f"to measure what applies to such a run: {command(record, like)}"


def _needs(record: Record, metric: str) -> str | None:
    """Why a model cannot have a number about its labels or codes, as its recipe says; None where it may have one."""
    if record.recipe is None:
        return None
    objective, labels = record.recipe.objective, record.recipe.data.labels
    code = getattr(objective, "code", None)  # that of a GAN; what an autoencoder's code means is its labels' vectors
    if metric in ("condition_accuracy", "condition_accuracy_corrected") and not labels:
        return "its samples are generated for no labels"
    if metric == "leakage" and code and not labels:
        return "its samples are generated for no labels, and it has no encoder"
    if metric == "mutual_information" and not (code and (code.categorical or code.continuous)):
        return "its code has no part that training gives a meaning"
    return None


def _lacks(record: Record, data: str, metric: str) -> str | None:
    """Why a run cannot have a metric beside a data set, as `evaluate` found; None where it did not."""
    about = record.table("measured").get(data)
    lacks = about.get("not_applicable") if isinstance(about, dict) else None
    why = lacks.get(metric) if isinstance(lacks, dict) else None
    return _reason(str(why)) if why else None


def _reason(why: str) -> str:
    """The reason in the row of a withheld number, as a part of a sentence."""
    for prefix in PREFIXES:
        why = why.removeprefix(prefix)
    return plain(why)


def _other_split(record: Record, row: Measurement, like: Candidate) -> str:
    """Why numbers of one metric are about other images; empty where the other run's number says it too."""
    if str(row.split) < str(like.row.split):
        return ""
    about = [f"{split} images" if split else "samples alone" for split in (row.split, like.row.split)]
    reason = f"it is about {about[0]} for {record.name} and about {about[1]} for {like.record.name}"
    _, store = _data_of(like)
    if row.split and like.row.split and row.seed is not None and store:
        return f"{reason}; to measure it beside the same images: {command(record, like, store)}"
    return reason


def _measured_so(record: Record, like: Candidate) -> bool:
    """Whether `evaluate` has measured metrics of the same group of a run, by the same judge or by the same features."""
    row = like.row
    group = next((names for names in BY_GROUP.values() if row.metric in names), {})
    return any(
        each.metric in group and each.seed is not None and (each.judge, each.extractor) == (row.judge, row.extractor)
        for each in record.evaluations
    )


def command(record: Record, like: Candidate | None = None, store: str | None = None) -> str:
    """The command that measures a run as a number of another one was measured, beside the images of a store."""
    words = [COMMAND, shlex.quote(str(record.folder.path))]
    row = like and _distance(like)
    if row:
        extractor = str(row.extractor or "").partition(",")[0]
        features = "judge" if extractor.startswith(JUDGE_FEATURES) else extractor
        words += ["-n", str(row.n)] if row.n is not None else []
        words += ["--features", shlex.quote(features)] if features else []
    words += ["--against", shlex.quote(store)] if store else []
    return " ".join(words)


def _distance(like: Candidate) -> Measurement | None:
    """A distance that was measured together with a number: it says how many samples there were, and which features."""
    quality, row = of_group("quality"), like.row
    if row.seed is None:
        return None
    if row.metric in quality:
        return row
    rows = (each for each in reversed(like.record.evaluations) if each.metric in quality and each.seed is not None)
    return next((each for each in rows if each.against == row.against), None)
