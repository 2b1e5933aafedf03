"""Every option of a network does what its docstring says: the layers, in order."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from simulacra.errors import RecipeError
from simulacra.networks import decoder, encoder, head, layer_table, output_shape
from simulacra.networks.architectures import check_halvings, smallest_image
from simulacra.settings.networks import (
    ConvolutionSettings,
    DeconvolutionSettings,
    MlpSettings,
    NetworkSettings,
    UpsampleSettings,
)


def halving(**numbers: Any) -> list[str]:
    settings = ConvolutionSettings(kind="convolution", channels=(4, 8), **numbers)
    return [row.layer for row in layer_table(encoder(settings, (8, 8, 3)), 3, 8, 8)]


def doubling(width: int = 5, **numbers: Any) -> list[tuple[str, tuple[int, ...]]]:
    settings = DeconvolutionSettings(kind="deconvolution", channels=(8, 4), **numbers)
    return [(row.layer, row.shape) for row in layer_table(decoder(settings, width, (8, 8, 3)), width)]


def test_a_group_is_convolution_norm_and_activation() -> None:
    assert halving() == ["Conv2d k4 s2 p1", "BatchNorm2d", "LeakyReLU 0.2"] * 2


def test_a_stem_keeps_the_size_and_stands_in_for_a_halving() -> None:
    settings = ConvolutionSettings(kind="convolution", channels=(4, 8), stem=3)
    table = layer_table(encoder(settings, (8, 8, 3)), 3, 8, 8)
    assert [(row.layer, row.shape) for row in table[::3]] == [
        ("Conv2d k3 s1 p1", (4, 8, 8)),
        ("Conv2d k4 s2 p1", (8, 4, 4)),
    ]


def test_norms_can_be_left_out() -> None:
    convolution, norm, activation = "Conv2d k4 s2 p1", "BatchNorm2d", "LeakyReLU 0.2"
    assert halving(norm_first=False) == [convolution, activation, convolution, norm, activation]
    assert halving(norm_last=False) == [convolution, norm, activation, convolution, activation]
    assert halving(norm="none") == [convolution, activation] * 2


def test_the_activation_can_come_first_and_dropout_ends_a_group() -> None:
    group = ["Conv2d k3 s2 p1", "ReLU", "BatchNorm2d", "Dropout 0.25"]
    assert halving(kernel=3, activation="relu", order="activation-norm", dropout=0.25) == group * 2


def test_a_head_is_one_convolution_over_the_whole_map_or_dense() -> None:
    maps = (8, 4, 6)
    convolution = head(ConvolutionSettings(kind="convolution", channels=(4,)), maps, 2)
    dense = head(ConvolutionSettings(kind="convolution", channels=(4,), head="dense"), maps, 2)
    assert [row.layer for row in layer_table(convolution, *maps)] == ["Conv2d k4x6 s1 p0", "Flatten"]
    assert [row.layer for row in layer_table(dense, *maps)] == ["Flatten", "Linear"]
    assert [name for name, _ in convolution.named_parameters()] == ["0.weight"]
    assert [name for name, _ in dense.named_parameters()] == ["1.weight", "1.bias"]


def test_a_generator_after_dcgan() -> None:
    assert doubling() == [
        ("Unflatten", (5, 1, 1)),
        ("ConvTranspose2d k2 s1 p0", (8, 2, 2)),
        ("BatchNorm2d", (8, 2, 2)),
        ("ReLU", (8, 2, 2)),
        ("ConvTranspose2d k4 s2 p1", (4, 4, 4)),
        ("BatchNorm2d", (4, 4, 4)),
        ("ReLU", (4, 4, 4)),
        ("ConvTranspose2d k4 s2 p1", (3, 8, 8)),
        ("Tanh", (3, 8, 8)),
    ]


def test_odd_kernels_double_exactly_and_the_end_can_be_normalised() -> None:
    last = doubling(stem="dense", kernel=5, end_norm=True)[-3:]
    assert last == [("ConvTranspose2d k5 s2 p2 op1", (3, 8, 8)), ("BatchNorm2d", (3, 8, 8)), ("Tanh", (3, 8, 8))]


def test_a_code_can_be_the_smallest_image_itself() -> None:
    rows = doubling(width=32, stem="reshape", stem_norm=False)
    assert rows[:2] == [("Unflatten", (8, 2, 2)), ("ConvTranspose2d k4 s2 p1", (4, 4, 4))]


def test_a_decoder_can_work_at_full_size() -> None:
    rows = doubling(stem="dense", stride=1, kernel=3, norm="none")
    assert rows == [
        ("Linear", (512,)),
        ("Unflatten", (8, 8, 8)),
        ("ReLU", (8, 8, 8)),
        ("ConvTranspose2d k3 s1 p1", (4, 8, 8)),
        ("ReLU", (4, 8, 8)),
        ("ConvTranspose2d k3 s1 p1", (3, 8, 8)),
        ("Tanh", (3, 8, 8)),
    ]


def test_a_convolution_can_end_a_decoder() -> None:
    rows = doubling(end="convolution", output="none")
    assert [row for row in rows if row[0].startswith("Conv")] == [
        ("ConvTranspose2d k4 s1 p0", (8, 4, 4)),
        ("ConvTranspose2d k4 s2 p1", (4, 8, 8)),
        ("Conv2d k3 s1 p1", (3, 8, 8)),
    ]
    assert rows[-1] == ("Conv2d k3 s1 p1", (3, 8, 8))


def test_upsampling_doubles_then_convolves() -> None:
    settings = UpsampleSettings(kind="upsample", stem_channels=6, channels=(4,))
    assert [(row.layer, row.shape) for row in layer_table(decoder(settings, 5, (8, 8, 3)), 5)] == [
        ("Linear", (96,)),
        ("Unflatten", (6, 4, 4)),
        ("UpsampleConv2d x2 k3 s1 p1", (4, 8, 8)),
        ("BatchNorm2d", (4, 8, 8)),
        ("ReLU", (4, 8, 8)),
        ("Conv2d k3 s1 p1", (3, 8, 8)),
        ("Tanh", (3, 8, 8)),
    ]


def test_hidden_layers_come_in_the_order_of_the_computation() -> None:
    settings = MlpSettings(kind="mlp", widths=(6, 4), dropout=0.5)
    hidden = ["Linear", "LeakyReLU 0.01", "Dropout 0.5"] * 2
    reading = layer_table(encoder(settings, (2, 3, 1)), 1, 2, 3)
    making = layer_table(decoder(settings.model_copy(update={"output": "tanh"}), 5, (2, 3, 1)), 5)
    assert [row.layer for row in reading] == ["Flatten", *hidden]
    assert [row.layer for row in making] == [*hidden, "Linear", "Unflatten", "Tanh"]
    assert [row.shape[0] for row in reading if row.layer == "Linear"] == [6, 4]


@pytest.mark.parametrize("bias", [True, False])
def test_bias_is_of_every_convolution(bias: bool) -> None:
    reading = ConvolutionSettings(kind="convolution", channels=(4, 4), bias=bias)
    making = DeconvolutionSettings(kind="deconvolution", channels=(4,), end="convolution", bias=bias)
    networks = [encoder(reading, (8, 8, 3)), head(reading, (4, 2, 2), 1), decoder(making, 5, (8, 8, 3))]
    convolutions = [layer for network in networks for layer in network if hasattr(layer, "kernel_size")]
    assert [layer.bias is not None for layer in convolutions] == [bias] * 5


def test_tanh_keeps_images_in_their_range() -> None:
    settings = MlpSettings(kind="mlp", widths=(8,), output="tanh")
    images = decoder(settings, 5, (4, 4, 1))(torch.full((2, 5), 1000.0))
    assert images.abs().max() <= 1


@pytest.mark.parametrize(
    "numbers",
    [
        {"kind": "convolution", "channels": [4], "stem": 4},
        {"kind": "deconvolution", "channels": [4], "stride": 1},
        {"kind": "upsample", "stem_channels": 4, "channels": [4], "kernel": 4},
    ],
)
def test_an_even_kernel_where_nothing_is_halved_is_refused(numbers: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="keeps the image's size with an odd kernel only"):
        TypeAdapter(NetworkSettings).validate_python(numbers)


# --- a size that does not fit is refused in one sentence that names the sizes that do

DEEP = DeconvolutionSettings(kind="deconvolution", channels=(512, 256, 128, 64))


@pytest.mark.parametrize(
    ("shape", "doublings", "smallest"),
    [((64, 64, 3), 4, (4, 4)), ((64, 96, 3), 4, (4, 6)), ((28, 28, 1), 2, (7, 7)), ((50, 50, 3), 0, (50, 50))],
)
def test_the_smallest_image_is_the_size_without_its_doublings(
    shape: tuple[int, int, int], doublings: int, smallest: tuple[int, int]
) -> None:
    assert smallest_image(shape, doublings) == smallest


@pytest.mark.parametrize(
    ("shape", "doublings", "remedy"),
    [
        ((56, 56, 3), 4, "found 56x56: use 48x48 or 64x64, or give channels one number less"),
        ((50, 50, 3), 4, "found 50x50: use 48x48 or 64x64, or give channels 3 numbers less"),
        ((51, 51, 3), 4, "found 51x51: use 48x48 or 64x64"),
        ((8, 8, 3), 4, "found 8x8: use 16x16, or give channels one number less"),
        ((50, 96, 3), 4, "found 96x50: use 96x48 or 96x64, or give channels 3 numbers less"),
        ((40, 56, 1), 4, "found 56x40: use 48x32 or 48x48 or 64x32 or 64x48, or give channels one number less"),
    ],
)
def test_an_image_that_doublings_cannot_make_is_refused(
    shape: tuple[int, int, int], doublings: int, remedy: str
) -> None:
    with pytest.raises(RecipeError) as found:
        smallest_image(shape, doublings)
    expected = "a network of 4 doublings takes widths and heights that are multiples of 16, "
    assert str(found.value) == expected + remedy


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((8, 8, 3), "found 8x8: use 16x16, or give channels one number less"),
        ((5, 40, 3), "found 40x5: use 40x16, or give channels 2 numbers less"),
        ((1, 1, 1), "found 1x1: use 16x16"),
    ],
)
def test_an_image_that_halvings_would_use_up_is_refused(shape: tuple[int, int, int], remedy: str) -> None:
    with pytest.raises(RecipeError) as found:
        check_halvings(shape, 4, 4)
    assert str(found.value) == f"a network of 4 halvings takes widths and heights from 16 up, {remedy}"


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((8, 8, 3), "found 8x8: use 9x9, or give channels one number less"),
        ((5, 40, 3), "found 40x5: use 40x9, or give channels one number less"),
        ((4, 4, 3), "found 4x4: use 9x9, or give channels 2 numbers less"),
        ((1, 1, 1), "found 1x1: use 9x9"),
    ],
)
def test_odd_kernels_round_up_and_leave_every_halving_something_to_halve(
    shape: tuple[int, int, int], remedy: str
) -> None:
    with pytest.raises(RecipeError) as found:
        check_halvings(shape, 4, 3)
    assert str(found.value) == f"a network of 4 halvings takes widths and heights from 9 up, {remedy}"


def test_halvings_round_down() -> None:
    check_halvings((28, 31, 1), 4, 4)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("size", [2, 3, 4, 5, 7, 8, 9])
def test_sizes_that_are_allowed_are_those_that_every_layer_makes_smaller(kernel: int, size: int) -> None:
    settings = ConvolutionSettings(kind="convolution", channels=(4, 4, 4), kernel=kernel)
    sizes = [size]
    for _ in settings.channels:
        sizes.append((sizes[-1] + 2 * ((kernel - 1) // 2) - kernel) // 2 + 1)
    if sizes[-1] < 1 or sizes[-1] == sizes[-2]:
        with pytest.raises(RecipeError, match="a network of 3 halvings"):
            encoder(settings, (size, size, 3))
    else:
        assert output_shape(encoder(settings, (size, size, 3)), 3, size, size) == (4, sizes[-1], sizes[-1])


def test_a_size_is_refused_before_memory_is_taken() -> None:
    huge = 10**9 + 1
    upsample = UpsampleSettings(kind="upsample", stem_channels=4, channels=(4, 4))
    with pytest.raises(RecipeError, match="multiples of 16"):
        decoder(DEEP, 100, (huge, huge, 3))
    with pytest.raises(RecipeError, match="multiples of 4"):
        decoder(upsample, 100, (huge, huge, 3))
    with pytest.raises(RecipeError, match="from 16 up"):
        encoder(ConvolutionSettings(kind="convolution", channels=(10**9,) * 4), (8, 8, 3))


def test_a_code_that_cannot_be_reshaped_is_refused() -> None:
    settings = DeconvolutionSettings(kind="deconvolution", channels=(64, 256, 128, 64), stem="reshape")
    with pytest.raises(RecipeError) as found:
        decoder(settings, 100, (64, 64, 3))
    assert str(found.value) == (
        'stem = "reshape" takes a code of 64x4x4 = 1024 values, found 100: '
        'make the code 1024 wide, or set stem = "dense"'
    )
