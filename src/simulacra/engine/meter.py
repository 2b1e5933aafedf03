"""Meter: running means of what an update reports, without waiting for the device."""

from math import isfinite

import torch
from torch import Tensor

from simulacra.engine.devices import Devices
from simulacra.errors import Diverged

State = dict[str, tuple[float, int]]


class Meter:
    """Sums and counts a name, kept on the device until a row is due.

    Args:
        devices: the processes over which a row is a mean.
    """

    def __init__(self, devices: Devices) -> None:
        self.devices = devices
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.bad: Tensor | None = None  # the first step with a number that is not finite, or -1

    def add(self, values: dict[str, Tensor], step: int) -> None:
        """Takes the scalars of one update."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0) + value.detach().to(self.devices.wide)
            self.counts[name] = self.counts.get(name, 0) + 1
        finite = torch.stack([value.detach().float() for value in values.values()]).isfinite().all()
        here = torch.where(finite, -1, step)
        self.bad = here if self.bad is None else torch.where(self.bad < 0, here, self.bad)

    def totals(self) -> dict[str, float]:
        """The sums over all processes."""
        return dict(zip(self.sums, self.devices.sums([float(one) for one in self.sums.values()]), strict=True))

    def check(self) -> None:
        """Raises Diverged, with the step, if any number since the last flush was not finite."""
        (step,) = self.devices.highest(-1 if self.bad is None else int(self.bad))
        if step >= 0:
            names = [name for name, total in self.totals().items() if not isfinite(total)]
            raise Diverged(f"{', '.join(names)} stopped being finite at step {step}")

    def flush(self) -> dict[str, float]:
        """The means since the last flush, by name.

        Raises:
            Diverged: one of them is not finite.
        """
        self.check()
        means = {name: total / (self.counts[name] * self.devices.world) for name, total in self.totals().items()}
        self.sums, self.counts, self.bad = {}, {}, None
        return means

    def state(self) -> State:
        """What a checkpoint keeps: so a run may be saved between two rows and still write the same ones."""
        return {name: (total, self.counts[name]) for name, total in self.totals().items()}

    def load(self, state: State) -> None:
        """Takes up a state from a checkpoint, whose sums, those of all processes, the first one carries on."""
        share = 0 if self.devices.rank else 1
        self.sums = {name: torch.tensor(share * total, dtype=self.devices.wide) for name, (total, _) in state.items()}
        self.counts = {name: count for name, (_, count) in state.items()}
