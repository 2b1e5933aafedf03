"""Shelf: the runs that can be explored and their loaded models; and the desk that makes one picture at a time."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from simulacra.data.splits import hold_out
from simulacra.data.store import ImageStore, is_store, open_store
from simulacra.engine.checkpoints import chosen_checkpoint, restore
from simulacra.errors import RunError, SimulacraError
from simulacra.evaluation.directions import NAME, Directions, LabelDirections, kept_of, map_file, map_of
from simulacra.evaluation.subject import Subject
from simulacra.recipe import Recipe
from simulacra.report.formatting import run_names, slug, unique
from simulacra.runs import RunFolder

MOST_BYTES = 512 * 2**20  # of weights that stay loaded; the model in use stays in any case
Key = tuple[Path, int, int, int, int]  # a checkpoint: its file, when written, its size; the map and directions: when


class Unknown(RunError):
    """There is no run of that name on the shelf."""


@dataclass(frozen=True)
class Loaded:
    """One run at one of its checkpoints.

    Attributes:
        run: its folder.
        step: of the checkpoint.
        subject: the model, with its data set where that is at hand.
        map: the arrays of the run's map of test codes; None where it has none of this checkpoint.
        kept: directions of labels that the run keeps of this checkpoint, or None.
    """

    run: RunFolder
    step: int
    subject: Subject
    map: dict[str, NDArray[Any]] | None
    kept: LabelDirections | None

    @cached_property
    def directions(self) -> Directions:
        """Directions in its code."""
        return Directions(self.subject, self.map, self.kept)

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        return sum(value.nbytes for value in self.subject.objective.networks.state_dict().values())


class Shelf:
    """Runs by name, and loaded models, the least used of which are let go.

    Args:
        paths: run folders, or folders that hold run folders; those are looked through again when runs are listed.

    Raises:
        RunError: a path is neither.
    """

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.runs: dict[str, RunFolder] = {}
        self.titles: dict[str, str] = {}
        self._loaded: OrderedDict[Key, Loaded] = OrderedDict()
        self._lock = threading.RLock()
        self.look()

    def look(self) -> None:
        """Finds the runs that are there now: `runs` and `titles`, both by the name that an address has."""
        found: dict[Path, None] = {}
        for path in self.paths:
            inside = [path] if RunFolder(path).exists() else runs_below(path)
            if not inside:
                raise RunError(
                    f"{path} holds no run and no folder with one (a run has recipe.toml and run.json); train one: "
                    f"simulacra train RECIPE --out {path}"
                )
            found |= dict.fromkeys(inside)
        titles = run_names(list(found))
        names = unique([slug(title) for title in titles])
        with self._lock:
            self.titles = dict(zip(names, titles, strict=True))
            self.runs = {name: RunFolder(path) for name, path in zip(names, found, strict=True)}

    def run(self, name: str) -> RunFolder:
        """A run by its name; a name is looked up, never joined to a path.

        Raises:
            Unknown: no such run.
        """
        if name not in self.runs:
            raise Unknown(f"there is no run {name[:80]!r} here; choose one of the list")
        return self.runs[name]

    def load(self, name: str, step: int | None = None) -> Loaded:
        """A run at a checkpoint, the newest by default; loaded once for as long as its file stays the same.

        Raises:
            Unknown: no such run.
            RunError: no such checkpoint, or one that cannot be read.
        """
        with self._lock:
            try:
                return self._load(self.run(name), step)
            except RunError:
                if step is not None or not self.run(name).checkpoints():
                    raise
                return self._load(self.run(name), None)  # a training removed the checkpoint in the meantime

    def _load(self, run: RunFolder, step: int | None) -> Loaded:
        path, step = chosen_checkpoint(run, step)
        try:
            told = path.stat()
        except OSError as error:
            raise RunError(f"{path} has gone; choose another checkpoint") from error
        beside = (written(map_file(run, step)), written(run.path / NAME))
        key = (path, told.st_mtime_ns, told.st_size, *beside)
        kept = self._loaded.get(key)
        if kept is None:
            recipe = run.read_recipe()
            objective, _ = restore(run, step, recipe=recipe)
            subject = Subject(objective, recipe, run.read_conditions(recipe), store_of(run, recipe))
            kept = Loaded(run, step, subject, map_of(run, step), kept_of(run, step))
        self._loaded[key] = kept
        self._loaded.move_to_end(key)
        while len(self._loaded) > 1 and sum(one.size for one in self._loaded.values()) > MOST_BYTES:
            self._loaded.popitem(last=False)
        return kept


def written(path: Path | None) -> int:
    """When a file was written, in nanoseconds; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns if path else 0
    except OSError:
        return 0


def runs_below(folder: Path) -> list[Path]:
    """Run folders directly in a folder, by name."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and RunFolder(path).exists())


def store_of(run: RunFolder, recipe: Recipe) -> ImageStore | None:
    """The data set that a run was trained on, or None where it is not at its old place any more."""
    known = run.read_facts().get("data", {})
    place = Path(str(known.get("path")))
    if not is_store(place):
        return None
    try:
        store = open_store(place)
    except SimulacraError:
        return None
    return hold_out(store, recipe.data.holdout, recipe.seed) if store.fingerprint == known.get("fingerprint") else None


MOST_PAGES = 1000  # of which the newest wish is remembered

T = TypeVar("T")


class Overtaken(Exception):
    """A newer wish of the same page for the same view has come; nobody waits for this one any more."""


@dataclass(frozen=True)
class Wish:
    """Who wants something.

    Attributes:
        page: a number that an open page gave itself, or "" where only one is wanted.
        view: what it is for; views do not overtake one another.
        turn: which wish of this page it is; a higher one is newer.
    """

    page: str = ""
    view: str = ""
    turn: int = 0


class Desk:
    """One thread that makes pictures: a network that is read by two at once would only make both wait."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "desk")
        self._newest: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lock = threading.Lock()

    def make(self, wish: Wish, work: Callable[[], T]) -> T:
        """Does the work when its turn comes, unless it is overtaken by then.

        Raises:
            Overtaken: it was.
        """
        self._note(wish)

        def begin() -> T:
            if self.is_overtaken(wish):
                raise Overtaken
            return work()

        return self._thread.submit(begin).result()

    def later(self, work: Callable[[], object]) -> None:
        """Does the work when there is nothing else to do, for nobody in particular."""
        self._thread.submit(work)

    def is_overtaken(self, wish: Wish) -> bool:
        """Whether a newer wish has come; work of many parts asks between them."""
        with self._lock:
            return self._newest.get((wish.page, wish.view), wish.turn) > wish.turn

    def close(self) -> None:
        """Lets the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _note(self, wish: Wish) -> None:
        if not wish.page:
            return
        key = (wish.page, wish.view)
        with self._lock:
            self._newest[key] = max(wish.turn, self._newest.get(key, wish.turn))
            self._newest.move_to_end(key)
            while len(self._newest) > MOST_PAGES:
                self._newest.popitem(last=False)
