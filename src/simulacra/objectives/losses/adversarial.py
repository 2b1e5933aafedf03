"""What discriminator and generator minimise, given the discriminator's scores."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

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
