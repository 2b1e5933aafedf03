"""One optimiser per player, the step that moves that player only, and how large steps are at what time."""

from collections.abc import Callable
from math import cos, pi
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.engine.devices import Devices
from simulacra.objectives import Objective
from simulacra.settings import OptimizerSettings

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
        settings: the recipe's table of optimisers.
        devices: runs the backward pass and averages over processes.

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
        self.devices.backward(loss, parameters, retain_graph=retain_graph)
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
