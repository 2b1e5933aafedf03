"""Transfer: networks that begin with another run's weights, and networks that keep them."""

from pathlib import Path
from typing import Any

from torch import Tensor

from simulacra.engine.restore import chosen_checkpoint, read_checkpoint
from simulacra.errors import RecipeError, RunError, nearest
from simulacra.objectives import Objective
from simulacra.runs import RunFolder
from simulacra.settings import StartSettings

State = dict[str, Tensor]


def transfer(objective: Objective, start: StartSettings) -> dict[str, Any]:
    """Gives networks the weights and statistics that networks of another run have.

    Where that run keeps an average of its weights, the average is what it hands on, as it is what its samples show.

    Args:
        objective: changed in place.
        start: which run and which networks.

    Returns:
        What was taken, for run.json: run, step, networks, parameters, family and recipe_name.

    Raises:
        RunError: there is no such run, or it has no such checkpoint.
        RecipeError: a network is missing on either side, or its tensors do not fit; nothing was changed.
    """
    run, step, state = source(start)
    given: State = state["networks"] | state["averages"]
    pairs = _pairs(objective, start, _networks(given))
    taken = {target: _fitting(objective, start.run, target, source, given) for target, source in pairs.items()}
    for target, values in taken.items():
        objective.networks[target].load_state_dict(values)
    facts = run.facts
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
    run = RunFolder(Path(start.run))
    try:
        path, step = chosen_checkpoint(run, start.step)
        return run, step, read_checkpoint(path)
    except RunError as error:
        raise RunError(f"start.run: {error}") from error


def freeze(objective: Objective, names: tuple[str, ...]) -> None:
    """Takes networks out of the training, for good: no gradient, no update, and eval mode whoever looks.

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
        # Nothing in training calls train() again, and `looking` puts back the modes it found.
        objective.networks[name].requires_grad_(False).eval()


def _networks(state: State) -> list[str]:
    """Names of the networks in a state, in its order."""
    return list(dict.fromkeys(name.split(".")[0] for name in state))


def _pairs(objective: Objective, start: StartSettings, known: list[str]) -> dict[str, str]:
    """Target -> source of every network that is handed on."""
    ours = list(objective.networks)
    pairs = start.networks or {name: name for name in ours if name in known}
    if not pairs:
        raise RecipeError(
            f"start.run: {start.run} has no network of a name that this recipe has (it has {', '.join(known)}, this "
            f"recipe {', '.join(ours)}); pair them in start.networks, like {{ {ours[0]} = {known[0]!r} }}"
        )
    for target, source in pairs.items():
        if target not in ours:
            raise RecipeError(f"start.networks.{target}: this recipe has no such network; {nearest(target, ours)}")
        if source not in known:
            raise RecipeError(
                f"start.networks.{target} = {source!r}: {start.run} has no such network; {nearest(source, known)}"
            )
    for name in start.frozen:
        if name in ours and name not in pairs:
            raise RecipeError(
                f"start.frozen: {name} would keep weights that nobody trained, as it takes none from {start.run}; "
                f"name only some of {', '.join(pairs)}"
            )
    return pairs


def _fitting(objective: Objective, run: str, target: str, source: str, given: State) -> State:
    """The source's tensors under the target's names, once each was seen to fit."""
    there = {name.partition(".")[2]: value for name, value in given.items() if name.split(".")[0] == source}
    here: State = objective.networks[target].state_dict()
    remedy = f"make networks of one form, or leave {target} out of start.networks"
    for name in [*here, *there]:
        whole = f"{target}.{name}"
        if name not in there:
            raise RecipeError(f"{whole} is {_form(here[name])} here, and {run} has no {source}.{name}; {remedy}")
        if name not in here:
            raise RecipeError(f"{source}.{name} is {_form(there[name])} in {run}, and there is no {whole}; {remedy}")
        if here[name].shape != there[name].shape:
            raise RecipeError(f"{whole} is {_form(there[name])} in {run} and {_form(here[name])} here; {remedy}")
    return there


def _form(value: Tensor) -> str:
    """A tensor's shape in words: 500x784."""
    return "x".join(map(str, value.shape)) or "a single number"
