"""Samples that are too alike."""

from collections.abc import Sequence

import numpy as np

from simulacra.evaluation.diagnosis.adversarial import AHEAD, verdicts
from simulacra.evaluation.diagnosis.base import WORDS, Curve, Finding, History, Sign
from simulacra.evaluation.diagnosis.likeness import SET, look_of

# Images of different codes differ by less than this share of what real ones do. Healthy runs had 0.42 and more from 150
# updates on and 0.6 at their end; runs that had collapsed 0.2 and less.
ALIKE = 0.35
# An image and the one most like it differ by less than this share: a few motifs again and again, each a little changed.
REPEATED = 0.25
# Variety that has grown by this factor over the last three looks, and was never greater, is still coming: nothing has
# collapsed yet. Where it was greater once, it comes and goes, as it does in a game that collapses again and again.
RISING = 1.25
# Sets of real images whose nearest ones differ by less are full of duplicates themselves, and no measure.
DUPLICATES = 0.02


def mode_collapse(history: History) -> Finding | None:
    """All codes give one image, or a few."""
    if not history.adversarial or history.step < history.fewest:
        return None
    signs = _alike(history)
    if not signs or _never_differed(history):
        return None
    objective, optimizer = history.recipe.objective, history.recipe.optimizer
    tried = [f"a slower generator, --set optimizer.generator.lr={optimizer.of('generator').lr / 4:.2g}"]
    if not getattr(objective, "augment", True):
        tried.append(
            'augmentation of what the discriminator sees, --set \'objective.augment=["color", "translation"]\''
        )
    if objective.family == "gan" and objective.loss != "relativistic":
        tried.append("or a loss of pairs, --set objective.loss=relativistic --set objective.real_label=1.0")
    meaning = "Different codes give nearly the same image: the generator has settled on one motif, or on a few."
    return Finding("mode-collapse", "serious", tuple(signs), meaning, f"{', '.join(tried)}.")


def _alike(history: History) -> list[Sign]:
    """By what samples are seen to be alike: beside real images, or beside those of this run's best look."""
    keys: Sequence[tuple[str, float]] = [("apart", ALIKE)]
    if history.real.get("nearest", 0) > DUPLICATES:
        keys = [*keys, ("nearest", REPEATED)]
    found = []
    for key, limit in keys:
        part, whole = history.likeness(key, 3), history.likeness(key, 0)
        if part is not None and whole is not None and part.values[-1] >= max(RISING * part.values[0], *whole.values):
            continue
        if part is not None and len(part.steps) > 1:
            last = part.since(int(part.steps[-2]) - 1)
            if last.steps[0] >= history.fewest and last.values.max() < limit:
                found.append(last.sign("below", limit, float(last.values.max())))
        found += _of_samples(history, key, limit)
    return found if history.real else _fallen(history)


def _never_differed(history: History) -> bool:
    """Whether a D that is ahead has kept G from ever making images that differ: that is no collapse, D wins."""
    parts, whole = verdicts(history), history.likeness("apart", 0)
    ahead = len(parts) == 2 and min(part.mean for part in parts) > AHEAD
    return ahead and whole is not None and float(whole.values.max()) < ALIKE


def _of_samples(history: History, key: str, limit: float) -> list[Sign]:
    """The same of the picture of samples, which is drawn at the end."""
    images = history.images("samples")
    if images is None or len(images) < SET or not history.real.get(key) or history.facts.get("state") != "finished":
        return []
    ratio, step = look_of(images)[key] / history.real[key], int(history.facts.get("drawn", history.facts["step"]))
    source = f"{WORDS[key]} of samples (pictures/samples.npz), over that of real images"
    return [Sign(source, ratio, "below", limit, step, step)] if ratio < limit else []


def _fallen(history: History) -> list[Sign]:
    """Variety that was there once, for a run that did not note what real images look like."""
    looks = [(step, look_of(images)["apart"]) for step, images in history.looks()]
    if len(looks) < 3:
        return []
    steps, values = (np.array(part) for part in zip(*looks, strict=True))
    most = float(values[:-2].max())
    late = Curve("difference of the fixed codes' images (pictures/fixed-*.npz)", steps[-2:], values[-2:])
    return [late.sign("below", ALIKE * most, float(late.values.max()))] if late.values.max() < ALIKE * most else []
