"""A run folder, read for people: what is there, a sentence for each thing that is not, and its measured scores."""

import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.errors import RunError, SimulacraError
from simulacra.estimates import Better, Estimate
from simulacra.recipe import Recipe
from simulacra.report.formatting import listed, number, plain
from simulacra.report.glossary import direction
from simulacra.report.page import Text
from simulacra.runs import RunFolder, Stream

Row = dict[str, Any]
Arrays = dict[str, NDArray[Any]]
MOST_LOOKS = 8


class Unreadable(Exception):
    """A picture's arrays are not what its name promises; the message says what is wrong."""


@dataclass(frozen=True)
class Record:
    """One run as the report sees it.

    Attributes:
        name: what the report calls it.
        folder: its files.
        facts: run.json.
        recipe: its recipe, or None where this version cannot read it.
        metrics: rows of metrics.jsonl.
        evaluations: rows of evaluations.jsonl.
        gaps: sentences about what is missing or damaged; sections add theirs.
    """

    name: str
    folder: RunFolder
    facts: Row
    recipe: Recipe | None
    metrics: list[Row]
    evaluations: list[Row]
    gaps: list[str] = field(default_factory=list)

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
        """The last update that the run tells of."""
        return max([int(self.fact("step") or 0), *(int(row["step"]) for row in self.metrics)])

    @property
    def drawn(self) -> int:
        """The update that the pictures of the training are of, as far as the run tells."""
        drawn = self.fact("drawn")
        return drawn if isinstance(drawn, int) else self.step

    def arrays(self, name: str) -> Arrays | None:
        """The arrays behind a picture, or None where it was not drawn or cannot be read."""
        try:
            return self.folder.arrays(name)
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            self.gaps.append(f"pictures/{name}.npz is damaged ({plain(error, 80)}) and left out.")
            return None

    def looks(self) -> list[str]:
        """Names of the pictures of the fixed codes: those at the epochs that the recipe chose, and eight in all."""
        names = [name for name in self.folder.pictures() if name.startswith("fixed-") and name[6:].isdigit()]
        return [names[place] for place in spread([int(name[6:]) for name in names], MOST_LOOKS, self._chosen())]

    def _chosen(self) -> set[int]:
        """The updates after which the epochs are full at which the recipe wants the fixed codes drawn."""
        count = self.fact("data", "counts", "train")
        if self.recipe is None or not isinstance(count, int):
            return set()
        return {-(-epoch * count // self.recipe.data.batch) for epoch in self.recipe.every.epochs}


def spread(steps: Sequence[int], most: int, wanted: Collection[int] = ()) -> list[int]:
    """Places of steps: the first, the last, all that are wanted, and others up to `most`, spread evenly by ratio."""
    if len(steps) <= most:
        return list(range(len(steps)))
    known = np.log1p(np.asarray(steps, dtype=np.float64) / max(1, steps[1]))
    chosen = {0, len(steps) - 1} | {place for place, step in enumerate(steps) if step in wanted}
    while len(chosen) < most:
        gaps = np.abs(known[:, None] - known[sorted(chosen)]).min(1)
        chosen.add(int(gaps.argmax()))
    return sorted(chosen)


def read(folder: RunFolder, name: str) -> Record:
    """Reads what a report needs, and notes what is missing.

    Args:
        folder: of a run, finished or not.
        name: what to call it.

    Raises:
        RunError: the folder holds no run.
    """
    facts, gaps = folder.read_facts(), []
    try:
        recipe = folder.read_recipe()
    except SimulacraError as error:
        recipe = None
        gaps.append(f"The recipe cannot be shown: {plain(error)}.")
    record = Record(
        name, folder, facts, recipe, _rows(folder, "metrics", gaps), _rows(folder, "evaluations", gaps), gaps
    )
    _note_state(record)
    return record


def _rows(folder: RunFolder, stream: Stream, gaps: list[str]) -> list[Row]:
    try:
        return sorted(folder.rows(stream), key=lambda row: row["step"])
    except RunError as error:
        gaps.append(f"{stream}.jsonl is damaged ({plain(error.__cause__, 80)}) and left out.")
        return []


def _note_state(record: Record) -> None:
    """Says how far an unfinished run has come, and what such a run should have and this one lacks.

    A finished run without samples may be a classifier's, and one without evaluations a plain GAN's: neither is a gap.
    """
    state = str(record.fact("state"))
    unfinished = state != "finished"
    if unfinished:
        whole = f" of {number(record.recipe.steps)}" if record.recipe else ""
        doing = {"running": "was still being trained, or was cut off", "diverged": "diverged"}.get(
            state, "is unfinished"
        )
        stands = f"This run {doing}: it stands at update {number(record.step)}{whole}."
        record.gaps.insert(0, f"{stands} What follows is what there is so far.")
    drawn = record.folder.pictures()
    wanted = {
        "No learning curves: no row of metrics has been written.": not record.metrics,
        "No measurements: nothing has been evaluated yet.": unfinished and not record.evaluations,
        "No samples: none have been drawn.": "samples" not in drawn and (unfinished or not record.evaluations),
        "No fixed codes over training: none have been drawn yet.": unfinished and not record.looks(),
        "No layer tables: run.json holds none.": not record.table("networks"),
        "No data card: run.json holds none.": not record.table("data"),
    }
    record.gaps.extend(sentence for sentence, missing in wanted.items() if missing)


def images(arrays: Arrays, key: str, dimensions: int = 4) -> NDArray[np.uint8]:
    """An array of images out of a picture's file.

    Args:
        arrays: of the file.
        key: the array's name.
        dimensions: how many it must have; the last three are height, width and channels.

    Raises:
        Unreadable: it is missing, empty, or of another form.
    """
    found = arrays.get(key)
    if found is None:
        raise Unreadable(f"it has no array {key!r}")
    if found.ndim != dimensions or found.dtype != np.uint8 or found.shape[-1] not in (1, 3) or not found.size:
        raise Unreadable(f"{key!r} is {found.dtype} {found.shape}, not {dimensions}-dimensional uint8 images")
    return found


def image_pairs(arrays: Arrays, above: str, below: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two arrays of images (n, H, W, C) that stand one above the other.

    Raises:
        Unreadable: one of them cannot be shown, or their shapes differ.
    """
    upper, lower = images(arrays, above), images(arrays, below)
    if upper.shape != lower.shape:
        raise Unreadable(f"{above} {upper.shape} and {below} {lower.shape} differ in shape")
    return upper, lower


def names(arrays: Arrays, key: str, count: int) -> list[str]:
    """Names out of a picture's file; made up where they are missing.

    Args:
        arrays: of the file.
        key: the array's name.
        count: how many there must be.
    """
    found = arrays.get(key)
    if found is None or found.shape != (count,):
        return [f"label {place + 1}" for place in range(count)]
    return [plain(name) or f"label {place + 1}" for place, name in enumerate(found.tolist())]


SPLITS = ("test", "valid", "train")
CONDITIONS = ("extractor", "judge", "weights", "n", "real")  # must be equal where two numbers are compared
NAME_LIMIT = 60  # letters of a name out of a file


@dataclass(frozen=True)
class Score:
    """One number of a run.

    Attributes:
        metric: its name.
        label: of the attribute or class that it is about, behind that of a code if it tells of one; empty for all
            together.
        split: of the real images that it is about; empty where it is about samples alone.
        against: fingerprint of another data set that it was measured against; empty for the one trained on.
        conditions: what must be equal where two numbers are compared: extractor, judge, weights, n, real.
        step: updates that the model had had.
        found: the value with its interval; None where it is withheld.
        floor: what real images, or chance, get in the same place.
        better: where better numbers lie.
        why: it is withheld.
        evaluated: whether `simulacra evaluate` measured it, rather than the training on its way.
    """

    metric: str
    label: str
    split: str
    against: str
    conditions: dict[str, Any]
    step: int
    found: Estimate | None
    floor: float | None
    better: Better
    why: str
    evaluated: bool

    @property
    def thing(self) -> tuple[str, str, str, str]:
        """What is measured, whatever the conditions."""
        return (self.metric, self.label, self.split, self.against)

    @property
    def applies(self) -> bool:
        """Whether a run of this kind can have such a number."""
        return not self.why.startswith("not applicable")


def newest(rows: Sequence[Row]) -> list[Score]:
    """The scores of a run at the newest step of each, in the order in which they first appear.

    Args:
        rows: of evaluations.jsonl, by step.
    """
    found: dict[tuple[Any, ...], Score] = {}
    for row in rows:
        one = score_of(row)
        found[(one.thing, tuple(map(str, one.conditions.values())))] = one
    last: dict[tuple[str, ...], int] = {}
    for one in found.values():
        last[one.thing] = max(one.step, last.get(one.thing, 0))
    return [one for one in found.values() if one.step == last[one.thing]]


def score_of(row: Row) -> Score:
    """One row as a score; what is no finite number counts as none."""
    metric, why = plain(row.get("metric") or "value", NAME_LIMIT), plain(row.get("why") or "")
    code, label, split, against = (
        plain(row.get(key) or "", NAME_LIMIT) for key in ("code", "label", "split", "against")
    )
    thing = ": ".join(filter(None, [code, label]))
    conditions = {key: row[key] for key in CONDITIONS if row.get(key) is not None}
    value, low, high = (_finite(row.get(key)) for key in ("value", "low", "high"))
    bounds = (low, high) if low is not None and high is not None else (None, None)
    found = None if value is None else Estimate(value, *bounds)
    return Score(
        metric,
        thing,
        split,
        against,
        conditions,
        int(row.get("step") or 0),
        found,
        _finite(row.get("floor")),
        direction(row),
        why or ("" if found else "it is no number"),
        "seed" in row,
    )


def measured_with(conditions: Mapping[str, Any], weights: bool = False) -> list[str]:
    """What a number hangs on, in few words each.

    Args:
        conditions: of a score, or a row of evaluations.jsonl.
        weights: whether the kind of weights is named.
    """
    about = [f"n {number(conditions['n'])}"] if conditions.get("n") is not None else []
    about += [plain(conditions[key], 60) for key in ("extractor", "judge") if conditions.get(key) is not None]
    return about + ([f"{plain(conditions['weights'], 20)} weights"] if weights and conditions.get("weights") else [])


def both_weights(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether rows, or conditions of scores, are of both kinds of weights."""
    return len({str(row["weights"]) for row in rows if row.get("weights")}) > 1


def rank(split: str) -> int:
    """Order of splits: images kept aside first."""
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)


def _finite(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if known else None


@dataclass(frozen=True)
class Origin:
    """Where a picture comes from.

    Attributes:
        step: updates that the model had had.
        weights: ema or raw.
        against: fingerprint of another data set that samples were held against; empty for the one trained on.
    """

    step: int
    weights: str
    against: str


def origin(record: Record, arrays: Arrays | None = None) -> Origin:
    """Where a picture comes from; what its arrays do not tell is that of the pictures that the training drew."""
    told = arrays or {}
    step, weights, against = (
        told[key].item() if key in told and told[key].size == 1 else None for key in ("step", "weights", "against")
    )
    usual = "ema" if record.recipe and record.recipe.ema else "raw"
    return Origin(
        step if isinstance(step, int) else record.drawn,
        weights if weights in ("ema", "raw") else usual,
        plain(against or "", 60),
    )


def dated(record: Record, arrays: Arrays) -> list[Text]:
    """In what a picture differs from the run's own pictures, in a sentence; nothing where it is one of them."""
    own, usual = origin(record, arrays), origin(record)
    parts = [f"at update {number(own.step)}"] if own.step != usual.step else []
    parts += [f"with the {own.weights} weights"] if own.weights != usual.weights else []
    parts += [f"against another data set ({own.against})"] if own.against else []
    return [Text(f"This was measured {listed(parts)}.")] if parts else []


def row_of(record: Record, arrays: Arrays, metric: str) -> Row | None:
    """The newest row of a metric that was measured of what a picture shows, on images kept aside; None without one."""
    own, usual = origin(record, arrays), origin(record)
    rows = [
        row
        for row in reversed(record.evaluations)
        if (row.get("metric"), row["step"], row.get("weights") or usual.weights, row.get("against") or "")
        == (metric, own.step, own.weights, own.against)
        and row.get("split") != "train"
    ]
    return min(rows, key=lambda row: rank(str(row.get("split"))), default=None)
