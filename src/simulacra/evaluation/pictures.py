"""PICTURES: what can be drawn of a finished run, each from what its objective can do. Arrays out, no files."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulacra.data.batches import to_images
from simulacra.evaluation.sheets import scale_for, sheet, to_png
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Encodes, Generates
from simulacra.runs import RunFolder

Arrays = dict[str, NDArray[Any]]

FIXED, SAMPLES, PAIRS, CLASSES = 10, 11, 12, 13  # keys that keep the draws apart
MAP_LIMIT = 2000  # test images on a map: more points hide one another and take minutes


def draw(run: RunFolder, subject: Subject, names: tuple[str, ...] | None = None) -> list[str]:
    """Draws every picture that the objective is able to, and keeps it in the run folder.

    Args:
        run: where they are kept.
        subject: what is drawn.
        names: of PICTURES; all by default.

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


def preview(arrays: Arrays) -> bytes:
    """A plain PNG of a picture's images; of a map's points, a density."""
    if "points" in arrays:
        points = arrays["points"]
        counts = np.histogram2d(-points[:, 1], points[:, 0], bins=128)[0]
        return to_png((255 - 255 * np.minimum(counts / max(counts.max(), 1), 1)).astype(np.uint8)[..., None], 3)
    images = [value for value in arrays.values() if value.dtype == np.uint8 and value.ndim >= 4]
    stacked = np.stack(images) if len(images) > 1 else images[0]
    if stacked.ndim == 6:
        stacked = stacked.reshape(-1, *stacked.shape[2:])
    columns = 8 if stacked.ndim == 4 else None
    return to_png(sheet(stacked, columns), scale_for(stacked.shape[-3]))


def fixed(subject: Subject, count: int = 12) -> Arrays | None:
    """The images of the same codes, whenever in a training they are drawn."""
    if not isinstance(subject.objective, Generates):
        return None
    return {"images": subject.decode(subject.codes(count, FIXED))}


def samples(subject: Subject, count: int = 32) -> Arrays | None:
    """Images of random codes; their labels, where there are any, as they occur in the training set."""
    if not isinstance(subject.objective, Generates):
        return None
    codes = subject.codes(count, SAMPLES)
    return {"images": subject.decode(codes), "codes": codes.numpy()}


def reconstructions(subject: Subject, count: int = 10) -> Arrays | None:
    """Test images and what is left of them after encoding and decoding."""
    model = subject.objective
    rows = subject.batches("test", count)
    if not (isinstance(model, Encodes) and isinstance(model, Generates) and rows):
        return None
    images = subject.load(rows[0]).images
    with model.looking():
        return {"originals": to_images(images), "reconstructions": to_images(model.decode(model.encode(images)))}


def pairs(subject: Subject, count: int = 10, limit: int = 8) -> Arrays | None:
    """Images that share noise and all labels but one, which is off in one and on in the other."""
    model, conditions = subject.objective, subject.conditions
    if not isinstance(model, Generates) or conditions is None or model.code.exclusive or not model.code.labels:
        return None
    codes = subject.codes(count, PAIRS)
    noise, rows = codes[:, : model.code.noise], torch.from_numpy(conditions[:count]).float()
    rows = rows.repeat(-(-count // len(rows)), 1)[:count]
    pictures = []
    for label in range(min(limit, model.code.labels)):
        for value in (0.0, 1.0):
            column = torch.full((count, 1), value)
            changed = torch.cat([rows[:, :label], column, rows[:, label + 1 :]], 1)
            pictures.append(subject.decode(model.code.join(noise, changed)))
    images = np.stack(pictures).reshape(-1, 2, *pictures[0].shape)
    return {"images": images, "label_names": np.array(subject.recipe.data.labels[: len(images)])}


def classes(subject: Subject, count: int = 8) -> Arrays | None:
    """One row a noise, one column a class."""
    model = subject.objective
    if not isinstance(model, Generates) or not model.code.exclusive:
        return None
    number = model.code.labels
    noise = subject.codes(count, CLASSES)[:, : model.code.noise].repeat_interleave(number, 0)
    images = subject.decode(model.code.join(noise, torch.eye(number).repeat(count, 1)))
    names = np.array(subject.recipe.data.labels)
    return {"images": images.reshape(count, number, *images.shape[1:]), "label_names": names}


def latent_map(subject: Subject) -> Arrays | None:
    """Test images' codes in the plane, by t-SNE where a code has more than two numbers.

    van der Maaten and Hinton 2008, as openTSNE computes it (Policar et al. 2024), by Barnes-Hut.
    """
    model, chunks, store = subject.objective, subject.batches("test", MAP_LIMIT), subject.store
    if not isinstance(model, Encodes) or store is None or sum(map(len, chunks)) < 5:
        return None
    with model.looking():
        codes = np.concatenate([model.encode(subject.load(rows).images).cpu().numpy() for rows in chunks])
    rows = np.concatenate(chunks)
    return {
        "points": codes if codes.shape[1] == 2 else _tsne(codes, subject.recipe.seed),
        "codes": codes,
        "labels": store.labels[rows],
        "label_names": np.array(store.label_names, dtype=str),
        "exclusive": np.array(store.exclusive),
        "chosen": np.array(_chosen(subject.recipe.data.labels, store.label_names), dtype=str),
    }


def _tsne(codes: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Codes (n, d) in the plane (n, 2)."""
    from openTSNE import TSNE

    perplexity = min(30, (len(codes) - 1) / 3)
    method = TSNE(
        perplexity=perplexity, random_state=seed, n_jobs=torch.get_num_threads(), negative_gradient_method="bh"
    )
    return np.asarray(method.fit(codes), dtype=np.float32)


def _chosen(wanted: tuple[str, ...] | str, names: tuple[str, ...]) -> str:
    """The label that a map is coloured by: a conditioning one, else Male as the reports do, else the first."""
    preferred = [*(wanted if isinstance(wanted, tuple) else ()), "Male", *names, ""]
    return next(name for name in preferred if name in names or not name)


PICTURES: dict[str, Callable[[Subject], Arrays | None]] = {
    "samples": samples,
    "reconstructions": reconstructions,
    "pairs": pairs,
    "classes": classes,
    "map": latent_map,
}
