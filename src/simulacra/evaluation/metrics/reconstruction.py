"""Reconstruction: how well images survive as codes, what a code tells, how near a generator comes to real images."""

from math import log, log10, pi
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn import functional as F

from simulacra.data.batches import to_tensor
from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material
from simulacra.evaluation.inversion import invert
from simulacra.evaluation.metrics.base import Better, Found, Group, Row, missing, row
from simulacra.evaluation.metrics.disentanglement import ACTIVE, active
from simulacra.evaluation.subject import CHUNK
from simulacra.objectives import Encodes, Generates, Infers, Objective
from simulacra.objectives.losses import kl_parts
from simulacra.seeds import Draw, choose_rows, torch_seed

RANGE = 2.0  # of values
WINDOW, SIGMA = 11, 1.5  # of the Gaussian window
C1, C2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
SMALLEST = 1e-10  # squared error that counts as none: 106 dB


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared error (n,) of images (n, C, H, W)."""
    return (a - b).square().flatten(1).mean(1)


def signal_to_noise(errors: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (n,) in dB of mean squared errors (n,): 10 log10(range^2 / error)."""
    return 10 * log10(RANGE**2) - 10 * errors.clamp_min(SMALLEST).log10()


def structural_similarity(a: Tensor, b: Tensor) -> Tensor:
    """SSIM (n,): means, spreads and correlation of small windows compared, averaged over windows and channels.

    Wang et al. 2004, doi:10.1109/TIP.2003.819861, equation 13, with their Gaussian window of 11x11, K1 = 0.01 and
    K2 = 0.03; only windows that lie wholly inside the image.

    Args:
        a: (n, C, H, W), H and W of 11 or more.
        b: likewise.
    """
    offsets = torch.arange(WINDOW, dtype=torch.float64, device=a.device) - WINDOW // 2
    bell = (-offsets.square() / (2 * SIGMA**2)).exp()
    bell /= bell.sum()

    def blurred(images: Tensor) -> Tensor:
        rows = F.conv2d(images.flatten(0, 1)[:, None], bell.to(images)[None, None, :, None])
        return F.conv2d(rows, bell.to(images)[None, None, None, :]).reshape(len(a), -1)

    mean_a, mean_b = blurred(a), blurred(b)
    spread = blurred(a * a) + blurred(b * b) - mean_a.square() - mean_b.square()
    shared = blurred(a * b) - mean_a * mean_b
    means = (2 * mean_a * mean_b + C1) / (mean_a.square() + mean_b.square() + C1)
    return (means * (2 * shared + C2) / (spread + C2)).mean(1)


class Principal:
    """What is left of images when they are told in k numbers by the best linear code: Pearson 1901.

    Args:
        images: (m, C, H, W) to fit it to.
        k: numbers; m - 1 at most are to be had.
    """

    def __init__(self, images: Tensor, k: int) -> None:
        flat = images.flatten(1).cpu().numpy()
        self.mean: NDArray[np.float32] = flat.mean(0)
        with threadpool_limits(1, "blas"):
            *_, axes = randomized_svd(flat - self.mean, min(k, len(flat) - 1), n_iter=2, random_state=0)
        self.axes: NDArray[np.float32] = axes.astype(np.float32)

    def __call__(self, images: Tensor) -> Tensor:
        """The reconstructions (n, C, H, W), within [-1, 1]."""
        flat = images.flatten(1).cpu().numpy() - self.mean
        again = flat @ self.axes.T @ self.axes + self.mean
        return torch.from_numpy(again).reshape(images.shape).clamp(-1, 1).to(images.device)


METRICS: dict[str, Better] = {
    "reconstruction_mse": "lower",
    "psnr": "higher",
    "ssim": "higher",
    "kl_an_image": "neither",
    "kl_a_number": "neither",
    "active_units": "neither",
    "elbo": "higher",
    "importance_bound": "higher",
    "inversion_mse": "lower",
}
LIKENESS = ("reconstruction_mse", "psnr", "ssim")
TOLD = ("kl_an_image", "kl_a_number", "active_units")
BOUNDS = ("elbo", "importance_bound")
FITTED = 2000  # training images that the linear code is fitted to
BOUNDED, DRAWN = 200, 50  # images whose bounds are estimated, and codes drawn for each
INVERTED = 8  # images

Values = dict[str, list[NDArray[np.float64]]]


def lacks(material: Material) -> str | None:
    """Only what makes images can be asked how near it comes to one."""
    if isinstance(material.subject.objective, Generates):
        return None
    return f"not applicable, family {material.subject.recipe.objective.family} makes no images"


def measure(material: Material) -> Found:
    """Everything that the family can be asked; what it cannot is named with the reason."""
    model, found = material.subject.objective, Found()
    linear = _linear(material)
    if isinstance(model, Encodes):
        rows, flat = _likeness(material, linear)
        found.rows += rows
        found.notes.append(f"the mean training image in place of each reconstruction leaves an MSE of {flat:.4g}")
    else:
        _leave_out(material, found, LIKENESS, "has no encoder; inversion_mse stands in for it")
    if isinstance(model, Infers):
        rows, found.pictures["kl-dimensions"] = _told(material, model)
        found.rows += rows
    else:
        _leave_out(material, found, TOLD, "gives no distribution of codes")
    if isinstance(model, Infers) and model.density:
        found.rows += _bounds(material, model)
    else:
        why = (
            "is trained by a likelihood that is no density, or without a KL"
            if isinstance(model, Infers)
            else "gives no likelihood"
        )
        _leave_out(material, found, BOUNDS, why)
    rows, found.pictures["inversions"] = _inversions(material, linear)
    found.rows += rows
    return found


def _leave_out(material: Material, found: Found, names: tuple[str, ...], why: str) -> None:
    reason = f"not applicable, family {material.subject.recipe.objective.family} {why}"
    found.rows += [missing(material, name, reason) for name in names]


def _linear(material: Material) -> Principal:
    """The best linear code of as many numbers as the model's, fitted to training images."""
    rows = np.concatenate([material.chosen.train, material.chosen.stand_in])[:FITTED]
    return Principal(to_tensor(material.store.pixels(rows)), material.subject.generates.code.width)


def _likeness(material: Material, linear: Principal) -> tuple[list[Row], float]:
    """Held-out images beside what is left of them, all of the split; and the error of the mean training image.

    The floor is what a linear code gets.
    """
    subject, split = material.subject, material.chosen.split
    model, chunks = subject.objective, material.subject.batches(split)
    names = LIKENESS if min(material.store.shape[:2]) >= WINDOW else LIKENESS[:2]
    own: Values = {}
    floor: Values = {}
    flat = []
    progress = material.stage("reconstructing images")
    for place, chunk in enumerate(chunks):
        images = subject.load(chunk).images
        flat.append(squared_error(images, torch.from_numpy(linear.mean).to(images).reshape(1, *images.shape[1:])))
        for found, again in ((own, reconstructed(model, images)), (floor, linear(images))):
            errors = squared_error(images, again)
            values = {"reconstruction_mse": errors, "psnr": signal_to_noise(errors)}
            if "ssim" in names:
                values["ssim"] = structural_similarity(images, again)
            for name, value in values.items():
                found.setdefault(name, []).append(value.double().cpu().numpy())
        progress(place + 1, len(chunks))
    rows = [
        row(
            material,
            name,
            Estimate.of(np.concatenate(own[name])),
            split=split,
            n=sum(map(len, own[name])),
            floor=float(np.concatenate(floor[name]).mean()),
        )
        for name in names
    ]
    return rows, float(torch.cat(flat).double().mean())


def reconstructed(model: Objective, images: Tensor) -> Tensor:
    """Images (n, C, H, W) after encoding and decoding, within [-1, 1]."""
    assert isinstance(model, Encodes), "only what encodes can decode again"
    with model.looking():
        return cast(Generates, model).decode(model.encode(images)).clamp(-1, 1)


def posteriors(material: Material, model: Infers) -> tuple[Tensor, Tensor]:
    """Means and log-variances (n, width) of all held-out images, float32 on the CPU."""
    subject = material.subject
    with subject.objective.looking():
        parts = [model.posterior(subject.load(rows).images) for rows in subject.batches(material.chosen.split)]
    means, logvars = zip(*parts, strict=True)
    return torch.cat(means).cpu(), torch.cat(logvars).cpu()


def _told(material: Material, model: Infers) -> tuple[list[Row], dict[str, NDArray[np.float64]]]:
    """How much codes tell, over the whole split, and number by number.

    Active units are Burda et al. 2016, arXiv:1509.00519, section 5.2: numbers whose posterior mean has a variance over
    images above 0.01.
    """
    means, logvars = posteriors(material, model)
    kl = kl_parts(means, logvars).double().numpy()
    alive = active(means.double().numpy())
    estimates = {
        "kl_an_image": Estimate.of(kl.sum(1)),
        "kl_a_number": Estimate.of(kl.mean(1)),
        "active_units": Estimate(float(alive.sum())),
    }
    split = material.chosen.split
    rows = [row(material, name, one, split=split, n=len(kl)) for name, one in estimates.items()]
    return rows, {"kl": kl.mean(0), "variance": means.double().var(0, correction=0).numpy(), "least": np.array(ACTIVE)}


def _bounds(material: Material, model: Infers) -> list[Row]:
    """Two lower bounds of log p(x), in nats an image, from the same codes: Burda et al. 2016, equations 3 and 8.

    The evidence lower bound is the mean of log w over codes z drawn from q(z|x), w = p(x|z) p(z) / q(z|x); the other is
    the logarithm of the mean of w, tighter the more codes are drawn.
    """
    subject, split = material.subject, material.chosen.split
    generator = torch.Generator().manual_seed(torch_seed(material.facts["seed"], Draw.POSTERIOR_CODES))
    progress, rows, found = (
        material.stage("bounding the likelihood"),
        choose_rows(material.store.rows(split), BOUNDED),
        [],
    )
    size = max(1, CHUNK // DRAWN)
    for start in range(0, len(rows), size):
        images = subject.load(rows[start : start + size]).images
        with subject.objective.looking():
            found.append(_weights(model, images, generator).double().cpu())
        progress(start + len(images), len(rows))
    weights = torch.cat(found)
    bounds = {"elbo": weights.mean(1), "importance_bound": weights.logsumexp(1) - log(DRAWN)}
    return [
        row(material, name, Estimate.of(values.numpy()), split=split, n=len(rows), codes=DRAWN, density=model.density)
        for name, values in bounds.items()
    ]


def _weights(model: Infers, images: Tensor, generator: torch.Generator) -> Tensor:
    """Log w (n, DRAWN) of codes drawn from each image's posterior."""
    mean, logvar = model.posterior(images)
    noise = torch.randn(len(images), DRAWN, mean.shape[1], generator=generator).to(mean)
    codes = mean[:, None] + noise * (logvar[:, None] / 2).exp()
    prior = -0.5 * (codes.square() + log(2 * pi)).sum(2)
    posterior = -0.5 * (noise.square() + logvar[:, None] + log(2 * pi)).sum(2)
    likely = model.log_likelihood(images.repeat_interleave(DRAWN, 0), codes.flatten(0, 1))
    return likely.reshape(len(images), DRAWN) + prior - posterior


def _inversions(material: Material, linear: Principal) -> tuple[list[Row], dict[str, NDArray[np.uint8]]]:
    """A few held-out images beside the nearest that the generator can make; the floor is a linear code's."""
    split, rows = material.chosen.split, material.chosen.held_out[:INVERTED]
    images = material.store.pixels(rows)
    progress = material.stage("searching for codes of images")
    found = invert(material.subject, images, seed=material.facts["seed"], progress=progress)
    targets = to_tensor(images)
    floor = float(squared_error(targets, linear(targets)).double().mean())
    one = row(material, "inversion_mse", Estimate.of(found.errors, least=0.0), split=split, n=len(rows), floor=floor)
    return [one], {"originals": images, "inversions": material.subject.decode(found.codes)}


RECONSTRUCTION = Group(METRICS, lacks, measure)
