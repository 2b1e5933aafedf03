"""Reconstruction: how well images survive as codes, what a code says, how near a generator comes to real images."""

from math import log, log10, pi
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn import functional as F

from simulacra.data.batches import to_images, to_tensor
from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material, Results
from simulacra.evaluation.inversion import invert
from simulacra.evaluation.metrics.disentanglement import ACTIVE, active
from simulacra.evaluation.metrics.diversity import fine_detail
from simulacra.evaluation.pictures import Arrays
from simulacra.evaluation.subject import CHUNK
from simulacra.measurements import Measurement
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
    """SSIM (n,) of images (n, C, H, W), H and W of 11 or more: windows compared, averaged over windows and channels.

    Wang et al. 2004, doi:10.1109/TIP.2003.819861, equation 13: means, spreads and correlation, with their Gaussian
    window of 11x11, K1 = 0.01 and K2 = 0.03; only windows that lie wholly inside the image.
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


class LinearCode:
    """The best linear code with k latent dimensions, m - 1 at most, of images (m, C, H, W): Pearson 1901."""

    def __init__(self, images: Tensor, k: int) -> None:
        from sklearn.decomposition import PCA

        flat = images.flatten(1).cpu().numpy()
        k = min(k, len(flat) - 1, flat.shape[1])
        with threadpool_limits(1, "blas"):
            self._pca = PCA(k, svd_solver="randomized", iterated_power=2, random_state=0).fit(flat)

    @property
    def mean(self) -> Tensor:
        """The mean image (C * H * W,)."""
        return torch.from_numpy(self._pca.mean_.astype(np.float32))

    def __call__(self, images: Tensor) -> Tensor:
        """The reconstructions (n, C, H, W), within [-1, 1]."""
        pca = self._pca
        reconstructions = pca.inverse_transform(pca.transform(images.flatten(1).cpu().numpy())).astype(np.float32)
        return torch.from_numpy(reconstructions).reshape(images.shape).clamp(-1, 1).to(images.device)


SHARPNESS = "reconstruction_sharpness"
ERRORS = ("reconstruction_mse", "psnr", "ssim", SHARPNESS)
OF_CODES = ("kl_per_image", "kl_per_dimension", "active_units")
BOUNDS = ("elbo", "iwae_bound")
FITTED = 2000  # training images that the linear code is fitted to
BOUNDED, DRAWN = 200, 50  # images whose bounds are estimated, and codes drawn for each
INVERTED = 8  # images

Values = dict[str, list[NDArray[np.float64]]]


def measure(material: Material) -> Results:
    """Everything that the family can be asked; what it cannot is named with the reason."""
    model, results = material.subject.objective, Results()
    linear = _linear_code(material)
    if isinstance(model, Encodes):
        measurements, flat = _errors(material, linear)
        results.measurements += measurements
        results.notes.append(f"the mean training image in place of each reconstruction has an MSE of {flat:.4g}")
    else:
        results.measurements += _missing(material, ERRORS, "has no encoder; inversion_mse takes its place")
    if isinstance(model, Infers):
        measurements, results.pictures["kl-dimensions"] = _of_codes(material, model)
        results.measurements += measurements
    else:
        results.measurements += _missing(material, OF_CODES, "gives no distribution of codes")
    if isinstance(model, Infers) and model.density:
        results.measurements += _bounds(material, model)
    else:
        no_density = "is trained by a likelihood that is no density, or without a KL"
        why = no_density if isinstance(model, Infers) else "gives no likelihood"
        results.measurements += _missing(material, BOUNDS, why)
    inversion, results.pictures["inversions"] = _inversions(material, linear)
    results.measurements.append(inversion)
    return results


def _missing(material: Material, metrics: tuple[str, ...], why: str) -> list[Measurement]:
    reason = f"not applicable, family {material.subject.recipe.objective.family} {why}"
    return material.measurements(dict.fromkeys(metrics), {}, why=reason)


def _linear_code(material: Material) -> LinearCode:
    """The best linear code with as many latent dimensions as the model's, fitted to training images."""
    rows = np.concatenate([material.chosen.train, material.chosen.reference])[:FITTED]
    return LinearCode(to_tensor(material.store.pixels(rows)), material.subject.generates.code.width)


def _errors(material: Material, linear: LinearCode) -> tuple[list[Measurement], float]:
    """All held-out images compared with their reconstructions; and the error of the mean training image.

    The baseline is the error of the linear code.
    """
    subject, split = material.subject, material.chosen.split
    model, chunks = subject.objective, material.subject.batches(split)
    by_model, by_linear, flat = Values(), Values(), list[Tensor]()
    progress = material.stage("reconstructing images")
    for index, chunk in enumerate(chunks):
        images = subject.load(chunk).images
        flat.append(squared_error(images, linear.mean.to(images).reshape(1, *images.shape[1:])))
        for values, reconstructions in ((by_model, reconstructed(model, images)), (by_linear, linear(images))):
            for metric, numbers in _compared(images, reconstructions).items():
                values.setdefault(metric, []).append(numbers.double().cpu().numpy())
        progress(index + 1, len(chunks))
    estimates = {metric: Estimate.of(np.concatenate(parts)) for metric, parts in by_model.items()}
    baselines = {metric: float(np.concatenate(parts).mean()) for metric, parts in by_linear.items()}
    estimates[SHARPNESS], baselines[SHARPNESS] = estimates[SHARPNESS].exp(), float(np.exp(baselines[SHARPNESS]))
    measurements = material.measurements(estimates, baselines, split=split, n=sum(map(len, chunks)))
    if "ssim" not in estimates:
        side = min(material.store.shape[:2])
        why = f"not applicable, images of {side} pixels are smaller than the window of {WINDOW}"
        measurements.append(material.measurement("ssim", None, why=why))
    return measurements, float(torch.cat(flat).double().mean())


def _compared(images: Tensor, reconstructions: Tensor) -> dict[str, Tensor]:
    """Metric -> (n,) of images and their reconstructions; SSIM of images that are large enough for its window.

    Of the sharpness it is the logarithm: each reconstruction is compared with its own image.
    """
    errors = squared_error(images, reconstructions)
    fine = [torch.from_numpy(fine_detail(to_images(part)).energy) for part in (reconstructions, images)]
    numbers = {"reconstruction_mse": errors, "psnr": signal_to_noise(errors)}
    if min(images.shape[2:]) >= WINDOW:
        numbers["ssim"] = structural_similarity(images, reconstructions)
    return numbers | {SHARPNESS: fine[0] - fine[1]}


def reconstructed(model: Objective, images: Tensor) -> Tensor:
    """Images (n, C, H, W) after encoding and decoding, within [-1, 1]."""
    assert isinstance(model, Encodes), "a reconstruction takes an encoder"
    with model.evaluating():
        return cast(Generates, model).decode(model.encode(images)).clamp(-1, 1)


def posteriors(material: Material, model: Infers) -> tuple[Tensor, Tensor]:
    """Means and log-variances (n, width) of all held-out images, float32 on the CPU."""
    subject = material.subject
    with subject.objective.evaluating():
        parts = [model.posterior(subject.load(rows).images) for rows in subject.batches(material.chosen.split)]
    means, logvars = zip(*parts, strict=True)
    return torch.cat(means).cpu(), torch.cat(logvars).cpu()


def _of_codes(material: Material, model: Infers) -> tuple[list[Measurement], Arrays]:
    """How much codes say about images, over the whole split, and per latent dimension.

    Active units are Burda et al. 2016, arXiv:1509.00519, section 5.2: latent dimensions whose posterior mean has a
    variance over images above 0.01.
    """
    means, logvars = posteriors(material, model)
    kl = kl_parts(means, logvars).double().numpy()
    estimates = {
        "kl_per_image": Estimate.of(kl.sum(1)),
        "kl_per_dimension": Estimate.of(kl.mean(1)),
        "active_units": Estimate(float(active(means.double().numpy()).sum())),
    }
    measurements = material.measurements(estimates, {}, split=material.chosen.split, n=len(kl))
    variance = means.double().var(0, correction=0).numpy()
    return measurements, {"kl": kl.mean(0), "variance": variance, "least": np.array(ACTIVE)}


def _bounds(material: Material, model: Infers) -> list[Measurement]:
    """Two lower bounds of log p(x), in nats per image, from the same codes: Burda et al. 2016, equations 3 and 8.

    The evidence lower bound is the mean of log w over codes z drawn from q(z|x), w = p(x|z) p(z) / q(z|x); the other is
    the logarithm of the mean of w, tighter the more codes are drawn.
    """
    subject, split = material.subject, material.chosen.split
    generator = torch.Generator().manual_seed(torch_seed(material.seed, Draw.POSTERIOR_CODES))
    progress, rows = material.stage("bounding the likelihood"), choose_rows(material.store.rows(split), BOUNDED)
    parts, size = [], max(1, CHUNK // DRAWN)
    for start in range(0, len(rows), size):
        images = subject.load(rows[start : start + size]).images
        with subject.objective.evaluating():
            parts.append(_log_weights(model, images, generator).double().cpu())
        progress(start + len(images), len(rows))
    log_weights = torch.cat(parts)
    bounds = {"elbo": log_weights.mean(1), "iwae_bound": log_weights.logsumexp(1) - log(DRAWN)}
    estimates = {metric: Estimate.of(values.numpy()) for metric, values in bounds.items()}
    about = {"split": split, "n": len(rows), "density": model.density, "details": {"codes": DRAWN}}
    return material.measurements(estimates, {}, **about)


def _log_weights(model: Infers, images: Tensor, generator: torch.Generator) -> Tensor:
    """Log w (n, DRAWN) of codes drawn from each image's posterior."""
    mean, logvar = model.posterior(images)
    noise = torch.randn(len(images), DRAWN, mean.shape[1], generator=generator).to(mean)
    codes = mean[:, None] + noise * (logvar[:, None] / 2).exp()
    prior = -0.5 * (codes.square() + log(2 * pi)).sum(2)
    posterior = -0.5 * (noise.square() + logvar[:, None] + log(2 * pi)).sum(2)
    likely = model.log_likelihood(images.repeat_interleave(DRAWN, 0), codes.flatten(0, 1))
    return likely.reshape(len(images), DRAWN) + prior - posterior


def _inversions(material: Material, linear: LinearCode) -> tuple[Measurement, Arrays]:
    """A few held-out images beside the nearest that the generator can generate; the baseline is a linear code's."""
    split, rows = material.chosen.split, material.chosen.held_out[:INVERTED]
    images = material.store.pixels(rows)
    progress = material.stage("searching for codes of images")
    inversion = invert(material.subject, images, seed=material.seed, progress=progress)
    targets = to_tensor(images)
    baseline = float(squared_error(targets, linear(targets)).double().mean())
    estimate = Estimate.of(inversion.errors, least=0.0)
    measurement = material.measurement("inversion_mse", estimate, split=split, n=len(rows), baseline=baseline)
    return measurement, {"originals": images, "inversions": material.subject.decode(inversion.codes)}
