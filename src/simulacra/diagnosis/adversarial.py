"""Two players out of balance: one wins, or both run in circles."""

from itertools import pairwise

import numpy as np

from simulacra.diagnosis.history import Curve, Finding, History, Severity, Sign, changed, describe_set

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
    if getattr(history.recipe.objective, "discriminator_steps", 0):
        remedy += ", or more of its steps, --set objective.discriminator_steps=2"
    return Finding("generator-wins", "serious" if poor else "warning", signs, meaning, f"{remedy}.")


def oscillation(history: History) -> Finding | None:
    """Losses swing, and from snapshot to snapshot a code shows something else."""
    snapshots = history.snapshots(SNAPSHOTS)
    if not history.adversarial or len(snapshots) < SNAPSHOTS or snapshots[0][0] < history.fewest:
        return None
    pairs = [(before, after) for (_, before), (_, after) in pairwise(snapshots)]
    ratios = [changed(before, after) / max(describe_set(after)["apart"], 1e-9) for before, after in pairs]
    losses = [part for key in _losses(history) if (part := history.late(key)) is not None]
    swings = [part.sign("above", SWING, value) for part in losses if (value := swing(part)) > SWING]
    usual = float(np.median(ratios))
    if usual < RESTLESS or not swings:
        return None
    source = "change of a code's image between snapshots (pictures/fixed-*.npz), over the difference of two codes'"
    restless = Sign(source, usual, "above", RESTLESS, snapshots[0][0], snapshots[-1][0])
    optimizer = history.recipe.optimizer
    rates = " ".join(
        f"--set optimizer.{player}.lr={optimizer.of(player).lr / 4:.2g}" for player in history.recipe.objective.players
    )
    calmer = "an EMA of the weights, --set ema=0.999" if not history.recipe.ema else "gradient penalties, family r3gan"
    if optimizer.betas[0] > 0.5:
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


def _losses(history: History) -> list[str]:
    return [f"loss/{player}" for player in history.recipe.objective.players]
