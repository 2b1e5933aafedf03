"""Sections of images: samples, the same codes over training, reconstructions, nearest images, pairs and classes."""

import numpy as np

from simulacra.report.formatting import epochs, number, plain
from simulacra.report.glossary import of_metric
from simulacra.report.page import HALF_WIDTH, Album, Block, Fold, Images, Pictures, Section, fold
from simulacra.report.record import (
    Arrays,
    Record,
    Unreadable,
    image_pairs,
    images,
    measured,
    names,
    numbers,
    scalar,
    text,
)

PAIRS_OPEN = 8  # labels whose pairs are shown at once; the rest are behind a fold
SPACES = {
    "features": (
        "By features",
        "Near means that the features of a network are similar. Features describe shapes and objects more than single "
        "pixels.",
    ),
    "pixels": (
        "By pixels",
        "Near means that the pixels differ little, on average over the image. All training images are searched.",
    ),
}


SHOWN, ACROSS = 30, 6  # samples, and how many of them in a row


def samples(record: Record, album: Album, arrays: Arrays) -> Section:
    """Images decoded from random codes."""
    caption = (
        "Each image was generated from its own random code. None was chosen by hand. Check the diversity (are some "
        "images alike?), the sharpness, and how many images are broken."
    )
    return Section("Samples", [sheet(album, "samples", images(arrays, "images"), "Generated", caption)])


def real_images(record: Record, album: Album) -> Pictures | None:
    """As many held-out images, to be shown beside samples; None where the run has none."""
    arrays = record.arrays("real")
    try:
        shown = images(arrays, "images") if arrays else None
    except Unreadable:
        return None
    if arrays is None or shown is None:
        return None
    split = text(arrays, "split") or "test"
    caption = f"Images of the split {split}, which were not used for training. They are drawn at random."
    return sheet(album, "real", shown, "Real", caption)


def sheet(album: Album, name: str, shown: Images, title: str, caption: str) -> Pictures:
    """Images in rows, half as wide as the page."""
    grid = fold(shown[:SHOWN], ACROSS)
    count = grid.shape[0] * grid.shape[1]
    return album.pictures(
        name,
        [("", row) for row in grid],
        title=title,
        headed=True,
        caption=caption,
        alt=f"Grid of {count} images: {plain(title, 60)}.",
        width=HALF_WIDTH,
    )


def over_training(record: Record, album: Album) -> Section | None:
    """The same codes, decoded while the networks learned: one row per snapshot."""
    rows = []
    for name in record.snapshots():
        arrays = record.arrays(name)
        if arrays is None:
            continue
        step, epoch = int(name.removeprefix("fixed-")), scalar(arrays, "epoch")
        try:
            decoded = images(arrays, "images")[:12]
        except Unreadable as error:
            record.gaps.append(f"pictures/{name}.npz is left out: {error}.")
            continue
        label = f"update {number(step)}" if epoch is None else f"epoch {epochs(epoch)}"
        rows.append((label if step else "untrained", decoded))
    if not rows:
        return None
    rows = [(label, decoded) for label, decoded in rows if decoded.shape == rows[-1][1].shape]
    shown = album.pictures(
        "fixed-codes",
        rows,
        title="The same codes over training",
        caption="Each column is one fixed code. Each row is a moment of the training, from early to late. Follow a "
        "column down to see how its image develops. Columns that become alike are a sign of mode collapse.",
        alt=f"{len(rows[0][1])} images decoded from the same codes at this moment of the training.",
    )
    return Section("The same codes over training", [shown])


def reconstructions(record: Record, album: Album, arrays: Arrays) -> Section:
    """Held-out images above their reconstructions."""
    originals, decoded = image_pairs(arrays, "originals", "reconstructions")
    caption = (
        "Above: held-out images, which were not used for training. Below: the same images, encoded and decoded again. "
        "What the lower row lacks did not fit into the code."
    )
    row = measured(record, arrays, "mse")
    if row and row.estimate:
        caption += (
            f" {of_metric('mse').title} over the whole {row.split} split: {number(row.estimate.value)} "
            f"({number(row.n)} images, values from -1 to 1)."
        )
    rows = [("original", originals[:10]), ("reconstruction", decoded[:10])]
    return Section("Reconstructions", [_beside(album, "reconstructions", rows, "Reconstructions", caption)])


def inversions(record: Record, album: Album, arrays: Arrays) -> Section:
    """A few held-out images above the nearest images that the generator can generate."""
    originals, nearest_images = image_pairs(arrays, "originals", "inversions")
    caption = (
        "Above: held-out images. Below: the nearest images that a search through the codes found. What the lower row "
        "lacks, the generator cannot generate, or the search missed it."
    )
    row = measured(record, arrays, "inversion_mse")
    if row and row.estimate:
        caption += f" {of_metric('inversion_mse').title}: {number(row.estimate.value)}."
        if row.baseline is not None:
            caption += f" The best linear code with as many dimensions leaves {number(row.baseline)}."
    rows = [("original", originals), ("nearest found", nearest_images)]
    shown = _beside(album, "inversions", rows, "Codes found by search", caption)
    return Section("Nearest images that the generator can generate", [shown])


def _beside(album: Album, name: str, rows: list[tuple[str, Images]], title: str, caption: str) -> Pictures:
    return album.pictures(name, rows, title=title, caption=caption, alt=f"{len(rows[0][1])} images.")


def nearest(record: Record, album: Album, arrays: Arrays) -> Section:
    """Samples above the nearest training image and the nearest held-out image of each."""
    spaces = [space for space in SPACES if f"{space}_samples" in arrays]
    if not spaces:
        raise Unreadable("it has no array 'features_samples' or 'pixels_samples'")
    return Section("Nearest training images", [block for space in spaces for block in _nearest(album, arrays, space)])


def _nearest(album: Album, arrays: Arrays, space: str) -> list[Block]:
    """The samples that are nearest to training images, and samples drawn at random."""
    title, meaning = SPACES[space]
    rows = [images(arrays, f"{space}_{key}") for key in ("samples", "train", "held_out")]
    if len({row.shape for row in rows}) > 1:
        raise Unreadable(f"its arrays of {space} differ in shape")
    count = len(rows[0])
    near, far = (numbers(arrays, f"{space}_{key}_distances", (count,)) for key in ("train", "held_out"))
    ratios = np.divide(near, far, out=np.ones(count), where=far > 0)
    closest, usual = (float(numbers(arrays, f"{space}_{key}", ())) for key in ("likest", "usual"))
    parts = {
        "nearest": (
            slice(0, int(closest)),
            f"{title}: the nearest samples",
            f"{meaning} Below each sample: its nearest training image, and its nearest held-out image, which the model "
            "never saw. The number above is the distance to the training image divided by the distance to the held-out "
            "image. Near 0 is a copy; about 1 is chance. 5% of real images have a ratio below "
            f"{usual:.2f}. These samples have the lowest ratios of all. A copy shares details with its training image "
            "that no other image has.",
        ),
        "random": (slice(int(closest), count), f"{title}: random samples", "The same for samples drawn at random."),
    }
    named = list(zip(("sample", "nearest training", "nearest held out"), rows, strict=True))
    return [
        album.pictures(
            f"nearest-{space}-{name}",
            [(label, row[part]) for label, row in named],
            title=heading,
            headed=True,
            columns=[f"{ratio:.2f}" for ratio in ratios[part].tolist()],
            across="distance to training image / to held-out image",
            caption=caption,
            alt=f"{len(ratios[part])} images.",
        )
        for name, (part, heading, caption) in parts.items()
        if len(ratios[part])
    ]


def pairs(record: Record, album: Album, arrays: Arrays) -> Section:
    """Images that share their noise and differ in one label."""
    if arrays.get("images", np.empty(0)).ndim == 5:
        return classes(record, album, arrays)
    generated = images(arrays, "images", 6)
    if generated.shape[1] != 2:
        raise Unreadable(f"'images' has {generated.shape[1]} rows per label, not 2 (off and on)")
    blocks: list[Block] = []
    for label, (off, on) in zip(names(arrays, "label_names", len(generated)), generated, strict=True):
        caption = f"Only the label {label} differs between the two rows."
        if not blocks:
            caption = (
                f"The two images of a column share their noise; only the label {label} differs. What changes down a "
                "column is what the generator has learned about the label. Everything else should stay the same."
            )
        blocks.append(
            album.pictures(
                f"pairs-{label}",
                [(f"without {label}", off[:10]), (f"with {label}", on[:10])],
                title=label,
                headed=True,
                caption=caption,
                alt="generated images; each column shares its noise with the other row.",
            )
        )
    if len(blocks) > PAIRS_OPEN:
        rest = blocks[PAIRS_OPEN:]
        blocks = [*blocks[:PAIRS_OPEN], Fold(f"{len(rest)} more label{'s' if len(rest) > 1 else ''}", rest)]
    return Section("Pairs that differ in one label", blocks)


def classes(record: Record, album: Album, arrays: Arrays) -> Section:
    """(rows of noise, classes, H, W, C): shown with one row per class, so that the class's name is beside it."""
    generated = images(arrays, "images", 5)
    labels = names(arrays, "label_names", generated.shape[1])
    shown = album.pictures(
        "classes",
        [(label, generated[:12, index]) for index, label in enumerate(labels)],
        title="One noise, every class",
        caption="Each row is a class. All images of a column share their noise. Down a column only the class changes; "
        "along a row everything but the class changes.",
        alt=f"{min(12, len(generated))} generated images of this class.",
    )
    return Section("Every class from the same noise", [shown])
