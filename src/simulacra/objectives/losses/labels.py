"""How well labels, or the codes that an image was made of, are read off it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def label_losses(logits: Tensor, labels: Tensor, *, exclusive: bool, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of predicted labels, (n,): over exclusive classes, or the mean of one binary each attribute.

    Args:
        logits: (n, K).
        labels: (n, K) in {0, 1}.
        exclusive: whether every row of `labels` has exactly one 1.
        smoothing: share of the target that is spread evenly over the classes, or over an attribute's two values;
            Szegedy et al. 2016, arXiv:1512.00567, section 7.
    """
    logits = logits.float()
    values = logits.shape[1] if exclusive else 2
    targets = labels * (1 - smoothing) + smoothing / values
    if exclusive:
        return F.cross_entropy(logits, targets, reduction="none")
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)


def label_loss(logits: Tensor, labels: Tensor, *, exclusive: bool, smoothing: float = 0.0) -> Tensor:
    """The mean of `label_losses` over images."""
    return label_losses(logits, labels, exclusive=exclusive, smoothing=smoothing).mean()


def label_hits(logits: Tensor, labels: Tensor, *, exclusive: bool) -> Tensor:
    """(n,): 1 where the class is right, or the share of attributes that are right; shapes as in `label_losses`."""
    if exclusive:
        return (logits.argmax(1) == labels.argmax(1)).float()
    return ((logits > 0) == (labels > 0.5)).float().mean(1)


def categorical_loss(guesses: Sequence[Tensor], categories: Tensor) -> Tensor:
    """-log Q(c|x) in nats of an image's categorical codes, summed over codes and averaged over images.

    Chen et al. 2016, arXiv:1606.03657, equation 5 without the entropy of c, which is constant. Guessing blindly costs
    the sum of the logarithms of the numbers of categories.

    Args:
        guesses: logits (n, ways), one tensor a code.
        categories: (n, codes), the numbers of the categories, from 0.
    """
    losses = [F.cross_entropy(guess.float(), categories[:, place]) for place, guess in enumerate(guesses)]
    return torch.stack(losses).sum()


def continuous_loss(guess: Tensor, codes: Tensor) -> Tensor:
    """-log Q(c|x) in nats of an image's continuous codes, summed over codes and averaged over images.

    Q is a Gaussian of variance 1 around the guess, as in the authors' code for digits; its constant is left out, so
    that 0 is perfect, and guessing 0 for codes from U(-1, 1) costs 1/6 each.

    Args:
        guess: (n, codes).
        codes: (n, codes), what the images were made of.
    """
    return 0.5 * (guess.float() - codes.float()).square().sum(1).mean()
