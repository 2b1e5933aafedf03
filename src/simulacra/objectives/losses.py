"""The two sides of the evidence lower bound, and what is made of the second."""

from math import log, pi
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

Likelihood = Literal["mse", "l1", "bce"]
Reduction = Literal["sum", "mean"]
Schedule = Literal["constant", "linear", "cyclical"]


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
    # Summed at once: the gradients of a mean, and of rows, would be channels-first.
    return error.sum() / (error.numel() if reduction == "mean" else len(error))


def log_density(output: Tensor, images: Tensor, likelihood: Literal["mse", "l1"], scale: float) -> Tensor:
    """The logarithm of p(x|z) in nats, summed over an image's values: (n,).

    A loss (1 / c) |x - output|^2 + KL is the negative evidence lower bound of a normal distribution with variance c / 2
    around the output, up to a constant that no gradient sees; (1 / c) |x - output| that of a Laplace distribution with
    scale c. Rybkin et al. 2021, arXiv:2006.13202, section 3, for the first.

    Args:
        output: (n, C, H, W), the decoder's.
        images: (n, C, H, W) in [-1, 1].
        likelihood: `mse` for the normal distribution, `l1` for Laplace's.
        scale: c, above 0.
    """
    gap = (output.float() - images).flatten(1)
    if likelihood == "mse":
        return -gap.square().sum(1) / scale - 0.5 * gap.shape[1] * log(pi * scale)
    return -gap.abs().sum(1) / scale - gap.shape[1] * log(2 * scale)


def kl_parts(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(logvar)) from N(0, 1) in nats, for each number of the code: (n, d).

    Kingma and Welling 2013, arXiv:1312.6114, appendix B.

    Args:
        mean: (n, d).
        logvar: (n, d).
    """
    mean, logvar = mean.float(), logvar.float()
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar)


def kl_to_standard_normal(mean: Tensor, logvar: Tensor) -> Tensor:
    """The same summed over the code: (n,), one an image."""
    return kl_parts(mean, logvar).sum(1)


def kl_factor(step: int, schedule: Schedule, length: int, rise: float) -> float:
    """The share in [0, 1] of the KL's weight that counts in an update.

    Args:
        step: the number of the update, from 0.
        schedule: `constant` is 1; `linear` rises from 0 to 1 once (Bowman et al. 2016, arXiv:1511.06349, section 3);
            `cyclical` rises again and again (Fu et al. 2019, arXiv:1903.10145, equations 6 and 7).
        length: updates until `linear` is at 1, or those of one cycle.
        rise: share of a cycle in which the factor rises; it stays at 1 in the rest. The paper takes 0.5.
    """
    if schedule == "constant":
        return 1.0
    if schedule == "linear":
        return min(1.0, step / length)
    return min(1.0, (step % length) / length / rise)


def total_correlation(codes: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """How far a batch's codes are from independent of one another: log q(z) - sum over d of log q(z_d), in nats.

    q(z) is the mixture of the batch's own posteriors: Chen et al. 2018, arXiv:1802.04942, section 3.1
    (minibatch-weighted sampling) without log N of the data set's size, a constant that no gradient sees.

    Args:
        codes: (n, d), one drawn from each posterior.
        mean: (n, d), of the posteriors.
        logvar: (n, d).
    """
    count, width = codes.shape
    codes, mean, logvar = codes.float(), mean.float(), logvar.float()
    squares = (codes[:, None] - mean[None]).square() * (-logvar).exp()[None]
    density = -0.5 * (squares + logvar[None] + log(2 * pi))  # (n, n, d): log q(z_d of image i | image j)
    joint = density.sum(2).logsumexp(1)
    independent = density.logsumexp(1).sum(1)
    return (joint - independent).mean() + (width - 1) * log(count)
