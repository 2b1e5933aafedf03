"""What goes wrong with models that generate: one player wins, both run in circles, samples or codes collapse."""

from collections.abc import Sequence
from itertools import pairwise
from math import log

import numpy as np

from simulacra.catalogue import OBEDIENCE
from simulacra.diagnosis.history import (
    SET,
    WORDS,
    Curve,
    Finding,
    History,
    Severity,
    Sign,
    changed,
    describe_set,
    measured_source,
)

# The accuracy of D on real and on generated images: its errors are fewer than those that smoothed targets, dropout and
# augmentation cause in a healthy game.
WON = 0.985
# The same where generated images are poor as well, which says which of the two is behind; healthy runs have such an
# accuracy on both kinds now and then, with good images.
AHEAD = 0.9
# Less than this share of its longest gradient is left to G. Arjovsky and Bottou 2017, arXiv:1701.04862, theorem 2.4.
VANISHED = 0.01
# D detects hardly any generated image: G learns nothing from it any more.
FOOLED = 0.05
# D is right about little more than half of all images...
CHANCE = 0.55
# ...which is also where a game ends that went well. So it counts where the roughness of generated images, or their
# difference from one another, lies outside these multiples of real images'; healthy runs had 0.6 to 1.5.
POOR = (0.4, 2.0)
# From one snapshot to the next the image of a code usually changes by more than this share of the difference between
# two codes' images: codes change what they show. Healthy runs were below 0.6 from 150 updates on.
RESTLESS = 0.8
# How far a loss swings from row to row, by its standard deviation over its mean's size, without its trend.
SWING = 0.25
SNAPSHOTS = 4  # the last ones, between which images have to stay what they are


def discriminator_wins(history: History) -> Finding | None:
    """D distinguishes real from generated images without fault, so that G gets little to learn from."""
    parts = accuracies(history)
    poor = _poor(history) if parts and min(part.mean for part in parts) <= WON else []
    limit = AHEAD if poor else WON
    signs = [part.sign("above", limit) for part in parts if part.mean > limit]
    if len(signs) < 2:
        return None
    signs, lost = [*signs, *poor], _vanished(history)
    optimizer = history.recipe.optimizer.of("discriminator")
    tried = [f"a slower discriminator, --set optimizer.discriminator.lr={optimizer.lr / 4:.2g}"]
    objective = history.recipe.objective
    if getattr(objective, "loss", "") == "minimax":
        tried.insert(0, "the loss that does not saturate, --set objective.loss=non-saturating")
    if not getattr(objective, "augment", True):
        tried.append('or augmentation of what it sees, --set \'objective.augment=["color", "translation"]\'')
    if getattr(objective, "real_label", 0) == 1 and getattr(objective, "loss", "") != "hinge":
        tried.append("or smoothed targets, --set objective.real_label=0.9")
    meaning = "The discriminator spots generated images too easily, so the generator learns little from it."
    severity: Severity = "serious" if lost else "warning"
    return Finding("discriminator-wins", severity, (*signs, *lost), meaning, f"{', '.join(tried)}.")


def generator_wins(history: History) -> Finding | None:
    """D calls everything real, or guesses, though generated images are poor."""
    parts = accuracies(history)
    if len(parts) < 2:
        return None
    real, fake = parts
    poor = _poor(history)
    if fake.mean < FOOLED:
        signs: tuple[Sign, ...] = (fake.sign("below", FOOLED), *poor)
    elif (real.mean + fake.mean) / 2 < CHANCE and poor:
        both = Curve("mean of accuracy/real and accuracy/fake in metrics.jsonl", real.steps, real.values)
        signs = (both.sign("below", CHANCE, (real.mean + fake.mean) / 2), *poor)
    else:
        return None
    optimizer = history.recipe.optimizer
    slow, fast = optimizer.of("discriminator").lr, optimizer.of("generator").lr
    meaning = "The discriminator cannot spot generated images although they are poor: it teaches nothing."
    remedy = f"a faster discriminator, --set optimizer.discriminator.lr={max(4 * slow, fast):.2g}"
    objective = history.recipe.objective
    if getattr(objective, "discriminator_steps", 0) and not getattr(objective, "joint", False):
        remedy += ", or more of its steps, --set objective.discriminator_steps=2"
    return Finding("generator-wins", "serious" if poor else "warning", signs, meaning, f"{remedy}.")


def oscillation(history: History) -> Finding | None:
    """Losses swing, and from snapshot to snapshot a code shows something else."""
    snapshots = history.snapshots(SNAPSHOTS)
    if not history.adversarial or len(snapshots) < SNAPSHOTS or snapshots[0][0] < history.fewest:
        return None
    pairs = [(before, after) for (_, before), (_, after) in pairwise(snapshots)]
    ratios = [changed(before, after) / max(describe_set(after)["apart"], 1e-9) for before, after in pairs]
    players = history.recipe.objective.players
    losses = [part for player in players if (part := history.late(f"loss/{player}")) is not None]
    swings = [part.sign("above", SWING, value) for part in losses if (value := swing(part)) > SWING]
    usual = float(np.median(ratios))
    if usual < RESTLESS or not swings:
        return None
    source = "change of a code's image between snapshots (pictures/fixed-*.npz), over the difference of two codes'"
    restless = Sign(source, usual, "above", RESTLESS, snapshots[0][0], snapshots[-1][0])
    optimizer = history.recipe.optimizer
    rates = " ".join(f"--set optimizer.{player}.lr={optimizer.of(player).lr / 4:.2g}" for player in players)
    calmer = "an EMA of the weights, --set ema=0.999" if not history.recipe.ema else "gradient penalties, family r3gan"
    if optimizer.name.startswith("adam") and optimizer.betas[0] > 0.5:
        calmer = "less momentum, --set 'optimizer.betas=[0.5, 0.999]'"
    meaning = "The players run in circles: losses swing, and the same code shows something else in every snapshot."
    return Finding("oscillation", "warning", (restless, *swings), meaning, f"slower players, {rates}, or {calmer}.")


def swing(curve: Curve) -> float:
    """Standard deviation of a curve around its straight trend, over the size of its mean."""
    if len(curve.values) < 4:
        return 0.0
    rest = curve.values - np.polyval(np.polyfit(curve.steps, curve.values, 1), curve.steps)
    return float(rest.std(ddof=2)) / max(abs(curve.mean), float(np.abs(curve.values).mean()), 1e-9)


def accuracies(history: History) -> list[Curve]:
    """The late accuracy of D on real and on generated images, where both were logged."""
    if not history.adversarial:
        return []
    parts = [history.late("accuracy/real"), history.late("accuracy/fake")]
    return [part for part in parts if part is not None]


def _vanished(history: History) -> list[Sign]:
    """G's gradient where hardly any is left."""
    whole, late = history.curve("gradient/generator"), history.late("gradient/generator")
    if whole is None or late is None:
        return []
    limit = VANISHED * float(whole.values.max())
    return [late.sign("below", limit)] if late.mean < limit else []


def _poor(history: History) -> list[Sign]:
    """Numbers by which generated images are unlike real ones."""
    low, high = POOR
    signs = []
    for key in ("apart", "roughness"):
        part = history.ratio_to_real(key)
        if part is not None and part.values.max() < low:
            signs.append(part.sign("below", low, float(part.values.max())))
        elif part is not None and part.values.min() > high:
            signs.append(part.sign("above", high, float(part.values.min())))
    return signs


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


def labels_ignored(history: History) -> Finding | None:
    """An independent judge does not see in samples the labels that they were generated for.

    What a discriminator says of labels does not count: the generator is trained to please it.
    """
    rows = [row for row in history.evaluations if row.metric == "condition_accuracy" and not row.label]
    row = next((row for row in reversed(rows) if row.against is None), None)
    if row is None or row.obedience != "not obeyed" or row.estimate is None or row.chance is None:
        return None
    limit = row.chance + OBEDIENCE["partly obeyed"] * ((row.baseline or 1) - row.chance)
    sign = Sign(
        "condition_accuracy, by the judge in evaluations.jsonl", row.estimate.value, "below", limit, *[row.step] * 2
    )
    weight = getattr(history.recipe.objective, "label_weight", 1.0)
    meaning = "Samples show the labels that they were generated for hardly more often than chance would."
    remedy = f"more training first, then a larger weight of the labels, --set objective.label_weight={2 * weight:g}."
    return Finding("labels-ignored", "warning", (sign,), meaning, remedy)


# Below this share of the recall of real images, samples reach next to nothing of their variety; after ten minutes of
# faces-fast on photographs it was 0.17 of it.
LITTLE = 0.1
# A label that so few of the samples have, beside real images, whose judge is the same, is as good as never generated.
RARELY = 0.2


SHARES = ("recall", "precision")


def little_variety(history: History) -> Finding | None:
    """Samples reach little of what real images show: nearly no recall, or a label that hardly any sample has."""
    recall, precision = (points[-1] if (points := history.measured(name, "test")) else None for name in SHARES)
    signs: list[Sign] = []
    # Where precision is nothing too, the features do not suit these images, as of drawings, and say nothing of variety.
    blind = precision and precision.baseline and precision.estimate.value < LITTLE * precision.baseline
    if not blind and recall and recall.baseline and recall.estimate.value < LITTLE * recall.baseline:
        source, limit = measured_source("recall", "test"), LITTLE * recall.baseline
        signs.append(Sign(source, recall.estimate.value, "below", limit, recall.step, recall.step))
    signs += _missing_labels(history)
    if not signs or history.step < history.fewest:
        return None
    meaning = "Samples show only a part of what real images show; few samples may each look good."
    remedy = f"more training, the same command with {history.twice_as_long}; then more images of what is missing."
    return Finding("little-variety", "note", tuple(signs), meaning, remedy)


def _missing_labels(history: History) -> list[Sign]:
    """The newest frequency of each label that hardly any sample has."""
    rows = [row for row in history.evaluations if row.metric == "label_frequency" and row.label and row.against is None]
    signs = []
    for label, row in {row.label: row for row in rows}.items():
        limit = RARELY * (row.baseline or 0)
        if row.estimate and row.estimate.high is not None and row.estimate.high < limit:
            source = f"label_frequency of {label}, by the judge in evaluations.jsonl"
            signs.append(Sign(source, row.estimate.value, "below", limit, row.step, row.step))
    return signs
