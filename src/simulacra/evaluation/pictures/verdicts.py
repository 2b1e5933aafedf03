"""What a model that classifies says of the test images, beside what is true."""

import numpy as np

from simulacra.evaluation.judge import counted, told
from simulacra.evaluation.pictures.preview import Arrays
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Classifies


def confusion(subject: Subject) -> Arrays | None:
    """How many test images of each class (rows) were told to be of each class (columns)."""
    return _counts(subject) if subject.recipe.data.exclusive else None


def verdicts(subject: Subject) -> Arrays | None:
    """For each attribute: test images by whether they have it (off, on) and whether they were told to (off, on)."""
    return None if subject.recipe.data.exclusive else _counts(subject)


def _counts(subject: Subject) -> Arrays | None:
    """What the test images are, by what they are told to be; None where nobody tells any."""
    model, chunks, exclusive = subject.objective, subject.batches("test"), subject.recipe.data.exclusive
    if not isinstance(model, Classifies) or not chunks:
        return None
    logits, true = [], []
    with model.looking():
        for rows in chunks:
            batch = subject.load(rows)
            logits.append(model.logits(batch.images).float().cpu().numpy())
            true.append(batch.labels.cpu().numpy() > 0.5)
    said = told(np.concatenate(logits), exclusive=exclusive)
    counts = counted(np.concatenate(true), said, exclusive=exclusive)
    return {"counts": counts, "label_names": np.array(subject.recipe.data.labels)}
