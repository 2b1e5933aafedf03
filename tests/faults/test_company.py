"""Several processes on one folder, store and cache; and what they use is moved, deleted, packed anew or copied."""

import builtins
import io
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.engine.checkpoints import read_checkpoint
from simulacra.objectives.vae import VAE
from simulacra.runs import RunFolder

OPEN = io.open
STEPS = 8
RHYTHM = {"steps": STEPS, "every.log": 2, "every.checkpoint": 3, "every.keep": 1, "every.epochs": [1]}
TRIED = 1  # moments that are tried for each attempt
# A command in a process of its own, which has a cache of its own and says into a file what it has to say.
COMMAND = """
import multiprocessing, os, sys
multiprocessing.current_process().name = "MainProcess"  # it is nobody's worker
os.environ["XDG_CACHE_HOME"] = cache
sys.argv = ["simulacra", *words]
sys.stdout = sys.stderr = open(log, "w")
from simulacra.cli import main
main()
"""
AtOnce = Callable[..., list[tuple[int, str]]]


@pytest.fixture
def at_once(processes: Any, tmp_path: Path, record_property: Callable[[str, object], None]) -> AtOnce:
    """at_once(words, ..., meanwhile=): runs commands at the same time; the exit code of each, and what it said.

    They share a cache; `meanwhile` is called again and again until all have ended.
    """

    def run(*commands: list[object], meanwhile: Callable[[], None] = lambda: None) -> list[tuple[int, str]]:
        logs, started = [tmp_path / f"log-{number}" for number in range(len(commands))], []
        for log, words in zip(logs, commands, strict=True):
            names = {"cache": str(tmp_path / "cache"), "words": [str(word) for word in words], "log": str(log)}
            started.append(processes.Process(target=exec, args=(COMMAND, names)))
            started[-1].start()
        for process in started:
            while process.is_alive():
                meanwhile()
                process.join(0.05)
        record_property("at once", len(commands))
        ended = [(process.exitcode, log.read_text("utf-8")) for process, log in zip(started, logs, strict=True)]
        assert all(code in (0, 2) and "Traceback" not in said for code, said in ended), ended
        return ended

    return run


def results(run: Path) -> tuple[object, ...]:
    """Rows and last weights of a training."""
    rows = [(run / f"{stream}.jsonl").read_bytes() for stream in ("metrics", "evaluations")]
    return *rows, str(read_checkpoint(RunFolder(run).checkpoints()[STEPS])["networks"])


@pytest.fixture
def words(recipe_file: Callable[..., Path], make_store: Callable[..., Path], tmp_path: Path) -> list[object]:
    """A training but for its folder."""
    recipe = recipe_file("vae", precision="float32", **RHYTHM)
    return ["train", recipe, "--data", make_store(60, held_out=10), "--no-report", "--out"]


# --- at once


def test_of_trainings_in_one_folder_one_trains_and_the_others_are_refused_or_find_it_finished(
    at_once: AtOnce, words: list[object], simulacra: Callable[..., Any], tmp_path: Path
) -> None:
    simulacra(*words, tmp_path / "alone", code=0)
    ended = at_once(*[[*words, tmp_path / "run"]] * 2)
    assert any(code == 0 for code, _ in ended)
    assert all(code == 0 or "another process is training in" in said for code, said in ended), ended
    assert results(tmp_path / "run") == results(tmp_path / "alone")


def test_processes_that_pack_the_same_pictures_at_once_get_one_store(
    at_once: AtOnce, tmp_path: Path, simulacra: Callable[..., Any]
) -> None:
    source = tmp_path / "pictures"
    source.mkdir()
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 24, 3), np.uint8)
        Image.fromarray(pixels).save(source / f"{number}.png")
    packs = ["pack", "folder", source, "--size", 16, "--out"]
    simulacra(*packs, tmp_path / "alone", code=0)
    ended = at_once(*[[*packs, tmp_path / "store"]] * 3)
    assert [code for code, _ in ended] == [0, 0, 0], ended
    kept = {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()}
    assert kept == {path.name: path.read_bytes() for path in (tmp_path / "alone").iterdir()}
    assert not list(tmp_path.glob("*.packing*"))


def test_evaluations_share_a_cache_that_is_deleted_meanwhile(
    at_once: AtOnce,
    trained_once: Callable[..., Path],
    simulacra: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache of the one alone"))
    runs = [trained_once("acgan", {"count": 60, "held_out": 10}, name=name) for name in ("alone", "one", "other")]
    measures = ["--count", 10, "--features", "random-vgg", "--only", "quality", "--only", "conditions"]
    simulacra("evaluate", runs[0], *measures, code=0)
    ended = at_once(
        *[["evaluate", run, *measures] for run in runs[1:]],
        meanwhile=lambda: shutil.rmtree(tmp_path / "cache", ignore_errors=True),
    )
    assert [code for code, _ in ended] == [0, 0], ended
    alone, *others = [(run / "evaluations.jsonl").read_bytes() for run in runs]
    assert others == [alone, alone]


@pytest.mark.parametrize("verb", ["export", "sample", "report", "evaluate"])
def test_what_is_made_of_a_run_twice_at_once_is_whole(
    verb: str, at_once: AtOnce, attempts: int, trained_once: Callable[..., Path], tmp_path: Path
) -> None:
    if verb == "report" and attempts == 1:
        pytest.skip("it takes long: pytest tests/faults --attempts 10")
    run, out = trained_once("vae", {"count": 60, "held_out": 10}), tmp_path / "out"
    out.mkdir()
    options: dict[str, list[object]] = {
        "export": ["--format", "folder", "--out", out],
        "sample": ["--count", 5, "--out", out],
        "report": ["--out", out / "page.html"],
        "evaluate": ["--count", 10, "--features", "random-vgg", "--only", "quality"],
    }
    ended = at_once(*[[verb, run, *options[verb]]] * 2)
    assert any(code == 0 for code, _ in ended), ended
    assert all(code == 0 or "another process" in said for code, said in ended), ended
    assert not list(tmp_path.rglob("*.aside"))
    assert not list(out.glob(".unfinished"))
    assert RunFolder(run).measurements()


# --- moved, deleted, packed anew


class Moments:
    """Calls something at each moment at which a file below a folder is opened for writing.

    Args:
        folder: writes elsewhere do not count.
        act: gets the number of the moment, from 0.
    """

    def __init__(self, folder: Path, act: Callable[[int], None]) -> None:
        self.folder, self.act, self.count = folder, act, 0

    def open(self, path: Any, mode: str = "r", *options: Any, **named: Any) -> Any:
        """As ever, after the act."""
        if isinstance(path, str | Path) and self.folder in Path(path).parents and set(mode) & set("wxa"):
            self.count += 1
            self.act(self.count - 1)
        return OPEN(path, mode, *options, **named)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """From here on, files are opened through this."""
        patch.setattr(io, "open", self.open)
        patch.setattr(builtins, "open", self.open)


def count_moments(run: Callable[[Path], Any], folder: Path, patch: pytest.MonkeyPatch) -> int:
    """How many moments a command has that writes into a folder."""
    moments = Moments(folder, lambda number: None)
    with patch.context() as patched:
        moments.watch(patched)
        run(folder)
    return moments.count


@pytest.mark.parametrize("deed", ["moved", "deleted", "replaced"])
def test_a_training_whose_folder_is_taken_away_ends_in_a_sentence_and_goes_on_once_it_is_back(
    deed: str,
    words: list[object],
    simulacra: Callable[..., Any],
    attempts: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    moments = count_moments(lambda out: simulacra(*words, out, code=0), tmp_path / "alone", monkeypatch)
    chance = random.Random(deed)
    for number in range(TRIED * attempts):
        out, away = tmp_path / f"run-{number}", tmp_path / f"away-{number}"
        due = chance.randrange(moments)

        def take_away(moment: int, out: Path = out, away: Path = away, due: int = due) -> None:
            if moment == due and deed == "deleted":
                shutil.rmtree(out)
            elif moment == due:
                out.rename(away)
                if deed == "replaced":
                    out.mkdir()

        with monkeypatch.context() as patch:
            Moments(out, take_away).watch(patch)
            ended = simulacra(*words, out)
        assert ended.code == 2, (due, ended.err)
        assert "Traceback" not in ended.err
        assert "was moved or deleted while" in ended.err or "cannot be written" in ended.err, (due, ended.err)
        if deed != "deleted":
            shutil.rmtree(out, ignore_errors=True)
            away.rename(out)
        else:
            assert not out.exists() or not list(out.iterdir()), "nothing is begun anew"
            shutil.rmtree(out, ignore_errors=True)
        simulacra(*words, out, code=0)
        assert results(out) == results(tmp_path / "alone"), due
        record_property("taken away", 1)


@pytest.mark.parametrize("deed", ["deleted", "packed anew"])
def test_a_training_whose_store_is_taken_away_ends_as_if_nothing_had_been(
    deed: str,
    words: list[object],
    simulacra: Callable[..., Any],
    make_store: Callable[..., Path],
    attempts: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    store, others = tmp_path / "store", make_store(60, held_out=10, seed=1, name="others")
    simulacra(*words, tmp_path / "alone", code=0)
    shutil.copytree(store, tmp_path / "kept")
    update = VAE.update
    for number in range(attempts):
        due = random.Random(f"{deed} {number}").randrange(STEPS)

        def take_away(self: VAE, batch: Any, step: int, optimize: Any, due: int = due) -> Any:
            if step == due and store.exists():
                shutil.rmtree(store)
                if deed == "packed anew":
                    shutil.copytree(others, store)
            return update(self, batch, step, optimize)

        with monkeypatch.context() as patch:
            patch.setattr(VAE, "update", take_away)
            simulacra(*words, tmp_path / f"run-{number}", code=0)
        assert results(tmp_path / f"run-{number}") == results(tmp_path / "alone"), due
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(tmp_path / "kept", store)
        record_property("taken away", 1)


# --- copied while it trains


class Copying:
    """A slow copy of a folder: one file at each moment, in an order of its own.

    Args:
        source, target: folders.
        begin: the moment of its first file.
        chance: decides the order.
    """

    def __init__(self, source: Path, target: Path, begin: int, chance: random.Random) -> None:
        self.source, self.target, self.begin, self.chance = source, target, begin, chance
        self.waiting: list[Path] | None = None

    def go_on(self, moment: int) -> None:
        """Copies the next file."""
        if moment < self.begin:
            return
        if self.waiting is None:
            self.waiting = self._inside(self.source)
            self.target.mkdir()
        while self.waiting:
            path = self.waiting.pop()
            copy = self.target / path.relative_to(self.source)
            if path.is_dir():  # a folder is listed when the copy comes to it
                copy.mkdir()
                self.waiting += self._inside(path)
            elif path.exists():
                shutil.copyfile(path, copy)
                return

    def end(self, moments: int) -> None:
        """Copies the rest."""
        while self.waiting is None or self.waiting:
            self.go_on(moments)

    def _inside(self, folder: Path) -> list[Path]:
        found = sorted(folder.iterdir())
        self.chance.shuffle(found)
        return found


def test_a_copy_of_a_run_that_was_made_while_it_trained_goes_on_or_says_why_not(
    words: list[object],
    simulacra: Callable[..., Any],
    attempts: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    moments = count_moments(lambda out: simulacra(*words, out, code=0), tmp_path / "counted", monkeypatch)
    alone, chance = tmp_path / "alone", random.Random("copies")
    copies = [
        Copying(alone, tmp_path / f"copy-{number}", chance.randrange(4, moments), random.Random(number))
        for number in range(4 * TRIED * attempts)
    ]
    with monkeypatch.context() as patch:
        watched = Moments(alone, lambda moment: [copy.go_on(moment) for copy in copies] and None)
        watched.watch(patch)
        simulacra(*words, alone, code=0)
    gone_on = 0
    for copy in copies:
        copy.end(moments)
        ended = simulacra(*words, copy.target)
        assert ended.code in (0, 2), ended.err
        assert "Traceback" not in ended.err
        if ended.code == 0:
            gone_on += 1
            assert results(copy.target) == results(alone), copy.begin
        else:
            assert ended.err.count("simulacra: ") == 1, ended.err
        record_property("copies", 1)
    assert gone_on


# --- clocks


def test_a_clock_that_is_set_back_changes_nothing_but_the_time_of_day(
    words: list[object], simulacra: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    simulacra(*words, tmp_path / "alone", code=0)
    clock, out = iter(range(2**40, 0, -3600)), tmp_path / "run"
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    update, interrupted = VAE.update, 5

    def ends(self: VAE, batch: Any, step: int, optimize: Any) -> Any:
        if step == interrupted:
            raise MemoryError
        return update(self, batch, step, optimize)

    with monkeypatch.context() as patch:
        patch.setattr(VAE, "update", ends)
        simulacra(*words, out, code=2)
    for path in out.rglob("*"):
        os.utime(path, (2**32, 2**32))  # in the future
    simulacra(*words, out, code=0)
    assert results(out) == results(tmp_path / "alone")
    assert all(row["seconds"] >= 0 for row in RunFolder(out).rows("timing"))
    assert json.loads((out / "run.json").read_text("utf-8"))["seconds"] >= 0
