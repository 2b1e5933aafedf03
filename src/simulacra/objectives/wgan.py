"""Wasserstein GAN. Arjovsky et al. 2017, arXiv:1701.07875; with a penalty: Gulrajani et al. 2017, arXiv:1704.00028."""

from typing import final

import torch
from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.networks import initialize
from simulacra.objectives.augmentation import augment
from simulacra.objectives.base import Generates, Objective, Optimize, decoder_parts, encoder_parts, refuse_batch_norm
from simulacra.objectives.code import Code
from simulacra.objectives.losses import gradient_penalty
from simulacra.recipe import Recipe
from simulacra.settings.objectives import WganSettings


@final
class WGAN(Objective, Generates):
    """A critic f widens the gap between its mean scores of real and of fake images; a generator closes it.

    The critic's slope is bounded, so the gap E f(x) - E f(G(z)) estimates the Wasserstein distance, up to that bound.
    A critic gives no probability, so label smoothing becomes the factor `real_label` before E f(x). With it the critic
    also gains by lowering all scores alike, which only clipping bounds.
    """

    maker = "generator"

    def __init__(self, recipe: Recipe, settings: WganSettings) -> None:
        self.settings = settings
        self.code = Code(settings.code)
        parts = decoder_parts(recipe, "generator", self.code.width)
        parts |= encoder_parts(recipe, "critic", {"source": 1})
        if settings.lipschitz == "penalty":
            refuse_batch_norm(parts, "critic")
        super().__init__(parts, settings.players)
        initialize(self.networks, settings.weights)

    def score(self, images: Tensor) -> Tensor:
        """f(x), (n, 1): the higher, the more real; zero has no meaning."""
        return self.networks["source"](self.networks["critic"](images)).float()

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """Algorithm 1 of either paper: a step of the critic and, in every n-th update, a step of the generator."""
        settings = self.settings
        fake = self.decode(self.code.draw(len(batch.images)).to(batch.images.device))
        real, generated = augment(batch.images, settings.augment), augment(fake.detach(), settings.augment)
        on_real, on_fake = self.score(real).mean(), self.score(generated).mean()
        loss = on_fake - settings.real_label * on_real
        values = {"distance/estimate": on_real - on_fake}
        if settings.lipschitz == "penalty":
            values["penalty/gradient"] = gradient_penalty(self.score, real, generated)
            loss = loss + settings.penalty_weight * values["penalty/gradient"]
        optimize("critic", loss)
        if settings.lipschitz == "clipping":
            self.clip()
        values["loss/critic"] = loss
        if step % settings.critic_steps == 0:
            values["loss/generator"] = -self.score(augment(fake, settings.augment)).mean()
            optimize("generator", values["loss/generator"])
        return values

    def clip(self) -> None:
        """Clips the critic's trained parameters to [-clip, clip]."""
        with torch.no_grad():
            for name in self.players["critic"]:
                for parameter in self.networks[name].parameters():
                    if parameter.requires_grad:
                        parameter.clamp_(-self.settings.clip, self.settings.clip)

    def decode(self, codes: Tensor) -> Tensor:
        """G(z)."""
        return self.networks["generator"](codes)
