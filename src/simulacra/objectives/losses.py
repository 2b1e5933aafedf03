"""Losses of all families: tensors to tensors, every one computed in float32."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Likelihood = Literal["mse", "l1", "bce"]
Reduction = Literal["sum", "mean"]


def kl_to_standard_normal(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(logvar)) from N(0, 1) in nats, summed over the code: (n,), one an image.

    Kingma and Welling 2013, arXiv:1312.6114, appendix B.

    Args:
        mean: (n, d).
        logvar: (n, d).
    """
    mean, logvar = mean.float(), logvar.float()
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(1)


def reconstruction_error(output: Tensor, images: Tensor, likelihood: Likelihood, reduction: Reduction) -> Tensor:
    """Negative log-likelihood of images under a decoder's output, up to constants, averaged over images.

    Args:
        output: (n, C, H, W), the decoder's; logits for `bce`.
        images: (n, C, H, W) in [-1, 1].
        likelihood: `mse` squared error (Gaussian), `l1` absolute error (Laplace), `bce` cross-entropy against the
            images rescaled to [0, 1] (Bernoulli).
        reduction: over the values of one image.
    """
    output = output.float()
    if likelihood == "bce":
        error = F.binary_cross_entropy_with_logits(output, (images + 1) / 2, reduction="none")
    else:
        error = (output - images).square() if likelihood == "mse" else (output - images).abs()
    return error.mean() if reduction == "mean" else error.flatten(1).sum(1).mean()


def real_loss(logits: Tensor, target: float = 1.0) -> Tensor:
    """Cross-entropy of a discriminator that should call its input real: -log D, for a target of 1.

    Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1; a target below 1 is one-sided label smoothing, Salimans et
    al. 2016, arXiv:1606.03498, section 3.4.

    Args:
        logits: (n, 1), before the sigmoid.
        target: share of "real" in the target.
    """
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def fake_loss(logits: Tensor) -> Tensor:
    """Cross-entropy of a discriminator that should call its input fake: -log(1 - D).

    Args:
        logits: (n, 1), before the sigmoid.
    """
    return F.softplus(logits.float()).mean()


def generator_loss(logits: Tensor, kind: Literal["non-saturating", "minimax"]) -> Tensor:
    """What a generator minimises, given the discriminator's logits of its images.

    Args:
        logits: (n, 1), before the sigmoid.
        kind: `non-saturating` is -log D(G(z)), `minimax` is log(1 - D(G(z))); Goodfellow et al. 2014, section 3.
    """
    return real_loss(logits) if kind == "non-saturating" else -fake_loss(logits)


def label_loss(logits: Tensor, labels: Tensor, *, exclusive: bool) -> Tensor:
    """Cross-entropy of predicted labels: one over exclusive classes, or the mean of one binary each attribute.

    Args:
        logits: (n, K).
        labels: (n, K) in {0, 1}.
        exclusive: whether every row of `labels` has exactly one 1.
    """
    if exclusive:
        return F.cross_entropy(logits.float(), labels.argmax(1))
    return F.binary_cross_entropy_with_logits(logits.float(), labels)


def label_hits(logits: Tensor, labels: Tensor, *, exclusive: bool) -> Tensor:
    """(n,): 1 where the class is right, or the share of attributes that are right; shapes as in `label_loss`."""
    if exclusive:
        return (logits.argmax(1) == labels.argmax(1)).float()
    return ((logits > 0) == (labels > 0.5)).float().mean(1)
