"""Runs of a study on a Dask cluster: the same tasks, which come back as run folders or as bytes of them."""

import io
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from simulacra import __version__
from simulacra.errors import StudyError
from simulacra.files import write_aside
from simulacra.studies.answer import Outcome
from simulacra.studies.plan import PlannedRun
from simulacra.verbs.study_run import Task
from simulacra.verbs.study_workers import Children, Crew

TIMEOUT = 10  # seconds in which a scheduler answers
CHILDREN = Children(threads=1)  # processes of this worker, used for run after run, as a start takes seconds
LEFT_BEHIND = {".lock", "tensorboard"}  # parts of a run folder that are of no use elsewhere


@dataclass(frozen=True)
class Token:
    """A file in the folder of all studies, by which a worker sees whether it shares that folder.

    Attributes:
        path: of the file.
        content: what is in it.
    """

    path: Path
    content: str

    @property
    def is_seen(self) -> bool:
        """Whether this machine has the file."""
        return self.path.is_file() and self.path.read_text("utf-8") == self.content


@dataclass(frozen=True)
class Sent:
    """What goes to a worker.

    Attributes:
        task: with whole paths, as the sender sees them.
        token: of the sender's folder.
        version: of the sender.
        before: the run that this one starts from, as bytes; for workers that do not share the folder.
    """

    task: Task
    token: Token
    version: str
    before: bytes | None


@contextmanager
def cluster(scheduler: str, out: Path) -> Iterator[Crew]:
    """Runs on the workers of a Dask scheduler, one torch thread each.

    Args:
        scheduler: its address.
        out: the folder of all studies, which workers may share.

    Raises:
        StudyError: Dask is not installed, no scheduler answers, it has no workers, or one has another version.
    """
    try:
        dask: Any = import_module("distributed")
    except ImportError as error:
        raise StudyError("--scheduler takes Dask; install it: pip install 'dask[distributed]'") from error
    try:
        client = dask.Client(scheduler, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        what = f"--scheduler {scheduler}: no Dask scheduler answers there"
        raise StudyError(f"{what} ({error}); start one with dask scheduler, and give its address") from error
    name = secrets.token_hex(8)
    token = Token(out.absolute() / f".study-{name}", name)
    with client:
        threads = check_workers(client, scheduler)
        write_aside(token.path, token.content.encode())
        try:
            executor = client.get_executor(pure=False)
            yield Crew(threads, partial(send, executor, token), receive)
        finally:
            token.path.unlink(missing_ok=True)
            with suppress(OSError):  # the scheduler has gone, and its workers go with it
                client.run(end_idle, on_error="ignore")


def check_workers(client: Any, scheduler: str) -> int:
    """How many runs the workers of a scheduler take at a time.

    Raises:
        StudyError: there is no worker, or one has another version of Simulacra, or none.
    """
    threads: dict[str, int] = client.nthreads()
    if not threads:
        raise StudyError(f"--scheduler {scheduler} has no workers; start some: dask worker {scheduler} --nthreads 1")
    for worker, version in client.run(version_there, on_error="return").items():
        if version != __version__:
            has = f"Simulacra {version}" if isinstance(version, str) else f"no Simulacra that can be used ({version})"
            raise StudyError(f"worker {worker} has {has}, and this machine {__version__}; install the same on both")
    return sum(threads.values())


def version_there() -> str:
    """The version of Simulacra of a worker."""
    return __version__


def end_idle() -> None:
    """Ends the processes of a worker that have nothing to do, so that a finished study leaves none."""
    CHILDREN.release()


def send(executor: Any, token: Token, task: Task) -> Any:
    """Hands a task to the cluster; its future gives what `receive` takes."""
    before = task.run.before
    run = replace(task.run, folder=task.run.folder.absolute())
    content = pack(before.folder) if before else None
    return executor.submit(carry_out_there, Sent(task._replace(run=run), token, __version__, content))


def carry_out_there(sent: Sent) -> tuple[str, str, float, bytes | None]:
    """Carries out a task on a worker: state, reason, seconds, and the run folder where the sender does not see it.

    Raises:
        StudyError: the worker has another version than the sender.
    """
    if sent.version != __version__:
        raise StudyError(
            f"a worker has Simulacra {__version__}, and the study {sent.version}; install the same on both"
        )
    if sent.token.is_seen:
        return *_words(CHILDREN.carry_out(sent.task)), None
    with tempfile.TemporaryDirectory(prefix="simulacra-study-") as folder:
        there = Path(folder)
        run = moved(sent.task.run, there)
        if run.before is not None and sent.before is not None:
            unpack(sent.before, run.before.folder)
        words = _words(CHILDREN.carry_out(sent.task._replace(run=run)))
        if not run.folder.exists():
            return *words, None
        name_here(run, sent.task.run)
        return *words, pack(run.folder)


def _words(outcome: Outcome | None) -> tuple[str, str, float]:
    return ("stopped", "", 0.0) if outcome is None else (outcome.state, outcome.why, outcome.seconds)


def moved(run: PlannedRun, there: Path) -> PlannedRun:
    """A run, and the one that it starts from, in another folder."""
    before, recipe = run.before, run.recipe
    if before is not None and recipe.start is not None:
        before = moved(before, there)
        start = recipe.start.model_copy(update={"run": str(before.folder)})
        recipe = recipe.model_copy(update={"start": start})
    return replace(run, recipe=recipe, before=before, folder=there / run.folder.name)


def name_here(run: PlannedRun, here: PlannedRun) -> None:
    """Has the recipe of a run name the run that it starts from as the sender calls it."""
    if run.recipe.start is None or here.recipe.start is None:
        return
    for name in ("recipe.toml", "run.json"):
        path = run.folder / name
        if path.is_file():
            text = path.read_text("utf-8").replace(run.recipe.start.run, here.recipe.start.run)
            path.write_text(text, "utf-8")


def receive(task: Task, result: tuple[Any, str, float, bytes | None]) -> Outcome | None:
    """What became of a task; a run folder that came as bytes is written where it belongs."""
    state, why, seconds, content = result
    if content is not None:
        unpack(content, task.run.folder)
    return None if state == "stopped" else Outcome(task.run, state, why, seconds)


def pack(folder: Path) -> bytes:
    """A run folder as the bytes of a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            if path.name not in LEFT_BEHIND:
                archive.add(path, path.name)
    return buffer.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """A run folder out of such bytes, whole or not at all; it takes the place of one that is there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as aside:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(aside, filter="data")
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(aside, folder)
