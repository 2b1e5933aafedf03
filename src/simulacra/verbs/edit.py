"""The verb `edit`: a picture of one's own, changed in what a label says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import Meaning, meaning_of, read_picture
from simulacra.data.store import ImageStore
from simulacra.editing import Edited, Wish, edit_images, learn_directions, own_labels, row_picture
from simulacra.engine.checkpoints import Which, restore
from simulacra.errors import DataError, RunError, nearest
from simulacra.evaluation.directions import METHODS, NAME, LabelDirections, Method, kept_of, to_bytes
from simulacra.evaluation.pictures.preview import ENDINGS, to_picture
from simulacra.evaluation.subject import Subject
from simulacra.files import write_aside
from simulacra.progress import Live
from simulacra.runs import RunFolder
from simulacra.verbs.evaluate import store_of
from simulacra.verbs.export import note_of_state
from simulacra.verbs.sample import parse_labels

Say = Callable[[str], None]


@dataclass(frozen=True)
class Editor:
    """A run that pictures can be edited with.

    Attributes:
        run: its folder; learnt directions are kept there.
        subject: the restored objective.
        step: of its checkpoint.
        data: the store that it was trained on, if it has moved.
    """

    run: RunFolder
    subject: Subject
    step: int
    data: Path | None = None

    def __call__(self, images: NDArray[np.uint8], wish: Wish) -> Edited:
        """Edits pictures (n, H, W, C) of the size that the model makes; learns directions where none are kept.

        Raises:
            RunError: the wish cannot be met, or there is neither a kept direction nor the data to learn one.
        """
        check(wish)
        self.subject.generates  # noqa: B018  # refuses a model that makes no images, before anything is learnt
        own = own_labels(self.subject)
        learnt = [name for name in (*wish.labels, *wish.keep) if name not in own]
        directions = self.directions() if any(name not in own for name in wish.labels) else None
        known = (*own, *(directions.names if directions else self.subject.recipe.data.labels))
        for name in learnt if directions else wish.labels:
            if name not in known:
                flag = "--keep" if name in wish.keep else "--label"
                raise RunError(f"{flag} {name}: neither the model nor its data knows it; {nearest(name, known)}")
        with Live("looking for the picture's code") as live:
            return edit_images(self.subject, images, wish, directions, live.count)

    def directions(self) -> LabelDirections:
        """The kept directions of this step, or new ones, which are then kept.

        Raises:
            RunError: none are kept and the data set is not at hand.
            DataError: it has no labels.
        """
        if (kept := kept_of(self.run, self.step)) is not None:
            return kept
        with Live("learning directions") as live:
            found = learn_directions(self.subject, self._store(), self.step, live.count)
        self.run.write(NAME, to_bytes(found))
        return found

    def _store(self) -> ImageStore:
        try:
            return store_of(self.run, self.subject.recipe, self.data)
        except DataError as error:
            kept = f"{self.run.path} keeps no directions of step {self.step:,}, and learning them takes the data set"
            raise RunError(f"{kept}: {error}") from error


def open_editor(path: Path, step: Which = None, data: Path | None = None) -> Editor:
    """A run's editor.

    Raises:
        RunError: no run, or no such checkpoint.
    """
    run = RunFolder(path)
    recipe = run.read_recipe()
    objective, step = restore(run, step, recipe=recipe)
    return Editor(run, Subject(objective, recipe, run.read_conditions(recipe)), step, data)


def edit(
    path: Path,
    picture: Path,
    wish: Wish,
    out: Path,
    *,
    step: Which = None,
    data: Path | None = None,
    crop: str = "center",
    say: Say = lambda _: None,
) -> str:
    """Writes an edited picture: of one strength the picture, of several a row of all beside the original.

    Args:
        path: the run folder.
        picture: a picture file of any size; what is cut out of it is resized to what the model makes.
        wish: what is to change.
        out: FILE.png, or another of `preview.ENDINGS`.
        step: of one of the run's checkpoints, or the one marked best; the newest by default.
        data: the store that was trained on, if it has moved.
        crop: how the picture is cut, as in `simulacra pack`.
        say: told, in one line each, what a person should know.

    Returns:
        What was written, in one line.

    Raises:
        RunError: the wish cannot be met by this run.
        DataError: the picture cannot be read.
    """
    if out.suffix.lower() not in ENDINGS:
        raise RunError(f"--out {out}: expected a name that ends in {', '.join(ENDINGS)}")
    check(wish)
    editor = open_editor(path, step, data)
    height, width, channels = editor.subject.recipe.data.shape
    try:
        original = read_picture(
            picture, (width, height), crop, grey=channels == 1, **meaning_of_run(editor.run)
        ).pixels.copy()  # Pillow's own is read-only
    except DataError as error:
        raise DataError(f"{picture} {error}; give another picture") from error
    edited = editor(original[None], wish)
    if unfinished := note_of_state(editor.run, editor.step):
        say(unfinished)
    for note in edited.notes:
        say(f"- {note}")
    if len(wish.strengths) == 1:
        write_aside(out, to_picture(edited.images[0, 0], out.suffix))
    else:
        images = np.concatenate([original[None], edited.images[0]])
        row = row_picture(images, ["original", *(f"{strength:g}" for strength in wish.strengths)])
        write_aside(out, to_picture(row, out.suffix))
    told = ", ".join(f"{name}={value}" for name, value in wish.labels.items())
    return f"{picture} with {told} by {path} at step {editor.step:,}: {out}"


def meaning_of_run(run: RunFolder) -> Meaning:
    """What the numbers of a picture mean to a run, as they did when its data were packed."""
    return meaning_of(run.read_facts().get("data", {}).get("card", {}))


def check(wish: Wish) -> None:
    """Raises RunError where a wish says something that no model could be asked."""
    if not wish.labels:
        raise RunError("nothing to change was given; say what with --label NAME=1 or --label NAME=0")
    for name, value in wish.labels.items():
        if value not in (0, 1):
            raise RunError(f"--label {name}={value}: expected 0 or 1; --strength says how far")
        if name in wish.keep:
            raise RunError(f"--keep {name}: it is to be changed and kept at once; take one of the two away")
    if wish.method not in METHODS:
        raise RunError(f"--method {wish.method}: there is no such method; known: {', '.join(METHODS)}")
    if not wish.strengths or not all(isfinite(strength) for strength in wish.strengths):
        given = ",".join(map(str, wish.strengths))
        raise RunError(f"--strength {given}: expected a number like 1.5, or --strengths -2,-1,0,1,2")


def wish_of(labels: Sequence[str], strengths: tuple[float, ...], method: str, keep: Sequence[str]) -> Wish:
    """A wish from the words of a command line, labels as NAME=0 or NAME=1.

    Raises:
        RunError: a label is given otherwise, or the wish cannot be.
    """
    wish = Wish(parse_labels(labels), strengths, cast(Method, method), tuple(keep))
    check(wish)
    return wish


def parse_strengths(one: str, several: str | None = None) -> tuple[float, ...]:
    """Strengths from `1.5`, or from `-2,-1,0,1,2` where several are given.

    Raises:
        RunError: a part is no number.
    """
    try:
        return tuple(float(part) for part in several.split(",")) if several is not None else (float(one),)
    except ValueError as error:
        given = f"--strength {one}" if several is None else f"--strengths {several}"
        raise RunError(f"{given}: expected a number like 1.5, or --strengths -2,-1,0,1,2") from error
