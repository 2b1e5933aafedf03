"""Losses of all families: tensors to tensors, every one computed in float32."""

from collections.abc import Callable, Sequence
from math import log, pi
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from simulacra.seeds import draw_rows

Reduction = Literal["sum", "mean"]
Schedule = Literal["constant", "linear", "cyclical"]


class Likelihood(NamedTuple):
    """How a decoder's output is compared with an image.

    Attributes:
        error: output and images, both (n, C, H, W), images in [-1, 1], to what each value costs, in the same shape.
        log_density: output, images and a scale c above 0 to log p(x|z) in nats, (n,); None if the error implies no
            density of pixel values. A loss error / c + KL is the negative evidence lower bound of this density, up to
            a constant without a gradient. Rybkin et al. 2021, arXiv:2006.13202, section 3, for `mse`.
        describe: c to the name of the density, for people.
        logits: whether the output is a logit, to be read through a sigmoid.
    """

    error: Callable[[Tensor, Tensor], Tensor]
    log_density: Callable[[Tensor, Tensor, float], Tensor] | None = None
    describe: Callable[[float], str] = str
    logits: bool = False


def log_normal(output: Tensor, images: Tensor, scale: float) -> Tensor:
    """Log-density (n,) in nats of images under a normal distribution of variance scale / 2 around the output."""
    gap = (output.float() - images).flatten(1)
    return -gap.square().sum(1) / scale - 0.5 * gap.shape[1] * log(pi * scale)


def log_laplace(output: Tensor, images: Tensor, scale: float) -> Tensor:
    """Log-density (n,) in nats of images under a Laplace distribution of this scale around the output."""
    gap = (output.float() - images).flatten(1)
    return -gap.abs().sum(1) / scale - gap.shape[1] * log(2 * scale)


def bernoulli_error(logits: Tensor, images: Tensor) -> Tensor:
    """Binary cross-entropy against the images rescaled to [0, 1]."""
    return F.binary_cross_entropy_with_logits(logits, (images + 1) / 2, reduction="none")


# What objective.likelihood of family vae may be. A new likelihood is one row.
LIKELIHOODS: dict[str, Likelihood] = {
    "mse": Likelihood(
        error=lambda output, images: (output - images).square(),
        log_density=log_normal,
        describe=lambda scale: f"normal, variance {scale / 2:.3g}",
    ),
    "l1": Likelihood(
        error=lambda output, images: (output - images).abs(),
        log_density=log_laplace,
        describe=lambda scale: f"Laplace, scale {scale:.3g}",
    ),
    "bce": Likelihood(error=bernoulli_error, logits=True),
}


def reconstruction_error(output: Tensor, images: Tensor, likelihood: str, reduction: Reduction) -> Tensor:
    """Negative log-likelihood of images under a decoder's output, up to constants, averaged over images.

    Args:
        output: (n, C, H, W), the decoder's; logits for `bce`.
        images: (n, C, H, W) in [-1, 1].
        likelihood: a key of LIKELIHOODS.
        reduction: over the values of one image.
    """
    error = LIKELIHOODS[likelihood].error(output.float(), images)
    # Summed at once: the gradients of a mean, and of rows, would be channels-first.
    return error.sum() / (error.numel() if reduction == "mean" else len(error))


def kl_parts(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(logvar)) from N(0, 1) in nats, per latent dimension: (n, d).

    Kingma and Welling 2013, arXiv:1312.6114, appendix B.

    Args:
        mean: (n, d).
        logvar: (n, d).
    """
    mean, logvar = mean.float(), logvar.float()
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar)


def kl_to_standard_normal(mean: Tensor, logvar: Tensor) -> Tensor:
    """The same summed over the latent dimensions: (n,), one value per image."""
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


class GanLoss(NamedTuple):
    """What both players of a GAN minimise, given the discriminator's scores (n, 1).

    Attributes:
        discriminator: scores of real images, of fake images, and the target for real ones, to a scalar.
        generator: scores of fake images to a scalar.
        boundary: an image counts as real if its score is above this number.
        smoothable: whether the loss has a target for real images that may be below 1.
    """

    discriminator: Callable[[Tensor, Tensor, float], Tensor]
    generator: Callable[[Tensor], Tensor]
    boundary: float = 0.0
    smoothable: bool = True


def cross_entropy(on_real: Tensor, on_fake: Tensor, target: float = 1.0) -> Tensor:
    """-log D(x) - log(1 - D(G(z))). Goodfellow et al. 2014, arXiv:1406.2661, equation 1."""
    return real_loss(on_real, target) + fake_loss(on_fake)


def least_squares(on_real: Tensor, on_fake: Tensor, target: float = 1.0) -> Tensor:
    """(D(x) - target)^2 / 2 + D(G(z))^2 / 2. Mao et al. 2017, arXiv:1611.04076, equation 9."""
    return 0.5 * (on_real.float() - target).square().mean() + 0.5 * on_fake.float().square().mean()


def hinge(on_real: Tensor, on_fake: Tensor, target: float = 1.0) -> Tensor:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))). Lim and Ye 2017, arXiv:1705.02894; it has no target.

    Written as in Zhang et al. 2019, arXiv:1805.08318, equation 4.
    """
    return F.relu(1 - on_real.float()).mean() + F.relu(1 + on_fake.float()).mean()


# What objective.loss of family gan may be. A new loss is one row.
GAN_LOSSES: dict[str, GanLoss] = {
    "non-saturating": GanLoss(cross_entropy, real_loss),  # -log D(G(z)): Goodfellow et al. 2014, section 3
    "minimax": GanLoss(cross_entropy, lambda on_fake: -fake_loss(on_fake)),  # log(1 - D(G(z)))
    "least-squares": GanLoss(least_squares, lambda on_fake: 0.5 * (on_fake.float() - 1).square().mean(), boundary=0.5),
    "hinge": GanLoss(hinge, lambda on_fake: -on_fake.float().mean(), smoothable=False),
}


def relativistic_loss(higher: Tensor, lower: Tensor) -> Tensor:
    """-log sigmoid(higher - lower), averaged over pairs of scores (n, 1), of which one should be the higher.

    Huang et al. 2024, arXiv:2501.05441, equation 2, with f(t) = -log(1 + exp(-t)). The discriminator wants the score
    of the real image to be higher, the generator that of the generated image.
    """
    return F.softplus(lower.float() - higher.float()).mean()


def discriminator_accuracy(on_real: Tensor, on_fake: Tensor, boundary: Tensor | float = 0.0) -> dict[str, Tensor]:
    """The shares of real and of fake images whose scores (n, 1) lie on the right side of the boundary, as curves."""
    return {"accuracy/real": (on_real > boundary).float().mean(), "accuracy/fake": (on_fake < boundary).float().mean()}


def label_losses(logits: Tensor, labels: Tensor, *, exclusive: bool, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of predicted labels, (n,): over exclusive classes, or the mean of binary ones over attributes.

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

    Chen et al. 2016, arXiv:1606.03657, equation 5 without the entropy of c, which is constant. A blind guess costs
    the sum of log(ways) over codes.

    Args:
        guesses: logits (n, ways), one tensor per code.
        categories: (n, codes), the indices of the categories, from 0.
    """
    losses = [F.cross_entropy(guess.float(), categories[:, index]) for index, guess in enumerate(guesses)]
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


def squared_gradient(scores: Tensor, images: Tensor) -> Tensor:
    """|gradient of D at x|^2, averaged over images: R1 on real images, R2 on generated ones.

    Mescheder et al. 2018, arXiv:1801.04406, equation 9; the factor gamma / 2 is the caller's.

    Args:
        scores: (n, 1), computed of `images`.
        images: (n, C, H, W) with requires_grad.
    """
    (gradient,) = torch.autograd.grad(scores.float().sum(), images, create_graph=True)
    return gradient.float().flatten(1).square().sum(1).mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """(|gradient of the critic| - 1)^2, averaged over points between real and generated images.

    Gulrajani et al. 2017, arXiv:1704.00028, equation 3 and algorithm 1. It runs in the precision of the rest: of two
    critics, bfloat16 changed the direction of its gradient little (cosine 0.9997) and its length by 0.2%.

    Args:
        critic: images to scores (n, 1), each of its own image alone.
        real: (n, C, H, W).
        fake: (n, C, H, W), without a graph.
    """
    # Drawn on the CPU, so that every device sees the same.
    share: Tensor = draw_rows(torch.rand, (len(real), 1, 1, 1)).to(real.device)
    points = (share * real + (1 - share) * fake.float()).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).float().sum(), points, create_graph=True)
    lengths: Tensor = torch.linalg.vector_norm(gradient.float().flatten(1), dim=1)
    return (lengths - 1).square().mean()
