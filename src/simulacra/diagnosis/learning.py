"""Issues of any training: divergence, overfitting, and an end that came too early or too late."""

import numpy as np

from simulacra.diagnosis.history import FEWEST_UPDATES, Curve, Finding, History, Severity, Sign, measured_source
from simulacra.estimates import t_quantile

# The late mean of a loss over its best stretch before; it has to be above the first one too, as near 0 a loss may
# treble by noise.
EXPLODED = 3.0
# A cross-entropy in nats: a network that is as sure of what is false has weights of absurd size.
ABSURD = 100.0
# What is measured of held-out images has become worse by this factor since its best, beyond both intervals.
WORSE = 1.1
# So much better is the network on training images than on others: in accuracy, and as a factor of errors.
GAP, TIMES = 0.1, 1.5
# A distance to training images, above its baseline, over that to held-out ones: about 1 for a model that copies none.
COPIED = 0.5
# A trend over the second half of the run is worth mentioning from this share of the value on.
MATTERS = 0.02
POINTS, BLOCKS = 4, 10  # of a trend: at least, and at most
# Metrics of held-out images of which less is better.
ERRORS: dict[str, list[str]] = {"classifier": ["loss"], "vae": ["mse_plus_kl", "mse"]}


def divergence(history: History) -> Finding | None:
    """A number stopped being finite, or a loss runs away."""
    signs = _exploded(history)
    diverged = history.facts.get("state") == "diverged"
    if not signs and not diverged:
        return None
    if diverged:
        step = int(history.facts.get("diverged", {}).get("step", history.step))
        signs = [Sign("numbers that are not finite (run.json, state)", 1, "above", 0, step, step), *signs]
    optimizer = history.recipe.optimizer
    rate = max(optimizer.of(player).lr for player in history.recipe.objective.players)
    remedy = f"a lower learning rate, --set optimizer.lr={min(rate / 10, 1e-3):.2g}"
    if not optimizer.warmup:
        remedy += ", one that rises at first, --set optimizer.warmup=500"
    if history.facts.get("precision") == "bfloat16":
        remedy += ", or --set precision=float32"
    meaning = "The training ran away: its steps were too large for where it stood, and what came after is of no use."
    return Finding("divergence", "serious", tuple(signs), meaning, f"{remedy}, in another --out.")


def _exploded(history: History) -> list[Sign]:
    signs = []
    for player in (*history.recipe.objective.players, "total", "train"):
        late, whole = history.late(f"loss/{player}"), history.curve(f"loss/{player}")
        if late is None or whole is None or history.family == "wgan":  # a critic's scores have no scale of their own
            continue
        if history.adversarial:
            limit = ABSURD
        else:
            stretch = np.convolve(whole.values, np.ones(3) / 3, "valid")
            steady = stretch.min() > 0 and not _scheduled(history)
            limit = max(EXPLODED * float(stretch.min()), float(stretch[0])) if steady else np.inf
            limit = min(limit, ABSURD) if history.family == "classifier" else limit
        if abs(late.mean) > limit:
            signs.append(late.sign("above", limit, abs(late.mean)))
    return signs


def _scheduled(history: History) -> bool:
    """Whether the weight of the KL moves, and the loss with it."""
    return getattr(history.recipe.objective, "kl_schedule", "constant") != "constant"


def overfitting(history: History) -> Finding | None:
    """Training images are learned by heart."""
    signs = [*_risen(history), *_gaps(history), *_copies(history)]
    if not signs:
        return None
    generated = history.adversarial and not any("label_accuracy" in sign.source for sign in signs)
    meaning = (
        "Samples are nearer to training images than to others like them: some may be copies."
        if generated
        else "The network does better on the images it was trained on than on others: it learns them by heart."
    )
    best = _best(history)
    tried = [f"the checkpoint of step {best:,}, --step best"] if best else ["more images"]
    if not getattr(history.recipe.objective, "augment", True):
        tried.append('augmentation, --set \'objective.augment=["color", "translation"]\'')
    if history.family == "vae":
        tried.append(f"a narrower code, --set objective.latent={max(2, history.recipe.objective.latent // 2)}")  # type: ignore[union-attr]
    tried.append("or decay of the weights, --set optimizer.name=adamw --set optimizer.weight_decay=0.01")
    return Finding("overfitting", "warning", tuple(signs), meaning, f"{', '.join(tried)}.")


def _risen(history: History) -> list[Sign]:
    """Errors on held-out images that were lower before."""
    for metric in ERRORS.get(history.family, []):
        points = history.measured(metric, "valid")
        if len(points) < 3:
            continue
        best, last = min(points, key=lambda point: point.value), points[-1]
        if last.estimate.low is None or best.estimate.high is None:
            continue
        if last.estimate.low > best.estimate.high and last.value > WORSE * best.value:
            return [Sign(measured_source(metric, "valid"), last.value, "above", best.value, best.step, last.step)]
    return []


def _gaps(history: History) -> list[Sign]:
    """By how much training images are predicted better than held-out ones."""
    signs = []
    for key, metric in (("accuracy/train", "accuracy"), ("label_accuracy/real", "label_accuracy")):
        late, points = history.late(key), history.measured(metric, "valid")
        high = points[-1].estimate.high if points else None
        if late is not None and high is not None and late.mean - high > GAP:
            source = f"{key} in metrics.jsonl less {measured_source(metric, 'valid')}"
            gap = late.mean - points[-1].value
            signs.append(Sign(source, gap, "above", GAP, int(late.steps[0]), int(late.steps[-1])))
    train, points = _train_error(history), history.measured("mse", "valid")
    low = points[-1].estimate.low if points else None
    if train and low is not None and low > TIMES * train:
        source = f"{measured_source('mse', 'valid')} over that on training images"
        signs.append(Sign(source, points[-1].value / train, "above", TIMES, points[-1].step, points[-1].step))
    return signs


def _train_error(history: History) -> float | None:
    """Squared error per value of training images: as measured, or as logged where that is the loss."""
    if points := history.measured("mse", "train"):
        return points[-1].value
    late, objective = history.late("reconstruction/train"), history.recipe.objective
    if late is None or getattr(objective, "likelihood", "") != "mse":
        return None
    values = np.prod(history.recipe.data.shape) if getattr(objective, "reduction", "") == "sum" else 1
    return late.mean / float(values)


def _copies(history: History) -> list[Sign]:
    """Samples that are nearer to training images than to held-out ones."""
    splits = [history.measured("kernel_distance", split) for split in ("train", "test")]
    if not all(splits):
        return []
    train, test = (points[-1] for points in splits)
    if train.step != test.step or train.baseline is None or test.baseline is None:
        return []
    near, far = train.value - train.baseline, test.value - test.baseline
    high, low = train.estimate.high, test.estimate.low
    if far <= 0 or high is None or low is None or high >= low or near / far >= COPIED:
        return []
    source = "kernel_distance to training images over that to test images, each above its baseline (evaluations.jsonl)"
    return [Sign(source, near / far, "below", COPIED, train.step, train.step)]


def _best(history: History) -> int | None:
    """The step of the checkpoint that was marked best, where it is not the last."""
    step = (history.facts.get("best") or {}).get("step")
    return step if isinstance(step, int) and step != history.facts.get("step") else None


# A run with a smaller share of its recipe's updates, or of its minutes, says nothing yet of what the recipe gives.
EARLY = 0.1


def too_early(history: History) -> Finding | None:
    """Whether the run has had only a small part of what its recipe asks for."""
    planned = history.planned
    step, minutes = max(history.step, int(history.facts.get("step", 0))), float(history.facts.get("seconds", 0)) / 60
    if planned.minutes is not None:
        share, unit, extent = minutes / planned.minutes, "minutes", f"{minutes:.2g} of {planned.minutes:g}"
    else:
        share, unit, extent = step / planned.steps, "updates", f"{step:,} of {planned.steps:,}"
    if not step or share >= EARLY:
        return None
    if history.recipe.minutes is not None and step < history.recipe.steps and share:
        needed = planned.minutes or max(1.0, minutes / share)
        remedy = f"the same command with --minutes {needed:.0f}: it goes on in the same folder."
    else:
        same = "in another --out" if history.recipe.falls else "it goes on in the same folder"
        remedy = f"the same command with --steps {planned.steps}: {same}."
    sign = Sign(f"share of the recipe's {unit}", share, "below", EARLY, step, step)
    severity: Severity = "note" if history.facts.get("state") == "running" else "warning"
    meaning = f"{100 * share:.2g}% of the recipe's {unit} ({extent}): too early to judge its pictures or the recipe."
    return Finding("too-early", severity, (sign,), meaning, remedy)


def more_training(history: History) -> Finding | None:
    """Whether what is measured was still improving at the end."""
    if (trend := _trend(history)) is None:
        return None
    sign, moved = trend
    if moved > -MATTERS:
        return None
    where = " and another --out, as its learning rate falls to 0" if history.recipe.falls else ""
    meaning = f"It was still becoming better at the end, by {-moved:.0%} over the second half of the run."
    return Finding(
        "more-training",
        "note",
        (sign,),
        meaning,
        f"train longer: the same command with {history.twice_as_long}{where}.",
    )


def enough_training(history: History) -> Finding | None:
    """Whether more of the same would change nothing."""
    if (trend := _trend(history)) is None or trend[1] <= -MATTERS:
        return None
    meaning = "Over the second half of the run nothing became better: more of the same training will not help."
    remedy = "another setting instead, like a lower learning rate towards the end, --set optimizer.schedule=cosine."
    return Finding("enough-training", "note", (trend[0],), meaning, remedy)


def _trend(history: History) -> tuple[Sign, float] | None:
    """What is measured, and by which share it surely moved over the second half; None where that is unsure."""
    curve = _watched(history)
    # A rate that falls to 0 ends every run on level ground, whatever more of it would give.
    if curve is None or history.facts.get("state") != "finished" or history.recipe.falls:
        return None
    late = curve.since(int(curve.steps[-1]) // 2)
    if len(late.steps) < POINTS or curve.steps[-1] < FEWEST_UPDATES:
        return None
    low, high = (end / max(abs(late.mean), 1e-12) for end in movement(late))
    late = Curve(f"movement, as a share of its mean, of {late.source}", late.steps, late.values)
    moved = (low + high) / 2
    if high < 0 and moved < -MATTERS:
        return late.sign("below", -MATTERS, moved), moved
    if low > -MATTERS:
        return late.sign("above", -MATTERS, moved), moved
    return None


def movement(curve: Curve) -> tuple[float, float]:
    """By how much a curve moves from its first to its last point: the 95% interval of its straight line's rise.

    Points are first gathered into at most BLOCKS means, so that neighbours that are alike do not count as many.
    """
    from scipy.stats import linregress

    parts = np.array_split(np.arange(len(curve.steps)), min(BLOCKS, len(curve.steps)))
    x = np.array([curve.steps[part].mean() for part in parts])
    y = np.array([curve.values[part].mean() for part in parts])
    line = linregress(x, y)
    span, margin = float(x[-1] - x[0]), t_quantile(len(x) - 2) * float(line.stderr)
    return float(line.slope - margin) * span, float(line.slope + margin) * span


def _watched(history: History) -> Curve | None:
    """What shows whether a run improves: measured on held-out images if possible, else the loss it is trained on.

    Losses of players against each other show nothing of the kind.
    """
    metrics = ["kernel_distance", "frechet_distance"] if history.adversarial else ERRORS.get(history.family, [])
    for metric in metrics:
        points = history.measured(metric, "valid")
        if len(points) >= 2 * POINTS - 1:
            steps, values = zip(*((point.step, point.value) for point in points), strict=True)
            return Curve(measured_source(metric, "valid"), np.array(steps, np.int64), np.array(values, np.float64))
    single = {"vae": "loss/total", "classifier": "loss/train"}.get(history.family)
    return history.curve(single) if single and not _scheduled(history) else None
