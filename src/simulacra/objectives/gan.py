"""Generative adversarial network. Goodfellow et al. 2014, arXiv:1406.2661; DCGAN: Radford et al. 2015, 1511.06434."""

from typing import final

from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.errors import RecipeError
from simulacra.networks import initialize
from simulacra.objectives.augmentation import augment
from simulacra.objectives.base import Generates, Objective, Optimize, choose, decoder_parts, encoder_parts
from simulacra.objectives.code import Code
from simulacra.objectives.losses import GAN_LOSSES, discriminator_accuracy
from simulacra.recipe import Recipe
from simulacra.settings.objectives import GanSettings


@final
class GAN(Objective, Generates):
    """A generator and a discriminator in turn. The discriminator sees real and fake images in two forward passes."""

    maker = "generator"

    def __init__(self, recipe: Recipe, settings: GanSettings) -> None:
        self.settings = settings
        self.loss = choose(GAN_LOSSES, "objective.loss", settings.loss)
        if settings.real_label < 1 and not self.loss.smoothable:
            raise RecipeError(f'loss = "{settings.loss}" has no target to smooth; leave objective.real_label at 1')
        self.code = Code(settings.code)
        parts = decoder_parts(recipe, "generator", self.code.width)
        parts |= encoder_parts(recipe, "discriminator", {"source": 1})
        super().__init__(parts, settings.players)
        initialize(self.networks, settings.weights)

    def score(self, images: Tensor) -> Tensor:
        """D's scores (n, 1) of images, which are first augmented as the recipe says, anew in each call."""
        features = self.networks["discriminator"](augment(images, self.settings.augment))
        return self.networks["source"](features)

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """Algorithm 1 of the paper: a step of the discriminator and, in every n-th update, a step of the generator."""
        if self.settings.joint:
            return self.update_jointly(batch, optimize)
        fake = self.decode(self.code.draw(len(batch.images)).to(batch.images.device))
        on_real, on_fake = self.score(batch.images), self.score(fake.detach())
        loss = self.loss.discriminator(on_real, on_fake, self.settings.real_label)
        optimize("discriminator", loss)
        values = {"loss/discriminator": loss, **discriminator_accuracy(on_real, on_fake, self.loss.boundary)}
        if step % self.settings.discriminator_steps == 0:
            values["loss/generator"] = self.loss.generator(self.score(fake))
            optimize("generator", values["loss/generator"])
        return values

    def update_jointly(self, batch: Batch, optimize: Optimize) -> dict[str, Tensor]:
        """Both players' steps from one and the same pass of the discriminator over the fake images.

        The generator steps first, because a graph cannot be followed back through a discriminator that has changed.
        """
        fake = self.decode(self.code.draw(len(batch.images)).to(batch.images.device))
        on_real, on_fake = self.score(batch.images), self.score(fake)
        values = {
            "loss/discriminator": self.loss.discriminator(on_real, on_fake, self.settings.real_label),
            **discriminator_accuracy(on_real, on_fake, self.loss.boundary),
            "loss/generator": self.loss.generator(on_fake),
        }
        optimize("generator", values["loss/generator"], retain_graph=True)
        optimize("discriminator", values["loss/discriminator"])
        return values

    def decode(self, codes: Tensor) -> Tensor:
        """G(z)."""
        return self.networks["generator"](codes)
