"""What each family can be told: one model a family, told apart by `family`.

`needs` names the networks that a recipe must describe, `players` the optimisers of the family, and `labelled` says
whether it cannot do without labels.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from simulacra.settings.base import Settings

RealLabel = Annotated[float, Field(gt=0.5, le=1.0)]
Augmentation = Literal["color", "translation", "cutout"]
FirstWeights = Literal["normal", "he"]


class CodeSettings(Settings):
    """The flat code that a generator decodes: noise | labels | categorical | continuous.

    Args:
        noise: width of the noise part.
        distribution: each noise number is drawn from N(0, 1) or from U(-1, 1).
        labels: how a label enters: `binary`, one number in {0, 1} a label; `onehot`, two numbers an attribute
            (absent, present). Exclusive classes are one-hot either way.
        categorical: how many categories each categorical code has; each is drawn evenly and enters one-hot.
        continuous: how many codes are drawn from U(-1, 1).
    """

    noise: PositiveInt
    distribution: Literal["normal", "uniform"] = "normal"
    labels: Literal["binary", "onehot"] = "binary"
    categorical: tuple[Annotated[int, Field(ge=2)], ...] = ()
    continuous: NonNegativeInt = 0


def _unlearned(code: CodeSettings) -> CodeSettings:
    """Refuse codes that nothing would tie to the images."""
    if code.categorical or code.continuous:
        raise ValueError('only family "infogan" learns categorical and continuous codes; leave them out')
    return code


def _unlabelled(code: CodeSettings) -> CodeSettings:
    """Refuse a way for labels to enter where none does."""
    code.refuse_idle("labels", 'a family that gives its generator no labels, as only "acgan" does')
    return code


LabelledCode = Annotated[CodeSettings, AfterValidator(_unlearned)]
PlainCode = Annotated[LabelledCode, AfterValidator(_unlabelled)]
LearnedCode = Annotated[CodeSettings, AfterValidator(_unlabelled)]


class ClassifierSettings(Settings):
    """Classifier: cross-entropy over exclusive classes, one binary cross-entropy an attribute otherwise.

    Args:
        label_smoothing: share of the target that is spread evenly over the classes, or over an attribute's two values.
            Szegedy et al. 2016, arXiv:1512.00567, section 7.
        augment: random changes of the training images, as in `GanSettings`.
        mixup: alpha of the Beta(alpha, alpha) that draws how much of another training image and its labels each image
            is mixed with; 0 mixes nothing. Zhang et al. 2018, arXiv:1710.09412.
    """

    family: Literal["classifier"]
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    mixup: NonNegativeFloat = 0.0
    augment: tuple[Augmentation, ...] = ()
    needs: ClassVar[tuple[str, ...]] = ("encoder",)
    labelled: ClassVar[bool] = True
    players: ClassVar[tuple[str, ...]] = ("classifier",)


class VaeSettings(Settings):
    """Variational autoencoder. Kingma and Welling 2013, arXiv:1312.6114.

    Args:
        latent: width of the code.
        likelihood: what one pixel's error costs: `mse` squared, `l1` absolute, `bce` binary cross-entropy of logits
            (the decoder then needs output = "none", and its images are read through a sigmoid).
        reduction: the error of one image is the `sum` or the `mean` over its values.
        kl_reduction: in the loss, the KL of one image is the `sum` or the `mean` over the code; reported is the sum.
        kl_weight: the factor lambda before the KL; with two sums and 1 the loss is the negative evidence lower bound.
        kl_schedule: the weight is `constant`; rises once from 0 (`linear`); or rises in every cycle (`cyclical`, Fu et
            al. 2019, arXiv:1903.10145).
        kl_steps: updates of the linear rise, or of one cycle.
        kl_rise: share of a cycle in which the weight rises.
        total_correlation_weight: beta of beta-TC-VAE, the factor before the part of the KL that measures how dependent
            the code's numbers are (Chen et al. 2018, arXiv:1802.04942, equation 4); 1 is the plain VAE.
    """

    family: Literal["vae"]
    latent: PositiveInt
    likelihood: Literal["mse", "l1", "bce"] = "mse"
    reduction: Literal["sum", "mean"] = "mean"
    kl_reduction: Literal["sum", "mean"] = "sum"
    kl_weight: NonNegativeFloat = 1.0
    kl_schedule: Literal["constant", "linear", "cyclical"] = "constant"
    kl_steps: NonNegativeInt = 0
    kl_rise: float = Field(default=0.5, gt=0, le=1)
    total_correlation_weight: NonNegativeFloat = 1.0
    needs: ClassVar[tuple[str, ...]] = ("encoder", "decoder")
    labelled: ClassVar[bool] = False
    players: ClassVar[tuple[str, ...]] = ("autoencoder",)

    @model_validator(mode="after")
    def _a_schedule_has_a_length(self) -> "VaeSettings":
        schedule = f'kl_schedule = "{self.kl_schedule}"'
        if self.kl_schedule == "constant":
            self.refuse_idle("kl_steps", schedule)
        elif not self.kl_steps:
            raise ValueError(f"{schedule} needs a length; set objective.kl_steps, like 5_000")
        if self.kl_schedule != "cyclical":
            self.refuse_idle("kl_rise", schedule)
        return self


class GanSettings(Settings):
    """Generative adversarial network. Goodfellow et al. 2014, arXiv:1406.2661.

    Args:
        loss: of both players: cross-entropy, of which the generator maximises log D(G(z)) (`non-saturating`) or
            minimises log(1 - D(G(z))) (`minimax`); `least-squares` (Mao et al. 2017, arXiv:1611.04076); `hinge` (Lim
            and Ye 2017, arXiv:1705.02894); `relativistic`, pairs of real and fake (Huang et al. 2024,
            arXiv:2501.05441).
        real_label: the target for real images; below 1 is one-sided smoothing (Salimans et al. 2016, section 3.4).
        discriminator_steps: the generator learns in every n-th update only.
        joint: both players' losses are of one and the same discriminator, and both step at once; else in turn.
        r1_weight: gamma, of half the squared gradient of D at real images (Mescheder et al. 2018, arXiv:1801.04406).
        r2_weight: the same at fake ones; R3GAN is `relativistic` with both.
        penalty_every: the two penalties are computed in every n-th update only, n times as heavy (Karras et al. 2020,
            arXiv:1912.04958, appendix B).
        augment: differentiable changes of all that the discriminator sees, new for each image: `color`, `translation`,
            `cutout` (Zhao et al. 2020, arXiv:2006.10738).
        weights: where they start: `normal`, N(0, 0.02) as DCGAN's; `he`, which keeps the size of signals in networks
            without norm (He et al. 2015, arXiv:1502.01852).
    """

    family: Literal["gan"]
    loss: Literal["non-saturating", "minimax", "least-squares", "hinge", "relativistic"] = "non-saturating"
    code: PlainCode
    real_label: RealLabel = 1.0
    discriminator_steps: PositiveInt = 1
    joint: bool = False
    r1_weight: NonNegativeFloat = 0.0
    r2_weight: NonNegativeFloat = 0.0
    penalty_every: PositiveInt = 1
    augment: tuple[Augmentation, ...] = ()
    weights: FirstWeights = "normal"
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    labelled: ClassVar[bool] = False
    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator")

    @model_validator(mode="after")
    def _options_go_together(self) -> "GanSettings":
        if self.real_label < 1 and self.loss in ("hinge", "relativistic"):
            raise ValueError(f'loss = "{self.loss}" has no target to smooth; leave objective.real_label at 1')
        if self.joint and self.discriminator_steps > 1:
            raise ValueError(
                "a joint update moves both players; set objective.discriminator_steps = 1 or joint = false"
            )
        if not self.r1_weight and not self.r2_weight:
            self.refuse_idle("penalty_every", "r1_weight = 0 and r2_weight = 0")
        return self


class AcganSettings(Settings):
    """Auxiliary-classifier GAN. Odena et al. 2017, arXiv:1610.09585.

    Args:
        label_weight: the factor before the label loss of both players.
        real_label: the target for real images; below 1 is one-sided smoothing.
        discriminator_steps: the generator learns in every n-th update only.
        augment: as in `GanSettings`.
    """

    family: Literal["acgan"]
    code: LabelledCode
    label_weight: NonNegativeFloat = 1.0
    real_label: RealLabel = 1.0
    discriminator_steps: PositiveInt = 1
    augment: tuple[Augmentation, ...] = ()
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    labelled: ClassVar[bool] = True
    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator")


class WganSettings(Settings):
    """Wasserstein GAN. Arjovsky et al. 2017, arXiv:1701.07875; Gulrajani et al. 2017, arXiv:1704.00028.

    Args:
        lipschitz: what keeps the critic's slope in bounds: a `penalty` on its gradient, or `clipping` of its weights.
        penalty_weight: of the gradient penalty.
        clip: the critic's weights stay within [-clip, clip].
        critic_steps: the generator learns in every n-th update only.
        real_label: the factor before the critic's scores of real images; below 1 is what remains of label smoothing
            where there is no sigmoid.
        augment: as in `GanSettings`.
        weights: where they start, as in `GanSettings`.
    """

    family: Literal["wgan"]
    code: PlainCode
    lipschitz: Literal["penalty", "clipping"] = "penalty"
    penalty_weight: PositiveFloat = 10.0
    clip: PositiveFloat = 0.01
    critic_steps: PositiveInt = 5
    real_label: RealLabel = 1.0
    augment: tuple[Augmentation, ...] = ()
    weights: FirstWeights = "normal"
    needs: ClassVar[tuple[str, ...]] = ("generator", "critic")
    labelled: ClassVar[bool] = False
    players: ClassVar[tuple[str, ...]] = ("critic", "generator")

    @model_validator(mode="after")
    def _options_go_together(self) -> "WganSettings":
        if self.real_label < 1 and self.lipschitz == "penalty":
            raise ValueError(
                "with real_label below 1 the critic gains without end by lowering all scores, which a gradient penalty "
                'does not see; set objective.lipschitz = "clipping" or real_label = 1'
            )
        other = "clip" if self.lipschitz == "penalty" else "penalty_weight"
        self.refuse_idle(other, f'lipschitz = "{self.lipschitz}"')
        return self


class InfoganSettings(Settings):
    """InfoGAN. Chen et al. 2016, arXiv:1606.03657.

    Args:
        code: its noise and what shall be found in the images: `categorical`, `continuous` or both.
        categorical_weight: lambda before the information of the categorical codes; the paper's 1.
        continuous_weight: lambda before that of the continuous ones, smaller, as in the authors' code.
        real_label: the target for real images; below 1 is one-sided smoothing.
        discriminator_steps: generator and recognition learn in every n-th update only.
        train_trunk: whether the recognition's step moves the trunk that it shares with D. If not, codes are read from
            what tells real images from made ones, so that one cannot hide in a faint pattern.
    """

    family: Literal["infogan"]
    code: LearnedCode
    categorical_weight: PositiveFloat = 1.0
    continuous_weight: PositiveFloat = 0.1
    real_label: RealLabel = 1.0
    discriminator_steps: PositiveInt = 1
    train_trunk: bool = True
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    labelled: ClassVar[bool] = False
    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator", "recognition")

    @model_validator(mode="after")
    def _has_a_code(self) -> "InfoganSettings":
        if not self.code.categorical and not self.code.continuous:
            raise ValueError("InfoGAN needs a code to find; set objective.code.categorical = [10], or continuous = 2")
        return self


ObjectiveSettings = Annotated[
    VaeSettings | GanSettings | AcganSettings | WganSettings | InfoganSettings | ClassifierSettings,
    Field(discriminator="family"),
]
