"""The verb `edit`: a picture file, changed in one label or several."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import Meaning, meaning_of, read_picture
from simulacra.data.store import ImageStore, is_store
from simulacra.editing import EditRequest, EditResult, edit_images, labels_in_code, learn_directions, row_picture
from simulacra.engine.checkpoints import Which
from simulacra.errors import DataError, RunError, nearest
from simulacra.evaluation.data_of_run import store_of
from simulacra.evaluation.directions import METHODS, NAME, LabelDirections, Method, kept_of, to_bytes
from simulacra.evaluation.preview import ENDINGS, to_picture
from simulacra.evaluation.subject import Subject, open_model
from simulacra.files import keep_aside, write_aside
from simulacra.progress import Live, print_error
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.verbs.export import note_of_state
from simulacra.verbs.sample import parse_labels

Say = Callable[[str], None]


@dataclass(frozen=True)
class Editor:
    """Edits pictures with one run.

    Attributes:
        run: its folder; learned directions are kept there.
        subject: the run's model.
        data: the store that it was trained on, if it has moved.
    """

    run: RunFolder
    subject: Subject
    data: Path | None = None

    def edit(self, images: NDArray[np.uint8], request: EditRequest) -> EditResult:
        """Edits pictures (n, H, W, C) of the size of the model's images; learns directions where none are kept.

        Raises:
            RunError: this run cannot do it, or there are neither kept directions nor the data to learn them from.
        """
        check(request)
        self.subject.generates  # noqa: B018  # refuses a model that generates no images before anything is learned
        in_code = labels_in_code(self.subject)
        directions = self.directions() if any(name not in in_code for name in request.labels) else None
        labels = (*in_code, *(directions.names if directions else self.subject.recipe.data.labels))
        for name in (*request.labels, *request.keep) if directions else request.labels:
            if name not in labels:
                flag = "--keep" if name in request.keep else "--label"
                raise RunError(f"{flag} {name}: neither the model nor its data has this label; {nearest(name, labels)}")
        with Live("searching for the picture's code") as live:
            return edit_images(self.subject, images, request, directions, live.count)

    def directions(self) -> LabelDirections:
        """The kept directions of this step, or new ones, which are then kept.

        Raises:
            RunError: none are kept and the data set is not at hand.
            DataError: it has no labels.
        """
        step = self.subject.step
        if (kept := kept_of(self.run, step)) is not None:
            return kept
        try:
            store = store_of(self.run, self.data, recipe=self.subject.recipe, say=print_error)
        except DataError as error:
            kept_none = f"{self.run.path} keeps no directions of step {step:,}, and learning them needs the data set"
            raise RunError(f"{kept_none}: {error}") from error
        if not store.label_names:
            raise DataError(no_labels(self.run, self.subject.recipe, store))
        with Live("learning directions") as live:
            learned = learn_directions(self.subject, store, step, live.count)
        keep_aside(self.run.path / NAME, to_bytes(learned))  # else they are learned again the next time
        return learned


def edit(
    path: Path,
    picture: Path,
    request: EditRequest,
    out: Path,
    *,
    step: Which = None,
    data: Path | None = None,
    crop: str = "center",
    say: Say = lambda _: None,
) -> str:
    """Writes an edited picture: with one strength the picture, with several strengths a row beside the original.

    Args:
        path: the run folder.
        picture: a picture file of any size, which is cropped and resized to the size of the model's images.
        request: what to change.
        out: FILE.png, or another of `preview.ENDINGS`.
        step: of one of the run's checkpoints, or the one marked best; the newest by default.
        data: the store that was trained on, if it has moved.
        crop: how the picture is cut, as in `simulacra pack`.
        say: called with each line that a person should read.

    Returns:
        What was written, in one line.

    Raises:
        RunError: this run cannot do it.
        DataError: the picture cannot be read.
    """
    if out.suffix.lower() not in ENDINGS:
        raise RunError(f"--out {out}: expected a name that ends in {', '.join(ENDINGS)}")
    run = RunFolder(path)
    editor = Editor(run, open_model(run, step), data)
    height, width, channels = editor.subject.recipe.data.shape
    try:
        read = read_picture(picture, (width, height), crop, grey=channels == 1, **meaning_of_run(editor.run))
    except DataError as error:
        raise DataError(f"{picture} {error}; give another picture") from error
    original = read.pixels.copy()  # a writable array
    edited = editor.edit(original[None], request)
    if unfinished := note_of_state(editor.run, editor.subject.step):
        say(unfinished)
    for note in edited.notes:
        say(f"- {note}")
    if len(request.strengths) == 1:
        write_aside(out, to_picture(edited.images[0, 0], out.suffix))
    else:
        images = np.concatenate([original[None], edited.images[0]])
        row = row_picture(images, ["original", *(f"{strength:g}" for strength in request.strengths)])
        write_aside(out, to_picture(row, out.suffix))
    changes = ", ".join(f"{name}={value}" for name, value in request.labels.items())
    return f"{picture} with {changes} by {path} at step {editor.subject.step:,}: {out}"


def no_labels(run: RunFolder, recipe: Recipe, store: ImageStore) -> str:
    """Why no direction can be learned from data without labels, and how to label it for this run.

    A run that was trained without labels takes the same pictures with labels, if they are packed as for the run.
    """
    source = recipe.data.source
    data = Path(source.path) if source else store.path
    if data.is_relative_to(Path.cwd()):
        data = data.relative_to(Path.cwd())
    folder = shlex.quote(str(data)) if data.is_dir() and not is_store(data) else "PICTURES"
    height, width, channels = store.shape
    form = [f"--size {width}x{height}", *(["--grey"] if channels == 1 else [])]
    asked = {"crop": store.card.get("crop"), **(source.options if source else {})}
    given = {name: asked.get(name) for name in ("crop", "background", "values")}
    form += [f"--{name} {shlex.quote(str(value))}" for name, value in given.items() if value not in (None, "center")]
    command = f"simulacra pack folder {folder} --labels TABLE {' '.join(form)} --out stores/labelled"
    return (
        f"{data} has no labels, so {run.path} has no direction of a label to learn; pack its pictures with a table of "
        f"attributes, a row for each picture: {command}; then repeat this with --data stores/labelled"
    )


def meaning_of_run(run: RunFolder) -> Meaning:
    """What the numbers of a picture mean to a run, as they did when its data were packed."""
    return meaning_of(run.read_facts().get("data", {}).get("card", {}))


def check(request: EditRequest) -> None:
    """Raises RunError where a request cannot be fulfilled by any model."""
    if not request.labels:
        raise RunError("no label was given; say what to change with --label NAME=1 or --label NAME=0")
    for name, value in request.labels.items():
        if value not in (0, 1):
            raise RunError(f"--label {name}={value}: expected 0 or 1; the distance is given by --strength")
        if name in request.keep:
            raise RunError(f"--keep {name}: a label cannot be changed and kept at once; remove one of the two")
    if request.method not in METHODS:
        raise RunError(f"--method {request.method}: there is no such method; known: {', '.join(METHODS)}")
    if not request.strengths or not all(isfinite(strength) for strength in request.strengths):
        given = ",".join(map(str, request.strengths))
        raise RunError(f"--strength {given}: expected a number like 1.5, or --strengths -2,-1,0,1,2")


def request_of(labels: Sequence[str], strengths: tuple[float, ...], method: str, keep: Sequence[str]) -> EditRequest:
    """A request from the options of a command line, labels as NAME=0 or NAME=1.

    Raises:
        RunError: a label is given otherwise, or the request cannot be fulfilled.
    """
    request = EditRequest(parse_labels(labels), strengths, cast(Method, method), tuple(keep))
    check(request)
    return request


def parse_strengths(single: str, several: str | None = None) -> tuple[float, ...]:
    """Strengths from `1.5`, or from `-2,-1,0,1,2` where several are given. Raises RunError: a part is not a number."""
    try:
        return tuple(float(part) for part in several.split(",")) if several is not None else (float(single),)
    except ValueError as error:
        given = f"--strength {single}" if several is None else f"--strengths {several}"
        raise RunError(f"{given}: expected a number like 1.5, or --strengths -2,-1,0,1,2") from error
