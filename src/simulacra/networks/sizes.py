"""Which image sizes fit the depth of a network; checked before weights are created."""

from itertools import product

from simulacra.errors import RecipeError


def check_halvings(shape: tuple[int, int, int], halvings: int, kernel: int) -> None:
    """Refuse images that are too small for this number of halvings.

    Even kernels round down, and one pixel must be left at the end. Odd kernels round up, and each of them needs at
    least two pixels.

    Raises:
        RecipeError: width or height is below 2^halvings, or not above 2^(halvings - 1) where the kernel is odd.
    """
    height, width, _ = shape
    short = min(height, width)
    least, enough = 2**halvings, short.bit_length() - 1
    if kernel % 2:
        least, enough = 2**halvings // 2 + 1, (short - 1).bit_length()
    if short >= least:
        return
    shorter = f", or {_shorten(halvings - enough)}" if enough else ""
    raise RecipeError(
        f"a network of {halvings} halvings takes widths and heights from {least} up, found {width}x{height}: "
        f"use {max(width, least)}x{max(height, least)}{shorter}"
    )


def smallest_image(shape: tuple[int, int, int], doublings: int) -> tuple[int, int]:
    """Height and width of the map from which this number of doublings gives exactly the image.

    Raises:
        RecipeError: width or height is no multiple of 2^doublings.
    """
    height, width, _ = shape
    factor = 2**doublings
    if height % factor == 0 and width % factor == 0:
        return height // factor, width // factor
    near = [f"{w}x{h}" for w, h in product(_multiples(width, factor), _multiples(height, factor))]
    if width == height:
        near = [f"{size}x{size}" for size in _multiples(width, factor)]
    possible = min(_twos(height), _twos(width))
    shorter = f", or {_shorten(doublings - possible)}" if possible else ""
    raise RecipeError(
        f"a network of {doublings} doublings takes widths and heights that are multiples of {factor}, "
        f"found {width}x{height}: use {' or '.join(near)}{shorter}"
    )


def _multiples(size: int, factor: int) -> list[int]:
    """The nearest multiples of `factor` below and above a size, without 0; or the size itself."""
    below = size // factor * factor
    return [multiple for multiple in ([size] if below == size else [below, below + factor]) if multiple]


def _twos(size: int) -> int:
    """How often a size can be halved without a remainder."""
    return (size & -size).bit_length() - 1


def _shorten(numbers: int) -> str:
    return "give channels one number less" if numbers == 1 else f"give channels {numbers} numbers less"
