"""What a conditional generator makes of its labels: images that share all else."""

import numpy as np
import torch

from simulacra.evaluation.pictures.preview import Arrays
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Generates

PAIRS, CLASSES = 12, 13  # keys that keep the draws apart


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
