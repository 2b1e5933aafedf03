"""Run folder -> an objective with its weights; and the state that a checkpoint holds."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from simulacra.errors import Diverged, RunError
from simulacra.objectives import Objective, build
from simulacra.runs import RunFolder

FORMAT = 1
PARTS = {"step": int, "networks": dict, "averages": dict}  # of a checkpoint, whoever reads it
Which = int | Literal["best"] | None  # of a run's checkpoints: of this step, marked best, or the newest


def to_bytes(state: dict[str, Any]) -> bytes:
    """A state as the content of a checkpoint file.

    Raises:
        Diverged: a weight is not finite; such a state is never written.
    """
    for name, value in _tensors(state):
        if value.is_floating_point() and not value.isfinite().all():
            raise Diverged(f"the numbers of {name} stopped being finite before step {state['step']}")
    buffer = io.BytesIO()
    torch.save({"format": FORMAT} | state, buffer)
    return buffer.getvalue()


def _tensors(state: dict[Any, Any], above: str = "") -> Iterator[tuple[str, Tensor]]:
    """Dotted name and value of every tensor in a state."""
    for key, value in state.items():
        if isinstance(value, dict):
            yield from _tensors(value, f"{above}{key}.")
        elif isinstance(value, Tensor):
            yield above + str(key), value


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The state in a checkpoint file, on the CPU; nothing in it is executed.

    Raises:
        RunError: the file is damaged or of another format.
    """
    damage = f"{path} is damaged; delete it to fall back on the checkpoint before it"
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's readers raise almost anything at damaged bytes
        raise RunError(damage) from error
    if not isinstance(state, dict):
        raise RunError(damage)
    if state.get("format") != FORMAT:
        raise RunError(f"{path} has format {state.get('format')}, this version reads {FORMAT}; train again")
    if not all(isinstance(state.get(part), kind) for part, kind in PARTS.items()):
        raise RunError(damage)
    return state


@contextmanager
def fitting(path: Path, run: RunFolder) -> Iterator[None]:
    """Open while a state is taken up from a checkpoint.

    Raises:
        RunError: the state does not fit the run's recipe.
    """
    try:
        yield
    except (RuntimeError, LookupError, TypeError, ValueError) as error:
        raise RunError(f"{path} does not fit {run.path}/recipe.toml; was that file changed by hand?") from error


def chosen_checkpoint(run: RunFolder, step: Which = None) -> tuple[Path, int]:
    """File and step of one of a run's checkpoints, the newest by default.

    Raises:
        RunError: no run, no such checkpoint, or none that is marked best.
    """
    run.require()
    files = run.checkpoints()
    if not files:
        raise RunError(f"{run.path} has no checkpoint yet; train on until the first one")
    if step == "best" and run.best is None:
        raise RunError(f"{run.path} has no checkpoint marked best; mark one: simulacra best {run.path}")
    step = max(files) if step is None else run.best if step == "best" else step
    if step not in files:
        raise RunError(f"{run.path} has no checkpoint at step {step}; it has: {', '.join(map(str, files))}")
    return files[step], step


def restore(run: RunFolder, step: Which = None, *, averaged: bool = True) -> tuple[Objective, int]:
    """A trained objective on the CPU, from the run folder alone.

    Args:
        run: the run.
        step: of one of its checkpoints, or the one marked best; the newest by default.
        averaged: takes the moving average of the weights where the recipe keeps one.

    Returns:
        The objective and the step it was saved at.

    Raises:
        RunError: no run, no such checkpoint, or one that does not fit the recipe.
    """
    path, step = chosen_checkpoint(run, step)
    objective, state = build(run.recipe), read_checkpoint(path)
    with fitting(path, run):
        objective.networks.load_state_dict(state["networks"] | (state["averages"] if averaged else {}))
    objective.networks.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]  # as in training
    return objective, step
