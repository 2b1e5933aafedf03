"""Weights as safetensors, a file of numbers without code; and a model from such a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from simulacra.errors import RunError
from simulacra.evaluation.subject import Subject
from simulacra.exporting.config import conditions_of, read_configuration, recipe_of
from simulacra.exporting.model import TrainedModel
from simulacra.objectives import build

NAME = "model.safetensors"


@dataclass(frozen=True)
class ExportedModel:
    """An exported model that was read back.

    Attributes:
        subject: the model with its weights, recipe and conditions.
        config: what its config.json says.
    """

    subject: Subject
    config: dict[str, Any]


def weights(trained: TrainedModel) -> bytes:
    """All networks' weights and statistics, as "NETWORK.LAYER.NAME" tensors, in the safetensors format."""
    state = trained.subject.objective.networks.state_dict()
    facts = {"made_by": "simulacra", "family": trained.recipe.objective.family, "step": str(trained.step)}
    return save({name: value.contiguous() for name, value in state.items()}, facts)


def load_exported(folder: Path) -> ExportedModel:
    """A model from the folder that `simulacra export --format safetensors` or `folder` wrote; no code in it is run.

    Raises:
        RunError: there is no such model, it is damaged, or of another version.
        RecipeError: its recipe says something that this version does not know.
    """
    config, path = read_configuration(folder), folder / NAME
    if not path.is_file():
        form = config.get("export")
        raise RunError(f"{folder} has no {NAME} (its format is {form}); export with --format safetensors to load it")
    recipe = recipe_of(config, folder)
    objective = build(recipe)
    try:
        objective.networks.load_state_dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path} is damaged ({error}); export the run again") from error
    except RuntimeError as error:
        raise RunError(f"{path} does not fit the recipe in {folder}/config.json; export the run again") from error
    objective.networks.eval()
    step, weights = int(config["step"]), config["weights"]
    return ExportedModel(Subject(objective, recipe, conditions_of(config, folder), None, step, weights), config)
