"""InfoGAN. Chen et al. 2016, arXiv:1606.03657."""

from typing import final

import torch
from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.networks import initialize
from simulacra.objectives.base import Generates, Objective, Optimize, decoder_parts, encoder_parts
from simulacra.objectives.code import Code
from simulacra.objectives.losses import categorical_loss, continuous_loss, discriminator_accuracy, fake_loss, real_loss
from simulacra.recipe import Recipe
from simulacra.settings.objectives import InfoganSettings


@final
class InfoGAN(Objective, Generates):
    """A GAN whose codes can be read from its images.

    Equation 6 of the paper: the minimum over G and Q, maximum over D of V(D, G) - lambda L_I(G, Q), where
    L_I = E log Q(c|G(z, c)) + H(c). Q is a head on D's trunk. Three players, each with its own optimizer:

    - discriminator, trunk and source head: ascends V;
    - generator: descends V (non-saturating) - lambda L_I;
    - recognition, trunk and recognition head, in the generator's updates: descends -lambda L_I.

    So two players move the trunk, each for its own term; with `train_trunk = false` only D does. The last two losses
    are of the same trunk, and the generator steps first, because a graph cannot be followed back through weights that
    have changed. D sees real and fake images in two forward passes.
    """

    maker = "generator"

    def __init__(self, recipe: Recipe, settings: InfoganSettings) -> None:
        self.settings = settings
        self.code = Code(settings.code)
        heads = {"source": 1, "recognition": sum(self.code.categorical) + self.code.continuous}
        parts = decoder_parts(recipe, "generator", self.code.width)
        parts |= encoder_parts(recipe, "discriminator", heads)
        super().__init__(parts, settings.players)
        initialize(self.networks)

    def score(self, images: Tensor) -> Tensor:
        """Logits (n, 1) of being real."""
        return self.networks["source"](self.networks["discriminator"](images))

    def recognise(self, features: Tensor) -> tuple[list[Tensor], Tensor]:
        """Q(c|x) of the trunk's features: logits (n, ways) of each categorical code, means (n, continuous codes)."""
        widths = [*self.code.categorical, self.code.continuous]
        *guesses, means = torch.split(self.networks["recognition"](features), widths, 1)
        return guesses, means

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """Equation 6 in turns: a step of D and, in every n-th update, a step of G and then of Q."""
        codes = self.code.draw(len(batch.images)).to(batch.images.device)
        fake = self.decode(codes)
        on_real, on_fake = self.score(batch.images), self.score(fake.detach())
        loss = real_loss(on_real, self.settings.real_label) + fake_loss(on_fake)
        optimize("discriminator", loss)
        values = {"loss/discriminator": loss, **discriminator_accuracy(on_real, on_fake)}
        if step % self.settings.discriminator_steps == 0:
            features = self.networks["discriminator"](fake)
            # The graph of Q's step ends at the images, or before Q's head.
            read = self.networks["discriminator"](fake.detach()) if self.settings.train_trunk else features.detach()
            values["loss/generator"] = real_loss(self.networks["source"](features))
            optimize("generator", values["loss/generator"] + self.information(features, codes)[0])
            information, curves = self.information(read, codes)
            optimize("recognition", information)
            values |= curves
        return values

    def information(self, features: Tensor, codes: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """-lambda L_I(G, Q) up to the entropy of c, and its curves.

        Args:
            features: (n, ...), the trunk's features of the generated images.
            codes: (n, width), from which the images were generated.
        """
        guesses, means = self.recognise(features)
        parts, weighted, values = self.code.split(codes), [], {}
        if guesses:
            values["recognition/categorical"] = categorical_loss(guesses, parts.categories)
            weighted.append(self.settings.categorical_weight * values["recognition/categorical"])
        if self.code.continuous:
            values["recognition/continuous"] = continuous_loss(means, parts.continuous)
            weighted.append(self.settings.continuous_weight * values["recognition/continuous"])
        for index, guess in enumerate(guesses):
            hits = (guess.argmax(1) == parts.categories[:, index]).float()
            values[f"code_accuracy/categorical_{index + 1}"] = hits.mean()
        return sum(weighted[1:], weighted[0]), values

    def decode(self, codes: Tensor) -> Tensor:
        """G(z, c)."""
        return self.networks["generator"](codes)
