"""Library: the runs that can be explored, by name, and their loaded models; and what every route works with."""

import asyncio
import io
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from weakref import WeakValueDictionary

import numpy as np
from fastapi import Depends, Query, Request
from numpy.typing import NDArray
from PIL import Image
from starlette.responses import Response
from torch import Tensor

from simulacra.data.store import ImageStore
from simulacra.engine.checkpoints import chosen_checkpoint
from simulacra.errors import RunError, SimulacraError
from simulacra.evaluation.codes import Description, codes_of, pack, to_json
from simulacra.evaluation.data_of_run import store_at_hand
from simulacra.evaluation.directions import NAME, Directions, LabelDirections, kept_of, map_of
from simulacra.evaluation.preview import to_png
from simulacra.evaluation.subject import Subject, open_model
from simulacra.objectives import FAMILIES
from simulacra.report.formatting import run_names, slug, unique
from simulacra.runs import RunFolder, another_run

MOST_BYTES = 512 * 2**20  # of weights that stay loaded
MOST_MODELS = 128  # that stay loaded, as each may keep files of its own open
Stamp = tuple[int, int] | None  # when a file was written, in nanoseconds, and its size; None where there is no file


class UnknownRun(RunError):
    """The library has no run of that name."""


@dataclass(frozen=True)
class LoadedRun:
    """One run at one of its checkpoints."""

    run: RunFolder
    subject: Subject  # the model, with its data set where that is at hand
    map: dict[str, NDArray[Any]] | None  # arrays of the map of test codes; None where this checkpoint has none
    label_directions: LabelDirections | None  # what `simulacra edit` learned and kept of this checkpoint
    beside: tuple[Stamp, ...]  # of the files that the map and the directions were read from

    @property
    def step(self) -> int:
        """Of the checkpoint."""
        return self.subject.step

    @cached_property
    def directions(self) -> Directions:
        """Directions in the space of its codes; each is computed when it is first needed."""
        return Directions(self.subject, self.map, self.label_directions)

    def codes(self, descriptions: Sequence[Description]) -> Tensor:
        """Codes (n, width) of descriptions."""
        return codes_of(self.subject, descriptions, self.directions)

    @cached_property
    def maps(self) -> dict[str, Any]:
        """Maps that were made of the arrays, by kind."""
        return {}

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        return sum(value.nbytes for value in self.subject.objective.networks.state_dict().values())


@dataclass(frozen=True)
class RunFacts:
    """What the list says of a run."""

    family: str
    state: str
    steps: list[int]  # of its checkpoints, ascending
    studies: object  # what run.json says of studies that it belongs to


def _facts_of(run: RunFolder) -> RunFacts | str:
    """The facts of a run without its recipe, which takes twenty times as long to read; or why they cannot be read."""
    try:
        facts, steps = run.read_facts(), list(run.checkpoints())
        family = facts.get("family")
        if family not in FAMILIES:
            family = run.read_recipe().objective.family
    except SimulacraError as error:
        return str(error)
    return RunFacts(family, str(facts.get("state", "")), steps, facts.get("studies"))


class Library:
    """Runs by name, and loaded models, of which the least recently used are unloaded.

    A request for a model that is loaded opens no file: it lists the run's checkpoints and compares the times at which
    files were written. Paths are run folders, or folders that hold run folders, which `refresh` lists again. Weights of
    `most_bytes`, of MOST_MODELS models at most, stay loaded; the model in use stays in any case. Models of the same
    data share one store, and so its labels in memory and its open files.

    Raises:
        RunError: a path is neither.
    """

    def __init__(self, paths: list[Path], most_bytes: int = MOST_BYTES) -> None:
        self.paths, self.most_bytes = paths, most_bytes
        self.runs: dict[str, RunFolder] = {}
        self.titles: dict[str, str] = {}
        self._loaded: OrderedDict[tuple[Path, Stamp], LoadedRun] = OrderedDict()
        self._stores: WeakValueDictionary[tuple[Path, str, bytes], ImageStore] = WeakValueDictionary()
        self._facts: dict[Path, tuple[tuple[Stamp, ...], RunFacts | str]] = {}
        self._lock = threading.RLock()
        self.refresh()

    def refresh(self) -> None:
        """Lists the runs that are there now, in `runs` and `titles`; keys are names that an address can hold."""
        folders: dict[Path, None] = {}
        for path in self.paths:
            inside = [path] if RunFolder(path).exists() else runs_in(path)
            if not inside:
                raise RunError(
                    f"{path} holds no run and no folder with one (a run has recipe.toml and run.json); "
                    f"{another_run(path)}"
                )
            folders |= dict.fromkeys(inside)
        if list(folders) == [run.path for run in self.runs.values()]:
            return
        titles = run_names(list(folders))
        names = unique([slug(title) for title in titles])
        with self._lock:
            self.titles = dict(zip(names, titles, strict=True))
            self._facts = {path: facts for path, facts in self._facts.items() if path in folders}
            self.runs = {name: RunFolder(path) for name, path in zip(names, folders, strict=True)}

    def run(self, name: str) -> RunFolder:
        """A run by its name, which is looked up and never joined to a path; UnknownRun where there is none."""
        if name not in self.runs:
            raise UnknownRun(f"there is no run {name[:80]!r} here; choose one of the list")
        return self.runs[name]

    def facts(self, run: RunFolder) -> RunFacts | str:
        """What the list says of a run, read anew where its files changed; a sentence where they cannot be read."""
        stamps = tuple(stamp(f"{run.path}/{name}") for name in ("run.json", "recipe.toml", "checkpoints"))
        kept = self._facts.get(run.path)
        if kept is None or kept[0] != stamps:
            kept = stamps, _facts_of(run)
            with self._lock:
                self._facts[run.path] = kept
        return kept[1]

    def load(self, name: str, step: int | None = None) -> LoadedRun:
        """A run at a checkpoint, the newest by default; loaded once for as long as its file stays the same.

        Raises:
            UnknownRun: no such run.
            RunError: no such checkpoint, or one that cannot be read.
        """
        run = self.run(name)
        with self._lock:
            try:
                return self._load(run, step)
            except RunError:
                if step is not None or not run.checkpoints():
                    raise
                return self._load(run, None)  # a training removed the checkpoint in the meantime

    def _load(self, run: RunFolder, step: int | None) -> LoadedRun:
        path, step = chosen_checkpoint(run, step)
        written = stamp(path)
        if written is None:
            raise RunError(f"{path} is no longer there; choose another checkpoint")
        key, now = (path, written), beside(run)
        loaded = self._loaded.get(key)
        if loaded is None:
            # Nobody can ask again for a checkpoint that a training has removed.
            for other in [other for other in self._loaded if stamp(other[0]) != other[1]]:
                del self._loaded[other]
            subject = open_model(run, step, store=self._store(run))
            loaded = LoadedRun(run, subject, map_of(run, step), kept_of(run, step), now)
        elif loaded.beside != now:
            loaded = replace(loaded, map=map_of(run, step), label_directions=kept_of(run, step), beside=now)
        self._loaded[key] = loaded
        self._loaded.move_to_end(key)
        while len(self._loaded) > 1 and self._is_full():
            self._loaded.popitem(last=False)
        return loaded

    def _is_full(self) -> bool:
        models = self._loaded.values()
        return len(models) > MOST_MODELS or sum(model.size for model in models) > self.most_bytes

    def _store(self, run: RunFolder) -> ImageStore | None:
        """The data set of a run where it is at hand, the very object that loaded models of the same data have."""
        store = store_at_hand(run)
        if store is None:
            return None
        return self._stores.setdefault((store.path, store.fingerprint, store.split.tobytes()), store)


def stamp(path: Path | str) -> Stamp:
    """When a file was written, and its size; None where there is no file."""
    try:
        status = os.stat(path)  # noqa: PTH116  # a Path for each file of thousands of runs would take seconds
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def beside(run: RunFolder) -> tuple[Stamp, ...]:
    """Stamps of the files that a run's map and directions are read from; run.json says which step the map is of."""
    drawn = stamp(run.path / "pictures" / "map.npz")
    return drawn, stamp(run.path / "run.json") if drawn else None, stamp(run.path / NAME)


def runs_in(folder: Path) -> list[Path]:
    """Run folders directly in a folder, by name."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        inside = sorted(entry.name for entry in entries if entry.is_dir() and _is_run(entry.path))
    return [folder / name for name in inside]


def _is_run(path: str) -> bool:
    """Whether a folder holds a run, as `RunFolder.exists` says."""
    return stamp(f"{path}/recipe.toml") is not None and stamp(f"{path}/run.json") is not None


T = TypeVar("T")
Format = Literal["png", "json"]
Animated = Literal["gif", "webp"]
Answer = Response | dict[str, Any]


class Busy(SimulacraError):
    """More is asked for at once than the explorer takes on."""


class Worker:
    """A thread that does one piece of work after the other.

    Args:
        name: of the thread.
        most: pieces of work that may wait, so that what they hold stays small.
    """

    def __init__(self, name: str, most: int) -> None:
        self.most, self.waiting = most, 0
        self._thread = ThreadPoolExecutor(1, name)
        self._ahead: Future[object] | None = None

    async def do(self, work: Callable[[], T]) -> T:
        """The result of some work, which takes none of the threads that answer other requests while it waits.

        Raises:
            Busy: too much waits already.
        """
        if self.waiting >= self.most:
            raise Busy(f"{self.waiting} requests are waiting already; try again in a moment")
        self.waiting += 1
        try:
            return await asyncio.wrap_future(self._thread.submit(work))
        finally:
            self.waiting -= 1

    def do_ahead(self, work: Callable[[], object]) -> None:
        """Does some work that nobody waits for, unless there is other work."""
        if not self.waiting and (self._ahead is None or self._ahead.done()):
            self._ahead = self._thread.submit(work)


@dataclass
class Explorer:
    """What the explorer works with.

    Pictures, which a person waits for while a slider moves, are drawn in one thread; work of seconds has the other.
    """

    library: Library
    drawing: Worker = field(default_factory=lambda: Worker("drawing", 200))
    searching: Worker = field(default_factory=lambda: Worker("searching", 20))
    uploaded: int = 0  # bytes of uploads that are not answered yet


@dataclass(frozen=True)
class RunRequest:
    """A request for something of one run."""

    explorer: Explorer
    name: str  # of the run, as in the address
    step: int | None  # of the checkpoint; None is the newest

    async def with_model(self, work: Callable[[LoadedRun], T], *, slow: bool = False) -> T:
        """Loads the run's model and works with it, in the thread for such work."""
        worker = self.explorer.searching if slow else self.explorer.drawing
        return await worker.do(lambda: work(self.explorer.library.load(self.name, self.step)))


def run_request(request: Request, name: str, step: Annotated[int | None, Query(ge=0)] = None) -> RunRequest:
    """The run in the path and the checkpoint in the query."""
    return RunRequest(request.app.state.explorer, name, step)


Requested = Annotated[RunRequest, Depends(run_request)]


def png(images: NDArray[np.uint8]) -> Response:
    """Images (n, H, W, C) side by side as one PNG, without a gap; the page cuts them apart."""
    count, height, width, channels = images.shape
    strip = images.transpose(1, 0, 2, 3).reshape(height, count * width, channels)
    return Response(to_png(strip), media_type="image/png", headers={"X-Count": str(count)})


FRAME = 70  # milliseconds
LARGE = 256  # pixels that frames are enlarged to, about


def there_and_back(count: int) -> list[int]:
    """Indices of frames from the first to the last and back, so that an animation repeats without a jump."""
    return [*range(count), *range(count - 2, 0, -1)]


def animation(
    images: NDArray[np.uint8], form: Animated, *, pixels: bool, frame: int = FRAME, rest: int = FRAME
) -> Response:
    """Images (n, H, W, C) one after the other, again and again, as an animated GIF (256 colours a frame) or WebP.

    They are enlarged by a whole factor: smoothly, as the page draws them, or, with `pixels`, each pixel as a square.
    Each stays for `frame` milliseconds, the last one for `rest`.
    """
    count, height, width, channels = images.shape
    factor = max(1, LARGE // max(height, width))
    resampling = Image.Resampling.NEAREST if pixels else Image.Resampling.BICUBIC
    drawn = [Image.fromarray(image[..., 0] if channels == 1 else image) for image in images]
    frames = [image.resize((factor * width, factor * height), resampling) for image in drawn]
    if form == "gif" and channels == 3:
        frames = [image.quantize(256) for image in frames]
    buffer, durations = io.BytesIO(), [frame] * (count - 1) + [rest]
    options: dict[str, Any] = {"quality": 90} if form == "webp" else {}
    frames[0].save(buffer, form.upper(), save_all=True, append_images=frames[1:], duration=durations, loop=0, **options)
    return Response(buffer.getvalue(), media_type=f"image/{form}")


def described(descriptions: Sequence[Description]) -> list[Any]:
    """Descriptions as JSON values."""
    return [json.loads(to_json(description)) for description in descriptions]


def as_numbers(codes: Tensor) -> list[dict[str, str]]:
    """Codes (n, width) as descriptions by their numbers."""
    return [{"numbers": pack(code)} for code in codes]
