"""A run folder, read for people: what is there, a sentence for each thing that is missing, measurements, arrays."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulacra.errors import RunError, SimulacraError
from simulacra.files import DAMAGED_ARRAYS
from simulacra.measurements import TEXTS, WEIGHTS, Key, Measurement
from simulacra.recipe import Recipe
from simulacra.report.formatting import listed, number, plain, unique, without_home
from simulacra.report.page import Text
from simulacra.runs import RunFolder, Stream

Arrays = dict[str, NDArray[Any]]
TEXT_LIMIT = 60  # letters of a text out of a file


class Unreadable(Exception):
    """The arrays of a picture do not have the form that its name promises; the message says what is wrong."""


def images(arrays: Arrays, key: str, dimensions: int = 4) -> NDArray[np.uint8]:
    """Images (..., H, W, C) of so many dimensions out of a picture's file; Unreadable if it has none such."""
    array = arrays.get(key)
    if array is None:
        raise Unreadable(f"it has no array {key!r}")
    if array.ndim != dimensions or array.dtype != np.uint8 or array.shape[-1] not in (1, 3) or not array.size:
        raise Unreadable(f"{key!r} is {array.dtype} {array.shape}, not {dimensions}-dimensional uint8 images")
    return array


def numbers(arrays: Arrays, key: str, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    """Finite numbers of this shape, None being any length but 0, out of a picture's file; else Unreadable."""
    array = arrays.get(key, np.empty(0))
    fits = array.ndim == len(shape) and array.dtype.kind in "fiu" and array.size
    if not fits or any(want not in (None, size) for want, size in zip(shape, array.shape, strict=True)):
        sizes = " × ".join("any" if size is None else str(size) for size in shape)
        raise Unreadable(f"it has no array {key!r} of {f'{sizes} numbers' if shape else '1 number'}")
    if not np.isfinite(array).all():
        raise Unreadable(f"{key!r} holds a number that is not finite")
    return array.astype(np.float64)


def scalar(arrays: Arrays, key: str) -> float | None:
    """A single finite number out of a picture's file; None where it is missing."""
    array = arrays.get(key)
    if array is None or array.size != 1 or array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        return None
    return float(array.item())


def text(arrays: Arrays, key: str) -> str:
    """A text out of a picture's file, as it can be shown; empty where it is missing."""
    array = arrays.get(key)
    return plain(array.item(), TEXT_LIMIT) if array is not None and array.size == 1 else ""


def image_pairs(arrays: Arrays, above: str, below: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two arrays of images (n, H, W, C), one above the other; Unreadable if one has none, or their shapes differ."""
    upper, lower = images(arrays, above), images(arrays, below)
    if upper.shape != lower.shape:
        raise Unreadable(f"{above} {upper.shape} and {below} {lower.shape} differ in shape")
    return upper, lower


def names(arrays: Arrays, key: str, count: int) -> list[str]:
    """As many names out of a picture's file; numbered labels where they are missing."""
    array = arrays.get(key)
    numbered = [f"label {index}" for index in range(1, count + 1)]
    if array is None or array.shape != (count,):
        return numbered
    return [plain(name) or other for name, other in zip(array.tolist(), numbered, strict=True)]


Row = dict[str, Any]
Series = list[Measurement]
AnyRow = TypeVar("AnyRow", Row, Measurement)
MOST_SNAPSHOTS = 8
APART = 0.95  # of the steps of a snapshot: an earlier one that had more of them looks the same
SPLITS = ("test", "valid", "valid+test", "train")  # held-out images first
WEIGHT_NAMES = {"ema": "EMA", "raw": "raw"}
REASON_LIMIT = 400  # letters of the reason why a number is withheld


@dataclass(frozen=True)
class Record:
    """One run as the report sees it."""

    name: str  # what the report calls it
    folder: RunFolder
    facts: Row  # run.json
    recipe: Recipe | None  # None where this version cannot read it
    metrics: list[Row]  # rows of metrics.jsonl
    evaluations: list[Measurement]  # rows of evaluations.jsonl by step, with texts that can be shown
    gaps: list[str]  # sentences about what is missing or damaged; sections add theirs
    others: Mapping[str, str] = field(default_factory=dict)  # fingerprint -> name of data sets of other runs

    def fact(self, *path: str) -> Any:
        """A value of run.json, or None where it is not written."""
        value: Any = self.facts
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def table(self, *path: str) -> Row:
        """A table of run.json, empty where it is not written."""
        value = self.fact(*path)
        return value if isinstance(value, dict) else {}

    @property
    def step(self) -> int:
        """The last update of which the run has a record."""
        return max([int(self.fact("step") or 0), *(int(row["step"]) for row in self.metrics)])

    @property
    def speed(self) -> int | None:
        """Images per second of the training."""
        seen, seconds = self.fact("images_seen"), self.fact("seconds")
        return round(seen / seconds) if seen and seconds else None

    @property
    def drawn(self) -> int:
        """The update at which the training drew its pictures; the last one where run.json does not say."""
        step = self.fact("drawn")
        return step if isinstance(step, int) else self.step

    @cached_property
    def named(self) -> list[Measurement]:
        """The evaluations with names in the place of fingerprints: of other data sets, and of judges where several are.

        What was measured against the run's own data on purpose was measured against no other.
        """
        own = self.fact("data", "fingerprint")
        fingerprints = {row.against for row in self.evaluations if row.against} - {own}
        unknown = iter(unique(["another data set"] * len(fingerprints)))
        data = {each: self.others.get(each) or next(unknown) for each in sorted(fingerprints)} | {own: None}
        judges = list(dict.fromkeys(row.judge for row in self.evaluations if row.judge))
        judge = {name: "judge" if len(judges) == 1 else f"judge {place}" for place, name in enumerate(judges, 1)}
        return [
            replace(row, against=row.against and data[row.against], judge=row.judge and judge[row.judge])
            for row in self.evaluations
        ]

    def name_of(self, fingerprint: str) -> str:
        """What another data set is called; empty for the run's own."""
        if not fingerprint or fingerprint == self.fact("data", "fingerprint"):
            return ""
        return self.others.get(fingerprint) or "another data set"

    def arrays(self, name: str) -> Arrays | None:
        """The arrays behind a picture, or None where it was not drawn or cannot be read."""
        try:
            return self.folder.arrays(name)
        except DAMAGED_ARRAYS as error:
            self.gaps.append(f"pictures/{name}.npz is damaged ({plain(error, 80)}) and left out.")
            return None

    def snapshots(self) -> list[str]:
        """Names of the pictures of the fixed codes: those at the epochs that the recipe chose, and eight at most."""
        names = [name for name in self.folder.pictures() if name.startswith("fixed-") and name[6:].isdigit()]
        steps, count, wanted = [int(name[6:]) for name in names], self.fact("data", "counts", "train"), set()
        if self.recipe and isinstance(count, int):
            wanted = {-(-epoch * count // self.recipe.data.batch) for epoch in self.recipe.every.epochs}
        shown = spread(steps, MOST_SNAPSHOTS, wanted)
        return [names[index] for index in apart(steps, shown)]


def spread(steps: Sequence[int], most: int, wanted: Collection[int] = ()) -> list[int]:
    """Indices of steps: the first, the last, all that are wanted, and others up to `most`, spread evenly by ratio."""
    if len(steps) <= most:
        return list(range(len(steps)))
    logarithms = np.log1p(np.asarray(steps, dtype=np.float64) / max(1, steps[1]))
    chosen = {0, len(steps) - 1} | {index for index, step in enumerate(steps) if step in wanted}
    while len(chosen) < most:
        gaps = np.abs(logarithms[:, None] - logarithms[sorted(chosen)]).min(1)
        chosen.add(int(gaps.argmax()))
    return sorted(chosen)


def apart(steps: Sequence[int], shown: Sequence[int]) -> list[int]:
    """The indices of ascending steps without those within 5% of the next one that stays; the first and last stay."""
    kept = list(shown[-1:])
    for index in reversed(shown[1:-1]):
        if steps[index] < APART * steps[kept[0]]:
            kept.insert(0, index)
    return [*shown[:1], *kept] if len(shown) > 1 else kept


def read(folder: RunFolder, name: str) -> Record:
    """Reads what a report needs of a run, finished or not, and notes what is missing; a RunError without a run."""
    facts, gaps = homeless(folder.read_facts()), []
    try:
        recipe = folder.read_recipe()
    except SimulacraError as error:
        recipe = None
        gaps.append(f"The recipe cannot be shown: {plain(error)}.")
    metrics = sorted(_readable(lambda: folder.rows("metrics"), "metrics", gaps), key=lambda row: int(row["step"]))
    evaluations = [_safe(row) for row in _readable(folder.measurements, "evaluations", gaps)]
    evaluations.sort(key=lambda row: row.step)
    record = Record(name, folder, facts, recipe, metrics, evaluations, gaps)
    _note_state(record)
    return record


def homeless(value: Any) -> Any:
    """JSON values without the home folders of users."""
    if isinstance(value, dict):
        return {key: homeless(item) for key, item in value.items()}
    if isinstance(value, list):
        return [homeless(item) for item in value]
    return without_home(value) if isinstance(value, str) else value


def _readable(read_rows: Callable[[], list[AnyRow]], stream: Stream, gaps: list[str]) -> list[AnyRow]:
    """The rows of a stream; none where a line is damaged, which is noted among the gaps."""
    try:
        return read_rows()
    except RunError as error:
        gaps.append(f"{stream}.jsonl is damaged ({plain(error.__cause__, 80)}) and left out.")
        return []


def _safe(measurement: Measurement) -> Measurement:
    """The same number with texts that can be shown: printable, in one line, and not too long."""
    texts: dict[str, Any] = {
        name: plain(text, REASON_LIMIT if name == "why" else TEXT_LIMIT) or None
        for name in TEXTS
        if (text := getattr(measurement, name))
    }
    return replace(measurement, metric=plain(measurement.metric, TEXT_LIMIT) or "value", **texts)


def _note_state(record: Record) -> None:
    """Says how far an unfinished run has come, and what it lacks that such a run should have.

    A finished run without samples may be a classifier, and one without evaluations a GAN: neither is a gap.
    """
    state = str(record.fact("state"))
    unfinished = state != "finished"
    if unfinished:
        of_all = f" of {number(record.recipe.steps)}" if record.recipe and not record.recipe.minutes else ""
        why = {"running": "is still being trained, or was interrupted", "diverged": "diverged"}
        reached = f"It has reached update {number(record.step)}{of_all}."
        how = why.get(state, "is not finished")
        record.gaps.insert(0, f"This run {how}. {reached} The report shows what exists so far.")
    undrawn = "samples" not in record.folder.pictures()
    missing = {
        "No learning curves: metrics.jsonl has no rows yet.": not record.metrics,
        "No measurements: nothing has been evaluated yet.": unfinished and not record.evaluations,
        "No samples: none have been drawn.": undrawn and (unfinished or not record.evaluations),
        "No fixed codes over training: none have been drawn yet.": unfinished and not record.snapshots(),
        "No layer tables: run.json holds none.": not record.table("networks"),
        "No data card: run.json holds none.": not record.table("data"),
    }
    record.gaps.extend(sentence for sentence, is_missing in missing.items() if is_missing)


def newest(measurements: Iterable[Measurement]) -> list[Measurement]:
    """Of measurements by step what is newest of each number, once under each of its conditions."""
    last = {row.key: row for row in measurements}
    steps: dict[Key, int] = {}
    for row in last.values():
        steps[row.subject] = max(row.step, steps.get(row.subject, 0))
    return [row for row in last.values() if row.step == steps[row.subject]]


def series_of(measurements: Iterable[Measurement]) -> list[Series]:
    """Numbers of a run that were measured alike, step by step; a judge that was trained anew begins no other series."""
    series: dict[Any, Series] = {}
    for row in measurements:
        series.setdefault(replace(row, step=0).identity, []).append(row)
    return list(series.values())


def specifics(measurement: Measurement, weights: bool) -> list[str]:
    """What a number is about beside its metric and split, in few words each: code, label, other data, weights."""
    pairs = {"code": measurement.code, "label": measurement.label, "against": measurement.against}
    named = [f"{key} {value}" for key, value in pairs.items() if value]
    return [*named, *filter(None, [weights_name(measurement.weights, weights)])]


def names_of(series: Sequence[Series]) -> list[list[str]]:
    """What tells each series of a run apart from the others of its metric and split, in few words each."""
    weights = both_weights(row for rows in series for row in rows)
    last = [rows[-1] for rows in series]
    names = [[*filter(None, [row.extractor]), *specifics(row, weights)] for row in last]
    alike = Counter((row.metric, row.split, *name) for row, name in zip(last, names, strict=True))
    return [
        [*name, f"n {number(row.n)}"] if alike[(row.metric, row.split, *name)] > 1 else name
        for row, name in zip(last, names, strict=True)
    ]


def topic(measurement: Measurement) -> str:
    """The part of the code and the label that a number is about; empty for all together."""
    return ": ".join(filter(None, [measurement.code, measurement.label]))


def method(conditions: Mapping[str, object], weights: bool = False) -> list[str]:
    """How a number was measured, in few words each: how many images, extractor, judge, and perhaps its weights."""
    count = f"n {number(conditions['n'])}" if "n" in conditions else ""
    judge = re.sub(r"^(judge) [0-9a-f]{8}$", r"\1", str(conditions.get("judge", "")))  # where numbers meet it is one
    names = [str(conditions.get("extractor", "")), judge]
    return list(filter(None, [count, *names, weights_name(conditions.get("weights"), weights)]))


def weights_name(weights: object, named: bool = True) -> str:
    """`EMA weights` or `raw weights`; empty where the kind of weights is unknown or not to be named."""
    return f"{WEIGHT_NAMES.get(str(weights), weights)} weights" if weights and named else ""


def both_weights(measurements: Iterable[Measurement]) -> bool:
    """Whether numbers were measured with both kinds of weights."""
    return len({row.weights for row in measurements if row.weights}) > 1


def rank(split: str | None) -> int:
    """Order of splits: held-out images first."""
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)


@dataclass(frozen=True)
class Origin:
    """What a picture shows."""

    step: int  # updates that the model had had
    weights: str  # ema or raw
    against: str  # fingerprint of another data set that samples were compared with; empty for the one trained on


def origin(record: Record, arrays: Arrays | None = None) -> Origin:
    """What a picture shows; what its arrays do not say is as in the pictures that the training drew."""
    arrays = arrays or {}
    step, weights = scalar(arrays, "step"), text(arrays, "weights")
    weights = WEIGHTS.get(weights, weights)
    if weights not in WEIGHT_NAMES:
        weights = record.recipe.weights if record.recipe else "raw"
    return Origin(record.drawn if step is None else int(step), weights, text(arrays, "against"))


def origin_note(record: Record, arrays: Arrays) -> list[Text]:
    """A sentence about how a picture differs from those that the training drew; none where it is one of them."""
    shown, usual = origin(record, arrays), origin(record)
    parts = [f"at update {number(shown.step)}"] if shown.step != usual.step else []
    parts += [f"with the {weights_name(shown.weights)}"] if shown.weights != usual.weights else []
    parts += [f"against {name}"] if (name := record.name_of(shown.against)) else []
    return [Text(f"This was measured {listed(parts)}.")] if parts else []


def measured(record: Record, arrays: Arrays, metric: str) -> Measurement | None:
    """The newest number of a metric that was measured of what a picture shows, on held-out images; None without one."""
    shown, usual = origin(record, arrays), origin(record)
    fitting = [
        row
        for row in reversed(record.evaluations)
        if row.metric == metric
        and row.split != "train"
        and (row.step, row.weights or usual.weights, row.against or "") == (shown.step, shown.weights, shown.against)
    ]
    return min(fitting, key=lambda row: rank(row.split), default=None)
