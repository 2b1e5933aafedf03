"""Auxiliary-classifier GAN. Odena et al. 2017, arXiv:1610.09585."""

from typing import final

from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.networks import initialize
from simulacra.objectives.augmentation import augment
from simulacra.objectives.base import (
    Classifies,
    Generates,
    Objective,
    Optimize,
    Validates,
    decoder_parts,
    encoder_parts,
)
from simulacra.objectives.code import Code
from simulacra.objectives.losses import discriminator_accuracy, fake_loss, label_hits, label_loss, real_loss
from simulacra.recipe import Recipe
from simulacra.settings.objectives import AcganSettings


@final
class ACGAN(Objective, Generates, Classifies, Validates):
    """A GAN whose generator takes labels and whose discriminator predicts them.

    Fake images get the labels of the real ones beside them, so that labels come in the combinations that exist. The
    discriminator sees real and fake images in two forward passes.
    """

    maker = "generator"

    def __init__(self, recipe: Recipe, settings: AcganSettings) -> None:
        labels = len(recipe.data.labels)
        self.settings, self.exclusive = settings, recipe.data.exclusive
        self.code = Code(settings.code, labels, exclusive=self.exclusive)
        parts = decoder_parts(recipe, "generator", self.code.width)
        parts |= encoder_parts(recipe, "discriminator", {"source": 1, "label": labels})
        super().__init__(parts, settings.players)
        initialize(self.networks)

    def score(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n, 1) of being real and logits (n, K) of the labels."""
        features = self.networks["discriminator"](images)
        return self.networks["source"](features), self.networks["label"](features)

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """Section 3 of the paper: the discriminator maximises L_S + L_C, the generator L_C - L_S (non-saturating)."""
        labels, weight = batch.labels, self.settings.label_weight
        fake = self.decode(self.code.draw(len(batch.images), labels))
        real_source, real_label = self.score(augment(batch.images, self.settings.augment))
        fake_source, fake_label = self.score(augment(fake.detach(), self.settings.augment))
        source = real_loss(real_source, self.settings.real_label) + fake_loss(fake_source)
        on_real = label_loss(real_label, labels, exclusive=self.exclusive)
        on_fake = label_loss(fake_label, labels, exclusive=self.exclusive)
        optimize("discriminator", source + weight * (on_real + on_fake))
        values = {
            "loss/discriminator": source,
            **discriminator_accuracy(real_source, fake_source),
            "label_loss/real": on_real,
            "label_loss/fake": on_fake,
            "label_accuracy/real": label_hits(real_label, labels, exclusive=self.exclusive).mean(),
            "label_accuracy/fake": label_hits(fake_label, labels, exclusive=self.exclusive).mean(),
        }
        if step % self.settings.discriminator_steps == 0:
            fake_source, fake_label = self.score(augment(fake, self.settings.augment))
            values["loss/generator"] = real_loss(fake_source)
            on_fake = label_loss(fake_label, labels, exclusive=self.exclusive)
            optimize("generator", values["loss/generator"] + weight * on_fake)
        return values

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """The share of an image's labels that D predicts correctly.

        D's source scores are left out: with batch norm in D, those of eval mode and of training cannot be compared.
        """
        return {"label_accuracy": label_hits(self.score(batch.images)[1], batch.labels, exclusive=self.exclusive)}

    def decode(self, codes: Tensor) -> Tensor:
        """G(c, z)."""
        return self.networks["generator"](codes)

    def logits(self, images: Tensor) -> Tensor:
        """The discriminator's logits of the labels."""
        return self.score(images)[1]
