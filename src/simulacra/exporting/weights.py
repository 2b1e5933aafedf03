"""An exported model as two files without code: config.json and the weights as safetensors. Written, and read back."""

import json
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
from simulacra.exporting.model import TrainedModel
from simulacra.objectives import Generates, build
from simulacra.recipe import Recipe, of_this_version, read_table, to_table
from simulacra.report.glossary import of_family

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
        "title": recipe.title,
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
        config = json.loads(path.read_text("utf-8"))
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
    return read_table(of_this_version(config["recipe"]), name, {})


def conditions_of(config: dict[str, Any], folder: Path) -> NDArray[np.uint8] | None:
    """The label rows (M, K) in a configuration, or None where no label conditions the model.

    Raises:
        RunError: they are not rows of 0 and 1 with one column per label.
    """
    if config.get("conditions") is None:
        return None
    try:
        rows = np.array([[int(digit) for digit in row] for row in config["conditions"]], np.uint8)
    except (TypeError, ValueError) as error:
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
    recipe = recipe_of(config, folder)
    objective = build(recipe)
    try:
        objective.networks.load_state_dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path} is damaged ({error}); export the run again") from error
    except RuntimeError as error:
        raise RunError(f"{path} does not fit the recipe in {folder}/config.json; export the run again") from error
    objective.networks.eval()
    return Subject(objective, recipe, conditions_of(config, folder), None, int(config["step"]), config["weights"])
