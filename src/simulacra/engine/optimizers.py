"""How weights move: one optimizer per player, how large its steps are at what time, and the EMA of the weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import cos, pi
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.engine.devices import Devices
from simulacra.objectives import Encodes, Generates, Objective
from simulacra.settings.training import OptimizerSettings

Parameters = list[nn.Parameter]

# The length of a gradient is taken in every so many updates, the first of them update 0: to read all
# gradients of a small network in each update would cost some percent of its time.
MEASURED = 10

OPTIMIZERS: dict[str, Callable[[Parameters, OptimizerSettings], torch.optim.Optimizer]] = {
    "adam": lambda p, s: torch.optim.Adam(p, s.lr, betas=s.betas, weight_decay=s.weight_decay, fused=True),
    "adamw": lambda p, s: torch.optim.AdamW(p, s.lr, betas=s.betas, weight_decay=s.weight_decay, fused=True),
    "sgd": lambda p, s: torch.optim.SGD(p, s.lr, momentum=s.momentum, weight_decay=s.weight_decay),
    "rmsprop": lambda p, s: torch.optim.RMSprop(p, s.lr, momentum=s.momentum, weight_decay=s.weight_decay),
}


class Optimizers:
    """The `optimize` that objectives call.

    Args:
        objective: whose players learn; its networks are where they will stay.
        settings: the recipe's table of optimizers.
        devices: averages gradients over processes.

    Attributes:
        norms: "gradient/PLAYER" -> length of the gradient that the player followed last, in every tenth update; else
            empty.
    """

    def __init__(self, objective: Objective, settings: OptimizerSettings, devices: Devices) -> None:
        self.devices = devices
        self.measures = False
        self.norms: dict[str, Tensor] = {}
        self.settings = {player: settings.of(player) for player in objective.players}
        self.parameters: dict[str, Parameters] = {
            player: [p for name in names for p in objective.networks[name].parameters() if p.requires_grad]
            for player, names in objective.players.items()
        }
        self.optimizers = {
            player: OPTIMIZERS[self.settings[player].name](parameters, self.settings[player])
            for player, parameters in self.parameters.items()
        }

    def at(self, step: int, steps: int) -> None:
        """Sets learning rates for update `step` of `steps`; they depend on nothing else."""
        self.measures, self.norms = step % MEASURED == 0, {}
        for player, optimizer in self.optimizers.items():
            rate = self.settings[player].lr * rate_factor(self.settings[player], step, steps)
            for group in optimizer.param_groups:
                group["lr"] = rate

    def __call__(self, player: str, loss: Tensor, *, retain_graph: bool = False) -> None:
        """One step of this player down the loss; nobody else's parameters get a gradient."""
        parameters, optimizer = self.parameters[player], self.optimizers[player]
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss, inputs=parameters, retain_graph=retain_graph)
        self.devices.average(parameters)
        if self.measures:
            lengths = torch._foreach_norm([p.grad for p in parameters if p.grad is not None])
            self.norms[f"gradient/{player}"] = torch.stack(lengths).norm()
        optimizer.step()
        # Autocast keeps bfloat16 copies of weights for as long as its context lasts: these are stale from here on.
        torch.clear_autocast_cache()

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {player: optimizer.state_dict() for player, optimizer in self.optimizers.items()}

    def load(self, state: dict[str, Any]) -> None:
        """Takes up a state from a checkpoint."""
        for player, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state[player])


def rate_factor(settings: OptimizerSettings, step: int, steps: int) -> float:
    """The share of the learning rate that counts in an update; sources in `OptimizerSettings`.

    Args:
        settings: schedule and warm-up.
        step: the number of the update, from 0.
        steps: how many there are in all; after the last one the rate would be 0.

    Returns:
        A number in [0, 1], above 0 for each of these updates.
    """
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    if settings.schedule == "constant":
        return 1.0
    done = (step - settings.warmup) / max(1, steps - settings.warmup)
    return 1 - done if settings.schedule == "linear" else (1 + cos(pi * done)) / 2


State = dict[str, Tensor]


class EMA:
    """Averages weights and statistics of the network that makes images; of all networks where an encoder gives codes.

    Yazici et al. 2019, arXiv:1806.04498; Karras et al. 2018, arXiv:1710.10196, section 4. An encoder's codes mean
    something to the decoder of the same moment; the average of one would not fit the other.

    Args:
        objective: its networks are where they will stay.
        decay: share of the old average kept at each update, in [0, 1); 0 keeps no average at all.

    Attributes:
        weights: "NETWORK.LAYER.NAME" -> average, as a checkpoint keeps them; empty where none is kept.
    """

    def __init__(self, objective: Objective, decay: float) -> None:
        self.decay = decay
        self.live: State = {}
        if decay and isinstance(objective, Generates):
            whole = isinstance(objective, Encodes)
            state = objective.networks.state_dict()
            self.live = {key: value for key, value in state.items() if whole or key.split(".")[0] == objective.maker}
        self.floats = [name for name, value in self.live.items() if value.is_floating_point()]
        self.weights = {name: value.clone() for name, value in self.live.items()}

    def update(self, step: int) -> None:
        """Follows the weights after the update of this number; faster at first, so that the start is soon forgotten."""
        if not self.live:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            average, live = ([state[name] for name in self.floats] for state in (self.weights, self.live))
            torch._foreach_lerp_(average, live, 1 - decay)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The networks have the averaged weights for as long as this is open."""
        with torch.no_grad():
            before = {name: value.clone() for name, value in self.live.items()}
            self._put(self.weights)
        try:
            yield
        finally:
            with torch.no_grad():
                self._put(before)

    def load(self, state: State) -> None:
        """Takes up averages from a checkpoint.

        The average of a network that the checkpoint has none of begins at the weights where they stand.
        """
        for name, value in self.weights.items():
            value.copy_(state.get(name, self.live[name]))

    def _put(self, state: State) -> None:
        for name, value in state.items():
            self.live[name].copy_(value)
