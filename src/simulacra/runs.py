"""RunFolder: one experiment on disk, and the interface between training, measuring and reporting.

    recipe.toml         the resolved recipe; trains again as it stands
    run.json            versions, commit, device, precision, data card and fingerprint, parameter counts, state
    conditions.npy      (M, K) uint8, label rows of training images, for samples without the data set; only with labels
    metrics.jsonl       a row of means every `every.log` updates; equal runs give equal bytes
    timing.jsonl        seconds and images per second; the one stream that may differ between equal runs
    evaluations.jsonl   a value with its n, split, extractor, interval and step a row
    directions.npz      where labels lead in the space of codes, learned by `simulacra edit`
    checkpoints/        step-00001000.pt, written aside and renamed
    pictures/           NAME.png and NAME.npz, the arrays behind it
    figures/            NAME.svg and NAME.png, drawn by the report
    tensorboard/        event files, a mirror of metrics.jsonl
    report.html

Only the process of rank 0 writes. Nothing here loads torch.
"""

import io
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from simulacra.errors import RunError
from simulacra.files import (
    DAMAGED_ARRAYS,
    can_lock,
    expand,
    parse_json,
    parse_toml,
    read_npy,
    read_npz,
    read_text,
    remove_unfinished,
    sync,
    sync_names,
    write_aside,
)
from simulacra.measurements import Measurement
from simulacra.progress import rough_duration
from simulacra.recipe import Recipe, read_earlier, to_toml

Stream = Literal["metrics", "timing", "evaluations"]
STREAMS: tuple[Stream, ...] = ("metrics", "timing", "evaluations")
# What a reader of run.json may count on, where it says such a thing.
KINDS: dict[str, Any] = {
    "step": int,
    "images_seen": int,
    "seconds": int | float,
    "data": dict,
    "best": dict,
    "measured": dict,
    "measured_by_studies": dict,
    "rows": dict,
}


class RunFolder:
    """The files of one run.

    Args:
        path: the folder; it need not exist yet.
        writes: whether this process writes; of those that train together, the first one does.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path, self.writes = path, writes
        self._held: int | None = None  # the folder itself, opened for as long as this process has locked it

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    # --- identity

    def exists(self) -> bool:
        """Whether the folder holds a run."""
        return (self.path / "recipe.toml").is_file() and (self.path / "run.json").is_file()

    def read_recipe(self) -> Recipe:
        """The resolved recipe of this run; keys that have another name since it was written are read too.

        Raises:
            RunError: the folder holds no run, or recipe.toml is no TOML.
            RecipeError: recipe.toml was changed by hand and is not allowed any more.
        """
        self.require()
        name = str(self.path / "recipe.toml")
        try:
            table = parse_toml(read_text(self.path / "recipe.toml"))
        except ValueError as error:  # no TOML, no UTF-8, or too large
            raise RunError(f"{name} is not TOML: {error}; mend that line") from error
        return read_earlier(table, name)

    def read_facts(self) -> dict[str, Any]:
        """What run.json says. Raises RunError: the folder holds no run, or run.json is damaged."""
        self.require()
        try:
            facts: dict[str, Any] = parse_json(read_text(self.path / "run.json"))
            if not isinstance(facts, dict):
                raise ValueError("it is no table")
            if wrong := [key for key, kind in KINDS.items() if key in facts and not isinstance(facts[key], kind)]:
                raise ValueError(f"{wrong[0]} is {facts[wrong[0]]!r}")
        except ValueError as error:
            raise RunError(f"{self.path}/run.json is damaged ({error}); train again into another folder") from error
        return facts

    def data_places(self) -> Iterator[Path]:
        """Where the store may be: as it was typed, its whole path, and as typed but seen from above the run."""
        trained = self.read_facts().get("data", {})
        typed = expand(str(trained.get("path")))
        yield typed
        if "absolute" in trained:
            yield Path(str(trained["absolute"]))
        if not typed.is_absolute():  # a project that was moved as a whole
            yield from (folder / typed for folder in self.path.absolute().parents)

    def in_words(self) -> str:
        """How far the run is: "finished: 2,107 steps in 4 min", or "stopped: step 300 of 1,000".

        Raises:
            RunError: as `read_facts` and `read_recipe`.
        """
        facts, recipe = self.read_facts(), self.read_recipe()
        state, step = facts.get("state", "running"), facts.get("step", 0)
        if state == "finished":
            return f"finished: {step:,} steps in {rough_duration(facts.get('seconds', 0))}"
        return f"{state}: step {step:,}" + ("" if recipe.minutes else f" of {recipe.steps:,}")

    def require(self) -> None:
        """Raises RunError unless the folder holds a run."""
        self._require_in_place()
        if not self.exists():
            raise RunError(f"{self.path} holds no run (it has no recipe.toml and run.json); {another_run(self.path)}")

    @cached_property
    def _lock(self) -> FileLock:  # made when it is first needed: it takes longer than to list a run
        return FileLock(self.path / ".lock", timeout=0)

    @contextmanager
    def lock(self, say: Callable[[str], None] = lambda _: None, remedy: str = "wait for it") -> Iterator[None]:
        """Keeps other processes out of this folder until the context ends.

        A folder that this call has made is deleted if nothing was written into it.

        Args:
            say: takes a line where the disk knows no locks, and nobody is kept out.
            remedy: what a person can do where another process holds the folder.

        Raises:
            RunError: another process holds it, or the folder cannot be written.
        """
        fresh = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if can_lock(self.path / ".lock"):
                self._lock.acquire()
            else:
                say(f"the disk of {self.path} cannot lock files; let no other process write there meanwhile")
            for folder in (self.path, self.path / "checkpoints", self.path / "pictures"):
                remove_unfinished(folder)
            if os.name == "posix":  # elsewhere a folder with an open file can be neither moved nor deleted
                self._held = os.open(self.path, os.O_RDONLY)
        except Timeout as error:
            raise RunError(f"another process is training in {self.path}; {remedy}") from error
        except OSError as error:
            raise RunError(f"{self.path} cannot be written ({error.strerror}); give another --out") from error
        try:
            yield
        finally:
            if self._held is not None:
                os.close(self._held)
                self._held = None
            self._lock.release()
            with suppress(OSError):
                if fresh and [path.name for path in self.path.iterdir()] == [".lock"]:
                    (self.path / ".lock").unlink()
                    self.path.rmdir()

    def _require_in_place(self) -> None:
        """Raises RunError where the folder that this process has locked was moved or deleted: nothing is made anew."""
        if self._held is None:
            return
        with suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samestat(os.fstat(self._held), self.path.stat()):
                return
        raise RunError(
            f"{self.path} was moved or deleted while files were written into it; move it back, then the same command "
            "goes on from the last checkpoint"
        )

    @contextmanager
    def lock_if_writable(self, say: Callable[[str], None] = lambda _: None) -> Iterator[bool]:
        """The same, for what may as well be printed only: gives whether the folder can be written.

        Raises:
            RunError: another process holds it.
        """
        if not self._is_writable():
            yield False
            return
        with self.lock(say):
            yield True

    def _is_writable(self) -> bool:
        """Whether files can be written into the folder; a root user is asked by a disk that nobody may write to."""
        try:
            can_lock(self.path / ".lock")
        except OSError:
            return False
        return os.access(self.path, os.W_OK)

    def write_recipe(self, recipe: Recipe) -> None:
        """Writes recipe.toml."""
        self.write("recipe.toml", to_toml(recipe).encode())

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Merges into run.json."""
        if not self.writes:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        old = self.read_facts() if self.exists() else {}
        self._sync_rows()  # a run that is noted as finished has its rows
        self.write("run.json", (json.dumps(old | dict(facts), indent=1) + "\n").encode())

    def write(self, name: str, content: bytes) -> Path:
        """Writes one file of the run aside and renames it, so that no reader sees half of it."""
        if not self.writes:
            return self.path / name
        self._require_in_place()
        return write_aside(self.path / name, content)

    # --- streams of rows

    def append(self, stream: Stream, row: Mapping[str, Any]) -> None:
        """Adds one row, with its `step` among the keys."""
        path = self.path / f"{stream}.jsonl"
        if not self.writes:
            return
        self._require_in_place()
        if (
            path.is_symlink()
            and (target := path.resolve()).is_file()
            and not target.is_relative_to(self.path.resolve())
        ):
            raise RunError(f"{path} is a link to {target}, which is no part of the run; put the file itself there")
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            why = f"{error.strerror}); free space, then the same command goes on"
            raise RunError(f"{path} cannot be written ({why}") from error

    def rows(self, stream: Stream) -> list[dict[str, Any]]:
        """All rows of a stream, without a last line that was torn.

        Raises:
            RunError: another line is damaged; the error that it is raised from says how.
        """
        path, rows = self.path / f"{stream}.jsonl", []
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                rows.append(parse_json(line))
                if not (isinstance(rows[-1], dict) and isinstance(rows[-1].get("step"), int)):
                    raise ValueError("it has no step")
            except ValueError as error:
                raise RunError(f"{path} is damaged at line {number} ({error}); remove that line") from error
        return rows

    def count_rows(self) -> dict[str, int]:
        """Stream -> how many rows it has."""
        return {stream: len(self.rows(stream)) for stream in STREAMS}

    def lacks_rows(self) -> bool:
        """Whether the run has fewer rows than when it finished, as where it was copied at that moment.

        Raises:
            RunError: a line or run.json is damaged.
        """
        noted, counted = self.read_facts().get("rows", {}), self.count_rows()
        return any(isinstance(count := noted.get(name), int) and counted[name] < count for name in STREAMS)

    def measurements(self) -> list[Measurement]:
        """Rows of evaluations.jsonl in the order of the file, those of earlier versions under the new names.

        Raises:
            RunError: a line is damaged.
        """
        return [Measurement.from_json(row) for row in self.rows("evaluations")]

    def _sync_rows(self) -> None:
        """Has the disk keep all rows: what is written next must not outlive them in a power cut.

        No training would write the rows before a checkpoint again.
        """
        for stream in STREAMS if self.writes else ():
            if (rows := self.path / f"{stream}.jsonl").is_file():
                with rows.open("rb") as file:
                    sync(file.fileno())
        sync_names(self.path)

    def rewind(self, step: int) -> None:
        """Drops what was written after a step, and what a snapshot measured at that step: it is written again.

        Rows of `evaluate` have the seed of their samples; those of that step stay.
        """
        if not self.writes:
            return
        for stream in STREAMS:
            if (self.path / f"{stream}.jsonl").is_file():
                lines = [
                    json.dumps(row) + "\n" for row in self.rows(stream) if not _is_written_again(stream, row, step)
                ]
                self.write(f"{stream}.jsonl", "".join(lines).encode())
        for name, path in self.pictures().items():
            if (drawn := re.fullmatch(r"fixed-(\d+)", name)) and int(drawn[1]) > step:
                path.unlink()
                path.with_suffix(".png").unlink(missing_ok=True)

    # --- checkpoints

    def checkpoints(self) -> dict[int, Path]:
        """Step -> file of every finished checkpoint, ascending."""
        folder = self.path / "checkpoints"
        try:
            names = [re.fullmatch(r"step-(\d+)\.pt", path.name) for path in folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return {
            int(match[1]): folder / match[0] for match in sorted(filter(None, names), key=lambda match: int(match[1]))
        }

    def write_checkpoint(self, step: int, content: bytes, keep: int) -> Path:
        """Writes a state; keeps the newest `keep` states (0 keeps all) and the one that is marked best."""
        self._sync_rows()
        path = self.write(f"checkpoints/step-{step:08d}.pt", content)
        self.drop_checkpoints(keep)
        return path

    def drop_checkpoints(self, keep: int) -> None:
        """Deletes all states but the newest `keep` (0 keeps all) and the one that is marked best."""
        files, best = self.checkpoints(), self.read_best()
        for old in sorted(files)[:-keep] if keep and self.writes else []:
            if old != best:
                files[old].unlink()

    def read_best(self) -> int | None:
        """The step of the checkpoint that is marked best, or None where none is."""
        return self.read_facts().get("best", {}).get("step") if self.exists() else None

    # --- pictures

    def write_picture(self, name: str, arrays: Mapping[str, NDArray[Any]], png: bytes) -> None:
        """Keeps a picture and the arrays behind it, as pictures/NAME.png and pictures/NAME.npz."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]  # the stubs know no array mapping
        self.write(f"pictures/{name}.npz", buffer.getvalue())
        self.write(f"pictures/{name}.png", png)

    def read_conditions(self, recipe: Recipe) -> NDArray[np.uint8] | None:
        """Label rows (M, K) of training images, or None where no label conditions the model.

        Args:
            recipe: of this run.

        Raises:
            RunError: they are missing or damaged.
        """
        path, count = self.path / "conditions.npy", len(recipe.data.labels)
        if not count:
            return None
        try:
            rows: NDArray[np.uint8] = read_npy(path)
            if rows.dtype != np.uint8 or rows.ndim != 2 or not len(rows) or rows.shape[1] != count:
                raise ValueError
        except DAMAGED_ARRAYS as error:
            why = "is missing or damaged; copy it from the original run, or train again"
            raise RunError(f"{path} {why}") from error
        return rows

    def pictures(self) -> dict[str, Path]:
        """Name -> file of arrays of every picture, sorted by name."""
        return {path.stem: path for path in sorted((self.path / "pictures").glob("[!.]*.npz"))}

    def arrays(self, name: str) -> dict[str, NDArray[Any]] | None:
        """The arrays behind a picture, or None where it was not drawn. Raises DAMAGED_ARRAYS: they cannot be read."""
        path = self.path / "pictures" / f"{name}.npz"
        return read_npz(path) if path.is_file() else None


def another_run(path: Path) -> str:
    """What to do where a folder holds no run: the nearest name of a run beside it, or a command that trains one there.

    Args:
        path: the folder, which need not exist.
    """
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    runs = [folder.name for folder in beside if RunFolder(folder).exists()]
    if close := get_close_matches(path.name, runs, n=1):
        return f"did you mean {path.parent / close[0]}?"
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        return "give the folder of a run, like runs/NAME"
    return f"train one there, like: simulacra train demo-vae --data avatars --out {shlex.quote(str(path))}"


def _is_written_again(stream: Stream, row: dict[str, Any], step: int) -> bool:
    """Whether a training that goes on from a step writes a row again; a snapshot at that step is repeated too."""
    of_snapshot = stream == "evaluations" and "seed" not in row  # rows of `evaluate` have a seed
    return row["step"] > step or (row["step"] == step and of_snapshot)
