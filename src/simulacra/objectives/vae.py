"""Variational autoencoder. Kingma and Welling 2013, arXiv:1312.6114."""

from math import prod
from typing import final

import torch
from torch import Tensor, nn

from simulacra.data.batches import Batch
from simulacra.errors import RecipeError
from simulacra.objectives.base import (
    Encodes,
    Generates,
    Infers,
    Objective,
    Optimize,
    Validates,
    choose,
    decoder_parts,
    encoder_parts,
)
from simulacra.objectives.code import Code
from simulacra.objectives.losses import (
    LIKELIHOODS,
    kl_factor,
    kl_to_standard_normal,
    reconstruction_error,
    total_correlation,
)
from simulacra.recipe import Recipe
from simulacra.seeds import draw_rows
from simulacra.settings.objectives import CodeSettings, VaeSettings


@final
class VAE(Objective, Generates, Encodes, Infers, Validates):
    """Minimises error(decoder(z), x) + kl_weight KL(q(z|x) || N(0, 1)), z drawn from q(z|x) = N(mean, exp(logvar))."""

    maker = "decoder"

    def __init__(self, recipe: Recipe, settings: VaeSettings) -> None:
        parts = encoder_parts(recipe, "encoder", {"mean": settings.latent, "logvar": settings.latent})
        parts |= decoder_parts(recipe, "decoder", settings.latent)
        self.likelihood = choose(LIKELIHOODS, "objective.likelihood", settings.likelihood)
        if self.likelihood.logits and isinstance(parts["decoder"][0][-1], nn.Tanh):
            raise RecipeError(
                f'objective.likelihood = "{settings.likelihood}" takes logits, and networks.decoder.output is "tanh"; '
                'set networks.decoder.output = "none"'
            )
        super().__init__(parts, settings.players)
        self.settings = settings
        self.code = Code(CodeSettings(noise=settings.latent))
        # The loss is proportional to (error, summed over an image's values) / scale + KL.
        self.scale = settings.kl_weight / (settings.latent if settings.kl_reduction == "mean" else 1)
        self.scale *= prod(recipe.data.shape) if settings.reduction == "mean" else 1
        self.density = self.likelihood.describe(self.scale) if self.scale and self.likelihood.log_density else None

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (n, latent) of q(z|x)."""
        features = self.networks["encoder"](images)
        return self.networks["mean"](features).float(), self.networks["logvar"](features).float()

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """Algorithm 1 of the paper with one sample per image."""
        settings = self.settings
        mean, logvar = self.posterior(batch.images)
        codes = mean + draw_rows(torch.randn, tuple(mean.shape), device=mean.device) * (logvar / 2).exp()
        output = self.networks["decoder"](codes)
        error = reconstruction_error(output, batch.images, settings.likelihood, settings.reduction)
        kl = kl_to_standard_normal(mean, logvar).mean()
        values = {"reconstruction/train": error, "kl/train": kl}
        if settings.total_correlation_weight != 1:
            values["total_correlation/train"] = total_correlation(codes, mean, logvar)
            # Chen et al. 2018, equation 4 with alpha = gamma = 1: their three parts add up to the KL, kept exact here.
            kl = kl + (settings.total_correlation_weight - 1) * values["total_correlation/train"]
        factor = kl_factor(step, settings.kl_schedule, settings.kl_steps, settings.kl_rise)
        if settings.kl_schedule != "constant":
            values["kl_weight/used"] = torch.tensor(settings.kl_weight * factor, device=kl.device)
        width = mean.shape[1] if settings.kl_reduction == "mean" else 1
        loss = error + settings.kl_weight * factor * kl / width
        optimize("autoencoder", loss)
        return {"loss/total": loss} | values

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Mean squared error of the reconstruction from the mean code, images in [-1, 1], and KL in nats."""
        mean, logvar = self.posterior(batch.images)
        images = self.decode(mean).clamp(-1, 1)
        return {"mse": (images - batch.images).square().flatten(1).mean(1), "kl": kl_to_standard_normal(mean, logvar)}

    def decode(self, codes: Tensor) -> Tensor:
        """The decoder's mean image; logits are mapped to [-1, 1]."""
        output: Tensor = self.networks["decoder"](codes).float()
        return output.sigmoid() * 2 - 1 if self.likelihood.logits else output

    def log_likelihood(self, images: Tensor, codes: Tensor) -> Tensor:
        """The density whose evidence lower bound the loss is, if the KL has its full weight."""
        assert self.likelihood.log_density, "this likelihood is no density"
        return self.likelihood.log_density(self.decode(codes), images, self.scale)

    def encode(self, images: Tensor) -> Tensor:
        """The mean of q(z|x)."""
        return self.posterior(images)[0]
