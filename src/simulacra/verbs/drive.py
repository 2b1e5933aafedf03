"""Drives a training to its end: shows progress, takes snapshots, measures, and stops when asked to."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from simulacra.diagnosis import note_findings
from simulacra.engine.devices import Devices
from simulacra.engine.loop import Tick, Training, train
from simulacra.errors import Diverged, RunError, Stopped
from simulacra.evaluation.metrics.held_out import held_out
from simulacra.evaluation.pictures import draw, fixed
from simulacra.evaluation.preview import preview
from simulacra.evaluation.subject import Progress, Subject
from simulacra.progress import Live, clock
from simulacra.runs import RunFolder
from simulacra.verbs.best import score_checkpoint
from simulacra.verbs.prepare import command_line

# Ctrl-C, the end of a job, a closed terminal, and what batch systems send some time before they end a job.
SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
    if hasattr(signal, name)
]
IMPATIENT = (signal.SIGINT, signal.SIGTERM)  # the second one of these ends the program at once


class Request:
    """Whether somebody wants the training to stop.

    Attributes:
        signal: the number of the signal that came first, or None.
    """

    signal: int | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Records a signal; Ctrl-C or SIGTERM after another of them ends the program, and nothing more is saved.

        A closing terminal sends SIGHUP several times, and a batch system SIGTERM after its warning: none of these may
        keep the state from being saved.
        """
        if number in IMPATIENT and self.signal in IMPATIENT:
            raise KeyboardInterrupt
        if self.signal is None or number in IMPATIENT:
            self.signal = number


@contextmanager
def stop_requests() -> Iterator[Request]:
    """Records signals for as long as it is open; only the main thread gets any."""
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    # `nohup` asks for SIGHUP to be ignored.
    taken = [number for number in SIGNALS if number in IMPATIENT or signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, request) for number in taken}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Budget:
    """How much of a training's steps or minutes is used up; snapshots are not counted."""

    def __init__(self, training: Training) -> None:
        recipe = training.recipe
        self.steps, self.first, self.step = recipe.steps, training.start, training.start
        self.seconds = 60 * recipe.minutes if recipe.minutes else float("inf")
        self.start = time.perf_counter()
        self.begin = self.start - seconds_of(training.run)

    @property
    def spent(self) -> float:
        """Seconds of training, over all sessions of the run."""
        return time.perf_counter() - self.begin

    @property
    def used(self) -> float:
        """The used share of the steps or of the minutes, whichever is larger, in [0, 1]."""
        return min(1.0, max(self.step / self.steps, self.spent / self.seconds))

    @property
    def left(self) -> float | None:
        """Seconds of training until the steps or the minutes are over; None where nothing says so yet."""
        by_minutes = max(0.0, self.seconds - self.spent)
        if self.step == self.first:
            return by_minutes if self.seconds < float("inf") else None
        return min(by_minutes, self._by_steps)

    @property
    def position(self) -> str:
        """Where the training is, by what ends it: "1:24 of 4:00, step 2,107", or "step 300 of 1,000"."""
        if self.seconds - self.spent < (self._by_steps if self.step > self.first else float("inf")):
            return f"{clock(min(self.spent, self.seconds))} of {clock(self.seconds)}, step {self.step:,}"
        return f"step {self.step:,} of {self.steps:,}"

    @property
    def _by_steps(self) -> float:
        """Seconds that the other steps will take, by those of this session."""
        each = (time.perf_counter() - self.start) / (self.step - self.first)
        return (self.steps - self.step) * each

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time that passes while this is open is not counted."""
        since = time.perf_counter()
        yield
        pause = time.perf_counter() - since
        self.begin, self.start = self.begin + pause, self.start + pause


def drive(training: Training, subject: Subject) -> int:
    """Runs the loop until its last step, until its minutes are over, or until a signal comes.

    Args:
        training: changes in place.
        subject: its model, for snapshots.

    Returns:
        How many updates were done, over all sessions of the run.

    Raises:
        Stopped: a signal came; the state was saved.
        Diverged: with advice.
    """
    run, recipe = training.run, training.recipe
    with stop_requests() as request:
        step = _updates(training, subject, request)
        if request.signal is not None and step < recipe.steps:
            run.write_facts({"state": "stopped"})
            raise Stopped(request.signal, f"stopped at step {step:,}, saved; go on with: {command_line()}")
    return step


def _updates(training: Training, subject: Subject, request: Request) -> int:
    """Runs the loop and takes a snapshot at each milestone; gives the last step."""
    run, recipe = training.run, training.recipe
    family, name, tick = recipe.objective.family, run.path.name, None
    title = name if family in name else f"{family} {name}"

    def spent() -> bool:  # never before the first update, so that there is something to save
        return bool(training.start or tick) and budget.used >= 1

    def scoring(done: int, total: int) -> None:
        live.show(budget.used, f"scoring: {done:,}/{total:,} images")

    # What lies behind the checkpoint is written again; the row at the very step is not.
    with Live(title) as live, mirror(run, training.start) as board:
        budget = Budget(training)  # its clock starts with the loop's: opening files is no training
        try:
            for tick in train(training, lambda: is_over(training.devices, request, spent())):
                budget.step = tick.step
                mirror_row(board, tick)
                live.show(budget.used, budget.position, _numbers(tick), budget.left)
                if tick.milestone:
                    with budget.paused(), training.ema.in_use():
                        take_snapshot(training, subject, tick, scoring)
                        note_findings(run, live.say)
        except Diverged as error:
            run.write_facts({"state": "diverged", "diverged": {"step": budget.step + 1, "why": str(error)}})
            note_findings(run, lambda _: None)  # the error says it
            raise Diverged(_advice(run, error)) from error
    assert tick is not None, "the loop yields at least once"
    return tick.step


@contextmanager
def mirror(run: RunFolder, start: int) -> Iterator[SummaryWriter]:
    """TensorBoard's file of a run.

    It is a mirror of metrics.jsonl: where the disk is full, that file's own sentence says so, and an error of this one
    must not take its place, be it now or when a thread of TensorBoard's is waited for.

    Raises:
        RunError: the file cannot be made.
    """
    path = run.path / "tensorboard"
    try:
        board = SummaryWriter(str(path), purge_step=start + 1)
    except OSError as error:
        raise RunError(
            f"{path} cannot be written ({error.strerror}); free space, then the same command goes on"
        ) from error
    before = threading.excepthook

    def report(error: threading.ExceptHookArgs) -> None:
        """Prints no traceback where TensorBoard's thread, which writes the file, cannot do so."""
        if not (isinstance(error.exc_value, OSError) and type(error.thread).__module__.startswith("tensorboard.")):
            before(error)

    threading.excepthook = report
    try:
        yield board
    finally:
        with suppress(OSError):
            board.close()
        threading.excepthook = before


def mirror_row(board: SummaryWriter, tick: Tick) -> None:
    """Gives TensorBoard the row that was written at a step, if one was."""
    with suppress(OSError):  # its file cannot be written; metrics.jsonl has the same numbers
        for key, value in (tick.row or {}).items():
            board.add_scalar(key, value, tick.step)


def is_over(devices: Devices, request: Request, spent: bool) -> bool:
    """Whether a training ends now: its time is spent, or a signal came to one of its processes."""
    number, ends = devices.highest(request.signal or 0, int(spent))
    if number:
        request.signal = number
    return bool(number or ends)


def take_snapshot(training: Training, subject: Subject, tick: Tick, progress: Progress | None = None) -> None:
    """Draws the fixed codes, measures the splits that the recipe names, and writes into run.json how far the run is.

    Where the recipe asks for it, the checkpoint is scored; `progress` is then called with (done, total).
    """
    run, every = training.run, training.recipe.every
    if arrays := fixed(subject):
        arrays["epoch"] = np.array(tick.step * training.batches.batch / training.batches.count)
        run.write_picture(f"fixed-{tick.step:08d}", arrays, preview(arrays))
    if tick.saved:
        for split in dict.fromkeys(every.evaluate):
            for measurement in held_out(subject, split, tick.step, None if split == "test" else every.limit):
                run.append("evaluations", measurement.to_json())
        if every.score and tick.step % every.score == 0:
            score_checkpoint(training, subject, tick, progress)
        run.write_facts(how_far(training, tick.step))


def conclude(training: Training, subject: Subject, step: int, say: Callable[[str], None]) -> None:
    """Draws every picture, measures the whole test split unless the last snapshot has just done so, and diagnoses."""
    run = training.run
    with training.ema.in_use():
        draw(run, subject)
        run.write_facts({"drawn": step})
        if "test" not in training.recipe.every.evaluate:
            for measurement in held_out(subject, "test", step):
                run.append("evaluations", measurement.to_json())
    run.write_facts({"state": "finished", "rows": run.count_rows()})
    note_findings(run, say)


def how_far(training: Training, step: int) -> dict[str, Any]:
    """How far a run is, for run.json."""
    images = step * training.batches.batch
    epochs = images / training.batches.count
    return {"step": step, "images_seen": images, "epochs": epochs, "seconds": seconds_of(training.run)}


def seconds_of(run: RunFolder) -> float:
    """Time spent in training, over all sessions of the run."""
    return float(sum(row["seconds"] for row in run.rows("timing")))


def _numbers(tick: Tick) -> str | None:
    """The newest losses and the speed, for the live view."""
    if tick.row is None or tick.rate is None:
        return None
    losses = [
        f"{key.removeprefix('loss/')} {value:.3f}"
        for key, value in tick.row.items()
        if "/" in key and key[:9] != "gradient/"
    ]
    return f"{tick.rate:,.0f} images/s  " + "  ".join(losses[:4])


def _advice(run: RunFolder, error: Diverged) -> str:
    """What to do after a divergence."""
    last = max(run.checkpoints(), default=None)
    checkpoint = f"the last good checkpoint is {run.checkpoints()[last]}" if last else "no checkpoint was written yet"
    remedy = "a lower learning rate (--set optimizer.lr=...) or --set precision=float32"
    return f"{str(error).partition(';')[0]}; {checkpoint}; try {remedy} in another --out"
