"""Codes of an autoencoder that say nothing."""

from math import log

import numpy as np

from simulacra.evaluation.diagnosis.base import Finding, History, Severity, Sign

# KL of an image in nats; a code with less cannot tell two images apart: ln 2; one with less than ln 10 hardly ten. Of
# healthy runs the poorest, of three kinds of blob on 8x8 pixels, had 4.3; faces of 32x32 pixels have 39, and 1.2 where
# the KL weighs a hundred times as much.
EMPTY, THIN = log(2), log(10)
# A number of the code whose mean varies less than this over images is not in use: Burda et al. 2016, arXiv:1509.00519,
# section 5.2; where the KL of each number was measured, one with fewer nats.
INACTIVE = 0.01
# Below this share of numbers in use the code is far wider than what is put into it.
FEW = 0.25
# Code images or samples that differ by less than this share of what real ones do.
ALIKE = 0.35
RISING = 1.5  # the second half of the late rows over the first: a code that is only coming into use


def posterior_collapse(history: History) -> Finding | None:
    """The encoder tells the decoder nothing of the image."""
    late = history.late("kl/train")
    if history.family != "vae" or late is None or late.mean >= THIN:
        return None
    half = len(late.values) // 2
    if late.values[half:].mean() > RISING * late.values[:half].mean() and late.mean > EMPTY / 2:
        return None
    signs = [late.sign("below", EMPTY if late.mean < EMPTY else THIN)]
    apart = history.likeness("apart")
    if apart is not None and apart.values.max() < ALIKE:
        signs.append(apart.sign("below", ALIKE, float(apart.values.max())))
    weight = history.recipe.objective.kl_weight  # type: ignore[union-attr]  # of a VAE
    remedy = (
        f"a smaller weight of the KL, --set objective.kl_weight={weight / 10:.2g}, or one that rises from 0, --set "
        f"objective.kl_schedule=linear --set objective.kl_steps={max(1, history.recipe.steps // 4)}."
    )
    meaning = "The code says next to nothing of its image, so the decoder draws much the same image whatever the code."
    severity: Severity = "serious" if late.mean < EMPTY else "warning"
    return Finding("posterior-collapse", severity, tuple(signs), meaning, remedy)


def dead_codes(history: History) -> Finding | None:
    """Most numbers of the code are not in use."""
    used = _used(history)
    if history.family != "vae" or used is None or not used[0].any() or (share := float(used[0].mean())) >= FEW:
        return None
    inside, source, step = int(used[0].sum()), *used[1:]
    sign = Sign(f"share of the code's numbers in use ({source})", share, "below", FEW, step, step)
    latent = max(2, 2 * inside)
    return Finding(
        "dead-codes", "note", (sign,),
        f"Of {len(used[0])} numbers of the code {inside} tell something of an image; the others are idle.",
        f"a narrower code, --set objective.latent={latent}, or a smaller weight of the KL, --set "
        f"objective.kl_weight={history.recipe.objective.kl_weight / 4:.2g}, if images should keep more.",  # type: ignore[union-attr]
    )  # fmt: skip


def _used(history: History) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], str, int] | None:
    """Which numbers of the code are in use, the picture that tells, and the update that it is of; None without one."""
    for name, key in (("kl-dimensions", "kl"), ("map", "codes")):
        try:
            arrays = history.run.arrays(name) or {}
        except (ValueError, OSError, EOFError, KeyError):
            continue
        found = arrays.get(key)
        if found is not None and found.ndim == (1 if key == "kl" else 2) and len(found) > 1:
            values = found if key == "kl" else found.var(0)
            drawn = history.facts.get("drawn", history.facts.get("step", history.step))
            return values > INACTIVE, f"pictures/{name}.npz", int(arrays.get("step", drawn))
    return None
