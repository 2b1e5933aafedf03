"""Run and Model: a trained model from a run folder or from an export; both sample, encode, decode and classify.

And Pictures: what they give, arrays of images that a notebook shows.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, TypeAlias, cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from simulacra.data.batches import to_tensor
from simulacra.data.decode import Meaning, convert_picture, read_picture
from simulacra.editing import EditRequest, codes_of
from simulacra.engine.checkpoints import Which
from simulacra.errors import DataError, RunError
from simulacra.evaluation.directions import Method
from simulacra.evaluation.preview import ENDINGS, scale_for, sheet, to_picture
from simulacra.evaluation.subject import Subject, open_model
from simulacra.exporting.model import load_exported, read_configuration
from simulacra.files import expand, to_npy
from simulacra.objectives import Classifies, Generates
from simulacra.progress import print_error
from simulacra.recipe import Recipe
from simulacra.report.formatting import data_url, plain
from simulacra.report.titles import recipe_line, title_of
from simulacra.runs import RunFolder
from simulacra.verbs.edit import Editor, meaning_of_run
from simulacra.verbs.evaluate import Evaluated, evaluate
from simulacra.verbs.export import export
from simulacra.verbs.sample import draw_samples, never_met, with_labels

Shape = tuple[int, int, int]
Given: TypeAlias = NDArray[np.uint8] | Image.Image | str | Path | Iterable[Any]
DIMENSIONS = {3: 1, 4: None, 5: None}  # of an array that can be shown: one image, many, rows of them


@final
class Pictures(np.ndarray[Any, np.dtype[np.uint8]]):
    """A uint8 array (..., H, W, C) of images, which a notebook shows as a sheet."""

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows; None where the array, after some slicing, holds no images any more."""
        return self._drawn(".png")

    def _drawn(self, ending: str) -> bytes | None:
        """The sheet as the content of a file; None where the array holds no images."""
        if self.dtype != np.uint8 or self.ndim not in DIMENSIONS or self.shape[-1] not in (1, 3) or not self.size:
            return None
        images = np.asarray(self[None] if self.ndim == 3 else self)
        return to_picture(sheet(images), ending, scale_for(images.shape[-3]), marked=len(images) > 1)

    def save(self, path: str | Path) -> None:
        """Writes the sheet as a file of the kind that its ending says; as .npy, the array itself.

        Raises:
            DataError: the array holds no images, the ending is not known, or the file cannot be written.
        """
        target = expand(str(path))
        ending = target.suffix.lower()
        if ending not in (*ENDINGS, ".npy"):
            raise DataError(f"{path} was not written; give a name that ends in {', '.join(ENDINGS)} or .npy")
        content = to_npy(np.asarray(self)) if ending == ".npy" else self._drawn(ending)
        if content is None:
            raise DataError(f"an array of shape {self.shape} is not a sheet of images, so {path} was not written")
        try:
            target.write_bytes(content)
        except OSError as error:
            raise DataError(f"{path} cannot be written ({error.strerror}); choose another path") from error


def show(images: NDArray[np.uint8]) -> Pictures:
    """The same images (n, H, W, C), uint8, such as those of a store, as an array that a notebook shows; no copy."""
    return cast(Pictures, images.view(Pictures))


def as_images(given: Given, shape: Shape, meaning: Meaning | None = None) -> tuple[NDArray[np.uint8], bool]:
    """Images as a model takes them.

    Args:
        given: an array (H, W, C), (n, H, W, C) or, of grey images, (n, H, W), uint8 and of the model's size; or a
            picture of Pillow, a file, or several of these, which are cut at their centre and resized.
        shape: (H, W, C) of the model's images.
        meaning: what the numbers of pictures and files mean, where the model's data say so.

    Returns:
        (n, H, W, C) uint8, and whether a single image was given.

    Raises:
        DataError: the array has another shape or type, or a picture cannot be read.
    """
    if isinstance(given, np.ndarray):
        return _from_array(given, shape)
    if isinstance(given, Image.Image | str | Path):
        return _from_picture(given, shape, meaning or {})[None], True
    images = [as_images(item, shape, meaning)[0] for item in given]
    if not images:
        raise DataError("no image was given; give at least one")
    return np.concatenate(images), False


def _from_array(given: NDArray[Any], shape: Shape) -> tuple[NDArray[np.uint8], bool]:
    array = given[..., None] if given.shape[-2:] == shape[:2] and shape[2] == 1 else given
    single = array.ndim == 3
    array = array[None] if single else array
    if array.dtype != np.uint8 or array.shape[1:] != shape:
        raise DataError(
            f"an array of shape {given.shape} and type {given.dtype} is not an image of this model; expected uint8 of "
            f"shape {shape} or (n, {', '.join(map(str, shape))}), or a picture of Pillow, which is resized"
        )
    return np.array(array, np.uint8), single


def _from_picture(given: Image.Image | str | Path, shape: Shape, meaning: Meaning) -> NDArray[np.uint8]:
    height, width, channels = shape
    size, grey = (width, height), channels == 1
    try:
        if isinstance(given, Image.Image):
            return convert_picture(given, size, grey=grey, **meaning).pixels.copy()
        return read_picture(expand(str(given)), size, grey=grey, **meaning).pixels.copy()
    except DataError as error:
        raise DataError(f"{given} {error}; give another picture") from error


Values = NDArray[np.float32]
GRID = 16  # images that a notebook shows of a model


class TrainedModel(ABC):
    """What can be done with a trained model. Images are uint8 (n, H, W, C), codes float32 (n, width).

    Attributes:
        folder: the folder that it was read from.
    """

    folder: Path

    @property
    @abstractmethod
    def subject(self) -> Subject:
        """The model with its recipe and conditions."""

    @property
    def step(self) -> int:
        """Updates that the model has had."""
        return self.subject.step

    @property
    @abstractmethod
    def title(self) -> str:
        """What was trained: family, data, size and labels."""

    @property
    @abstractmethod
    def origin(self) -> str:
        """The recipe that it was trained by, and what was changed."""

    @property
    def meaning(self) -> Meaning:
        """What the numbers of pictures mean that are given to it, as they did when its data were packed."""
        return {}

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        return self.subject.recipe

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels that the model was trained with, in the order of its code and of `classify`."""
        return tuple(self.recipe.data.labels)

    def sample(self, count: int = 8, *, labels: Mapping[str, int] | None = None, seed: int = 0) -> Pictures:
        """Samples (count, H, W, C); equal seeds give equal images, here and by `simulacra sample`.

        Args:
            count: how many.
            labels: label -> 0 or 1 for all of them; others are drawn as they occur together in the training set.
            seed: of the codes.

        Raises:
            RunError: the model generates no images, or has no such label.
        """
        codes = draw_samples(self.subject, count, seed)
        for line in never_met(RunFolder(self.folder), labels or {}):
            warnings.warn(line, stacklevel=2)
        return show(self.subject.decode(with_labels(self.subject, codes, labels) if labels else codes))

    def decode(self, codes: Values) -> Pictures:
        """Images (n, H, W, C) of codes (n, width).

        Raises:
            RunError: the model generates no images, or its codes have another width.
        """
        given, width = torch.as_tensor(np.array(codes, np.float32)), self.subject.generates.code.width
        if given.ndim != 2 or given.shape[1] != width:
            raise RunError(f"codes of shape {tuple(given.shape)} cannot be decoded; this model takes (n, {width})")
        return show(self.subject.decode(given))

    def encode(self, images: Given) -> Values:
        """Codes (n, width) of images, by the encoder, or by inversion where there is none, which takes a while.

        Raises:
            DataError: the array or picture is not an image of this model.
            RunError: the model generates no images.
        """
        self.subject.generates  # noqa: B018  # raises for a model without codes
        return codes_of(self.subject, as_images(images, self.recipe.data.shape, self.meaning)[0])[0]

    def classify(self, images: Given) -> Values:
        """Predicted probability of each label, (n, labels) in [0, 1]; of classes, each row sums to 1.

        Raises:
            DataError: the array or picture is not an image of this model.
            RunError: the model does not classify.
        """
        model = self.subject.objective
        if not isinstance(model, Classifies):
            raise RunError(
                f"a model of family {self.recipe.objective.family} does not classify; an ACGAN or a classifier does"
            )
        given = to_tensor(as_images(images, self.recipe.data.shape, self.meaning)[0]).to(model.device)
        with model.evaluating():
            logits = model.logits(given).float()
        return (logits.softmax(1) if self.recipe.data.exclusive else logits.sigmoid()).cpu().numpy()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.folder}: {self.title}, update {self.step:,}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: title, recipe, step and samples."""
        head = (
            f"<b>{escape(self.title)}</b><br>{escape(self.origin)}<br>update {self.step:,}, {escape(str(self.folder))}"
        )
        if not isinstance(self.subject.objective, Generates):
            return f"<div>{head}</div>"
        source = data_url(self.sample(GRID)._repr_png_() or b"")
        return f'<div>{head}<br><img alt="{GRID} samples" src="{source}"></div>'


@final
class Model(TrainedModel):
    """An exported model.

    Args:
        folder: what `simulacra export --format safetensors` or `folder` wrote; no code in it is run.

    Raises:
        RunError: the folder holds no exported model, a damaged one, or one of another version.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = expand(folder)
        self._subject = load_exported(self.folder)
        self._config = read_configuration(self.folder)

    @property
    def subject(self) -> Subject:
        """The model with its recipe and conditions."""
        return self._subject

    @property
    def title(self) -> str:
        """The title that it was exported under."""
        return plain(self._config.get("title", ""))

    @property
    def origin(self) -> str:
        """The recipe that it was trained by, and what was changed; empty in exports of earlier versions."""
        return plain(self._config.get("origin", ""))


@final
class Run(TrainedModel):
    """A run folder at one of its checkpoints.

    Args:
        folder: of the run.
        step: of one of its checkpoints, or "best"; the newest by default.
        data: the store that it was trained on, if it has moved.

    Raises:
        RunError: the folder holds no run.
    """

    def __init__(self, folder: str | Path, step: Which = None, data: str | Path | None = None) -> None:
        self.folder = expand(folder)
        self.files = RunFolder(self.folder)
        self.files.require()
        self._step, self._data = step, None if data is None else expand(data)

    @cached_property
    def _editor(self) -> Editor:
        return Editor(self.files, open_model(self.files, self._step), self._data)

    @property
    def subject(self) -> Subject:
        """The model with its recipe and conditions."""
        return self._editor.subject

    @property
    def title(self) -> str:
        """What was trained: family, data, size and labels."""
        return title_of(self.recipe, self.files.read_facts())

    @property
    def origin(self) -> str:
        """The recipe that it was trained by, and what was changed."""
        return recipe_line(self.recipe, self.files.read_facts())

    @property
    def meaning(self) -> Meaning:
        """What the numbers of pictures mean that are given to it, as they did when its data were packed."""
        return meaning_of_run(self.files)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """Rows of metrics.jsonl: means of every loss and accuracy."""
        return self.files.rows("metrics")

    @property
    def evaluations(self) -> list[dict[str, Any]]:
        """Rows of evaluations.jsonl: measured values with n, split, extractor and interval."""
        return [row.to_json() for row in self.files.measurements()]

    def edit(
        self,
        image: Given,
        labels: Mapping[str, int] | None = None,
        *,
        strength: float | Sequence[float] = 1.0,
        method: Method = "mean",
        keep: Sequence[str] = (),
        **more: int,
    ) -> Pictures:
        """Edited images, as `simulacra edit` makes them.

        Args:
            image: one or several.
            labels: label -> 1 to add it, 0 to remove it; a label that is a Python name may be given as `Smiling=1`.
            strength: distance along the direction; 1 is the distance between pictures with and without the label.
                Several strengths give several images.
            method: "mean" or "normal", how directions are learned.
            keep: labels that must not change.
            more: further labels.

        Returns:
            (H, W, C) of one image, (n, H, W, C) of several; several strengths are a dimension before H.

        Raises:
            RunError: this run cannot do it.
            DataError: the array or picture is not an image of this model.
        """
        images, single = as_images(image, self.recipe.data.shape, self.meaning)
        strengths = (strength,) if isinstance(strength, int | float) else tuple(strength)
        request = EditRequest({**(labels or {}), **more}, strengths, method, tuple(keep))
        edited = self._editor.edit(images, request).images
        edited = edited[:, 0] if isinstance(strength, int | float) else edited
        return show(edited[0] if single else edited)

    def evaluate(self, **options: Any) -> Evaluated:
        """Measures this run at its step, as `simulacra.evaluate` does."""
        data = None if options.get("against") else self._data  # `against` names the store to measure against
        given = {"step": self._step, "data": data, "say": print_error} | options
        for name in ("data", "against", "cache"):
            if given.get(name) is not None:
                given[name] = expand(given[name])
        if isinstance(given.get("only"), str):
            given["only"] = (given["only"],)
        return evaluate(self.folder, **given)

    def export(self, out: str | Path, form: str = "safetensors", **options: Any) -> Path:
        """Writes this run for other people and programs, as `simulacra export` does; returns the folder."""
        folder = expand(out)
        export(self.folder, folder, form, **{"step": self._step} | options)
        return folder


open_run, load = Run, Model  # the two ways to open what a training or an export wrote
