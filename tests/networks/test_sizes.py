"""A size that does not fit is refused in one sentence that names the sizes that do."""

import pytest

from simulacra.errors import RecipeError
from simulacra.networks import decoder, encoder, output_shape
from simulacra.networks.sizes import check_halvings, smallest_image
from simulacra.settings.networks import ConvolutionSettings, DeconvolutionSettings, UpsampleSettings

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
