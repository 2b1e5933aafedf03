"""What a model that classifies says of the test images, beside what is true."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.evaluation.pictures.preview import Arrays
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Classifies

Counts = NDArray[np.int64]


def confusion(subject: Subject) -> Arrays | None:
    """How many test images of each class (rows) were told to be of each class (columns)."""
    if not subject.recipe.data.exclusive or (told := _told(subject)) is None:
        return None
    logits, labels = told
    number = labels.shape[1]
    cells = labels.argmax(1) * number + logits.argmax(1)
    counts: Counts = torch.bincount(cells, minlength=number**2).reshape(number, number).numpy()
    return {"counts": counts, "label_names": np.array(subject.recipe.data.labels)}


def verdicts(subject: Subject) -> Arrays | None:
    """For each attribute: test images by whether they have it (off, on) and whether they were told to (off, on)."""
    if subject.recipe.data.exclusive or (told := _told(subject)) is None:
        return None
    said, true = told[0] > 0, told[1] > 0.5
    counts: Counts = (
        torch.stack(
            [torch.stack([((true == on) & (said == yes)).sum(0) for yes in (False, True)]) for on in (False, True)]
        )
        .permute(2, 0, 1)
        .numpy()
    )
    return {"counts": counts, "label_names": np.array(subject.recipe.data.labels)}


def _told(subject: Subject) -> tuple[Tensor, Tensor] | None:
    """Logits and labels (n, K) of the test images, or None where nobody tells any."""
    model, chunks = subject.objective, subject.batches("test")
    if not isinstance(model, Classifies) or not chunks:
        return None
    logits, labels = [], []
    with model.looking():
        for rows in chunks:
            batch = subject.load(rows)
            logits.append(model.logits(batch.images).float().cpu())
            labels.append(batch.labels.cpu())
    return torch.cat(logits), torch.cat(labels)
