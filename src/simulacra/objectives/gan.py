"""Generative adversarial network. Goodfellow et al. 2014, arXiv:1406.2661; DCGAN: Radford et al. 2015, 1511.06434."""

from typing import final

from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.networks import initialize
from simulacra.objectives.base import Generates, Objective, Optimize
from simulacra.objectives.code import Code
from simulacra.objectives.losses import fake_loss, generator_loss, real_loss
from simulacra.objectives.parts import making, seeing
from simulacra.recipe import Recipe
from simulacra.settings.objectives import GanSettings


@final
class GAN(Objective, Generates):
    """A generator and a discriminator in turn. The discriminator sees real and fake images in two forward passes."""

    def __init__(self, recipe: Recipe, settings: GanSettings) -> None:
        self.settings = settings
        self.code = Code(settings.code)
        parts = making("generator", recipe.networks["generator"], self.code.width, recipe.data.shape)
        parts |= seeing("discriminator", recipe.networks["discriminator"], recipe.data.shape, {"source": 1})
        super().__init__(parts, {"discriminator": ("discriminator", "source"), "generator": ("generator",)})
        initialize(self.networks)

    def score(self, images: Tensor) -> Tensor:
        """Logits (n, 1) of being real."""
        logits: Tensor = self.networks["source"](self.networks["discriminator"](images))
        return logits

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """Algorithm 1 of the paper: the discriminator ascends, and in every n-th round the generator descends."""
        fake = self.decode(self.code.draw(len(batch.images)).to(batch.images.device))
        on_real, on_fake = self.score(batch.images), self.score(fake.detach())
        loss = real_loss(on_real, self.settings.real_label) + fake_loss(on_fake)
        optimize("discriminator", loss)
        values = {
            "loss/discriminator": loss,
            "accuracy/real": (on_real > 0).float().mean(),
            "accuracy/fake": (on_fake < 0).float().mean(),
        }
        if step % self.settings.discriminator_steps == 0:
            values["loss/generator"] = generator_loss(self.score(fake), self.settings.loss)
            optimize("generator", values["loss/generator"])
        return values

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Whether D calls a held-out image real: a mean far below that of training images means that it memorises."""
        return {"accuracy_real": (self.score(batch.images) > 0).float().flatten()}

    def decode(self, codes: Tensor) -> Tensor:
        """G(z)."""
        images: Tensor = self.networks["generator"](codes)
        return images
