"""TrainedModel: a run at one step with all that an export says of it, without paths of this machine."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.subject import Subject
from simulacra.objectives import Classifies, Encodes, Generates
from simulacra.recipe import Recipe
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
        """Measurements of this step and these weights that have a value, as JSON."""
        rows = [row for row in self.run.measurements() if row.step == self.step and row.estimate is not None]
        return [without_paths(row.to_json()) for row in rows if row.weights in (None, self.weights)]

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
