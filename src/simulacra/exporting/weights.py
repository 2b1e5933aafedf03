"""Weights as safetensors: a file that holds numbers and nothing that could be run; and a model from such a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from simulacra.errors import RunError
from simulacra.evaluation.subject import Subject
from simulacra.exporting.config import conditions_of, read_configuration, recipe_of
from simulacra.exporting.model import Trained
from simulacra.objectives import build

NAME = "model.safetensors"


@dataclass(frozen=True)
class Loaded:
    """An exported model that can be used again.

    Attributes:
        subject: the objective with its weights, recipe and conditions.
        told: what its config.json says.
    """

    subject: Subject
    told: dict[str, Any]


def weights(trained: Trained) -> bytes:
    """All networks' weights and statistics, as "NETWORK.LAYER.NAME" tensors, in the safetensors format."""
    state = trained.subject.objective.networks.state_dict()
    facts = {"made_by": "simulacra", "family": trained.recipe.objective.family, "step": str(trained.step)}
    return save({name: value.contiguous() for name, value in state.items()}, facts)


def load_exported(folder: Path) -> Loaded:
    """A model from the folder that `simulacra export --format safetensors` or `folder` wrote; nothing in it is run.

    Raises:
        RunError: there is no such model, it is damaged, or of another version.
        RecipeError: its recipe says something that this version does not know.
    """
    told, path = read_configuration(folder), folder / NAME
    if not path.is_file():
        form = told.get("export")
        raise RunError(f"{folder} has no {NAME} (its format is {form}); export with --format safetensors to load it")
    recipe = recipe_of(told, folder)
    objective = build(recipe)
    try:
        objective.networks.load_state_dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path} is damaged ({error}); export the run again") from error
    except RuntimeError as error:
        raise RunError(f"{path} does not fit the recipe in {folder}/config.json; export the run again") from error
    objective.networks.eval()
    return Loaded(Subject(objective, recipe, conditions_of(told, folder)), told)
