"""What directions are learnt from: encoded pictures and their labels, or samples that a judge has labelled."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from simulacra.data.store import ImageStore
from simulacra.errors import DataError
from simulacra.evaluation.judge import judge_of
from simulacra.evaluation.kept_directions import LabelDirections, learn
from simulacra.evaluation.label_directions import Codes
from simulacra.evaluation.subject import CHUNK, Subject
from simulacra.objectives import Encodes
from simulacra.seeds import some

PICTURES, DRAW = 4000, 34  # training images or samples at most, and the key of the draw
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
        rows = some(store.rows("train"), PICTURES, DRAW)
        codes, labels = subject.encode(store.pixels(rows), progress), store.labels[rows]
        source = f"{len(rows):,} training images"
    else:
        codes, labels = _judged(subject, store, progress)
        source = f"{len(codes):,} samples, labelled by the judge"
    return learn(codes * changing(subject), labels, store.label_names, step, source)


def changing(subject: Subject) -> Codes:
    """1 for each number of a code (width,) that changes by degrees, 0 for labels and categories."""
    noise, labels, categorical, continuous = subject.generates.code.widths
    found: Codes = np.repeat(np.array([1, 0, 0, 1], np.float32), [noise, labels, categorical, continuous])
    return found


def _judged(subject: Subject, store: ImageStore, progress: Progress | None) -> tuple[Codes, NDArray[np.uint8]]:
    """Codes (n, width) of samples, and the labels (n, K) that the judge sees in their images.

    A label that the judge has not learnt to tell is seen in no image, so that no direction comes of it.
    """
    judge = judge_of(store, progress=progress)
    assert judge is not None, "the data set has labels"
    codes = subject.codes(PICTURES, DRAW)
    seen = [judge.verdicts(subject.decode(part)) for part in torch.split(codes, CHUNK)]
    return codes.numpy(), (np.concatenate(seen) & judge.learned).astype(np.uint8)
