"""Variational autoencoder. Kingma and Welling 2013, arXiv:1312.6114."""

from typing import final

import torch
from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.objectives.base import Encodes, Generates, Objective, Optimize
from simulacra.objectives.code import Code
from simulacra.objectives.losses import kl_to_standard_normal, reconstruction_error
from simulacra.objectives.parts import making, seeing
from simulacra.recipe import Recipe
from simulacra.settings import CodeSettings
from simulacra.settings.objectives import VaeSettings


@final
class VAE(Objective, Generates, Encodes):
    """Minimises error(decoder(z), x) + kl_weight KL(q(z|x) || N(0, 1)), z drawn from q(z|x) = N(mean, exp(logvar))."""

    def __init__(self, recipe: Recipe, settings: VaeSettings) -> None:
        heads = {"mean": settings.latent, "logvar": settings.latent}
        parts = seeing("encoder", recipe.networks["encoder"], recipe.data.shape, heads)
        parts |= making("decoder", recipe.networks["decoder"], settings.latent, recipe.data.shape)
        super().__init__(parts, {"autoencoder": tuple(parts)})
        self.settings = settings
        self.code = Code(CodeSettings(noise=settings.latent))

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (n, latent) of q(z|x)."""
        features = self.networks["encoder"](images)
        return self.networks["mean"](features).float(), self.networks["logvar"](features).float()

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """Algorithm 1 of the paper with one sample an image."""
        mean, logvar = self.posterior(batch.images)
        codes = mean + torch.randn_like(mean) * (logvar / 2).exp()
        output = self.networks["decoder"](codes)
        error = reconstruction_error(output, batch.images, self.settings.likelihood, self.settings.reduction)
        kl = kl_to_standard_normal(mean, logvar).mean()
        width = mean.shape[1] if self.settings.kl_reduction == "mean" else 1
        loss = error + self.settings.kl_weight * kl / width
        optimize("autoencoder", loss)
        return {"loss/total": loss, "reconstruction/train": error, "kl/train": kl}

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Mean squared error of the reconstruction from the mean code, images in [-1, 1], and KL in nats."""
        mean, logvar = self.posterior(batch.images)
        images = self.decode(mean).clamp(-1, 1)
        return {"mse": (images - batch.images).square().flatten(1).mean(1), "kl": kl_to_standard_normal(mean, logvar)}

    def decode(self, codes: Tensor) -> Tensor:
        """The decoder's mean image; logits become values of [-1, 1] where the likelihood is `bce`."""
        output: Tensor = self.networks["decoder"](codes).float()
        return output.sigmoid() * 2 - 1 if self.settings.likelihood == "bce" else output

    def encode(self, images: Tensor) -> Tensor:
        """The mean of q(z|x)."""
        return self.posterior(images)[0]
