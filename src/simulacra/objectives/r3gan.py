"""R3GAN. Huang et al. 2024, "The GAN is dead; long live the GAN!", arXiv:2501.05441."""

from typing import final

import torch
from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.networks import initialize
from simulacra.objectives.augmentation import augment
from simulacra.objectives.base import Generates, Objective, Optimize, decoder_parts, encoder_parts, refuse_batch_norm
from simulacra.objectives.code import Code
from simulacra.objectives.losses import discriminator_accuracy, relativistic_loss, squared_gradient
from simulacra.recipe import Recipe
from simulacra.settings.objectives import R3ganSettings


@final
class R3GAN(Objective, Generates):
    """A GAN of relativistic pairs with gradient penalties at real (R1) and at fake images (R2).

    The loss and the training are those of the paper; the networks are plain ones, where the paper's are residual. The
    discriminator's accuracy counts an image as real if its score is above the middle of the two batches' mean scores,
    because only differences of scores have a meaning.
    """

    maker = "generator"

    def __init__(self, recipe: Recipe, settings: R3ganSettings) -> None:
        self.settings = settings
        self.code = Code(settings.code)
        parts = decoder_parts(recipe, "generator", self.code.width)
        parts |= encoder_parts(recipe, "discriminator", {"source": 1})
        if settings.r1_weight or settings.r2_weight:
            refuse_batch_norm(parts, "discriminator")
        super().__init__(parts, settings.players)
        initialize(self.networks, settings.weights)

    def score(self, images: Tensor) -> Tensor:
        """D's scores (n, 1) of images, which are first augmented as the recipe says, anew in each call."""
        features = self.networks["discriminator"](augment(images, self.settings.augment))
        return self.networks["source"](features)

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """A step of the discriminator down equation 2 with R1 and R2, then a step of the generator."""
        settings = self.settings
        fake = self.decode(self.code.draw(len(batch.images)).to(batch.images.device))
        real, generated = batch.images.detach().requires_grad_(), fake.detach().requires_grad_()
        on_real, on_fake = self.score(real), self.score(generated)
        loss = relativistic_loss(on_real, on_fake)
        middle = 0.5 * (on_real.detach().float().mean() + on_fake.detach().float().mean())
        values = {"loss/discriminator": loss, **discriminator_accuracy(on_real, on_fake, middle)}
        if step % settings.penalty_every == 0:
            r1, r2 = squared_gradient(on_real, real), squared_gradient(on_fake, generated)
            loss = loss + settings.penalty_every * settings.r1_weight / 2 * r1
            loss = loss + settings.penalty_every * settings.r2_weight / 2 * r2
            values |= {"penalty/r1": r1, "penalty/r2": r2}
        optimize("discriminator", loss)
        with torch.no_grad():
            on_real = self.score(batch.images)
        values["loss/generator"] = relativistic_loss(self.score(fake), on_real)
        optimize("generator", values["loss/generator"])
        return values

    def decode(self, codes: Tensor) -> Tensor:
        """G(z)."""
        return self.networks["generator"](codes)
