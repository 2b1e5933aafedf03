"""Checkpoints: saving and restoring a training, and networks that begin with another run's weights."""

import io
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from simulacra.errors import Diverged, RecipeError, RunError, nearest
from simulacra.files import expand
from simulacra.objectives import Objective, build
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.settings.training import StartSettings

FORMAT = 1
PARTS = {"step": int, "networks": dict, "ema": dict}  # of a checkpoint, whoever reads it
RENAMED = {"averages": "ema"}  # parts of checkpoints of earlier versions -> their names today
Which = int | Literal["best"] | None  # a checkpoint of a run: the one of this step, marked best, or the newest


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
    if not path.exists():
        raise RunError(f"{path} is gone: the training has kept newer checkpoints since; ask again")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's readers raise almost anything at damaged bytes
        raise RunError(damage) from error
    if not isinstance(state, dict):
        raise RunError(damage)
    if state.get("format") != FORMAT:
        raise RunError(f"{path} has format {state.get('format')}, this version reads {FORMAT}; train again")
    state = {RENAMED.get(part, part): value for part, value in state.items()}
    if not all(isinstance(state.get(part), kind) for part, kind in PARTS.items()):
        raise RunError(damage)
    return state


@contextmanager
def fitting(path: Path, run: RunFolder) -> Iterator[None]:
    """Open while a state is taken up from a checkpoint. Raises RunError: the state does not fit the run's recipe."""
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
        raise RunError(f"{run.path} has no checkpoint yet; {_first_one(run.read_recipe())}")
    if step == "best":
        step = run.read_best()
        if step is None:
            raise RunError(
                f"{run.path} has no checkpoint marked best; mark one: simulacra best {shlex.quote(str(run.path))}"
            )
    step = max(files) if step is None else step
    if step not in files:
        raise RunError(f"{run.path} has no checkpoint at step {step}; it has: {', '.join(map(str, files))}")
    return files[step], step


def _first_one(recipe: Recipe) -> str:
    """When the first checkpoint of a training comes."""
    step = min(recipe.every.checkpoint, recipe.steps)
    ends = f", or after {recipe.minutes:g} minutes if these are over earlier" if recipe.minutes else ""
    return f"train on until the first one, which comes at step {step:,}{ends}"


def to_go_on_from(run: RunFolder, recipe: Recipe) -> Path | None:
    """The newest checkpoint of a run whose rows up to there are all written; None where the run has no checkpoint.

    A folder that was copied while it trained may have rows that are older than its newest checkpoint, and no training
    would write the rows between them again.

    Raises:
        RunError: no checkpoint has its rows.
    """
    files = run.checkpoints()
    for step in reversed(files):
        if has_rows(run, recipe, step):
            return files[step]
    if files:
        raise RunError(
            f"{run.path} lacks rows of metrics.jsonl or evaluations.jsonl before each of its checkpoints, as where a "
            "run is copied while it trains; copy it again, or train again into another folder"
        )
    return None


def has_rows(run: RunFolder, recipe: Recipe, step: int) -> bool:
    """Whether a run has all rows that are due before the snapshot at a step."""
    every = recipe.every
    due, measured = step - step % every.log, (step - 1) // every.checkpoint * every.checkpoint
    if due and all(row["step"] < due for row in run.rows("metrics")):
        return False
    # Rows of `evaluate` have a seed; a split without images gives a snapshot no rows.
    rows = [row for row in run.rows("evaluations") if "seed" not in row and row.get("split") in every.evaluate]
    return not rows or max(row["step"] for row in rows) >= measured


def restore(
    run: RunFolder, step: Which = None, *, recipe: Recipe | None = None, ema: bool = True
) -> tuple[Objective, int]:
    """A trained objective on the CPU, from the run folder alone.

    Args:
        run: the run.
        step: of one of its checkpoints, or the one marked best; the newest by default.
        recipe: of the run, where the caller has read it already.
        ema: takes the EMA of the weights where the recipe keeps one.

    Returns:
        The objective and the step it was saved at.

    Raises:
        RunError: no run, no such checkpoint, or one that does not fit the recipe.
    """
    path, saved_at = chosen_checkpoint(run, step)
    objective = build(recipe or run.read_recipe())
    if not path.exists():  # a training that goes on has put a newer one in its place
        path, saved_at = chosen_checkpoint(run, step)
    state = read_checkpoint(path)
    with fitting(path, run):
        objective.networks.load_state_dict(state["networks"] | (state["ema"] if ema else {}))
    for name, weights in objective.networks.state_dict().items():
        if not torch.isfinite(weights).all():
            raise RunError(f"{path} has weights that are no finite numbers ({name}); choose another one with --step")
    objective.networks.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]  # as in training
    return objective, saved_at


State = dict[str, Tensor]


def transfer(objective: Objective, start: StartSettings) -> dict[str, Any]:
    """Gives networks the weights and statistics that networks of another run have.

    Where that run keeps an EMA of its weights, the EMA is handed on, as samples of that run are drawn with it.

    Args:
        objective: changed in place.
        start: which run and which networks.

    Returns:
        What was transferred, for run.json: run, step, networks, parameters, family and recipe_name.

    Raises:
        RunError: there is no such run, or it has no such checkpoint.
        RecipeError: a network is missing on either side, or its tensors do not fit; nothing was changed.
    """
    run, step, state = source(start)
    weights: State = state["networks"] | state["ema"]
    pairs = _pairs(objective, start, list(dict.fromkeys(name.split(".")[0] for name in weights)))
    fitting = {target: _fitting(objective, start.run, target, source, weights) for target, source in pairs.items()}
    for target, values in fitting.items():
        objective.networks[target].load_state_dict(values)
    facts = run.read_facts()
    return {
        "run": start.run,
        "step": step,
        "family": facts.get("family"),
        "recipe_name": facts.get("recipe_name"),
        "networks": pairs,
        "parameters": sum(p.numel() for target in pairs for p in objective.networks[target].parameters()),
    }


def source(start: StartSettings) -> tuple[RunFolder, int, dict[str, Any]]:
    """The run that weights are taken from, and step and state of its checkpoint.

    Raises:
        RunError: there is no such run, or it has no such checkpoint.
    """
    run = RunFolder(expand(start.run))
    try:
        path, step = chosen_checkpoint(run, start.step)
        return run, step, read_checkpoint(path)
    except RunError as error:
        raise RunError(f"start.run: {error}") from error


def freeze(objective: Objective, names: tuple[str, ...]) -> None:
    """Freezes networks for the whole training: no gradient, no update, and eval mode at all times.

    Raises:
        RecipeError: there is no such network, or a player would have nothing left to learn.
    """
    for name in names:
        if name not in objective.networks:
            raise RecipeError(f"start.frozen: this recipe has no network {name!r}; {nearest(name, objective.networks)}")
    for player, networks in objective.players.items():
        if set(networks) <= set(names):
            raise RecipeError(
                f"start.frozen = {list(names)}: player {player} would have nothing left to learn; leave out one of "
                f"{', '.join(networks)}"
            )
    for name in names:
        # Nothing in training calls train() again, and `evaluating` restores the modes that were set.
        objective.networks[name].requires_grad_(False).eval()


def _pairs(objective: Objective, start: StartSettings, theirs: list[str]) -> dict[str, str]:
    """Target -> source of every network that is handed on."""
    ours = list(objective.networks)
    pairs = start.networks or {name: name for name in ours if name in theirs}
    if not pairs:
        raise RecipeError(
            f"start.run: {start.run} has no network of a name that this recipe has (it has {', '.join(theirs)}, this "
            f"recipe {', '.join(ours)}); pair them in start.networks, like {{ {ours[0]} = {theirs[0]!r} }}"
        )
    for target, source in pairs.items():
        if target not in ours:
            raise RecipeError(f"start.networks.{target}: this recipe has no such network; {nearest(target, ours)}")
        if source not in theirs:
            raise RecipeError(
                f"start.networks.{target} = {source!r}: {start.run} has no such network; {nearest(source, theirs)}"
            )
    for name in start.frozen:
        if name in ours and name not in pairs:
            raise RecipeError(
                f"start.frozen: {name} would keep untrained weights, as it takes none from {start.run}; "
                f"name only some of {', '.join(pairs)}"
            )
    return pairs


def _fitting(objective: Objective, run: str, target: str, source: str, weights: State) -> State:
    """The source's tensors under the target's names, each of a shape that fits."""
    theirs = {name.partition(".")[2]: value for name, value in weights.items() if name.split(".")[0] == source}
    ours: State = objective.networks[target].state_dict()
    remedy = f"make networks of one form, or leave {target} out of start.networks"
    for name in [*ours, *theirs]:
        whole = f"{target}.{name}"
        if name not in theirs:
            raise RecipeError(f"{whole} is {_form(ours[name])} here, and {run} has no {source}.{name}; {remedy}")
        if name not in ours:
            raise RecipeError(f"{source}.{name} is {_form(theirs[name])} in {run}, and there is no {whole}; {remedy}")
        if ours[name].shape != theirs[name].shape:
            raise RecipeError(f"{whole} is {_form(theirs[name])} in {run} and {_form(ours[name])} here; {remedy}")
    return theirs


def _form(value: Tensor) -> str:
    """A tensor's shape in words: 500x784."""
    return "x".join(map(str, value.shape)) or "a single number"
