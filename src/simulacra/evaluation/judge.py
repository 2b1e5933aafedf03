"""Judge: a small classifier, trained on real images once per data set, that predicts which labels an image shows.

Conditional samples are judged by a network that never saw the model: a model's own label head would praise whatever the
generator learned to please it with. The judge's own errors are measured on real images that it was not trained on.
"""

import hashlib
import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.data.batches import Batches, to_tensor
from simulacra.data.store import ImageStore
from simulacra.engine.devices import Devices
from simulacra.engine.optimizers import Optimizers
from simulacra.evaluation.subject import Progress
from simulacra.files import keep_aside, user_cache
from simulacra.objectives import build
from simulacra.objectives.classifier import Classifier
from simulacra.recipe import Recipe, read_table, to_toml
from simulacra.seeds import choose_rows

FORMAT = 2
CHUNK = 250  # images judged at once
BATCH = 64
EPOCHS = 20  # at most: small data sets are memorised
PIXELS = 100_000_000  # of all training images together, about half a minute of one slow core
FEWEST_SEEN = 20_000  # images, however large they are
MOST_HELD_OUT = 10_000
LEARNED = 0.7  # area under the curve from which a judge's predictions count; chance is 0.5
TESTED = {"true", "predicted", "auc"}
Values = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Judge:
    """A trained classifier, with its errors on real images that it was not trained on."""

    objective: Classifier
    label: str  # what measurements call it
    label_names: tuple[str, ...]  # K names, all labels of the data set
    exclusive: bool  # whether an image has exactly one of them
    true: Flags  # (m, K) labels of held-out images
    predicted: Flags  # (m, K) what it predicts for them
    # (K,) area under the ROC curve of each label against all images without it; nan where the held-out images are all
    # alike in it
    auc: NDArray[np.float64]

    @property
    def n(self) -> int:
        """How many held-out images it was tested on."""
        return len(self.true)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Counts of the held-out images by true (first of the last two axes) and predicted label (second).

        (K, K) of exclusive classes, (K, 2, 2) of attributes, without and with.
        """
        return count_confusion(self.true, self.predicted, exclusive=self.exclusive)

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """(K,) the share of images predicted correctly: for a class of its own held-out images, else of all."""
        right = np.diagonal(self.confusion, axis1=-2, axis2=-1).astype(np.float64)
        return right / np.maximum(self.confusion.sum(1), 1) if self.exclusive else right.sum(1) / max(self.n, 1)

    @property
    def learned(self) -> NDArray[np.bool_]:
        """(K,) whether the judge knows a label well enough for its predictions to count."""
        return self.auc >= LEARNED  # false for nan

    def logits(self, images: NDArray[np.uint8], progress: Progress | None = None) -> Values:
        """Logits (n, K) of images (n, H, W, C) uint8."""
        return _computed(images, self.objective, self.objective.logits, progress)

    def probabilities(self, images: NDArray[np.uint8], progress: Progress | None = None) -> Values:
        """(n, K) in [0, 1]: over exclusive classes they add up to 1, of attributes each stands alone."""
        logits = torch.from_numpy(self.logits(images, progress))
        return (logits.softmax(1) if self.exclusive else logits.sigmoid()).numpy()

    def predict(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[np.bool_]:
        """(n, K): the likeliest class, or each attribute that is likelier there than not."""
        return predicted_labels(self.logits(images, progress), exclusive=self.exclusive)

    def features(self, images: NDArray[np.uint8], progress: Progress | None = None) -> Values:
        """(n, d): the last map before the head, averaged over its positions."""
        encoder = self.objective.networks["encoder"]
        return _computed(images, self.objective, lambda part: encoder(part).mean((2, 3)), progress)


def judge_of(store: ImageStore, *, cache: Path | None = None, progress: Progress | None = None) -> Judge | None:
    """The judge of a data set, from the cache or trained and kept there; the same one for the same images and labels.

    Its training images train the judge, its test images (else the valid ones) test it. None without labels. Judges are
    kept in `cache`, the user's cache folder by default; `progress` gets (done, total) updates while one is trained.

    Raises:
        DataError: there is no training image.
    """
    if not store.label_names:
        return None
    recipe = recipe_of(store)
    # All that may change a digit is part of the name: content, which images train, recipe, its code's format, torch.
    words = (store.fingerprint, to_toml(recipe), str(FORMAT), torch.__version__)
    digest = hashlib.sha256("\n".join(words).encode() + store.split.tobytes()).hexdigest()[:24]
    folder = cache or user_cache("judges")
    path = folder / f"judge-{digest}.pt" if folder else None
    with torch.random.fork_rng(devices=[]):  # whoever asks for a judge draws as if nobody had
        objective = _fresh(recipe)
        state = _read(path, objective) if path else None
        if state is None:
            objective = _fresh(recipe)  # a damaged file may have filled it in part
            _train(objective, recipe, store, progress)
    if state is None or not state.keys() >= TESTED:  # earlier versions kept less
        state = tested(objective, store)
        buffer = io.BytesIO()
        tensors = {name: torch.from_numpy(array) for name, array in state.items()}
        torch.save({"networks": objective.networks.state_dict()} | tensors, buffer)
        keep_aside(path, buffer.getvalue())
    return Judge(objective, f"judge {digest[:8]}", store.label_names, store.exclusive, **state)


def recipe_of(store: ImageStore) -> Recipe:
    """How the judge of a data set is trained: a classifier whose size and training follow from the images' size."""
    height, width, channels = store.shape
    halvings = 1
    while halvings < 5 and min(height, width) >> (halvings + 1) >= 3:
        halvings += 1
    seen = min(EPOCHS * len(store.rows("train")), max(PIXELS // (height * width), FEWEST_SEEN))
    steps = max(1, seen // BATCH)
    stages = [16 * 2**stage for stage in range(halvings)]
    labels = {"labels": list(store.label_names), "exclusive": store.exclusive}
    table = {
        "title": "judge",
        "steps": steps,
        "data": {"name": "judged", "size": f"{width}x{height}", "channels": channels, "batch": BATCH} | labels,
        "objective": {"family": "classifier"},
        "networks": {"encoder": {"kind": "convolution", "channels": stages, "head": "dense"}},
        "optimizer": {"name": "adamw", "lr": 3e-3, "weight_decay": 0.01, "schedule": "cosine", "warmup": steps // 20},
    }
    return read_table(table, "the judge's recipe", {})


def _fresh(recipe: Recipe) -> Classifier:
    """The classifier of a recipe with its first weights."""
    objective = build(recipe)
    assert isinstance(objective, Classifier), "a judge is a classifier"
    return objective


def _train(objective: Classifier, recipe: Recipe, store: ImageStore, progress: Progress | None) -> None:
    """Trains a fresh classifier in place."""
    devices = Devices("cpu", "float32")  # the same judge on every machine
    devices.move(objective.networks)
    optimize = Optimizers(objective, recipe.optimizer, devices)
    labels = store.label_names
    batches = Batches(store, batch=recipe.data.batch, seed=recipe.seed, flip=False, labels=labels)
    for step in range(recipe.steps):
        optimize.at(step, recipe.steps)
        objective.update(batches[step], step, optimize)
        if progress:
            progress(step + 1, recipe.steps)


def tested(objective: Classifier, store: ImageStore) -> dict[str, NDArray[Any]]:
    """What a classifier does on held-out images: the entries TESTED of `Judge`."""
    rows = choose_rows(store.rows("test" if len(store.rows("test")) else "valid"), MOST_HELD_OUT)
    true = store.labels[rows].astype(bool)
    logits = _computed(store.pixels(rows), objective, objective.logits)
    ranked = torch.from_numpy(logits).softmax(1).numpy() if store.exclusive else logits
    auc = [_area(*columns) for columns in zip(true.T, ranked.T, strict=True)]
    predicted = predicted_labels(logits, exclusive=store.exclusive)
    return {"true": true, "predicted": predicted, "auc": np.array(auc)}


def predicted_labels(logits: NDArray[Any], *, exclusive: bool) -> NDArray[np.bool_]:
    """Predicted labels (n, K) of logits (n, K)."""
    if not exclusive:
        return logits > 0
    return np.eye(logits.shape[1], dtype=bool)[logits.argmax(1)]


def count_confusion(true: NDArray[np.bool_], predicted: NDArray[np.bool_], *, exclusive: bool) -> NDArray[np.int64]:
    """Counts of labels (n, K) and predicted labels (n, K): (K, K) or (K, 2, 2), true by predicted."""
    if exclusive:
        return true.astype(np.int64).T @ predicted.astype(np.int64)
    sides = np.array([[(true == on) & (predicted == yes) for yes in (False, True)] for on in (False, True)])
    return sides.sum(2, dtype=np.int64).transpose(2, 0, 1)


def _computed(
    images: NDArray[np.uint8],
    objective: Classifier,
    function: Callable[[Tensor], Tensor],
    progress: Progress | None = None,
) -> Values:
    """What a part of the classifier gives for images, some at a time."""
    parts = []
    with objective.evaluating():
        for start in range(0, max(1, len(images)), CHUNK):  # at least once, so that the width is known
            part = np.array(images[start : start + CHUNK])  # a copy: mapped images cannot be written
            parts.append(function(to_tensor(part).to(objective.device)).float().cpu().numpy())
            if progress:
                progress(min(start + CHUNK, len(images)), len(images))
    return np.concatenate(parts)


def _area(true: NDArray[np.bool_], scores: NDArray[Any]) -> float:
    """Area under the ROC curve, nan where all are alike."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(true, scores)) if true.any() and not true.all() else float("nan")


def _read(path: Path, objective: Classifier) -> dict[str, NDArray[Any]] | None:
    """Puts cached weights into a classifier and gives the file's arrays; None where it is missing or damaged."""
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        objective.networks.load_state_dict(state["networks"])
        return {name: state[name].numpy() for name in TESTED if name in state}
    except (OSError, RuntimeError, KeyError, ValueError, EOFError, TypeError, AttributeError, pickle.UnpicklingError):
        return None
