"""The settings of each kind of network: one model per kind, with the key `kind` as its name.

The length of `channels` is the depth. With the size of the image it decides the smallest map inside the network. A
network that generates images needs a size that its doublings give exactly. A network that reads images halves odd sizes
too, and rounds down with an even kernel and up with an odd one. A size that does not fit is refused with the nearest
sizes that do.
"""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from simulacra.settings import Settings


def _odd(kernel: int) -> int:
    """Refuse an even kernel at stride 1; 0 means no kernel."""
    if kernel and kernel % 2 == 0:
        raise ValueError(f"a convolution of stride 1 keeps the image's size with an odd kernel only; use {kernel - 1}")
    return kernel


Channels = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
OddKernel = Annotated[PositiveInt, AfterValidator(_odd)]
Norm = Literal["batch", "none"]
Activation = Literal["relu", "leaky_relu"]
Output = Literal["tanh", "none"]


class ConvolutionSettings(Settings):
    """Image -> features: strided convolutions, each + norm + activation; the family adds heads.

    Args:
        channels: of each convolution; each halves the image.
        kernel: side of their square kernels; the padding halves even sizes exactly.
        stem: odd kernel of a first convolution of stride 1, which has the first of the channels; 0 means no stem.
        norm: after each convolution: `batch` normalisation with a learned scale and shift, or `none`.
        norm_first: whether the first convolution, stem or not, is normalised.
        norm_last: whether the last one is.
        activation: `relu` or `leaky_relu`.
        slope: of leaky ReLU below zero.
        order: `norm-activation` or `activation-norm`.
        dropout: share of features that are set to zero at the end of each group.
        bias: whether the convolutions, and a head that is a convolution, have a bias.
        head: `convolution` over the whole last map, or `dense` (flattened, always with bias).
    """

    kind: Literal["convolution"]
    channels: Channels
    kernel: PositiveInt = 4
    stem: Annotated[int, Field(ge=0), AfterValidator(_odd)] = 0
    norm: Norm = "batch"
    norm_first: bool = True
    norm_last: bool = True
    activation: Activation = "leaky_relu"
    slope: NonNegativeFloat = 0.2
    order: Literal["norm-activation", "activation-norm"] = "norm-activation"
    dropout: float = Field(default=0.0, ge=0, lt=1)
    bias: bool = False
    head: Literal["convolution", "dense"] = "convolution"


class DeconvolutionSettings(Settings):
    """Code -> image: a stem gives the smallest map, and transposed convolutions double it.

    Args:
        channels: of the smallest map and of each doubled one; the last layer gives the channels of the image.
        kernel: side of their square kernels; the padding doubles exactly.
        stride: 2, or 1 if the stem gives a map of full size; 1 needs an odd kernel.
        stem: `deconvolution` from 1x1, `dense` (always with bias) and reshape, or `reshape` of the code itself.
        stem_norm: whether norm and activation follow the stem.
        end: the last layer: a `deconvolution`, which doubles too, or a 3x3 `convolution` at full size.
        end_norm: whether the last layer is normalised before the output activation.
        norm: after each transposed convolution: `batch` normalisation, or `none`.
        activation: `relu` or `leaky_relu`.
        slope: of leaky ReLU below zero.
        bias: whether the transposed convolutions, and a convolution at the end, have a bias.
        output: the last activation: `tanh` for values in [-1, 1], `none` for any values or for logits.
    """

    kind: Literal["deconvolution"]
    channels: Channels
    kernel: PositiveInt = 4
    stride: Literal[1, 2] = 2
    stem: Literal["deconvolution", "dense", "reshape"] = "deconvolution"
    stem_norm: bool = True
    end: Literal["deconvolution", "convolution"] = "deconvolution"
    end_norm: bool = False
    norm: Norm = "batch"
    activation: Activation = "relu"
    slope: NonNegativeFloat = 0.2
    bias: bool = False
    output: Output = "tanh"

    @field_validator("stride")
    @classmethod
    def _keeps_the_size(cls, stride: int, info: ValidationInfo) -> int:
        kernel = info.data.get("kernel", 1)
        if stride == 1 and kernel % 2 == 0:
            raise ValueError(
                f"it keeps the image's size with an odd kernel only, found {kernel}; set kernel = {kernel - 1}"
            )
        return stride

    @model_validator(mode="after")
    def _there_is_a_norm_for_the_end(self) -> "DeconvolutionSettings":
        if self.norm == "none":
            self.refuse_idle("end_norm", 'norm = "none"')
        return self


class UpsampleSettings(Settings):
    """Code -> image: dense and reshape, then nearest-neighbour doubling and a convolution, in turn.

    Args:
        stem_channels: of the smallest map, the output of a dense layer (always with bias).
        channels: of the convolution after each doubling; one more convolution gives the channels of the image.
        kernel: side of the square kernels, odd.
        norm: after each convolution but the last: `batch` normalisation, or `none`.
        activation: `relu` or `leaky_relu`.
        slope: of leaky ReLU below zero.
        bias: whether the convolutions have a bias.
        output: the last activation: `tanh` for values in [-1, 1], `none` for any values or for logits.
    """

    kind: Literal["upsample"]
    stem_channels: PositiveInt
    channels: Channels
    kernel: OddKernel = 3
    norm: Norm = "batch"
    activation: Activation = "relu"
    slope: NonNegativeFloat = 0.2
    bias: bool = True
    output: Output = "tanh"


class MlpSettings(Settings):
    """Fully connected layers, in either direction: image -> features, or code -> image.

    Args:
        widths: of the hidden layers, in the order of computation, each + activation and dropout.
        activation: `relu` or `leaky_relu`.
        slope: of leaky ReLU below zero.
        dropout: share of features that are set to zero after each hidden layer.
        output: the last activation of a network that generates images: `tanh` for values in [-1, 1], `none` for any
            values or for logits.
    """

    kind: Literal["mlp"]
    widths: Channels
    activation: Activation = "leaky_relu"
    slope: NonNegativeFloat = 0.01
    dropout: float = Field(default=0.0, ge=0, lt=1)
    output: Output = "none"


AnyNetwork = ConvolutionSettings | DeconvolutionSettings | UpsampleSettings | MlpSettings


def _every_key_is_used(network: AnyNetwork) -> AnyNetwork:
    """Refuse a slope without a leak, and an order of norm and activation without a norm."""
    if network.activation == "relu":
        network.refuse_idle("slope", 'activation = "relu"')
    if isinstance(network, ConvolutionSettings) and network.norm == "none":
        network.refuse_idle("order", 'norm = "none"')
    return network


NetworkSettings = Annotated[AnyNetwork, Field(discriminator="kind"), AfterValidator(_every_key_is_used)]
