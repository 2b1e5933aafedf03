"""Wasserstein GAN. Arjovsky et al. 2017, arXiv:1701.07875; with a penalty: Gulrajani et al. 2017, arXiv:1704.00028."""

from typing import final

import torch
from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.networks import initialize
from simulacra.objectives.augmentation import augment
from simulacra.objectives.base import Generates, Objective, Optimize, making, refuse_batch_norm, seeing
from simulacra.objectives.code import Code
from simulacra.objectives.losses import gradient_penalty
from simulacra.recipe import Recipe
from simulacra.settings.objectives import WganSettings


@final
class WGAN(Objective, Generates):
    """A critic f whose mean score differs as much as its bounded slope allows, and a generator that closes the gap.

    The gap E f(x) - E f(G(z)) estimates the Wasserstein distance, up to the bound of the slope. A critic gives no
    probability, so label smoothing comes down to the factor `real_label` before E f(x), as it does where targets are
    multiplied with scores. The critic then also gains by lowering all scores alike, and only clipping bounds that.
    """

    maker = "generator"

    def __init__(self, recipe: Recipe, settings: WganSettings) -> None:
        self.settings = settings
        self.code = Code(settings.code)
        parts = making("generator", recipe.networks["generator"], self.code.width, recipe.data.shape)
        parts |= seeing("critic", recipe.networks["critic"], recipe.data.shape, {"source": 1})
        if settings.lipschitz == "penalty":
            refuse_batch_norm(parts, "critic")
        super().__init__(parts, {"critic": ("critic", "source"), "generator": ("generator",)})
        initialize(self.networks, settings.weights)

    def score(self, images: Tensor) -> Tensor:
        """f(x), (n, 1): higher is more real, with no fixed zero."""
        scores: Tensor = self.networks["source"](self.networks["critic"](images))
        return scores.float()

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """Algorithm 1 of either paper: the critic widens the gap in every round, the generator closes it in some."""
        settings = self.settings
        fake = self.decode(self.code.draw(len(batch.images)).to(batch.images.device))
        real, made = augment(batch.images, settings.augment), augment(fake.detach(), settings.augment)
        on_real, on_fake = self.score(real).mean(), self.score(made).mean()
        loss = on_fake - settings.real_label * on_real
        values = {"distance/estimate": on_real - on_fake}
        if settings.lipschitz == "penalty":
            values["penalty/gradient"] = gradient_penalty(self.score, real, made)
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
        """Sets each of the critic's numbers that learns and has left [-clip, clip] to the nearer end."""
        with torch.no_grad():
            for name in self.players["critic"]:
                for parameter in self.networks[name].parameters():
                    if parameter.requires_grad:
                        parameter.clamp_(-self.settings.clip, self.settings.clip)

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Nothing: with batch norm in the critic, its scores in eval mode and in training do not compare."""
        return {}

    def decode(self, codes: Tensor) -> Tensor:
        """G(z)."""
        return self.networks["generator"](codes)
