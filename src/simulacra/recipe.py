"""A recipe: all settings of one experiment, as data. TOML in and out, and sentences for what is not allowed."""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import tomli_w
from pydantic import BaseModel, Field, NonNegativeInt, PositiveFloat, ValidationError, model_validator

from simulacra.errors import RecipeError, nearest
from simulacra.files import LONG_KEY, expand, parse_toml, read_text
from simulacra.settings import Settings, as_earlier
from simulacra.settings.networks import NetworkSettings
from simulacra.settings.objectives import ObjectiveSettings
from simulacra.settings.training import (
    DataSettings,
    EverySettings,
    ExpectSettings,
    OptimizerSettings,
    PlayerSettings,
    StartSettings,
)

# Keys of a recipe that are set anew: dotted key -> value, or words of a command line like "optimizer.lr=1e-4".
Changes = Mapping[str, Any] | Sequence[str]

MOST_STEPS = 10**9  # updates; more are a slip of the keyboard, as they would take years


class Recipe(Settings):
    """One experiment.

    Args:
        title: a line for people.
        steps: updates in all.
        minutes: stop earlier than `steps` once training has taken so long, over all its sessions.
        seed: decides weights, order of the images and every draw.
        ema: decay of the exponential moving average (EMA) of the weights, in [0, 1): of the network that makes images,
            and of an encoder beside it. Samples and measurements then use the EMA; 0 keeps none.
        precision: of matrix products and convolutions; `auto` takes bfloat16 where the processor multiplies it
            natively. Weights, optimizer state, losses and statistics are float32 in every case.
        sync_batch_norm: whether batch norm in several processes takes its statistics over all of them, as one process
            would; by default each takes them over its own share of the batch. See docs/scale.md.
        networks: name -> settings; a family says which names it needs.
        start: another run whose weights some networks begin with; none by default.
    """

    title: str
    steps: int = Field(gt=0, le=MOST_STEPS)
    minutes: PositiveFloat | None = None
    seed: NonNegativeInt = 0
    ema: float = Field(default=0.0, ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    sync_batch_norm: bool = False
    data: DataSettings
    objective: ObjectiveSettings
    networks: dict[str, NetworkSettings]
    optimizer: OptimizerSettings = Field(default_factory=OptimizerSettings)
    start: StartSettings | None = None
    every: EverySettings = Field(default_factory=EverySettings)
    expect: ExpectSettings = Field(default_factory=ExpectSettings)

    @model_validator(mode="after")
    def _names_fit_the_family(self) -> "Recipe":
        family, needs, players = self.objective.family, self.objective.needs, self.objective.players
        if self.objective.labelled and not self.data.labels:
            raise ValueError(
                f'family {family} needs data.labels; name some of the data set\'s labels, or set it to "all"'
            )
        for name in needs:
            if name not in self.networks:
                raise ValueError(f"family {family} needs a table [networks.{name}]; add it")
        for name in self.networks:
            if name not in needs:
                raise ValueError(f"[networks.{name}] is no network of family {family}; {nearest(name, needs)}")
        for table, names in {
            "optimizer": list(self.optimizer.players),
            "expect.parameters": list(self.expect.parameters),
        }.items():
            for name in names:
                if name not in players:
                    raise ValueError(
                        f"{table}.{name}: {name!r} is no player of family {family}; {nearest(name, players)}"
                    )
        return self

    @model_validator(mode="after")
    def _every_key_is_used(self) -> "Recipe":
        """Each key must be used by the family: a user who sets another one waits for an effect that never comes."""
        family = self.objective
        if not family.labelled:
            takes_none = f'family "{family.family}", which takes no labels'
            remedy = "" if not self.data.labels else f"leave it out, or train a recipe that takes labels: {_labelled()}"
            self.data.refuse_idle("labels", takes_none, "data.", remedy)
            self.data.refuse_idle("exclusive", takes_none, "data.")
        if not family.generates:
            self.refuse_idle("ema", f'family "{family.family}", which generates no images')
        if not family.validates and self.every.evaluate:  # an empty list says what is so
            for key in ("evaluate", "limit"):
                beside = f'family "{family.family}", of which nothing is measured at checkpoints'
                self.every.refuse_idle(key, beside, "every.", None)
        return self

    @property
    def weights(self) -> Literal["ema", "raw"]:
        """Which weights samples are drawn with by default: the EMA where the recipe keeps one."""
        return "ema" if self.ema else "raw"

    @property
    def falls(self) -> bool:
        """Whether some player's learning rate depends on the last step."""
        return any(self.optimizer.of(player).schedule != "constant" for player in self.objective.players)

    def with_changes(self, changes: dict[str, Any]) -> "Recipe":
        """This recipe with dotted keys set anew, like {"objective.kl_weight": 0.25}; checked like a file."""
        return read_table(to_table(self), "the recipe", changes)


def shipped() -> list[str]:
    """Names of the recipes that come with the package, sorted."""
    folder = resources.files("simulacra") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def _labelled() -> str:
    """Recipes that generate images of labels, as a message names them; without a check of each recipe."""
    folder = resources.files("simulacra") / "recipes"
    tables = {name: tomllib.loads((folder / f"{name}.toml").read_text("utf-8")) for name in shipped()}
    names = ", ".join(name for name, table in tables.items() if table["objective"]["family"] == "acgan")
    return f"{names} (simulacra recipes --for labels says more of them)"


# What `--for` may name -> which rows of the overview are meant.
PURPOSES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "photos": lambda row: row["data"] == "celeba",
    "garments": lambda row: row["data"] == "fashion-mnist",
    "drawings": lambda row: row["data"] == "avatars",
    "labels": lambda row: bool(row["labels"]),
}


def overview(purpose: str | None = None) -> list[dict[str, Any]]:
    """The recipes that come with the package, those for a fixed number of minutes first.

    Args:
        purpose: a key of PURPOSES; all recipes by default.

    Returns:
        Name, family, data, title, whether it takes labels, minutes; and from the header of its file what it is for and
        what was measured.

    Raises:
        RecipeError: no such purpose.
    """
    if purpose is not None and purpose not in PURPOSES:
        raise RecipeError(f"--for {purpose}: {nearest(purpose, PURPOSES)}")
    rows = []
    for name in shipped():
        recipe, text = load(name), _text_of(name)
        header = {key: value for key, _, value in (line[2:].partition(": ") for line in text.splitlines()) if value}
        facts: dict[str, Any] = {
            "name": name,
            "family": recipe.objective.family,
            "data": recipe.data.name,
            "title": recipe.title,
        }
        facts |= {"labels": recipe.objective.labelled, "minutes": recipe.minutes}
        rows.append(facts | {"for": header["For"], "measured": header["Measured"]})
    asked = [row for row in rows if purpose is None or PURPOSES[purpose](row)]
    return sorted(asked, key=lambda row: row["minutes"] is None)


def load(name: "str | Recipe", changes: Changes = ()) -> Recipe:
    """A recipe by the name of a shipped one or the path of a file.

    Args:
        name: like "celeba-dcgan", or a path that ends in .toml; a recipe is taken as it is.
        changes: dotted key -> value, or words like "optimizer.lr=1e-4"; set before the check.

    Raises:
        RecipeError: no such recipe, or it says something that is not allowed.
    """
    keys = read_changes(changes)
    if isinstance(name, Recipe):
        return name.with_changes(keys) if keys else name
    try:
        table = parse_toml(_text_of(name))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name} is not TOML: {error}; mend that line") from error
    return read_table(table, name, keys)


def _text_of(name: str) -> str:
    """The TOML text of a recipe."""
    path = expand(name)
    if path.suffix == ".toml" or path.is_file():
        try:
            return read_text(path)
        except (OSError, ValueError) as error:
            raise RecipeError(
                f"{name} cannot be read ({error}); give a recipe's name or the path of a TOML file"
            ) from error
    if name in shipped():
        return (resources.files("simulacra") / "recipes" / f"{name}.toml").read_text("utf-8")
    raise RecipeError(f"there is no recipe {name!r}; {nearest(name, shipped())} (simulacra recipes lists them)")


def read_table(table: dict[str, Any], name: str, changes: dict[str, Any]) -> Recipe:
    """A recipe from parsed TOML; `name` is what an error calls it.

    Raises:
        RecipeError: a key is unknown or missing, or its value is not allowed.
    """
    for key, value in changes.items():
        inner = table
        *above, last = key.split(".")
        for part in above:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise RecipeError(f"{key}: {part} is a value, not a table; check the key with simulacra summary")
        inner[last] = value
    try:
        recipe = Recipe.model_validate(table)
    except ValidationError as error:
        raise RecipeError(f"{name}: {explain(error, Recipe)}") from error
    for player_key in PlayerSettings.model_fields:
        players = recipe.optimizer.players
        own = [getattr(players.get(player), player_key, None) for player in recipe.objective.players]
        if f"optimizer.{player_key}" in changes and None not in own:  # in a file, one sees both
            sets = f"set optimizer.{next(iter(recipe.objective.players))}.{player_key}"
            raise RecipeError(f"optimizer.{player_key} does nothing where each player has its own; {sets}")
    for key in _booleans_for_numbers(table, to_table(recipe)):
        raise RecipeError(f"{name}: {key} is true or false, where a number is expected")
    return recipe


def _booleans_for_numbers(table: Any, recipe: Any) -> Iterator[str]:
    """Dotted keys of true and false in a table where the recipe that was read from it has 1 and 0."""
    if not isinstance(table, dict | list | tuple) or recipe == []:  # a list that did nothing was left out
        return
    items = table.items() if isinstance(table, dict) else enumerate(table)
    for key, value in items:
        read = recipe.get(key) if isinstance(recipe, dict) else recipe[key] if isinstance(recipe, list) else None
        if isinstance(value, bool) and not isinstance(read, bool):
            yield str(key)
        yield from (f"{key}.{below}" for below in _booleans_for_numbers(value, read))


KINDS = {  # type of pydantic's error -> what the value must be
    **dict.fromkeys(("float_parsing", "float_type"), "a number"),
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "a whole number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "true or false"),
    "string_type": "words in quotes",
}


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing wrong with a recipe, in one sentence that names the key, the value and the remedy.

    Args:
        error: what pydantic says.
        model: of the whole recipe.
    """
    errors = error.errors(include_url=False)
    # A key that is missing may well be the one that was misspelt.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    models, path = _descend(model, first["loc"])
    key, value = ".".join(path).replace("optimizer.players.", "optimizer.") or "recipe", first["input"]
    if first["type"] == "extra_forbidden":
        names = {name for model in models for name in model.model_fields}
        remedy = f"it is called {RENAMED[key]} now" if key in RENAMED else nearest(path[-1], names)
        return f"unknown key {key}; {remedy}"
    if first["type"] == "missing":
        return f"{key} is missing; add it"
    if first["type"] == "value_error":
        where = "" if not path else f"{key}: " if isinstance(value, dict) else f"{key} = {value!r}: "
        return f"{where}{first['ctx']['error']}"
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        tag = first["ctx"]["discriminator"].strip("'")
        expected = first["ctx"].get("expected_tags", "").replace("'", "")
        name = value.get(tag) if isinstance(value, dict) else value
        return f"{key}.{tag} is {name!r}; expected one of {expected}" if expected else f"{key}.{tag} is missing; add it"
    if first["type"] == "tuple_type":
        like = '["Smiling", "Male"]' if isinstance(value, str) else "[64, 128]"
        quotes = " with its words in quotes" if str(value).startswith("[") else ""
        return f"{key} = {value!r}: expected a list{quotes}, like {like}"
    if kind := KINDS.get(first["type"]):
        return f"{key} is {value!r}; it must be {kind}"
    return f"{key} = {value!r}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _descend(recipe: type[BaseModel], location: tuple[int | str, ...]) -> tuple[list[type[BaseModel]], list[str]]:
    """The models that an error may be about, and its path without the tags of unions."""
    models = [recipe]
    path: list[str] = []
    names = True  # whether what comes next may be a key: of a model, or of a table of numbers or words
    for part in location:
        tagged = [model for model in models if part in _tags(model)]
        if tagged:
            models = tagged
            continue
        if not (names or isinstance(part, int)):
            continue
        path.append(str(part))
        fields = [model.model_fields[str(part)].annotation for model in models if str(part) in model.model_fields]
        if fields:
            models = [model for annotation in fields for model in _models(annotation)]
            names = bool(models) or any(get_origin(annotation) is dict for annotation in fields)
    return models, path


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    """Every model in a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, dict, tuple) or get_args(annotation):
        return [model for part in get_args(annotation) for model in _models(part)]
    return []


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    """The tags of a model in a union: the values of its `family` or `kind`."""
    field = model.model_fields.get("family") or model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def to_table(recipe: Recipe) -> dict[str, Any]:
    """The recipe as TOML values, with all defaults."""
    table = recipe.model_dump(mode="json", exclude_none=True)
    optimizer = table.get("optimizer", {})
    optimizer |= optimizer.pop("players", {})
    return table


def leaves(table: Mapping[str, Any], above: str = "", without: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of nested tables, without some keys and what is below them."""
    for key, value in table.items():
        if f"{above}{key}" in without:
            continue
        if isinstance(value, Mapping):
            yield from leaves(value, f"{above}{key}.", without)
        else:
            yield f"{above}{key}", value


def to_toml(recipe: Recipe) -> str:
    """The whole recipe as TOML text that `load` reads back to an equal recipe."""
    return tomli_w.dumps(to_table(recipe))


def read_changes(changes: Changes) -> dict[str, Any]:
    """Changes as dotted key -> value; of two for one key, the later one counts.

    Raises:
        RecipeError: words without an equals sign.
    """
    return dict(changes if isinstance(changes, Mapping) else map(parse_assignment, changes))


def parse_assignment(text: str) -> tuple[str, Any]:
    """`key=value` from a command line: the value is TOML where it can be read as such, else a string.

    Raises:
        RecipeError: there is no equals sign.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip() or LONG_KEY.search(key):
        raise RecipeError(f"--set {text[:80]}: expected key=value, like --set objective.kl_weight=0.25")
    try:
        return key.strip(), parse_toml(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


RENAMED = {"average": "ema"}  # key of a recipe -> its name today
# Settings that a family had once, and the value that says nothing there: any other value is refused as an unknown key.
GONE: dict[str, dict[str, Any]] = {
    "classifier": {"mixup": 0},
    "gan": {"r1_weight": 0, "r2_weight": 0, "penalty_every": ...},
    "r3gan": {"loss": "relativistic", "real_label": 1, "discriminator_steps": 1, "joint": False},
}


def read_earlier(table: dict[str, Any], name: str) -> Recipe:
    """A recipe that this version or an earlier one has written; keys that do nothing there are left out.

    Args:
        table: parsed TOML.
        name: what an error calls it.

    Raises:
        RecipeError: it says what no version allows, or what no family can do any more.
    """
    with as_earlier():
        return read_table(of_this_version(table), name, {})


def of_this_version(table: dict[str, Any]) -> dict[str, Any]:
    """The table of a recipe that an earlier version may have written, with the keys and families of this version.

    Family gan had a relativistic loss and gradient penalties, which are the family r3gan today: a relativistic recipe
    becomes a recipe of r3gan. What no family can do any more stays in the table, so that it is refused.
    """
    table = {RENAMED.get(key, key): value for key, value in table.items()}
    objective = table.get("objective")
    if not isinstance(objective, dict):
        return table
    family = objective.get("family")
    if family == "gan" and objective.get("loss") == "relativistic":
        family = "r3gan"
    gone = GONE.get(str(family), {})
    kept = {key: value for key, value in objective.items() if key not in gone or gone[key] not in (value, ...)}
    return table | {"objective": kept | {"family": family}}
