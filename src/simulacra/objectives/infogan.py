"""InfoGAN. Chen et al. 2016, arXiv:1606.03657."""

from typing import final

import torch
from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.networks import initialize
from simulacra.objectives.base import Generates, Objective, Optimize, making, seeing
from simulacra.objectives.code import Code
from simulacra.objectives.losses import categorical_loss, continuous_loss, fake_loss, real_loss
from simulacra.recipe import Recipe
from simulacra.settings.objectives import InfoganSettings


@final
class InfoGAN(Objective, Generates):
    """A GAN whose images tell the codes they were made of.

    Equation 6 of the paper: the minimum over G and Q, maximum over D of V(D, G) - lambda L_I(G, Q), where
    L_I = E log Q(c|G(z, c)) + H(c). Q is a head on D's trunk, so that three players with an optimiser each follow it:

    - discriminator, trunk and source head: ascends V;
    - generator: descends V (non-saturating) - lambda L_I;
    - recognition, trunk and recognition head, in the generator's rounds: descends -lambda L_I.

    The trunk is thus moved by two players, by each for its own term, or with `train_trunk = false` by D alone. Both of
    the last two losses are of one and the same trunk: the generator steps first, as a graph cannot be followed back
    through weights that have changed since.
    D sees real and fake images in two forward passes.
    """

    maker = "generator"

    def __init__(self, recipe: Recipe, settings: InfoganSettings) -> None:
        self.settings = settings
        self.code = Code(settings.code)
        heads = {"source": 1, "recognition": sum(self.code.categorical) + self.code.continuous}
        parts = making("generator", recipe.networks["generator"], self.code.width, recipe.data.shape)
        parts |= seeing("discriminator", recipe.networks["discriminator"], recipe.data.shape, heads)
        players = {
            "discriminator": ("discriminator", "source"),
            "generator": ("generator",),
            "recognition": ("discriminator", "recognition") if settings.train_trunk else ("recognition",),
        }
        super().__init__(parts, players)
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
        """Equation 6 in turns: D, and in every n-th round G and then Q."""
        codes = self.code.draw(len(batch.images)).to(batch.images.device)
        fake = self.decode(codes)
        on_real, on_fake = self.score(batch.images), self.score(fake.detach())
        loss = real_loss(on_real, self.settings.real_label) + fake_loss(on_fake)
        optimize("discriminator", loss)
        values = {
            "loss/discriminator": loss,
            "accuracy/real": (on_real > 0).float().mean(),
            "accuracy/fake": (on_fake < 0).float().mean(),
        }
        if step % self.settings.discriminator_steps == 0:
            features = self.networks["discriminator"](fake)
            # For Q, whose graph ends at the images, or before its head.
            again = self.networks["discriminator"](fake.detach()) if self.settings.train_trunk else features.detach()
            values["loss/generator"] = real_loss(self.networks["source"](features))
            optimize("generator", values["loss/generator"] + self.information(features, codes)[0])
            information, told = self.information(again, codes)
            optimize("recognition", information)
            values |= told
        return values

    def information(self, features: Tensor, codes: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """-lambda L_I(G, Q) up to the entropy of c, and what the curves show of it.

        Args:
            features: (n, ...), the trunk's, of the generated images.
            codes: (n, width), what they were made of.
        """
        guesses, means = self.recognise(features)
        parts, weighted, values = self.code.split(codes), [], {}
        if guesses:
            values["recognition/categorical"] = categorical_loss(guesses, parts.categories)
            weighted.append(self.settings.categorical_weight * values["recognition/categorical"])
        if self.code.continuous:
            values["recognition/continuous"] = continuous_loss(means, parts.continuous)
            weighted.append(self.settings.continuous_weight * values["recognition/continuous"])
        for place, guess in enumerate(guesses):
            hits = (guess.argmax(1) == parts.categories[:, place]).float()
            values[f"code_accuracy/categorical_{place + 1}"] = hits.mean()
        return sum(weighted[1:], weighted[0]), values

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Nothing: with batch norm in D, its verdicts in eval mode and in training do not compare."""
        return {}

    def decode(self, codes: Tensor) -> Tensor:
        """G(z, c)."""
        return self.networks["generator"](codes)
