"""TrainedModel: what an export says of a run, without paths of this machine; config.json and weights, and back."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save

import simulacra
from simulacra.errors import RunError
from simulacra.evaluation.subject import Subject
from simulacra.files import parse_json, read_text
from simulacra.objectives import Classifies, Encodes, Generates, build
from simulacra.recipe import Recipe, read_earlier, to_table
from simulacra.report.formatting import plain
from simulacra.report.glossary import of_family
from simulacra.report.titles import TITLE_LIMIT, recipe_line, title_of
from simulacra.runs import RunFolder
from simulacra.seeds import Draw

Files = dict[str, bytes]  # name of a file, with / between folders -> its content

SAMPLES = 32  # in a model card
ABILITIES = {"generate": Generates, "encode": Encodes, "classify": Classifies}
# The folders above a file of this machine: from a slash that begins a word up to the last slash, and a user's home.
ABOVE = re.compile(r"""(?<![^\s='"(\[,])~?/(?:[^\s/'",]+/)*(?=[^\s/'",])""")


@dataclass(frozen=True)
class TrainedModel:
    """A run at one step, with its model."""

    run: RunFolder
    subject: Subject
    own_title: str | None = None  # in place of the one that says what was trained

    @property
    def title(self) -> str:
        """The title of the card and of the page: the user's own, else what was trained."""
        return plain(self.own_title, TITLE_LIMIT) if self.own_title else title_of(self.recipe, self.facts)

    @property
    def origin(self) -> str:
        """The recipe that it was trained by, and what was changed."""
        return recipe_line(self.recipe, self.facts)

    @property
    def step(self) -> int:
        """Updates that the checkpoint has had."""
        return self.subject.step

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe, without paths of this machine."""
        recipe = self.subject.recipe
        recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"source": None})})
        if recipe.start is None:
            return recipe
        start = recipe.start.model_copy(update={"run": recipe.start.run.rstrip("/").rpartition("/")[2]})
        return recipe.model_copy(update={"start": start})

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels that the model was trained with, in the order of its code and logits."""
        return tuple(self.subject.recipe.data.labels)

    @property
    def weights(self) -> str:
        """`ema` where the recipe keeps an EMA of the weights that generate images, else `raw`."""
        return "ema" if self.subject.recipe.ema > 0 and isinstance(self.subject.objective, Generates) else "raw"

    @property
    def abilities(self) -> list[str]:
        """What the model can do, of generate, encode and classify."""
        return [name for name, ability in ABILITIES.items() if isinstance(self.subject.objective, ability)]

    @property
    def parameters(self) -> dict[str, int]:
        """Numbers of parameters by network."""
        networks = self.subject.objective.networks
        return {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What run.json says, without paths of this machine."""
        return without_paths(self.run.read_facts())

    @cached_property
    def evaluations(self) -> list[dict[str, Any]]:
        """Measurements of this step and these weights that have a value, as JSON, the newest of each.

        What was measured against the data trained on, on purpose, was measured against no other data.
        """
        own = self.facts.get("data", {}).get("fingerprint")
        rows = [row for row in self.run.measurements() if row.step == self.step and row.estimate is not None]
        rows = [replace(row, against=None) if row.against == own else row for row in rows]
        newest = {row.identity: row for row in rows if row.weights in (None, self.weights)}
        return [without_paths(row.to_json()) for row in newest.values()]

    @cached_property
    def samples(self) -> NDArray[np.uint8] | None:
        """The first samples (n, H, W, C) of `simulacra sample` with seed 0; None if the model generates no images."""
        if not isinstance(self.subject.objective, Generates):
            return None
        return self.subject.decode(self.subject.codes(SAMPLES, Draw.SAMPLES, seed=0))


def without_paths(value: Any) -> Any:
    """JSON values in which each path of a file is replaced by the file's name."""
    if isinstance(value, Mapping):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_paths(item) for item in value]
    return ABOVE.sub("", value) if isinstance(value, str) else value


FORMAT = 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"
# How a code is joined: noise | labels | categorical | continuous. Doubled labels are pairs (1 - y, y).
CODE = ("width", "noise", "distribution", "labels", "doubled", "exclusive", "categorical", "continuous")


def configuration(trained: TrainedModel, form: str) -> bytes:
    """The content of config.json for one format of export."""
    recipe, objective = trained.recipe, trained.subject.objective
    height, width, channels = recipe.data.shape
    conditions = trained.subject.conditions
    config = {
        "made_by": "simulacra",
        "format": FORMAT,
        "export": form,
        "simulacra": simulacra.__version__,
        "torch": torch.__version__,
        "title": trained.title,
        "origin": trained.origin,
        "family": recipe.objective.family,
        "family_name": of_family(recipe.objective.family),
        "abilities": trained.abilities,
        "step": trained.step,
        "weights": trained.weights,
        "image": {"height": height, "width": width, "channels": channels, "range": [-1, 1], "layout": "NCHW"},
        "labels": list(trained.labels),
        "exclusive": recipe.data.exclusive,
        "image_network": objective.maker if isinstance(objective, Generates) else None,
        "code": {key: getattr(objective.code, key) for key in CODE} if isinstance(objective, Generates) else None,
        "parameters": trained.parameters,
        "recipe": to_table(recipe),
        "conditions": None if conditions is None else ["".join(map(str, row)) for row in conditions.tolist()],
    }
    return (json.dumps(config, indent=1, ensure_ascii=False) + "\n").encode()


def read_configuration(folder: Path) -> dict[str, Any]:
    """What the config.json of an exported model says.

    Raises:
        RunError: the folder holds no exported model, a damaged one, or one of another version.
    """
    path = folder / CONFIG
    if not path.is_file():
        if (folder / "run.json").is_file():
            raise RunError(f"{folder} is a run, not an exported model; open it with open_run, or export it first")
        raise RunError(
            f"{folder} holds no exported model (it has no {CONFIG}); make one: simulacra export RUN --out DIR"
        )
    try:
        config = parse_json(read_text(path))
        if config.get("made_by") != "simulacra":
            raise RunError(f"{path} was not written by simulacra; give the folder of a simulacra export")
        if config["format"] != FORMAT:
            raise RunError(
                f"{path} has format {config['format']} of simulacra {config['simulacra']}, this version "
                f"({simulacra.__version__}) reads {FORMAT}; use that version, or export the run again with this one"
            )
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise RunError(f"{path} is damaged ({error}); export the run again") from error
    return config


def recipe_of(config: dict[str, Any], folder: Path) -> Recipe:
    """The recipe in a configuration.

    Raises:
        RunError: it is missing.
        RecipeError: it has a key or value that this version does not know.
    """
    if not isinstance(config.get("recipe"), dict):
        raise RunError(f"{folder / CONFIG} has no recipe; export the run again")
    name = f"the recipe in {folder / CONFIG}, of simulacra {config.get('simulacra')}"
    return read_earlier(config["recipe"], name)


def conditions_of(config: dict[str, Any], folder: Path) -> NDArray[np.uint8] | None:
    """The label rows (M, K) in a configuration, or None where no label conditions the model.

    Raises:
        RunError: they are not rows of 0 and 1 with one column per label.
    """
    if config.get("conditions") is None:
        return None
    try:
        rows = np.array([[int(digit) for digit in row] for row in config["conditions"]], np.uint8)
    except (TypeError, ValueError, OverflowError) as error:
        raise RunError(f"{folder / CONFIG} has damaged conditions ({error}); export the run again") from error
    if rows.ndim != 2 or not len(rows) or rows.shape[1] != len(config.get("labels", [])) or rows.max(initial=0) > 1:
        raise RunError(f"{folder / CONFIG} has damaged conditions; export the run again")
    return rows


def weights(trained: TrainedModel) -> bytes:
    """All networks' weights and statistics, as "NETWORK.LAYER.NAME" tensors, in the safetensors format."""
    state = trained.subject.objective.networks.state_dict()
    facts = {"made_by": "simulacra", "family": trained.recipe.objective.family, "step": str(trained.step)}
    return save({name: value.contiguous() for name, value in state.items()}, facts)


def load_exported(folder: Path) -> Subject:
    """A model from the folder that `simulacra export --format safetensors` or `folder` wrote; no code in it is run.

    Raises:
        RunError: there is no such model, it is damaged, or of another version.
        RecipeError: its recipe says something that this version does not know.
    """
    config, path = read_configuration(folder), folder / WEIGHTS
    if not path.is_file():
        form = config.get("export")
        raise RunError(f"{folder} has no {WEIGHTS} (its format is {form}); export with --format safetensors to load it")
    for key, kind in {"step": int, "weights": str, "labels": list}.items():
        if not isinstance(config.get(key), kind):
            raise RunError(f"{folder / CONFIG} has {str(config.get(key))[:40]!r} as {key}; export the run again")
    recipe = recipe_of(config, folder)
    objective = build(recipe)
    try:
        objective.networks.load_state_dict(load_file(path))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path} is damaged ({error}); export the run again") from error
    except RuntimeError as error:
        raise RunError(f"{path} does not fit the recipe in {folder}/config.json; export the run again") from error
    objective.networks.eval()
    conditions = conditions_of(config, folder)
    if conditions is None and isinstance(objective, Generates) and objective.code.labels:
        raise RunError(f"{folder / CONFIG} lacks the conditions of a model with labels; export the run again")
    return Subject(objective, recipe, conditions, None, config["step"], config["weights"])
