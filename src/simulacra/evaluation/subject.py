"""Subject: a model with all that is needed to look at it; `open_model`, which gives one of a run; and its threads."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.data.batches import Batch, to_images, to_tensor
from simulacra.data.store import ImageStore
from simulacra.engine.checkpoints import Which, restore
from simulacra.errors import Diverged, RunError
from simulacra.objectives import Encodes, Generates, Objective
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.seeds import choose_rows, torch_seed

Weights = Literal["ema", "raw"]  # the exponential moving average of the weights, or the weights themselves

Progress = Callable[[int, int], None]  # called with (done, total)

CHUNK = 250  # images decoded or encoded at once
FEW = 16  # images that one thread decodes at once: what lies between layers stays in the processor's cache


@dataclass(frozen=True)
class Subject:
    """A model with all that is needed to look at it."""

    objective: Objective  # with its networks in eval mode, where `open_model` gave it
    recipe: Recipe  # the resolved recipe
    # (M, K) uint8 label rows of training images, from which samples' labels are drawn; None without
    conditions: NDArray[np.uint8] | None
    store: ImageStore | None = None  # the data set, or None where it is not at hand
    step: int = 0  # updates that the checkpoint has had; 0 for a model that is still being trained
    weights: Weights = "raw"  # which weights of the checkpoint

    @property
    def generates(self) -> Generates:
        """The objective as one that generates images.

        Raises:
            RunError: it cannot.
        """
        if not isinstance(self.objective, Generates):
            raise RunError(
                f"a model of family {self.recipe.objective.family} generates no images; give a run that does"
            )
        return self.objective

    def codes(self, count: int, *keys: int, seed: int | None = None) -> Tensor:
        """Codes (count, width) float32 on the CPU that follow from the seed (the recipe's by default) and the keys.

        Labels are as they occur.
        """
        generator = torch.Generator().manual_seed(torch_seed(self.recipe.seed if seed is None else seed, *keys))
        labels = None
        if self.conditions is not None:
            rows = torch.randint(len(self.conditions), (count,), generator=generator)
            labels = torch.from_numpy(self.conditions)[rows].float()
        return self.generates.code.draw(count, labels, generator)

    def decode(self, codes: Tensor) -> NDArray[np.uint8]:
        """Images (n, H, W, C) uint8 of codes (n, width).

        Raises:
            Diverged: the networks give a value that is no number.
        """
        model, device = self.generates, self.objective.device

        def generated(part: Tensor) -> NDArray[np.uint8]:
            with torch.no_grad():  # a thread has a mode of its own
                images = model.decode(part.to(device))
            if images.isnan().any():
                raise Diverged(f"a generated image is no finite number at step {self.step:,}; choose another --step")
            return to_images(images)

        with self.objective.evaluating():
            if device.type != "cpu":
                return np.concatenate([generated(part) for part in torch.split(codes, CHUNK)])
            if len(codes) <= FEW:  # one worker's share: this thread is that worker
                with one_thread():
                    return generated(codes)
            with workers() as pool:
                return np.concatenate(list(pool.map(generated, torch.split(codes, FEW))))

    def encode(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[np.float32]:
        """Codes (n, width) of images (n, H, W, C); `progress` is called with (done, total) images.

        Raises:
            RunError: the family has no encoder.
            Diverged: the encoder gives a value that is no finite number.
        """
        model = self.objective
        if not isinstance(model, Encodes):
            raise RunError(f"a model of family {self.recipe.objective.family} has no encoder; give a run that has")
        codes = [np.empty((0, self.generates.code.width), np.float32)]
        with model.evaluating():
            for start in range(0, len(images), CHUNK):
                part = to_tensor(images[start : start + CHUNK]).to(model.device)
                codes.append(model.encode(part).float().cpu().numpy())
                if not np.isfinite(codes[-1]).all():
                    raise Diverged(
                        f"the code of an image is no finite number at step {self.step:,}; choose another --step"
                    )
                if progress:
                    progress(min(start + CHUNK, len(images)), len(images))
        return np.concatenate(codes)

    def batches(self, split: str, limit: int | None = None) -> list[NDArray[np.int64]]:
        """Rows of a split in chunks, at most `limit` by `choose_rows`; none without the split or the data set."""
        if self.store is None:
            return []
        rows = choose_rows(self.store.rows(split), limit)
        return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]

    def load(self, rows: NDArray[np.int64]) -> Batch:
        """Images and conditioning labels of these rows, never flipped, on the objective's device."""
        assert self.store is not None, "rows come from a store"
        columns = self.store.columns(tuple(self.recipe.data.labels))
        labels = torch.from_numpy(self.store.labels[rows][:, columns]).float()
        return Batch(to_tensor(self.store.pixels(rows)), labels).to(self.objective.device)


def open_model(
    run: RunFolder,
    step: Which = None,
    *,
    weights: Weights | None = None,
    store: ImageStore | None = None,
    recipe: Recipe | None = None,
) -> Subject:
    """A run at one of its checkpoints, on the CPU and in eval mode.

    Args:
        run: the run.
        step: of one of its checkpoints, or the one marked best; the newest by default.
        weights: the EMA where the recipe keeps one, or the weights themselves; the EMA by default, if there is one.
        store: the data set, such as `store_of` gives it; None where only codes and images are asked for.
        recipe: of the run, where the caller has read it already.

    Raises:
        RunError: no run, no such checkpoint or weights, or a checkpoint that does not fit the recipe.
    """
    recipe = recipe or run.read_recipe()
    weights = weights_of(recipe, weights)
    objective, step = restore(run, step, recipe=recipe, ema=weights == "ema")
    return Subject(objective, recipe, run.read_conditions(recipe), store, step, weights)


def weights_of(recipe: Recipe, wanted: Weights | None = None) -> Weights:
    """Which weights are used: the EMA where the recipe keeps one, unless others are wanted.

    Raises:
        RunError: the EMA is wanted and there is none.
    """
    if wanted == "ema" and not recipe.ema:
        raise RunError("--weights ema: this run keeps no EMA of its weights (ema = 0); give raw")
    return wanted or recipe.weights


_LOCK = Lock()
_USERS: list[int] = []  # of one thread at the moment, each with the number of threads that torch has without them


@contextmanager
def one_thread() -> Iterator[int]:
    """Torch computes with one thread here; gives how many threads it had."""
    with _LOCK:
        count = _USERS[0] if _USERS else torch.get_num_threads()
        _USERS.append(count)
    try:
        torch.set_num_threads(1)
        yield count
    finally:
        with _LOCK:
            _USERS.pop()
            torch.set_num_threads(count)  # in this thread, and in those to come


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """As many workers as torch has threads, each of which computes with one.

    Threads that share each layer wait for one another after it: beside another busy program that was seen to take ten
    times as long as a chunk of images for each thread does. Nor do digits then depend on how many threads there are.
    Several threads may have workers at once, as the explorer's desks do: torch keeps one number for threads to come and
    one in each thread, so each worker sets its own, and the first user remembers the number.
    """
    with one_thread() as count, ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield pool
