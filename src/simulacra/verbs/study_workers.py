"""Workers of a study: an executor that carries out its runs, in processes of this machine."""

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from simulacra.studies.answer import Outcome
from simulacra.verbs.study_run import Task

STOPS = {number for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)) if number}
LAST_WORDS = 2000  # bytes at the end of what a process wrote to stderr, in which its error stands


class Child:
    """A process that carries out tasks; see `study_run.main`.

    Args:
        threads: of torch, also before it is loaded; None lets each run choose.
    """

    def __init__(self, threads: int | None) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process
        environment = os.environ | ({} if threads is None else {"OMP_NUM_THREADS": str(threads)})
        command = [sys.executable, "-m", "simulacra.verbs.study_run"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=environment
        )

    def carry_out(self, task: Task) -> Outcome | None:
        """What became of a task; None where it was stopped. A process that dies unasked is a failed run."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        content = pickle.dumps(task)
        with suppress(OSError):  # it has died; no answer says so
            stdin.write(len(content).to_bytes(8, "big") + content)
            stdin.flush()
        line = stdout.readline()
        if not line:
            # Between two saved states; the whole study may have had the signal. SIGINT ends a starting Python with 1.
            if -self.process.wait() in STOPS or "KeyboardInterrupt" in (words := self._last_words()):
                return None
            return Outcome(task.run, "failed", words)
        answer: dict[str, Any] = json.loads(line)
        return None if answer["state"] == "stopped" else Outcome(task.run, **answer)

    @property
    def alive(self) -> bool:
        """Whether it can take another task."""
        return self.process.poll() is None

    def close(self) -> None:
        """Ends the process; a training saves its state first."""
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()
        self.process.wait()
        self.errors.close()

    def _last_words(self) -> str:
        code = self.process.wait()
        self.errors.seek(max(0, os.fstat(self.errors.fileno()).st_size - LAST_WORDS))
        lines = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        killed = "it was killed, as for want of memory" if code < 0 else "it ended"
        return f"the process of the run is gone: {killed} (exit code {code}){': ' + lines[-1] if lines else ''}"


class Children:
    """Processes of this machine, each used again for the next task.

    Args:
        threads: of torch in each; None lets each run choose.
    """

    def __init__(self, threads: int | None) -> None:
        self.threads, self.idle, self.all, self.lock = threads, list[Child](), set[Child](), threading.Lock()

    def carry_out(self, task: Task) -> Outcome | None:
        """What became of a task, in a process that has nothing to do; None where it was stopped."""
        with self.lock:
            child = self.idle.pop() if self.idle else Child(self.threads)
            self.all.add(child)
        outcome = child.carry_out(task)
        with self.lock:
            if child.alive:
                self.idle.append(child)
            else:
                self.all.discard(child)
                child.close()
        return outcome

    def release(self) -> None:
        """Ends the processes that have nothing to do."""
        with self.lock:
            idle, self.idle = self.idle, []
            self.all -= set(idle)
        for child in idle:
            child.close()

    def stop(self) -> None:
        """Lets every training save its state and end."""
        with self.lock:
            for child in self.all:
                with suppress(OSError):
                    if child.process.stdin is not None:
                        child.process.stdin.close()

    def close(self) -> None:
        """Ends all processes."""
        for child in list(self.all):  # a run that ends meanwhile takes its process out
            child.close()


@dataclass(frozen=True)
class Crew:
    """Who carries out the runs of a study.

    Attributes:
        workers: how many runs at a time.
        submit: hands a task to an executor of `concurrent.futures`.
        receive: what became of the task, from the result of its future; None for a run that was stopped.
        stop: lets runs that have begun save their state and end.
    """

    workers: int
    submit: Callable[[Task], Future[Any]]
    receive: Callable[[Task, Any], Outcome | None]
    stop: Callable[[], None] = lambda: None

    def outcome(self, task: Task, future: Future[Any]) -> Outcome | None:
        """What became of a task whose future is done; an error of the executor is a failed run."""
        try:
            return self.receive(task, future.result())
        except (Exception, CancelledError) as error:  # Dask has errors of its own, as where a worker was killed
            return Outcome(task.run, "failed", str(error) or "it was cancelled")


@contextmanager
def local(workers: int, threads: int | None) -> Iterator[Crew]:
    """Runs in processes of this machine.

    Args:
        workers: how many at a time.
        threads: of torch in each; None lets each run choose.
    """
    children = Children(threads)
    with ThreadPoolExecutor(workers) as executor:
        try:

            def submit(task: Task) -> Future[Any]:
                return executor.submit(children.carry_out, task)

            yield Crew(workers, submit, lambda task, result: result, children.stop)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            children.close()
