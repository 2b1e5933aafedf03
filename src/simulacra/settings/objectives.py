"""What each family can be told: one model a family, told apart by `family`.

`needs` names the networks that a recipe must describe, `players` the optimisers of the family, and `labelled` says
whether it cannot do without labels.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt

from simulacra.settings.base import Settings


class CodeSettings(Settings):
    """The flat code that a generator decodes: noise | labels.

    Args:
        noise: width of the noise part.
        distribution: each noise number is drawn from N(0, 1) or from U(-1, 1).
        labels: how a label enters: `binary`, one number in {0, 1} a label; `onehot`, two numbers an attribute
            (absent, present). Exclusive classes are one-hot either way.
    """

    noise: PositiveInt
    distribution: Literal["normal", "uniform"] = "normal"
    labels: Literal["binary", "onehot"] = "binary"


class VaeSettings(Settings):
    """Variational autoencoder. Kingma and Welling 2013, arXiv:1312.6114.

    Args:
        latent: width of the code.
        likelihood: what one pixel's error costs: `mse` squared, `l1` absolute, `bce` binary cross-entropy of logits
            (the decoder then needs output = "none", and its images are read through a sigmoid).
        reduction: the error of one image is the `sum` or the `mean` over its values.
        kl_reduction: in the loss, the KL of one image is the `sum` or the `mean` over the code; reported is the sum.
        kl_weight: the factor lambda before the KL; with two sums and 1 the loss is the negative evidence lower bound.
    """

    family: Literal["vae"]
    latent: PositiveInt
    likelihood: Literal["mse", "l1", "bce"] = "mse"
    reduction: Literal["sum", "mean"] = "mean"
    kl_reduction: Literal["sum", "mean"] = "sum"
    kl_weight: NonNegativeFloat = 1.0
    needs: ClassVar[tuple[str, ...]] = ("encoder", "decoder")
    labelled: ClassVar[bool] = False
    players: ClassVar[tuple[str, ...]] = ("autoencoder",)


class GanSettings(Settings):
    """Generative adversarial network. Goodfellow et al. 2014, arXiv:1406.2661.

    Args:
        loss: of the generator: `non-saturating` maximises log D(G(z)), `minimax` minimises log(1 - D(G(z))).
        real_label: the target for real images; below 1 is one-sided smoothing (Salimans et al. 2016, section 3.4).
        discriminator_steps: the generator learns in every n-th update only.
    """

    family: Literal["gan"]
    loss: Literal["non-saturating", "minimax"] = "non-saturating"
    code: CodeSettings
    real_label: float = Field(default=1.0, gt=0.5, le=1.0)
    discriminator_steps: PositiveInt = 1
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    labelled: ClassVar[bool] = False
    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator")


class AcganSettings(Settings):
    """Auxiliary-classifier GAN. Odena et al. 2017, arXiv:1610.09585.

    Args:
        label_weight: the factor before the label loss of both players.
        real_label: the target for real images; below 1 is one-sided smoothing.
        discriminator_steps: the generator learns in every n-th update only.
    """

    family: Literal["acgan"]
    code: CodeSettings
    label_weight: NonNegativeFloat = 1.0
    real_label: float = Field(default=1.0, gt=0.5, le=1.0)
    discriminator_steps: PositiveInt = 1
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    labelled: ClassVar[bool] = True
    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator")


ObjectiveSettings = Annotated[VaeSettings | GanSettings | AcganSettings, Field(discriminator="family")]
