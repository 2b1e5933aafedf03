"""Generative adversarial network. Goodfellow et al. 2014, arXiv:1406.2661; DCGAN: Radford et al. 2015, 1511.06434.

R3GAN, Huang et al. 2024, arXiv:2501.05441, is the relativistic loss with both penalties and no norm.
"""

from typing import final

import torch
from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.networks import initialize
from simulacra.objectives.augmentation import augment
from simulacra.objectives.base import Generates, Objective, Optimize, making, refuse_batch_norm, seeing
from simulacra.objectives.code import Code
from simulacra.objectives.losses import boundary, discriminator_loss, generator_loss, squared_gradient
from simulacra.recipe import Recipe
from simulacra.settings.objectives import GanSettings

Seen = tuple[Tensor, Tensor]  # scores (n, 1) and the images (n, C, H, W) that they are of


@final
class GAN(Objective, Generates):
    """A generator and a discriminator in turn. The discriminator sees real and fake images in two forward passes."""

    maker = "generator"

    def __init__(self, recipe: Recipe, settings: GanSettings) -> None:
        self.settings = settings
        self.code = Code(settings.code)
        parts = making("generator", recipe.networks["generator"], self.code.width, recipe.data.shape)
        parts |= seeing("discriminator", recipe.networks["discriminator"], recipe.data.shape, {"source": 1})
        if settings.r1_weight or settings.r2_weight:
            refuse_batch_norm(parts, "discriminator")
        super().__init__(parts, {"discriminator": ("discriminator", "source"), "generator": ("generator",)})
        initialize(self.networks, settings.weights)

    def score(self, images: Tensor) -> Tensor:
        """D's scores (n, 1): logits of being real where the loss is a cross-entropy."""
        return self.networks["source"](self.networks["discriminator"](images))

    def shown(self, images: Tensor) -> Tensor:
        """Scores of images as D sees them in training: augmented, anew in each call."""
        return self.score(augment(images, self.settings.augment))

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """Algorithm 1 of the paper: the discriminator ascends, and in every n-th round the generator descends."""
        settings = self.settings
        fake = self.decode(self.code.draw(len(batch.images)).to(batch.images.device))
        real, made = batch.images.detach().requires_grad_(), fake if settings.joint else fake.detach().requires_grad_()
        on_real, on_fake = self.shown(real), self.shown(made)
        loss = discriminator_loss(on_real, on_fake, settings.loss, settings.real_label)
        line = boundary(on_real, on_fake, settings.loss)
        values = {
            "loss/discriminator": loss,
            "accuracy/real": (on_real > line).float().mean(),
            "accuracy/fake": (on_fake < line).float().mean(),
        }
        if step % settings.penalty_every == 0:
            penalties = self.penalties((on_real, real), (on_fake, made))
            loss = sum((settings.penalty_every * weight / 2 * value for weight, value in penalties.values()), loss)
            values |= {name: value for name, (_, value) in penalties.items()}
        if settings.joint:  # the generator first, as no graph can be followed back through a D that has moved
            values["loss/generator"] = generator_loss(on_fake, settings.loss, on_real.detach())
            optimize("generator", values["loss/generator"], again=True)
        optimize("discriminator", loss)
        if not settings.joint and step % settings.discriminator_steps == 0:
            values["loss/generator"] = self.descend(fake, batch.images, optimize)
        return values

    def penalties(self, on_real: Seen, on_fake: Seen) -> dict[str, tuple[float, Tensor]]:
        """Name -> weight and value of the penalties that the recipe asks for; scores come with their images."""
        weights = {"penalty/r1": self.settings.r1_weight, "penalty/r2": self.settings.r2_weight}
        seen = {"penalty/r1": on_real, "penalty/r2": on_fake}
        return {name: (weight, squared_gradient(*seen[name])) for name, weight in weights.items() if weight}

    def descend(self, fake: Tensor, real: Tensor, optimize: Optimize) -> Tensor:
        """The generator's step and its loss; real images are its measure where the loss is relativistic."""
        on_real = None
        if self.settings.loss == "relativistic":
            with torch.no_grad():
                on_real = self.shown(real)
        loss = generator_loss(self.shown(fake), self.settings.loss, on_real)
        optimize("generator", loss)
        return loss

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Nothing: with batch norm in D, its verdicts in eval mode and in training do not compare."""
        return {}

    def decode(self, codes: Tensor) -> Tensor:
        """G(z)."""
        return self.networks["generator"](codes)
