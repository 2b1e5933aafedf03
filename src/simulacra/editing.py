"""Edits of pictures: each picture becomes a code, the code moves along directions of labels, and is decoded."""

from collections.abc import Mapping, Sequence
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
from simulacra.evaluation.subject import CHUNK, Progress, Subject
from simulacra.objectives import Encodes
from simulacra.seeds import Draw, choose_rows

Images = NDArray[np.uint8]
GUESSED = 0.6  # accuracy up to which a classifier of codes counts as guessing, so that its direction means little


@dataclass(frozen=True)
class EditRequest:
    """What an edit changes. A strength of 1 is the distance between pictures with and without the label."""

    labels: Mapping[str, int]  # label -> 1 to add it, 0 to remove it
    strengths: tuple[float, ...] = (1.0,)  # distances along the direction
    method: Method = "mean"  # how directions are learned
    keep: tuple[str, ...] = ()  # labels that must not change


@dataclass(frozen=True)
class EditResult:
    """Edited pictures."""

    images: Images  # (n, strengths, H, W, C)
    errors: NDArray[np.float32]  # (n,) mean squared error of strength 0, the reconstruction, for images in [-1, 1]
    notes: list[str]  # sentences that a person should read beside the pictures


def edit_images(
    subject: Subject, images: Images, request: EditRequest, directions: LabelDirections | None, progress: Any = None
) -> EditResult:
    """Edits pictures (n, H, W, C) uint8 of the size of the model's images.

    Directions are needed for labels that are not part of the model's code; `progress` gets (done, total) steps of an
    inversion.

    Raises:
        RunError: a label has no direction, or nothing of it is left.
    """
    codes, errors = codes_of(subject, images, progress)
    steps, notes = np.zeros_like(codes), []
    for label, value in request.labels.items():
        step, remarks = _step(subject, codes, label, value, request, directions)
        steps += step
        notes += remarks
    changed = moved(codes, steps, request.strengths)
    if subject.generates.code.distribution == "uniform":
        noise = subject.generates.code.noise
        changed[..., :noise] = changed[..., :noise].clip(-1, 1)  # the range of training
    edited = subject.decode(torch.from_numpy(changed.reshape(-1, changed.shape[-1])))
    shape = (len(images), len(request.strengths), *edited.shape[1:])
    error = f"{float(errors.max()):.3f}, for pixel values from -1 to 1"
    notes.append(f"the mean squared error of the reconstruction, before the edit, is {error}")
    return EditResult(edited.reshape(shape), errors, notes)


def codes_of(subject: Subject, images: Images, progress: Progress | None = None) -> tuple[Codes, NDArray[np.float32]]:
    """Codes (n, width) of pictures (n, H, W, C), by the encoder, or by inversion where there is none.

    With them the mean squared error (n,) of their reconstructions, for images in [-1, 1].
    """
    if not isinstance(subject.objective, Encodes):
        inverted = invert(subject, images, progress=progress)
        return inverted.codes.numpy().copy(), inverted.errors
    codes = subject.encode(images)
    reconstructions = to_tensor(subject.decode(torch.from_numpy(codes)))
    return codes, (reconstructions - to_tensor(images)).square().flatten(1).mean(1).numpy()


def labels_in_code(subject: Subject) -> Sequence[str]:
    """Labels that are part of the model's code."""
    return tuple(subject.recipe.data.labels) if subject.generates.code.labels else ()


def _step(
    subject: Subject, codes: Codes, label: str, value: int, request: EditRequest, directions: LabelDirections | None
) -> tuple[Codes, list[str]]:
    """The step (n, width) of strength 1 towards a label's value, and remarks about it."""
    if label in labels_in_code(subject):
        return _in_code(subject, codes, label, value), []
    if directions is None:
        raise RunError(f"{label} is not part of this model's code, and there are no directions of labels")
    direction, notes = _learned(directions, label, request.method), []
    accuracy = directions.separation[directions.names.index(label)]
    if accuracy <= GUESSED:
        notes.append(
            f"a classifier separates codes with and without {label} with an accuracy of only {accuracy:.0%} "
            "(guessing: 50%), so the edit may change little"
        )
    others = [name for name in request.keep if name not in labels_in_code(subject)]
    if others:
        rest = without(direction, np.stack([_learned(directions, name, request.method) for name in others]))
        left, names = share_left(direction, rest), ", ".join(others)
        if left < 0.01:
            raise RunError(f"--keep {names}: nothing of the direction of {label} remains; keep fewer labels")
        notes.append(f"{left:.0%} of the direction of {label} remains, as {names} is kept")
        direction = rest
    sign = 1 if value else -1
    return np.repeat(sign * direction[None], len(codes), 0), notes


def _learned(directions: LabelDirections, label: str, method: Method) -> Codes:
    direction = directions.of(label, method)
    if direction is None:
        raise RunError(f"{label} has no direction: too few of the {directions.source} have it, or too few lack it")
    return direction


def _in_code(subject: Subject, codes: Codes, label: str, value: int) -> Codes:
    """The step in the label part of a code: of an attribute by one whole label, of classes to that class."""
    code = subject.generates.code
    column = labels_in_code(subject).index(label)
    steps, part = np.zeros_like(codes), slice(code.noise, code.noise + code.widths[1])
    if code.exclusive:
        if not value:
            raise RunError(f"--label {label}=0: this model has classes; give the class to change to, with =1")
        steps[:, part] = np.eye(code.labels, dtype=np.float32)[column] - codes[:, part]
    elif code.doubled:
        steps[:, code.noise + 2 * column] = 1 - 2 * value  # the pair is (1 - y, y)
        steps[:, code.noise + 2 * column + 1] = 2 * value - 1
    else:
        steps[:, code.noise + column] = 2 * value - 1
    return steps


MOST = 4000  # training images or samples that directions are learned from


def learn_directions(
    subject: Subject, store: ImageStore, step: int, progress: Progress | None = None, *, limit: int = MOST
) -> LabelDirections:
    """Directions of all labels of a data set, as the run saw it, in the space of a model's codes at a step.

    With an encoder, they are learned from training images and their labels. Without one, they are learned from samples,
    whose labels the judge of the data set predicts. Directions lie in the noise and the continuous codes. At most
    `limit` images are taken; `progress` gets (done, total).

    Raises:
        DataError: the data set has no labels.
        RunError: the model generates no images.
    """
    if not store.label_names:
        raise DataError(f"{store.path} has no labels, so no direction can be learned; pack it with --labels table.csv")
    if isinstance(subject.objective, Encodes):
        rows = choose_rows(store.rows("train"), limit, Draw.EDITING)
        codes, labels = subject.encode(store.pixels(rows), progress), store.labels[rows]
        source = f"{len(rows):,} training images"
    else:
        codes, labels = _judged_samples(subject, store, progress, limit)
        source = f"{len(codes):,} samples, labelled by the judge"
    return learn(codes * continuous_parts(subject), labels, store.label_names, step, source)


def continuous_parts(subject: Subject) -> Codes:
    """(width,) 1 for the noise and the continuous codes, 0 for labels and categories."""
    noise, labels, categorical, continuous = subject.generates.code.widths
    return np.repeat(np.array([1, 0, 0, 1], np.float32), [noise, labels, categorical, continuous])


def _judged_samples(
    subject: Subject, store: ImageStore, progress: Progress | None, limit: int
) -> tuple[Codes, NDArray[np.uint8]]:
    """Codes (n, width) of samples, and the labels (n, K) that the judge predicts for their images.

    A label that the judge has not learned is predicted for no image, so it gets no direction.
    """
    judge = judge_of(store, progress=progress)
    assert judge is not None, "the data set has labels"
    codes = subject.codes(limit, Draw.EDITING)
    predicted = [judge.predict(subject.decode(part)) for part in torch.split(codes, CHUNK)]
    return codes.numpy(), (np.concatenate(predicted) & judge.learned).astype(np.uint8)


SIDE, GAP, CAPTION = 144, 10, 26  # pixels: the longer side at least, between pictures, height of captions
INK, PAPER = (36, 41, 47), (255, 255, 255)


def row_picture(images: NDArray[np.uint8], captions: Sequence[str]) -> NDArray[np.uint8]:
    """Images (n, H, W, C) in a row (height, width, 3), small ones enlarged, with a caption below each."""
    count, height, width = images.shape[:3]
    scale = max(1, -(-SIDE // max(height, width)))
    width, height = width * scale, height * scale
    row = Image.new("RGB", (count * (width + GAP) + GAP, height + 2 * GAP + CAPTION), PAPER)
    pen, font = ImageDraw.Draw(row), ImageFont.load_default(15)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = GAP + index * (width + GAP)
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("RGB")
        row.paste(picture.resize((width, height), Image.Resampling.NEAREST), (left, GAP))
        pen.text((left + width / 2, height + GAP + CAPTION / 2), caption, INK, font, anchor="mm")
    return np.asarray(row)
