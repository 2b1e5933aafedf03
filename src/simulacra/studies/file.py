"""A study: a claim, the cases that are compared, what is measured, and how the measurements answer. TOML in."""

import re
import tomllib
from importlib import resources
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError, model_validator

from simulacra.catalogue import METRICS
from simulacra.errors import StudyError, nearest
from simulacra.files import expand, parse_toml, read_text
from simulacra.recipe import Recipe, explain, leaves, load, to_table
from simulacra.settings import Settings
from simulacra.studies.questions import Direction

Kind = Literal["better", "equal", "trend", "early-not-late", "within", "ranking"]
CASES: dict[Kind, tuple[int, int]] = {  # kind -> how many cases it takes, at least and at most
    "better": (2, 9),
    "equal": (2, 9),
    "trend": (3, 9),
    "early-not-late": (2, 2),
    "within": (1, 1),
    "ranking": (1, 1),
}
POINTS: dict[Kind, tuple[int, int]] = dict.fromkeys(CASES, (1, 1)) | {"early-not-late": (2, 2), "within": (1, 2)}
POINT = re.compile(r"(?P<number>\d+)(?P<unit>%| steps| images)")
COUNTED = ("networks", "objective.latent", "objective.code", "data")  # keys on which the counts of networks depend
FREE = {"title", "expect", "seed", "steps", "minutes", "every"}  # keys of recipes in which cases may differ unsaid


class Measure(Settings):
    """A number of each run.

    Args:
        metric: of METRICS; or give a curve.
        curve: key of metrics.jsonl, like "loss/discriminator", averaged over the window `at`.
        minus: a second curve, or a number, that is subtracted.
        at: points of a training: "100%", "25%", "5000 steps" or "60000 images". A metric is measured there; a curve is
            averaged from the point before, or from the start, up to there.
        split: of the real images, where a metric has several.
        labels: the labels that a ranking is claimed to put first; for other questions the one label that is meant.
        direction: where the claim puts the second case, the later setting, or the number itself.
        margin: of the question `equal`: the largest difference that counts as none, in the unit of the metric.
    """

    metric: str | None = None
    curve: str | None = None
    minus: str | float | None = None
    at: tuple[str, ...] = ("100%",)
    split: Literal["train", "valid", "test"] | None = None
    labels: tuple[str, ...] = ()
    direction: Direction = "different"
    margin: PositiveFloat | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Measure":
        if (self.metric is None) == (self.curve is None):
            raise ValueError("a measure has either a metric or a curve; give one of them")
        if self.metric is not None and self.metric not in METRICS:
            raise ValueError(f"there is no metric {self.metric!r}; {nearest(self.metric, METRICS)}")
        if isinstance(self.minus, str) and self.curve is None:
            raise ValueError(f"minus = {self.minus!r} is a curve, beside a metric; give a number, or a curve")
        for point in self.at:
            if not POINT.fullmatch(point):
                raise ValueError(f'at has {point!r}; expected points like "25%", "5000 steps" or "60000 images"')
        return self

    @property
    def name(self) -> str:
        """What the number is called in tables."""
        parts = [self.metric or self.curve or "", *self.labels]
        return " ".join(parts) + ("" if self.minus is None else f" less {self.minus}")


class Question(Settings):
    """How the measurements answer.

    Args:
        kind: see `studies.questions`.
        along: for a trend: the key of the recipe that orders the cases.
        scale: for a trend: whether the logarithm of that key is what counts.
    """

    kind: Kind
    along: str | None = None
    scale: Literal["linear", "log"] = "linear"


class Budget(Settings):
    """What every run gets, and how many runs there are. One of images, minutes and updates.

    Args:
        images: seen by the training; equal images.
        minutes: of training; equal minutes. Such runs cannot be repeated to the byte.
        updates: of the weights; equal updates.
        seeds: how many; 0, 1, 2 ...
        samples: how many are measured.
        features: the extractor of distances, as `simulacra evaluate --features` takes it; the data's own by default.
        before: updates of the run that is trained first, where the study has one; its recipe's own by default.
        changes: keys of all recipes that are set anew, such as smaller networks of a quick study.
    """

    images: PositiveInt | None = None
    minutes: PositiveFloat | None = None
    updates: PositiveInt | None = None
    seeds: PositiveInt
    samples: PositiveInt = 2000
    features: str | None = None
    before: PositiveInt | None = None
    changes: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_length(self) -> "Budget":
        if sum(value is not None for value in (self.images, self.minutes, self.updates)) != 1:
            raise ValueError("a budget has one of images, minutes and updates")
        if self.seeds < 2:
            raise ValueError("seeds = 1 gives no interval and no verdict; expected 2 or more, better 5")
        return self


class Study(Settings):
    """A claim put to the test.

    Args:
        number: of the claim in docs/claims.md; 0 for one's own.
        claim: in one sentence.
        source: who says so.
        recipe: name or file, of all cases that name no other.
        data: what it trains on by default.
        cases: name -> keys that differ from the recipe, as tables of a recipe; `recipe` names another one.
        differ: beginnings of the keys in which cases of several recipes may differ; needed where a case names one.
        before: recipe of a run that every seed trains first, so that `start.run = "before"` can begin with its weights.
        question: how the measurements answer.
        measures: what is measured.
        full: for a verdict; only `--full` needs it.
        quick: the same design for a laptop, in minutes.
    """

    number: NonNegativeInt = 0
    claim: str
    source: str
    recipe: str
    data: str
    cases: dict[str, dict[str, Any]]
    differ: tuple[str, ...] = ()
    before: str | None = None
    question: Question
    measures: tuple[Measure, ...]
    full: Budget | None = None
    quick: Budget

    @property
    def budgets(self) -> list[Budget]:
        """Those that the study has."""
        return [self.quick, *([self.full] if self.full else [])]

    @model_validator(mode="after")
    def _fits_its_question(self) -> "Study":
        kind = self.question.kind
        least, most = CASES[kind]
        if not least <= len(self.cases) <= most:
            raise ValueError(f"question {kind} takes {_span(least, most, 'case')}, and there are {len(self.cases)}")
        if not self.measures:
            raise ValueError("there are no measures; add a table [[measures]]")
        if (kind == "trend") != (self.question.along is not None):
            raise ValueError("question.along, the key that orders the cases, belongs to a trend and to no other kind")
        for measure in self.measures:
            self._check(measure)
        return self

    def _check(self, measure: Measure) -> None:
        kind, (least, most) = self.question.kind, POINTS[self.question.kind]
        if not least <= len(measure.at) <= most:
            raise ValueError(f"question {kind} takes {_span(least, most, 'point')} in `at`, and has {list(measure.at)}")
        if (kind == "equal") != (measure.margin is not None):
            raise ValueError(f"measure {measure.name}: a margin belongs to question equal, and to no other kind")
        if kind == "ranking" and not measure.labels:
            raise ValueError(f"measure {measure.name}: a ranking needs labels, those that the claim puts first")
        if kind in ("trend", "early-not-late", "within") and measure.direction == "different":
            raise ValueError(f'measure {measure.name}: question {kind} needs a direction, "higher" or "lower"')
        if len(measure.at) > 1 and any(budget.minutes for budget in self.budgets):
            raise ValueError(f"measure {measure.name} has an early point, which equal minutes do not; give images")


def _span(least: int, most: int, what: str) -> str:
    return f"{least} {what}{'s' * (least > 1)}" if least == most else f"{least} to {most} {what}s"


def shipped() -> list[str]:
    """Names of the studies that come with the package, in the order of their numbers."""
    return list(_numbers())


def _numbers() -> dict[str, int]:
    """Name -> number of the shipped studies, in the order of their numbers."""
    numbers = {name: tomllib.loads(_text_of(name)).get("number", 0) for name in _names()}
    return dict(sorted(numbers.items(), key=lambda item: (item[1], item[0])))


def template() -> str:
    """The text of a study to start from, with a comment for every key."""
    return (resources.files("simulacra.studies") / "template.txt").read_text("utf-8")


def name_of(text: str) -> str:
    """The name of the study that a person means: a number is that of a shipped one.

    Raises:
        StudyError: no shipped study has this number, or several have.
    """
    if not text.isdigit():
        return text
    names = [name for name, number in _numbers().items() if str(number) == text]
    if len(names) > 1:
        raise StudyError(f"claim {text} has {len(names)} studies; choose {' or '.join(names)}")
    if not names:
        raise StudyError(f"there is no study of claim {text}; simulacra study list lists them")
    return names[0]


def load_study(name: str) -> Study:
    """A study by the name of a shipped one, or by its number, or the path of a file; its cases are checked too.

    Raises:
        StudyError: there is no such study, or it says something that is not allowed.
        RecipeError: a case sets a key that its recipe lacks.
    """
    name = name_of(name)
    try:
        study = Study.model_validate(parse_toml(_text_of(name)))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{name} is not TOML: {error}; mend that line") from error
    except ValidationError as error:
        raise StudyError(f"{name}: {explain(error, Study)}") from error
    check_cases(study, name)
    return study


def _names() -> list[str]:
    folder = resources.files("simulacra.studies")
    return [entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")]


def _text_of(name: str) -> str:
    """The TOML text of a study."""
    path, known = expand(name), _names()
    if path.suffix == ".toml" or path.is_file():
        try:
            return read_text(path)
        except (OSError, ValueError) as error:
            raise StudyError(f"{name} cannot be read ({error}); give a study's name or the path of a file") from error
    if name not in known:
        raise StudyError(f"there is no study {name!r}; {nearest(name, known)} (simulacra study list lists them)")
    return (resources.files("simulacra.studies") / f"{name}.toml").read_text("utf-8")


def case_recipe(study: Study, case: str, budget: Budget) -> Recipe:
    """The recipe of a case: the study's own or the one it names, with the budget's changes and the case's keys."""
    table = dict(study.cases[case])
    name = table.pop("recipe", study.recipe)
    changes = dict(leaves(budget.changes)) | dict(leaves(table))
    if any(key.startswith(COUNTED) for key in changes):  # other networks have other counts than the published ones
        changes["expect"] = {}
    return load(name, changes)


def check_cases(study: Study, name: str) -> None:
    """Refuses cases that cannot be trained, or that differ in more than the study says.

    Raises:
        StudyError: two cases are equal, or differ in a key that no case sets and `differ` does not name; or the setting
            of a trend is no number that differs from case to case.
        RecipeError: a case sets a key that its recipe lacks.
    """
    if study.before is not None:
        load(study.before)
    keys_of_cases = {key for table in study.cases.values() for key, _ in leaves(table) if key != "recipe"}
    said = (*study.differ, *keys_of_cases)
    if any(key.startswith("start.") for key in keys_of_cases):
        said = (*said, "start.")  # a whole table, which other cases do not have
    for budget in study.budgets:
        tables = {case: dict(leaves(to_table(case_recipe(study, case, budget)))) for case in study.cases}
        first, *others = tables
        for case in others:
            keys = {key for key in tables[first] | tables[case] if tables[first].get(key) != tables[case].get(key)}
            keys = {key for key in keys if key.split(".")[0] not in FREE}
            if not keys:
                raise StudyError(f"{name}: cases {first!r} and {case!r} are the same; let them differ in a key")
            if unsaid := sorted(key for key in keys if not key.startswith(said)):
                raise StudyError(
                    f"{name}: cases {first!r} and {case!r} also differ in {unsaid[0]}, which the study does not say; "
                    f"make it equal, or add it to `differ`"
                )
        if study.question.along:
            check_settings(study, list(tables.values()), name)


def check_settings(study: Study, tables: list[dict[str, Any]], name: str) -> None:
    """Refuses a trend along a key that orders no cases.

    Raises:
        StudyError: the key is missing or no number in a case, or two cases have the same; or a logarithm has no value.
    """
    key, log = study.question.along or "", study.question.scale == "log"
    values = [table.get(key) for table in tables]
    for case, value in zip(study.cases, values, strict=True):
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise StudyError(f"{name}: question.along = {key!r} is no number in case {case!r} (it is {value!r})")
        if log and value <= 0:
            raise StudyError(
                f'{name}: {key} = {value} in case {case!r} has no logarithm; set question.scale = "linear"'
            )
    if len(set(values)) < len(values):
        raise StudyError(f"{name}: two cases have the same {key}; a trend needs a value of its own in each case")
