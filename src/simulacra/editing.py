"""Edits: pictures to codes, codes moved along the directions of labels, and back to pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from simulacra.data.batches import to_tensor
from simulacra.data.store import ImageStore
from simulacra.errors import DataError, RunError
from simulacra.evaluation.directions import Codes, LabelDirections, Method, learn, moved, share_left, without
from simulacra.evaluation.inversion import invert
from simulacra.evaluation.judge import judge_of
from simulacra.evaluation.subject import CHUNK, Subject
from simulacra.objectives import Encodes
from simulacra.seeds import Draw, choose_rows

Images = NDArray[np.uint8]
GUESSED = 0.6  # a classifier that tells codes apart no better than this has found no direction


@dataclass(frozen=True)
class Wish:
    """What is to change.

    Attributes:
        labels: label -> 1 for towards having it, 0 for away from it.
        strengths: how far; 1 is as far as pictures with and without the label are apart.
        method: how directions are found where they are learnt.
        keep: labels that shall stay as they are.
    """

    labels: Mapping[str, int]
    strengths: tuple[float, ...] = (1.0,)
    method: Method = "mean"
    keep: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edited:
    """What became of pictures.

    Attributes:
        images: (n, strengths, H, W, C) uint8.
        met: (n, H, W, C) uint8, what the model makes of each picture's code before it is moved.
        errors: (n,) mean squared error of `met`, images in [-1, 1].
        notes: sentences that a person should read beside them.
    """

    images: Images
    met: Images
    errors: NDArray[np.float32]
    notes: list[str]


def edit_images(
    subject: Subject, images: Images, wish: Wish, directions: LabelDirections | None, progress: Any = None
) -> Edited:
    """Edits pictures.

    Args:
        subject: the model.
        images: (n, H, W, C) of the size that it makes.
        wish: what is to change.
        directions: learnt ones; needed for labels that are not part of the model's code.
        progress: told (done, total) steps of an inversion.

    Raises:
        RunError: a label has no direction, or nothing of it is left.
    """
    codes, errors = codes_of(subject, images, progress)
    steps, notes = np.zeros_like(codes), []
    for label, value in wish.labels.items():
        step, said = _step(subject, codes, label, value, wish, directions)
        steps += step
        notes += said
    changed = moved(codes, steps, wish.strengths)
    if subject.generates.code.distribution == "uniform":
        noise = subject.generates.code.noise
        changed[..., :noise] = changed[..., :noise].clip(-1, 1)  # beyond, there was nothing in training
    made = subject.decode(torch.from_numpy(changed.reshape(-1, changed.shape[-1])))
    shape = (len(images), len(wish.strengths), *made.shape[1:])
    met = subject.decode(torch.from_numpy(codes))
    return Edited(made.reshape(shape), met, errors, [*notes, *_met(errors)])


def codes_of(
    subject: Subject, images: Images, progress: Callable[[int, int], None] | None = None
) -> tuple[Codes, NDArray[np.float32]]:
    """Codes (n, width) of pictures (n, H, W, C) by the encoder, or by inversion where there is none, and their errors.

    Returns:
        The codes, and the mean squared error (n,) of what the model makes of them, images in [-1, 1].
    """
    if not isinstance(subject.objective, Encodes):
        found = invert(subject, images, progress=progress)
        return found.codes.numpy().copy(), found.errors
    codes = subject.encode(images)
    made = to_tensor(subject.decode(torch.from_numpy(codes)))
    return codes, (made - to_tensor(images)).square().flatten(1).mean(1).numpy()


def own_labels(subject: Subject) -> Sequence[str]:
    """Labels that are part of the model's code."""
    return tuple(subject.recipe.data.labels) if subject.generates.code.labels else ()


def _step(
    subject: Subject, codes: Codes, label: str, value: int, wish: Wish, directions: LabelDirections | None
) -> tuple[Codes, list[str]]:
    """The step (n, width) of strength 1 towards a label's value, and what is to be said of it."""
    if label in own_labels(subject):
        return _in_code(subject, codes, label, value), []
    if directions is None:
        raise RunError(f"{label} is no part of this model's code and no directions are at hand")
    direction, notes = _learnt(directions, label, wish.method), []
    place = directions.names.index(label)
    told = directions.separation[place]
    if told <= GUESSED:
        notes.append(f"codes with {label} are hardly told from those without ({told:.0%}, guessing 50%): expect little")
    others = [name for name in wish.keep if name not in own_labels(subject)]
    if others:
        rest = without(direction, np.stack([_learnt(directions, name, wish.method) for name in others]))
        left = share_left(direction, rest)
        if left < 0.01:
            raise RunError(f"nothing of {label} is left when {', '.join(others)} is kept; keep less")
        notes.append(f"{left:.0%} of the way to {label} is left when {', '.join(others)} is kept")
        direction = rest
    sign = 1 if value else -1
    return np.repeat(sign * direction[None], len(codes), 0), notes


def _learnt(directions: LabelDirections, label: str, method: Method) -> Codes:
    direction = directions.of(label, method)
    if direction is None:
        raise RunError(f"no direction was found for {label}: too few of the {directions.source} have it, or lack it")
    return direction


def _in_code(subject: Subject, codes: Codes, label: str, value: int) -> Codes:
    """The step in the label part of a code: of an attribute by one whole label, of classes to that class."""
    code = subject.generates.code
    place = own_labels(subject).index(label)
    steps, part = np.zeros_like(codes), slice(code.noise, code.noise + code.widths[1])
    if code.exclusive:
        if not value:
            raise RunError(f"--label {label}=0: this model has classes; give the one to change to, with =1")
        steps[:, part] = np.eye(code.labels, dtype=np.float32)[place] - codes[:, part]
    elif code.doubled:
        steps[:, code.noise + 2 * place] = 1 - 2 * value  # the pair is (1 - y, y)
        steps[:, code.noise + 2 * place + 1] = 2 * value - 1
    else:
        steps[:, code.noise + place] = 2 * value - 1
    return steps


def _met(errors: NDArray[np.float32]) -> list[str]:
    told = f"a mean squared error of {float(errors.max()):.3f}, values from -1 to 1"
    return [f"what the model makes of the picture before the edit is off by {told}"]


PICTURES = 4000  # training images or samples at most
Progress = Callable[[int, int], None]


def learn_directions(
    subject: Subject, store: ImageStore, step: int, progress: Progress | None = None
) -> LabelDirections:
    """LabelDirections of all labels of a data set in the space of a model's codes.

    A model that encodes is shown training images with their labels. Any other model draws samples, whose labels the
    judge of the data set tells. LabelDirections lie in the parts of a code that change by degrees, noise and continuous
    codes.

    Args:
        subject: the model.
        store: the data set, as the run saw it.
        step: of the model's checkpoint.
        progress: told (done, total) images.

    Raises:
        DataError: the data set has no labels.
        RunError: the model makes no images.
    """
    if not store.label_names:
        raise DataError(f"{store.path} has no labels, so no direction can be learnt; pack it with --labels table.csv")
    if isinstance(subject.objective, Encodes):
        rows = choose_rows(store.rows("train"), PICTURES, Draw.EDITING)
        codes, labels = subject.encode(store.pixels(rows), progress), store.labels[rows]
        source = f"{len(rows):,} training images"
    else:
        codes, labels = _judged(subject, store, progress)
        source = f"{len(codes):,} samples, labelled by the judge"
    return learn(codes * changing(subject), labels, store.label_names, step, source)


def changing(subject: Subject) -> Codes:
    """1 for each number of a code (width,) that changes by degrees, 0 for labels and categories."""
    noise, labels, categorical, continuous = subject.generates.code.widths
    return np.repeat(np.array([1, 0, 0, 1], np.float32), [noise, labels, categorical, continuous])


def _judged(subject: Subject, store: ImageStore, progress: Progress | None) -> tuple[Codes, NDArray[np.uint8]]:
    """Codes (n, width) of samples, and the labels (n, K) that the judge sees in their images.

    A label that the judge has not learnt to tell is seen in no image, so that no direction comes of it.
    """
    judge = judge_of(store, progress=progress)
    assert judge is not None, "the data set has labels"
    codes = subject.codes(PICTURES, Draw.EDITING)
    seen = [judge.verdicts(subject.decode(part)) for part in torch.split(codes, CHUNK)]
    return codes.numpy(), (np.concatenate(seen) & judge.learned).astype(np.uint8)


SIDE, GAP, CAPTION = 144, 10, 26  # pixels of the longer side at least, between pictures, below them
INK, PAPER = (36, 41, 47), (255, 255, 255)


def row_picture(images: NDArray[np.uint8], captions: Sequence[str]) -> NDArray[np.uint8]:
    """Images (n, H, W, C) in a row (height, width, 3), enlarged so that small ones can be seen, captions below."""
    count, height, width = images.shape[:3]
    scale = max(1, -(-SIDE // max(height, width)))
    wide, tall = width * scale, height * scale
    whole = Image.new("RGB", (count * (wide + GAP) + GAP, tall + 2 * GAP + CAPTION), PAPER)
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(15)
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = GAP + place * (wide + GAP)
        one = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("RGB")
        whole.paste(one.resize((wide, tall), Image.Resampling.NEAREST), (left, GAP))
        pen.text((left + wide / 2, tall + GAP + CAPTION / 2), caption, INK, font, anchor="mm")
    return np.asarray(whole)
