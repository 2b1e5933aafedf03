"""A recipe: all settings of one experiment, as data. TOML in and out."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any, Literal

import tomli_w
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError, model_validator

from simulacra.errors import RecipeError, nearest
from simulacra.files import expand
from simulacra.recipe_errors import explain
from simulacra.settings import (
    DataSettings,
    EverySettings,
    ExpectSettings,
    NetworkSettings,
    ObjectiveSettings,
    OptimizerSettings,
    Settings,
    StartSettings,
)

# Keys of a recipe that are set anew: dotted key -> value, or words of a command line like "optimizer.lr=1e-4".
Changes = Mapping[str, Any] | Sequence[str]


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
            natively. Weights, optimiser state, losses and statistics are float32 in every case.
        sync_batch_norm: whether batch norm in several processes takes its statistics over all of them, as one process
            would; by default each takes them over its own share of the batch. See docs/scale.md.
        networks: name -> settings; a family says which names it needs.
        start: another run whose weights some networks begin with; none by default.
    """

    title: str
    steps: PositiveInt
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
        table = tomllib.loads(_text_of(name))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name} is not TOML: {error}; mend that line") from error
    return read_table(table, name, keys)


def _text_of(name: str) -> str:
    """The TOML text of a recipe."""
    path = expand(name)
    if path.suffix == ".toml" or path.is_file():
        try:
            return path.read_text("utf-8-sig")  # some editors begin a file with a byte order mark
        except (OSError, UnicodeDecodeError) as error:
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
    for key in _booleans_for_numbers(table, to_table(recipe)):
        raise RecipeError(f"{name}: {key} is true or false, where a number is expected")
    return recipe


def _booleans_for_numbers(table: Any, recipe: Any) -> Iterator[str]:
    """Dotted keys of true and false in a table where the recipe that was read from it has 1 and 0."""
    if not isinstance(table, dict | list | tuple):
        return
    items = table.items() if isinstance(table, dict) else enumerate(table)
    for key, value in items:
        read = recipe.get(key) if isinstance(recipe, dict) else recipe[key] if isinstance(recipe, list) else None
        if isinstance(value, bool) and not isinstance(read, bool):
            yield str(key)
        yield from (f"{key}.{below}" for below in _booleans_for_numbers(value, read))


def to_table(recipe: Recipe, *, everything: bool = True) -> dict[str, Any]:
    """The recipe as TOML values: everything, or only what differs from the defaults."""
    table = recipe.model_dump(mode="json", exclude_none=True, exclude_defaults=not everything)
    optimizer = table.get("optimizer", {})
    optimizer |= optimizer.pop("players", {})
    return table


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
    if not equals or not key.strip():
        raise RecipeError(f"--set {text}: expected key=value, like --set objective.kl_weight=0.25")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()
