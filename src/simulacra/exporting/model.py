"""Trained: what is exported, a run at one step with all that is said of it; and what is never said, its machine."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.engine.checkpoints import Which, restore
from simulacra.evaluation.pictures.preview import scale_for, sheet, to_png
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Classifies, Encodes, Generates
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.seeds import Draw

Files = dict[str, bytes]  # name of a file, with / between folders -> its content

SAMPLES, COLUMNS = 32, 8  # of the sheet in a model card
ABILITIES = {"generate": Generates, "encode": Encodes, "classify": Classifies}
# The folders above a file of this machine: from a slash that begins a word up to the last slash, and a user's home.
ABOVE = re.compile(r"""(?<![^\s='"(\[,])~?/(?:[^\s/'",]+/)*(?=[^\s/'",])""")


@dataclass(frozen=True)
class Trained:
    """A run at one step.

    Attributes:
        run: its folder.
        subject: the restored objective with recipe and conditions.
        step: of the checkpoint.
    """

    run: RunFolder
    subject: Subject
    step: int

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe, with no place of this machine in it."""
        return portable(self.subject.recipe)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels that the model was trained with, in the order of its code and logits."""
        return tuple(self.subject.recipe.data.labels)

    @property
    def weights(self) -> str:
        """Which weights make images: `ema` where the recipe keeps an EMA of them, else `raw`."""
        kept = self.subject.recipe.ema > 0 and isinstance(self.subject.objective, Generates)
        return "ema" if kept else "raw"

    @property
    def abilities(self) -> list[str]:
        """What the model can do, of generate, encode and classify."""
        return [name for name, ability in ABILITIES.items() if isinstance(self.subject.objective, ability)]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What run.json says, with no place of this machine in it."""
        return without_places(self.run.read_facts())

    @cached_property
    def evaluations(self) -> list[dict[str, Any]]:
        """Measured values of this step and these weights; withheld ones are left out."""
        measurements = [row for row in self.run.measurements() if row.step == self.step and row.estimate]
        return [without_places(row.to_json()) for row in measurements if row.weights in (None, self.weights)]

    @cached_property
    def samples(self) -> NDArray[np.uint8] | None:
        """The first samples (n, H, W, C) that `simulacra sample` draws with seed 0; None if the family makes none."""
        if not isinstance(self.subject.objective, Generates):
            return None
        return self.subject.decode(self.subject.codes(SAMPLES, Draw.SAMPLES, seed=0))

    def sheet(self) -> Files:
        """The samples as one picture, samples.png; nothing where there are none."""
        if self.samples is None:
            return {}
        return {"samples.png": to_png(sheet(self.samples, COLUMNS), scale_for(self.samples.shape[1]), marked=True)}


def open_trained(run: RunFolder, step: Which = None) -> Trained:
    """A run with the weights of one of its checkpoints, the EMA where the recipe keeps one.

    Raises:
        RunError: no run, no such checkpoint, or one that cannot be read.
    """
    recipe = run.read_recipe()
    objective, step = restore(run, step, recipe=recipe)
    return Trained(run, Subject(objective, recipe, run.read_conditions(recipe)), step)


def portable(recipe: Recipe) -> Recipe:
    """The recipe with the folder of a run that it started from called by its last name."""
    if recipe.start is None:
        return recipe
    start = recipe.start.model_copy(update={"run": recipe.start.run.rstrip("/").rpartition("/")[2]})
    return recipe.model_copy(update={"start": start})


def without_places(value: Any) -> Any:
    """JSON values in which a file is called by its own name alone, not by where it lies on this machine."""
    if isinstance(value, Mapping):
        return {key: without_places(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_places(one) for one in value]
    return ABOVE.sub("", value) if isinstance(value, str) else value
