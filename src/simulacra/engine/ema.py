"""EMA: an exponential moving average of what a model learns, which gives steadier images than the last weights.

Yazici et al. 2019, arXiv:1806.04498; Karras et al. 2018, arXiv:1710.10196, section 4.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from simulacra.objectives import Encodes, Generates, Objective

State = dict[str, Tensor]


class EMA:
    """Averages weights and statistics of the network that makes images; of all networks where an encoder gives codes.

    An encoder's codes mean something to the decoder of the same moment; the average of one would not fit the other.

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
