"""Losses of all families: tensors to tensors, every one computed in float32."""

from collections.abc import Callable, Sequence
from math import log, pi
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from simulacra.seeds import draw_rows

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


GanLoss = Literal["non-saturating", "minimax", "least-squares", "hinge", "relativistic"]


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


def discriminator_loss(on_real: Tensor, on_fake: Tensor, kind: GanLoss, real_label: float = 1.0) -> Tensor:
    """What a discriminator minimises.

    Args:
        on_real: (n, 1), its scores of real images.
        on_fake: (n, 1), its scores of generated ones.
        kind: `non-saturating` and `minimax` are cross-entropies (Goodfellow et al. 2014, equation 1); `least-squares`
            is Mao et al. 2017, arXiv:1611.04076, equation 9, with targets 1 and 0; `hinge` Lim and Ye 2017,
            arXiv:1705.02894, as Zhang et al. 2019, arXiv:1805.08318, equation 4 write it; `relativistic` compares the
            scores in pairs, Huang et al. 2024, arXiv:2501.05441, equation 2, with f(t) = -log(1 + exp(-t)).
        real_label: the target for real images, of cross-entropies and least squares.
    """
    on_real, on_fake = on_real.float(), on_fake.float()
    match kind:
        case "least-squares":
            return 0.5 * (on_real - real_label).square().mean() + 0.5 * on_fake.square().mean()
        case "hinge":
            return F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()
        case "relativistic":
            return F.softplus(on_fake - on_real).mean()
        case _:
            return real_loss(on_real, real_label) + fake_loss(on_fake)


def generator_loss(on_fake: Tensor, kind: GanLoss, on_real: Tensor | None = None) -> Tensor:
    """What a generator minimises, given the discriminator's scores of its images; sources as for the discriminator.

    Args:
        on_fake: (n, 1).
        kind: `non-saturating` is -log D(G(z)), `minimax` is log(1 - D(G(z))) (Goodfellow et al. 2014, section 3),
            `least-squares` (D(G(z)) - 1)^2 / 2, `hinge` -D(G(z)), `relativistic` the discriminator's with the pair
            turned round.
        on_real: (n, 1), scores of real images; needed for `relativistic`.
    """
    on_fake = on_fake.float()
    match kind:
        case "minimax":
            return -fake_loss(on_fake)
        case "least-squares":
            return 0.5 * (on_fake - 1).square().mean()
        case "hinge":
            return -on_fake.mean()
        case "relativistic":
            assert on_real is not None, "a pair needs its real half"
            return F.softplus(on_real.float() - on_fake).mean()
        case _:
            return real_loss(on_fake)


def boundary(on_real: Tensor, on_fake: Tensor, kind: GanLoss) -> Tensor:
    """The score, a scalar, from which on a discriminator calls an image real.

    For `relativistic`, whose scores mean something in comparison only, it is midway between the two batches' means.
    """
    if kind == "relativistic":
        return 0.5 * (on_real.detach().float().mean() + on_fake.detach().float().mean())
    return torch.full((), 0.5 if kind == "least-squares" else 0.0, device=on_real.device)


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
