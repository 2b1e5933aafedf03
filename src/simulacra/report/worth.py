"""Sections of what codes are worth: what the generator cannot make, and what each number of a code tells."""

import numpy as np
from numpy.typing import NDArray

from simulacra.report.blocks import Album, Section
from simulacra.report.figures import heat_map, sorted_bars
from simulacra.report.formats import number
from simulacra.report.origins import row_of
from simulacra.report.reading import Arrays, Record, Unreadable, image_pairs, names
from simulacra.report.words import of_metric

MOST_NUMBERS = 24  # rows of a matrix


def inversions(record: Record, album: Album, arrays: Arrays) -> Section:
    """A few images that were kept aside, above the nearest that the generator can make."""
    above, below = image_pairs(arrays, "originals", "inversions")
    row = row_of(record, arrays, "inversion_mse")
    measured = [] if row is None else [
        f"{of_metric('inversion_mse').title}: {number(row.get('value'))}; the best linear code with as many numbers "
        f"leaves {number(row.get('floor'))}."
    ]  # fmt: skip
    shown = album.pictures(
        "inversions", [("original", above), ("nearest found", below)], title="Codes found by search",
        caption=" ".join(["Above, images that were kept aside from training; below, the nearest images that a search "
        "through the codes found. What the lower row lacks, the generator has no code for, or the search has missed.",
        *measured]),
        alt=f"{len(above)} images.",
    )  # fmt: skip
    return Section("Nearest images that the generator makes", [shown])


def kl_dimensions(record: Record, album: Album, arrays: Arrays) -> Section:
    """The KL of each number of a code, sorted; dead ones at a glance."""
    kl, variance = (_vector(arrays, name) for name in ("kl", "variance"))
    if kl.shape != variance.shape:
        raise Unreadable(f"'kl' {kl.shape} and 'variance' {variance.shape} differ in shape")
    least = arrays.get("least", np.empty(0))
    alive = variance > (float(least.item()) if least.size == 1 else 0.01)
    count, half = len(kl), int(np.searchsorted(np.cumsum(np.sort(kl)[::-1]), kl.sum() / 2)) + 1
    figure = sorted_bars(
        kl, alive, title="How much each number of the code tells", x_name="numbers of the code, the most telling first",
        y_name="KL divergence (nats)", dead="says nothing",
    )  # fmt: skip
    chart = album.chart(
        "kl-dimensions", figure,
        alt=f"Bar chart of {count} numbers of the code by KL divergence; {int(alive.sum())} are active.",
        caption=f"{int(alive.sum())} of {count} numbers are active: their means vary from image to image (variance "
        f"above 0.01, Burda et al. 2016). Together they tell {number(float(kl.sum()))} nats an image, and {half} of "
        "them tell half of it. Grey ones stay where the prior has its middle, whatever the image: they are free to "
        "leave out.",
    )  # fmt: skip
    return Section("How much each number of the code tells", [chart])


def code_factors(record: Record, album: Album, arrays: Arrays) -> Section:
    """Which number of the code tells of which factor."""
    shares = arrays.get("shares", np.empty(0))
    if shares.ndim != 2 or not shares.size or not np.isfinite(shares).all():
        raise Unreadable("it has no table 'shares' of finite numbers")
    factors = names(arrays, "factor_names", shares.shape[1])
    rows = np.sort(np.argsort(-shares.max(1), kind="stable")[:MOST_NUMBERS])
    best, factor = divmod(int(shares.argmax()), shares.shape[1])
    figure = heat_map(
        100 * shares[rows], [str(row + 1) for row in rows.tolist()], factors,
        title="What each number tells of each factor", x_name="known factor", y_name="number of the code",
        unit="share of the factor's entropy, %", form="{:.0f}",
    )  # fmt: skip
    left = "" if len(rows) == len(shares) else f" The {len(rows)} most telling of {len(shares)} numbers are shown."
    chart = album.chart(
        "code-factors", figure,
        alt=f"Matrix of {len(rows)} numbers of the code and {len(factors)} known factors, shaded by information.",
        caption="Each cell says in percent how much of a factor's entropy a number of the code tells by itself (mutual "
        "information, which chance keeps a little above 0). One dark cell in a column means that one number holds "
        "the factor, one in a row that the number holds nothing else. Number "
        f"{best + 1} tells most of all: {100 * shares.max():.0f}% of {factors[factor]}.{left}",
    )  # fmt: skip
    return Section("What each number of the code means", [chart])


def _vector(arrays: Arrays, name: str) -> NDArray[np.float64]:
    found = arrays.get(name, np.empty(0))
    if found.ndim != 1 or not found.size or found.dtype.kind != "f" or not np.isfinite(found).all():
        raise Unreadable(f"it has no array {name!r} of finite numbers")
    return found.astype(np.float64)
