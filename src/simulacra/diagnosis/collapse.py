"""Collapse: samples that are too alike, and codes of an autoencoder that say nothing."""

from collections.abc import Sequence
from math import log

import numpy as np

from simulacra.diagnosis.adversarial import AHEAD, accuracies
from simulacra.diagnosis.history import SET, WORDS, Curve, Finding, History, Severity, Sign, describe_set

# Images of different codes differ by less than this share of what real ones do. Healthy runs had 0.42 and more from 150
# updates on and 0.6 at their end; runs that had collapsed 0.2 and less.
SAMPLES_ALIKE = 0.35
# An image and the one most like it differ by less than this share: a few motifs again and again, each a little changed.
REPEATED = 0.25
# Diversity that has grown by this factor over the last three snapshots, and was never greater, is still growing:
# nothing has collapsed yet. Where it was greater once, it comes and goes, as in a game that collapses repeatedly.
DISTANCE_RISING = 1.25
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
    if objective.family == "gan":
        tried.append("or relativistic pairs with gradient penalties, family r3gan as in the recipe celeba-r3gan")
    meaning = "Different codes give nearly the same image: the generator has settled on one motif, or on a few."
    return Finding("mode-collapse", "serious", tuple(signs), meaning, f"{', '.join(tried)}.")


def _alike(history: History) -> list[Sign]:
    """Numbers by which samples are alike: beside real images, or beside this run's most diverse snapshot."""
    keys: Sequence[tuple[str, float]] = [("apart", SAMPLES_ALIKE)]
    if history.real.get("nearest", 0) > DUPLICATES:
        keys = [*keys, ("nearest", REPEATED)]
    signs = []
    for key, limit in keys:
        part = history.ratio_to_real(key, 3)
        if part is not None and part.values[-1] > DISTANCE_RISING * part.values[0]:
            whole = history.ratio_to_real(key, 0)  # of every snapshot: read only where it decides
            if whole is not None and part.values[-1] >= whole.values.max():
                continue
        if part is not None and len(part.steps) > 1:
            last = part.since(int(part.steps[-2]) - 1)
            if last.steps[0] >= history.fewest and last.values.max() < limit:
                signs.append(last.sign("below", limit, float(last.values.max())))
        signs += _of_samples(history, key, limit)
    return signs if history.real else _fallen(history)


def _never_differed(history: History) -> bool:
    """Whether a D that is ahead has kept G from ever making images that differ: that is no collapse, D wins."""
    parts, whole = accuracies(history), history.ratio_to_real("apart", 0)
    ahead = len(parts) == 2 and min(part.mean for part in parts) > AHEAD
    return ahead and whole is not None and float(whole.values.max()) < SAMPLES_ALIKE


def _of_samples(history: History, key: str, limit: float) -> list[Sign]:
    """The same of the picture of samples, which is drawn at the end."""
    images = history.images("samples")
    if images is None or len(images) < SET or not history.real.get(key) or history.facts.get("state") != "finished":
        return []
    ratio, step = describe_set(images)[key] / history.real[key], int(history.facts.get("drawn", history.facts["step"]))
    source = f"{WORDS[key]} of samples (pictures/samples.npz), over that of real images"
    return [Sign(source, ratio, "below", limit, step, step)] if ratio < limit else []


def _fallen(history: History) -> list[Sign]:
    """Diversity that was there once, for a run that did not note what real images look like."""
    snapshots = [(step, describe_set(images)["apart"]) for step, images in history.snapshots()]
    if len(snapshots) < 3:
        return []
    steps, values = (np.array(part) for part in zip(*snapshots, strict=True))
    most = float(values[:-2].max())
    late = Curve("difference of the fixed codes' images (pictures/fixed-*.npz)", steps[-2:], values[-2:])
    greatest, limit = float(late.values.max()), SAMPLES_ALIKE * most
    return [late.sign("below", limit, greatest)] if greatest < limit else []


# KL of an image in nats; a code with less cannot tell two images apart: ln 2; one with less than ln 10 hardly ten. Of
# healthy runs the poorest, of three kinds of blob on 8x8 pixels, had 4.3; faces of 32x32 pixels have 39, and 1.2 where
# the KL weighs a hundred times as much.
EMPTY, THIN = log(2), log(10)
# A latent dimension whose mean varies less than this over images is not in use: Burda et al. 2016, arXiv:1509.00519,
# section 5.2; where the KL of each dimension was measured, one with fewer nats.
INACTIVE = 0.01
# Below this share of dimensions in use the code is far wider than it need be.
FEW = 0.25
# Code images or samples that differ by less than this share of what real ones do.
CODES_ALIKE = 0.35
USE_RISING = 1.5  # the second half of the late rows over the first: a code that is only coming into use


def posterior_collapse(history: History) -> Finding | None:
    """The code says nothing about the image."""
    late = history.late("kl/train")
    if history.family != "vae" or late is None or late.mean >= THIN:
        return None
    half = len(late.values) // 2
    if late.values[half:].mean() > USE_RISING * late.values[:half].mean() and late.mean > EMPTY / 2:
        return None
    signs = [late.sign("below", EMPTY if late.mean < EMPTY else THIN)]
    apart = history.ratio_to_real("apart")
    if apart is not None and apart.values.max() < CODES_ALIKE:
        signs.append(apart.sign("below", CODES_ALIKE, float(apart.values.max())))
    weight = history.recipe.objective.kl_weight  # type: ignore[union-attr]  # of a VAE
    remedy = (
        f"a smaller weight of the KL, --set objective.kl_weight={weight / 10:.2g}, or one that rises from 0, --set "
        f"objective.kl_schedule=linear --set objective.kl_steps={max(1, history.recipe.steps // 4)}."
    )
    meaning = "The code says next to nothing about its image, so the decoder generates much the same image for all."
    severity: Severity = "serious" if late.mean < EMPTY else "warning"
    return Finding("posterior-collapse", severity, tuple(signs), meaning, remedy)


def dead_codes(history: History) -> Finding | None:
    """Most latent dimensions are not in use."""
    used = _used(history)
    if history.family != "vae" or used is None or not used[0].any() or (share := float(used[0].mean())) >= FEW:
        return None
    inside, source, step = int(used[0].sum()), *used[1:]
    sign = Sign(f"share of latent dimensions in use ({source})", share, "below", FEW, step, step)
    latent = max(2, 2 * inside)
    return Finding(
        "dead-codes",
        "note",
        (sign,),
        f"Of {len(used[0])} latent dimensions {inside} say something about an image; the others are idle.",
        f"a narrower code, --set objective.latent={latent}, or a smaller weight of the KL, --set "
        f"objective.kl_weight={history.recipe.objective.kl_weight / 4:.2g}, if images should keep more.",  # type: ignore[union-attr]
    )


def _used(history: History) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], str, int] | None:
    """Which latent dimensions are in use, the picture that shows it, and the update that it is of; None without one."""
    for name, key in (("kl-dimensions", "kl"), ("map", "codes")):
        arrays = history.arrays(name)
        array = arrays.get(key)
        if array is not None and array.ndim == (1 if key == "kl" else 2) and len(array) > 1:
            values = array if key == "kl" else array.var(0)
            drawn = history.facts.get("drawn", history.facts.get("step", history.step))
            return values > INACTIVE, f"pictures/{name}.npz", int(arrays.get("step", drawn))
    return None
