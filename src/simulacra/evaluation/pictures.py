"""PICTURES: what can be drawn of a finished run, each from what its objective can do. Arrays out, no files.

Sweeps of codes are drawn after Chen et al. 2016, arXiv:1606.03657, figure 2, for the codes of InfoGAN, and after
Higgins et al. 2017 (beta-VAE), figure 1, for those of a VAE.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.data.batches import to_images
from simulacra.evaluation.judge import count_confusion, predicted_labels
from simulacra.evaluation.maps import latent_map, principal_map
from simulacra.evaluation.preview import Arrays, preview
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Classifies, Encodes, Generates
from simulacra.runs import RunFolder
from simulacra.seeds import Draw


def fixed(subject: Subject, count: int = 12) -> Arrays | None:
    """The images of the same codes, whenever in a training they are drawn: images (count, H, W, C) uint8."""
    if not isinstance(subject.objective, Generates):
        return None
    return {"images": subject.decode(subject.codes(count, Draw.FIXED_SAMPLES))}


def samples(subject: Subject, count: int = 32) -> Arrays | None:
    """Images of random codes; their labels, where there are any, as they occur in the training set.

    Returns images (count, H, W, C) uint8 and codes (count, width) float32.
    """
    if not isinstance(subject.objective, Generates):
        return None
    codes = subject.codes(count, Draw.SAMPLE_SHEET)
    return {"images": subject.decode(codes), "codes": codes.numpy()}


def real(subject: Subject, count: int = 32) -> Arrays | None:
    """Held-out images as they are, to be shown beside samples.

    Returns images (at most count, H, W, C) uint8, and split, "test" or "valid".
    """
    held_out = next((split for split in ("test", "valid") if subject.batches(split, 1)), None)
    if held_out is None or subject.store is None or not isinstance(subject.objective, Generates):
        return None
    return {"images": subject.store.pixels(subject.batches(held_out, count)[0]), "split": np.array(held_out)}


def reconstructions(subject: Subject, count: int = 10) -> Arrays | None:
    """Test images and what is left of them after encoding and decoding.

    Returns originals and reconstructions, both (at most count, H, W, C) uint8.
    """
    model = subject.objective
    rows = subject.batches("test", count)
    if not (isinstance(model, Encodes) and isinstance(model, Generates) and rows):
        return None
    images = subject.load(rows[0]).images
    with model.evaluating():
        return {"originals": to_images(images), "reconstructions": to_images(model.decode(model.encode(images)))}


def pairs(subject: Subject, count: int = 10, limit: int = 8) -> Arrays | None:
    """Images that share noise and all labels but one, which is off in one and on in the other.

    Returns images (labels, 2, count, H, W, C) uint8 and label_names (labels,), of at most `limit` labels.
    """
    model, conditions = subject.objective, subject.conditions
    if not isinstance(model, Generates) or conditions is None or model.code.exclusive or not model.code.labels:
        return None
    codes = subject.codes(count, Draw.INTERPOLATIONS)
    noise = codes[:, : model.code.noise]
    pictures = []
    for label in range(min(limit, model.code.labels)):
        for value in (0, 1):
            labels = torch.from_numpy(np.resize(conditions, (count, model.code.labels))).float()
            labels[:, label] = value
            pictures.append(subject.decode(model.code.join(noise, labels)))
    images = np.stack(pictures).reshape(-1, 2, *pictures[0].shape)
    return {"images": images, "label_names": np.array(subject.recipe.data.labels[: len(images)])}


def classes(subject: Subject, count: int = 8) -> Arrays | None:
    """One row per noise, one column per class: images (count, K, H, W, C) uint8 and label_names (K,)."""
    model = subject.objective
    if not isinstance(model, Generates) or not model.code.exclusive:
        return None
    number = model.code.labels
    noise = subject.codes(count, Draw.CLASS_GRID)[:, : model.code.noise].repeat_interleave(number, 0)
    images = subject.decode(model.code.join(noise, torch.eye(number).repeat(count, 1)))
    names = np.array(subject.recipe.data.labels)
    return {"images": images.reshape(count, number, *images.shape[1:]), "label_names": names}


MEASURED = 1000  # test images, by whose codes the dimensions that vary most are chosen
# Standard deviations of a code from N(0, 1). Codes from U(-1, 1) are swept over the same, as the paper does: twice as
# far as they were drawn in training.
VALUES = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)


def categories(subject: Subject, count: int = 8) -> Arrays | None:
    """For each categorical code: one row per noise, with the rest of the code held; one column per category.

    Returns images_1, images_2 ..., each (count, categories, H, W, C) uint8.
    """
    model = subject.objective
    if not isinstance(model, Generates) or not model.code.categorical:
        return None
    arrays: Arrays = {}
    for index, ways in enumerate(model.code.categorical):
        codes = subject.codes(count, Draw.CATEGORY_GRID, index).repeat_interleave(ways, 0)
        images = subject.decode(_with_categories(model, codes, {index: torch.arange(ways).repeat(count)}))
        arrays[f"images_{index + 1}"] = images.reshape(count, ways, *images.shape[1:])
    return arrays


def category_pairs(subject: Subject) -> Arrays | None:
    """Every combination of the first two categorical codes, all of one noise: rows the first, columns the second.

    Returns images (categories of the first, of the second, H, W, C) uint8.
    """
    model = subject.objective
    if not isinstance(model, Generates) or len(model.code.categorical) < 2:
        return None
    down, across = model.code.categorical[:2]
    codes = subject.codes(1, Draw.CATEGORY_PAIRS).repeat(down * across, 1)
    chosen = {0: torch.arange(down).repeat_interleave(across), 1: torch.arange(across).repeat(down)}
    images = subject.decode(_with_categories(model, codes, chosen))
    return {"images": images.reshape(down, across, *images.shape[1:])}


def sweeps(subject: Subject, count: int = 3, limit: int = 6) -> Arrays | None:
    """Images along single latent dimensions from -2 to 2, the others held; `count` rows from different codes.

    Of InfoGAN these are its continuous codes; of a model that encodes, the dimensions that vary most over test images.

    Returns images (dimensions, count, values, H, W, C) uint8; values (values,), in standard deviations of the prior;
    numbers (dimensions,), which dimensions these are, from 1; and drawn_to, up to where codes were drawn in training.
    """
    model = subject.objective
    if not isinstance(model, Generates):
        return None
    continuous = model.code.continuous
    first = model.code.width - continuous if continuous else 0
    columns = np.arange(first, model.code.width)[:limit] if continuous else _widest(subject, limit)
    if not len(columns):
        return None
    codes = subject.codes(count, Draw.SWEEPS).repeat_interleave(len(VALUES), 0)
    pictures = []
    for column in columns.tolist():
        swept = codes.clone()
        swept[:, column] = torch.tensor(VALUES).repeat(count)
        images = subject.decode(swept)
        pictures.append(images.reshape(count, len(VALUES), *images.shape[1:]))
    return {
        "images": np.stack(pictures),
        "values": np.array(VALUES),
        "numbers": columns - first + 1,
        "drawn_to": np.array(1.0 if continuous else np.inf),
    }


def _with_categories(model: Generates, codes: Tensor, chosen: dict[int, Tensor]) -> Tensor:
    """The same codes (n, width) with the categories (n,) of some categorical codes set."""
    parts = model.code.split(codes)
    for index, category in chosen.items():
        parts.categories[:, index] = category
    return model.code.join(*parts)


def _widest(subject: Subject, limit: int) -> NDArray[np.int64]:
    """The latent dimensions that differ most between test images, the widest first; none without an encoder.

    Along a dimension that is the same for all images nothing would change.
    """
    chunks = subject.batches("test", MEASURED)
    if not isinstance(subject.objective, Encodes) or subject.store is None or not chunks:
        return np.empty(0, dtype=np.int64)
    codes = subject.encode(subject.store.pixels(np.concatenate(chunks)))
    return np.argsort(-codes.std(0), kind="stable")[:limit]


def confusion(subject: Subject) -> Arrays | None:
    """How many test images of each class (rows) are predicted as each class: counts (K, K) int, label_names (K,)."""
    return _counts(subject) if subject.recipe.data.exclusive else None


def predictions(subject: Subject) -> Arrays | None:
    """For each attribute: test images by whether they have it (off, on) and whether it is predicted (off, on).

    Returns counts (K, 2, 2) int and label_names (K,).
    """
    return None if subject.recipe.data.exclusive else _counts(subject)


def _counts(subject: Subject) -> Arrays | None:
    """Test images by true and predicted label; None where the model predicts none."""
    model, chunks, exclusive = subject.objective, subject.batches("test"), subject.recipe.data.exclusive
    if not isinstance(model, Classifies) or not chunks:
        return None
    logits, true = [], []
    with model.evaluating():
        for rows in chunks:
            batch = subject.load(rows)
            logits.append(model.logits(batch.images).float().cpu().numpy())
            true.append(batch.labels.cpu().numpy() > 0.5)
    predicted = predicted_labels(np.concatenate(logits), exclusive=exclusive)
    counts = count_confusion(np.concatenate(true), predicted, exclusive=exclusive)
    return {"counts": counts, "label_names": np.array(subject.recipe.data.labels)}


__all__ = ["PICTURES", "Arrays", "draw", "fixed", "preview"]

PICTURES: dict[str, Callable[[Subject], Arrays | None]] = {
    "samples": samples,
    "real": real,
    "reconstructions": reconstructions,
    "pairs": pairs,
    "classes": classes,
    "categories": categories,
    "category-pairs": category_pairs,
    "sweeps": sweeps,
    "map": latent_map,
    "map-pca": principal_map,
    "confusion": confusion,
    "verdicts": predictions,
}


def draw(run: RunFolder, subject: Subject, names: tuple[str, ...] | None = None) -> list[str]:
    """Draws the pictures of these names, all by default, that the objective is able to, into the run folder.

    Returns:
        The names of those that could be drawn.
    """
    drawn = []
    for name in names or tuple(PICTURES):
        arrays = PICTURES[name](subject)
        if arrays is not None:
            run.write_picture(name, arrays, preview(arrays))
            drawn.append(name)
    return drawn
