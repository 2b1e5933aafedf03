"""The settings of each family: one model per family, with the key `family` as its name.

What every family says of itself stands in `FamilySettings`.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from simulacra.settings import Settings

RealLabel = Annotated[float, Field(gt=0.5, le=1.0)]
Augmentation = Literal["color", "translation", "cutout"]
FirstWeights = Literal["normal", "he"]
Players = Mapping[str, tuple[str, ...]]


class CodeSettings(Settings):
    """The flat code that a generator decodes: noise | labels | categorical | continuous.

    Args:
        noise: width of the noise part.
        distribution: of each noise value, N(0, 1) or U(-1, 1).
        labels: how labels are written: `binary`, one value in {0, 1} per label; `onehot`, two values per attribute
            (absent, present). Exclusive classes are one-hot in both cases.
        categorical: the number of categories of each categorical code; codes are drawn uniformly and written one-hot.
        continuous: the number of codes that are drawn from U(-1, 1).
    """

    noise: PositiveInt
    distribution: Literal["normal", "uniform"] = "normal"
    labels: Literal["binary", "onehot"] = "binary"
    categorical: tuple[Annotated[int, Field(ge=2)], ...] = ()
    continuous: NonNegativeInt = 0


def _unlearned(code: CodeSettings) -> CodeSettings:
    """Refuse codes that the family does not learn."""
    if code.categorical or code.continuous:
        raise ValueError('only family "infogan" learns categorical and continuous codes; leave them out')
    return code


def _unlabelled(code: CodeSettings) -> CodeSettings:
    """Refuse a way to write labels where the code has none."""
    code.refuse_idle("labels", 'a family that gives its generator no labels, as only "acgan" does')
    return code


LabelledCode = Annotated[CodeSettings, AfterValidator(_unlearned)]
PlainCode = Annotated[LabelledCode, AfterValidator(_unlabelled)]
LearnedCode = Annotated[CodeSettings, AfterValidator(_unlabelled)]


class FamilySettings(Settings):
    """What each family says of itself; most are adversarial and take no labels.

    Attributes:
        full_name: for people.
        needs: networks that a recipe describes.
        labelled: whether a recipe names labels, which then condition the family; else it takes none.
        generates: whether there is a network that generates images, and so one whose weights an EMA averages.
        validates: whether something of it is measured on held-out images at a checkpoint.
        players: each optimizer and the networks that it moves.
    """

    full_name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    labelled: ClassVar[bool] = False
    generates: ClassVar[bool] = True
    validates: ClassVar[bool] = False
    players: ClassVar[Players] = {"discriminator": ("discriminator", "source"), "generator": ("generator",)}


class ClassifierSettings(FamilySettings):
    """Classifier: cross-entropy over exclusive classes, one binary cross-entropy per attribute otherwise.

    Args:
        label_smoothing: share of the target that is spread evenly over the classes, or over the two values of an
            attribute. Szegedy et al. 2016, arXiv:1512.00567, section 7.
        augment: random changes of the training images, as in `GanSettings`.
    """

    full_name: ClassVar[str] = "classifier"
    family: Literal["classifier"]
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    augment: tuple[Augmentation, ...] = ()
    needs: ClassVar[tuple[str, ...]] = ("encoder",)
    labelled: ClassVar[bool] = True
    generates: ClassVar[bool] = False
    validates: ClassVar[bool] = True
    players: ClassVar[Players] = {"classifier": ("encoder", "logits")}


class VaeSettings(FamilySettings):
    """Variational autoencoder. Kingma and Welling 2013, arXiv:1312.6114.

    Args:
        latent: width of the code.
        likelihood: the error of a pixel's value, a key of LIKELIHOODS in objectives/losses.py: `mse` squared, `l1`
            absolute, `bce` binary cross-entropy of logits (it needs a decoder with output = "none").
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

    full_name: ClassVar[str] = "variational autoencoder (VAE)"
    family: Literal["vae"]
    latent: PositiveInt
    likelihood: str = "mse"
    reduction: Literal["sum", "mean"] = "mean"
    kl_reduction: Literal["sum", "mean"] = "sum"
    kl_weight: NonNegativeFloat = 1.0
    kl_schedule: Literal["constant", "linear", "cyclical"] = "constant"
    kl_steps: NonNegativeInt = 0
    kl_rise: float = Field(default=0.5, gt=0, le=1)
    total_correlation_weight: NonNegativeFloat = 1.0
    needs: ClassVar[tuple[str, ...]] = ("encoder", "decoder")
    validates: ClassVar[bool] = True
    players: ClassVar[Players] = {"autoencoder": ("encoder", "mean", "logvar", "decoder")}

    @model_validator(mode="after")
    def _a_schedule_has_a_length(self) -> "VaeSettings":
        schedule = f'kl_schedule = "{self.kl_schedule}"'
        if self.kl_schedule == "constant":
            self.refuse_idle("kl_steps", schedule)
        elif not self.kl_steps:
            raise ValueError(f"{schedule} needs a length; set objective.kl_steps, like 5_000")
        if self.kl_schedule != "cyclical":
            self.refuse_idle("kl_rise", schedule)
        if not self.kl_weight:
            for key in ("kl_schedule", "total_correlation_weight"):
                self.refuse_idle(key, "kl_weight = 0")
        return self


class GanSettings(FamilySettings):
    """Generative adversarial network. Goodfellow et al. 2014, arXiv:1406.2661.

    Args:
        loss: of both players, a key of GAN_LOSSES in objectives/losses.py: `non-saturating`, the cross-entropy of which
            the generator maximises log D(G(z)); `minimax`, of which it minimises log(1 - D(G(z))); `least-squares`
            (Mao et al. 2017, arXiv:1611.04076); `hinge` (Lim and Ye 2017, arXiv:1705.02894).
        real_label: the target for real images; below 1 is one-sided smoothing (Salimans et al. 2016, section 3.4).
        discriminator_steps: n, if the generator learns in every n-th update only.
        joint: whether both players step by the losses of the same discriminator; else they step in turn.
        augment: differentiable random changes of every image that the discriminator sees: `color`, `translation`,
            `cutout` (Zhao et al. 2020, arXiv:2006.10738).
        weights: the first ones: `normal`, N(0, 0.02) as in DCGAN; `he`, which keeps the size of signals in networks
            without norm (He et al. 2015, arXiv:1502.01852).
    """

    full_name: ClassVar[str] = "generative adversarial network (GAN)"
    family: Literal["gan"]
    loss: str = "non-saturating"
    code: PlainCode
    real_label: RealLabel = 1.0
    discriminator_steps: PositiveInt = 1
    joint: bool = False
    augment: tuple[Augmentation, ...] = ()
    weights: FirstWeights = "normal"

    @model_validator(mode="after")
    def _a_joint_update_has_one_step_of_each(self) -> "GanSettings":
        if self.joint and self.discriminator_steps > 1:
            raise ValueError(
                "a joint update moves both players; set objective.discriminator_steps = 1 or joint = false"
            )
        return self


class R3ganSettings(FamilySettings):
    """R3GAN: relativistic pairs with gradient penalties. Huang et al. 2024, arXiv:2501.05441.

    Args:
        r1_weight: gamma, of half the squared gradient of D at real images (Mescheder et al. 2018, arXiv:1801.04406).
        r2_weight: the same at fake images.
        penalty_every: n, if the penalties are computed in every n-th update only, n times as heavy (Karras et al.
            2020, arXiv:1912.04958, appendix B).
        augment: as in `GanSettings`.
        weights: the first ones, as in `GanSettings`.
    """

    full_name: ClassVar[str] = "relativistic GAN with R1 and R2 (R3GAN)"
    family: Literal["r3gan"]
    code: PlainCode
    r1_weight: NonNegativeFloat = 1.0
    r2_weight: NonNegativeFloat = 1.0
    penalty_every: PositiveInt = 1
    augment: tuple[Augmentation, ...] = ()
    weights: FirstWeights = "he"

    @model_validator(mode="after")
    def _a_rhythm_needs_a_penalty(self) -> "R3ganSettings":
        if not self.r1_weight and not self.r2_weight:
            self.refuse_idle("penalty_every", "r1_weight = 0 and r2_weight = 0")
        return self


class AcganSettings(FamilySettings):
    """Auxiliary-classifier GAN. Odena et al. 2017, arXiv:1610.09585.

    Args:
        label_weight: the factor before the label loss of both players.
        real_label: the target for real images; below 1 is one-sided smoothing.
        discriminator_steps: n, if the generator learns in every n-th update only.
        augment: as in `GanSettings`.
    """

    full_name: ClassVar[str] = "auxiliary-classifier GAN (ACGAN)"
    family: Literal["acgan"]
    code: LabelledCode
    label_weight: NonNegativeFloat = 1.0
    real_label: RealLabel = 1.0
    discriminator_steps: PositiveInt = 1
    augment: tuple[Augmentation, ...] = ()
    labelled: ClassVar[bool] = True
    validates: ClassVar[bool] = True
    players: ClassVar[Players] = {"discriminator": ("discriminator", "source", "label"), "generator": ("generator",)}


class WganSettings(FamilySettings):
    """Wasserstein GAN. Arjovsky et al. 2017, arXiv:1701.07875; Gulrajani et al. 2017, arXiv:1704.00028.

    Args:
        lipschitz: how the critic's slope is bounded: by a `penalty` on its gradient, or by `clipping` of its weights.
        penalty_weight: of the gradient penalty.
        clip: the critic's weights stay within [-clip, clip].
        critic_steps: n, if the generator learns in every n-th update only.
        real_label: the factor before the critic's scores of real images; below 1 is label smoothing for a critic, which
            has no sigmoid.
        augment: as in `GanSettings`.
        weights: the first ones, as in `GanSettings`.
    """

    full_name: ClassVar[str] = "Wasserstein GAN (WGAN)"
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
    players: ClassVar[Players] = {"critic": ("critic", "source"), "generator": ("generator",)}

    @model_validator(mode="after")
    def _options_go_together(self) -> "WganSettings":
        if self.real_label < 1 and self.lipschitz == "penalty":
            raise ValueError(
                "with real_label below 1 the critic gains without end by lowering all scores, and a gradient penalty "
                'does not stop it; set objective.lipschitz = "clipping" or real_label = 1'
            )
        other = "clip" if self.lipschitz == "penalty" else "penalty_weight"
        self.refuse_idle(other, f'lipschitz = "{self.lipschitz}"')
        return self


class InfoganSettings(Settings):
    """InfoGAN. Chen et al. 2016, arXiv:1606.03657.

    Args:
        code: its noise, and the codes to be found in the images: `categorical`, `continuous` or both.
        categorical_weight: lambda before the information of the categorical codes; the paper's 1.
        continuous_weight: lambda before that of the continuous ones, smaller, as in the authors' code.
        real_label: the target for real images; below 1 is one-sided smoothing.
        discriminator_steps: n, if generator and recognition learn in every n-th update only.
        train_trunk: whether the recognition's step moves the trunk that it shares with D. If not, codes are read from
            the features by which D tells real images from fake ones, so that a code cannot hide in a faint pattern.
    """

    full_name: ClassVar[str] = "information-maximising GAN (InfoGAN)"
    family: Literal["infogan"]
    code: LearnedCode
    categorical_weight: PositiveFloat = 1.0
    continuous_weight: PositiveFloat = 0.1
    real_label: RealLabel = 1.0
    discriminator_steps: PositiveInt = 1
    train_trunk: bool = True
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    labelled: ClassVar[bool] = False
    generates: ClassVar[bool] = True
    validates: ClassVar[bool] = False

    @property
    def players(self) -> Players:
        """Each optimizer and the networks that it moves."""
        trunk = ("discriminator",) if self.train_trunk else ()
        return {
            "discriminator": ("discriminator", "source"),
            "generator": ("generator",),
            "recognition": (*trunk, "recognition"),
        }

    @model_validator(mode="after")
    def _has_a_code(self) -> "InfoganSettings":
        if not self.code.categorical and not self.code.continuous:
            raise ValueError("InfoGAN needs a code to find; set objective.code.categorical = [10], or continuous = 2")
        for kind in ("categorical", "continuous"):
            if not getattr(self.code, kind):
                self.refuse_idle(f"{kind}_weight", f"a code that has no {kind} part")
        return self


ObjectiveSettings = Annotated[
    VaeSettings | GanSettings | R3ganSettings | AcganSettings | WganSettings | InfoganSettings | ClassifierSettings,
    Field(discriminator="family"),
]

FULL_NAMES: dict[str, str] = {
    get_args(settings.model_fields["family"].annotation)[0]: settings.full_name
    for settings in get_args(get_args(ObjectiveSettings)[0])
}
