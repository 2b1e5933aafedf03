"""Devices: where training runs, with which numbers and in how many processes. The only file that knows Fabric."""

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]  # public, by their documentation

from simulacra.data.batches import Batch, Batches, to_tensor
from simulacra.errors import RecipeError, RunError

Precision = Literal["auto", "float32", "bfloat16"]
T = TypeVar("T")

# How long one process waits for another: the first one may pack, measure or draw meanwhile.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class Crew:
    """The processes of one training, as each of them knows them before they have met.

    Attributes:
        rank: number of this process, from 0.
        world: how many there are.
        local: how many of them are on this machine.
        started: whether torchrun has started all of them; if not, the first one starts the others.
    """

    rank: int = 0
    world: int = 1
    local: int = 1
    started: bool = False

    @classmethod
    def of(cls, devices: int) -> "Crew":
        """The place that torchrun gave this process, or so many processes on this machine.

        Raises:
            RecipeError: torchrun was asked for another number of them.
        """
        if "TORCHELASTIC_RUN_ID" not in os.environ:
            return cls(int(os.environ.get("LOCAL_RANK", 0)) if devices > 1 else 0, devices, devices)
        rank, world, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"))
        if devices not in (1, local):
            raise RecipeError(
                f"--devices {devices}: torchrun started {local} processes on this machine; leave --devices out, or "
                f"give torchrun --nproc-per-node {devices}"
            )
        return cls(rank, world, local, started=True)


class Devices:
    """One process's view of the machine, and its only way to the others.

    Networks are not wrapped: Fabric launches, places and autocasts, so state dicts keep plain names and any method of a
    network may be called. Every method that speaks of all processes has to be called by all of them, in one order; with
    one process it costs nothing. One that finds another gone ends: the first with an error that says so, the rest
    without a word.

    Args:
        device: auto, cpu, cuda or mps; auto is cuda where there is one, else cpu. Nobody has run mps yet.
        precision: auto takes bfloat16 where the device multiplies it natively.
        crew: the processes; one that is not alone waits here until all have come.

    Raises:
        RecipeError: the machine has no such device, or too few of them.
        RunError: another process did not come.
    """

    def __init__(self, device: str = "auto", precision: Precision = "auto", crew: Crew | None = None) -> None:
        crew = crew or Crew()
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        with warnings.catch_warnings():
            # Fabric, while it is imported and set up, warns of things that concern its trainer's users only.
            warnings.simplefilter("ignore")
            from lightning_fabric import Fabric
            from lightning_fabric.strategies.ddp import DDPStrategy
            from lightning_fabric.utilities.exceptions import MisconfigurationException

            for name in ("lightning.fabric", "lightning_fabric"):
                logging.getLogger(name).setLevel(logging.ERROR)

            try:
                probe = Fabric(accelerator=device, devices=crew.local)
            except (ValueError, RuntimeError, MisconfigurationException) as error:
                lack = "none" if crew.local == 1 else f"no {crew.local} of them"
                raise RecipeError(f"--device {device}: this machine has {lack}; try --device auto or cpu") from error
            native = multiplies_bfloat16(probe.device)
            self.precision = ("bfloat16" if native else "float32") if precision == "auto" else precision
            kind: Any = "bf16-mixed" if self.precision == "bfloat16" else "32-true"
            strategy: Any = DDPStrategy(timeout=PATIENCE) if crew.world > 1 else "auto"
            nodes = crew.world // crew.local
            self.fabric = Fabric(
                accelerator=device, devices=crew.local, num_nodes=nodes, strategy=strategy, precision=kind
            )
            self.rank, self.world = crew.rank, crew.world
            if self.world > 1:
                with self._reaching():
                    if crew.started and not distributed.is_initialized():
                        meet(crew)
                    self.fabric.launch()
        self.device = self.fabric.device
        self.wide = torch.float32 if self.device.type == "mps" else torch.float64  # what sums are kept in

    def place(self, networks: nn.Module) -> None:
        """Moves networks here, their kernels channels-last as the images are."""
        networks.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def autocast(self) -> AbstractContextManager[Any]:
        """A context in which products and convolutions run in this precision."""
        return self.fabric.autocast()

    def backward(self, loss: Tensor, inputs: list[nn.Parameter], *, retain_graph: bool = False) -> None:
        """Gradients of a loss for these parameters and no others; its graph is freed unless `retain_graph`."""
        self.fabric.backward(loss, inputs=inputs, retain_graph=retain_graph)

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Averages gradients over all processes, all in one message."""
        if self.world == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = self._reduce(torch.cat([gradient.reshape(-1) for gradient in gradients])).div_(self.world)
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    def total(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor over all processes, with a graph through all of them."""
        return tensor if self.world == 1 else _Total.apply(tensor, self)  # type: ignore[no-untyped-call]

    def sums(self, numbers: list[float]) -> list[float]:
        """The sum of each number over all processes."""
        if self.world == 1:
            return numbers
        return self._reduce(torch.tensor(numbers, dtype=self.wide, device=self.device)).tolist()

    def highest(self, *numbers: int) -> tuple[int, ...]:
        """The largest of each number in any process."""
        if self.world == 1:
            return numbers
        return tuple(self._reduce(torch.tensor(numbers, device=self.device), distributed.ReduceOp.MAX).tolist())

    def share(self, value: T) -> T:
        """What the first process has; the values of the others do not count."""
        with self._reaching():
            return self.fabric.broadcast(value)

    def agree(self, trouble: str | None) -> None:
        """Ends all processes where one of them is in trouble.

        Raises:
            RunError: with the first sentence that any of them gives.
        """
        given = [trouble]
        if self.world > 1:
            given *= self.world
            with self._reaching():
                distributed.all_gather_object(given, trouble)
        if found := next(filter(None, given), None):
            raise RunError(found)

    def _reduce(self, tensor: Tensor, operation: Any = distributed.ReduceOp.SUM) -> Tensor:
        """One number for each of a tensor's, of all processes; in place."""
        with self._reaching():
            distributed.all_reduce(tensor, operation)
        return tensor

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Ends this process where the others cannot be reached; one that dies is told by the first that is left."""
        try:
            yield
        except RuntimeError as error:
            if self.rank:
                raise SystemExit(1) from error
            raise RunError(
                f"another of the {self.world} processes of this training has ended or cannot be reached; the same "
                "command goes on from the last checkpoint"
            ) from error


class _Total(torch.autograd.Function):
    """The sum over processes. As each process goes down its own loss, the gradient is the sum over processes too."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, devices: Devices) -> Tensor:
        ctx.devices = devices
        return devices._reduce(tensor.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.devices._reduce(gradient.clone()), None


def meet(crew: Crew) -> None:
    """Connects the processes that torchrun has started, which Fabric then finds connected.

    Torchrun's store outlives its workers, and with it the addresses that they left there: after a restart, processes
    would call up dead ones. So the first one makes up a name under which nothing lies yet. It tells it to whoever asks,
    until everybody has answered under it: what asks may be a dead process's entry too, but that never answers.

    Raises:
        RuntimeError: another process did not come in time.
    """
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    fresh = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    store = TCPStore(address, port, is_master=fresh and crew.rank == 0, timeout=PATIENCE)
    name = uuid4().hex
    if crew.rank:
        store.set(f"seeks/{crew.rank}", name)
        name = store.get(f"told/{name}").decode()
        store.set(f"here/{name}/{crew.rank}", "")
    missing, end = [] if crew.rank else list(range(1, crew.world)), time.monotonic() + PATIENCE.total_seconds()
    while missing:
        if time.monotonic() > end:
            raise RuntimeError(f"processes {missing} did not come")
        for rank in missing:
            if store.check([f"seeks/{rank}"]):
                store.set(f"told/{store.get(f'seeks/{rank}').decode()}", name)
        time.sleep(0.05)
        missing = [rank for rank in missing if not store.check([f"here/{name}/{rank}"])]
    distributed.init_process_group(
        store=PrefixStore(name, store), rank=crew.rank, world_size=crew.world, timeout=PATIENCE
    )


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products run natively, rather than by conversion, on a device."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch names these two probes with an underscore, and gives no public ones.
    probes: list[Callable[[], bool]] = [torch.cpu._is_avx512_bf16_supported, torch.cpu._is_amx_tile_supported]
    return device.type == "cpu" and any(probe() for probe in probes)


def synchronize(networks: nn.Module, devices: Devices) -> None:
    """Puts a layer that sees all processes' shares in the place of every batch norm; the parameters stay the same."""
    for above in list(networks.modules()):
        for name, layer in above.named_children():
            if isinstance(layer, nn.BatchNorm2d):
                setattr(above, name, CommonBatchNorm2d(layer, devices))


class CommonBatchNorm2d(nn.BatchNorm2d):
    """Normalises by mean and variance of the common batch: with one process, what `nn.BatchNorm2d` computes.

    Args:
        layer: whose parameters, statistics and names in a state dict these are.
        devices: the processes, each with an equal share of the batch.
    """

    def __init__(self, layer: nn.BatchNorm2d, devices: Devices) -> None:
        super().__init__(layer.num_features, layer.eps, layer.momentum)
        self._parameters, self._buffers, self.training = layer._parameters, layer._buffers, layer.training
        self.devices = devices

    def forward(self, images: Tensor) -> Tensor:
        """Maps (n, C, H, W), and the statistics move on; in eval mode they are what normalises."""
        if not self.training:
            return super().forward(images)
        values, world = images.float(), self.devices.world
        var, mean = torch.var_mean(values, (0, 2, 3), correction=0)
        if world > 1:
            # Every process's own mean and variance, so that none of them is a difference of large numbers.
            own = torch.zeros(world, 2, len(mean), device=mean.device)
            own = own.index_put((torch.tensor(self.devices.rank),), torch.stack([mean, var]))
            means, variances = self.devices.total(own).unbind(1)
            mean = means.mean(0)
            var = variances.mean(0) + (means - mean).square().mean(0)
        self._follow(mean.detach(), var.detach(), world * values.numel() // len(mean))
        assert self.weight is not None, "the layers of networks are affine"
        scale = self.weight * (var + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (values * scale[:, None, None] + shift[:, None, None]).to(images.dtype)

    def _follow(self, mean: Tensor, var: Tensor, count: int) -> None:
        """Moves the running statistics towards those of a batch with so many values a channel."""
        assert self.running_mean is not None, "the layers of networks keep statistics"
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var * count / (count - 1), self.momentum)
        self.num_batches_tracked += 1


Feed = Callable[[int], Batch]
SHARE = 0.5  # of a device's free memory, what images may fill; networks and their gradients need the rest


def feed(batches: Batches, device: torch.device) -> Feed:
    """A function from a step to this process's batch of it on a device; all ways give the same batches."""
    if device.type == "cpu":
        return batches.__getitem__
    if device.type == "cuda" and fits(batches, torch.cuda.mem_get_info(device)[0]):
        return resident(batches, device)
    return lambda step: copied(batches, step, device)


def fits(batches: Batches, free: int) -> bool:
    """Whether all training images fit into a device's memory, of which so many bytes are free."""
    return batches.count * int(np.prod(batches.store.shape)) <= SHARE * free


def resident(batches: Batches, device: torch.device) -> Feed:
    """Keeps all training images on a device; a step then sends nothing but numbers of rows, flips and labels."""
    images = torch.from_numpy(batches.store.pixels(batches.rows)).to(device)

    def batch(step: int) -> Batch:
        places = torch.from_numpy(np.searchsorted(batches.rows, batches.share(step))).to(device)
        chosen, mirrored = images[places], torch.from_numpy(batches.mirrored(step)).to(device)
        chosen = torch.where(mirrored[:, None, None, None], chosen.flip(2), chosen)
        return Batch(to_tensor(chosen), batches.labels(step).to(device))

    return batch


def copied(batches: Batches, step: int, device: torch.device) -> Batch:
    """Sends a batch as bytes, a quarter of what float32 takes, and from pinned memory where that lets us go on."""
    images, labels = torch.from_numpy(batches.pixels(step)), batches.labels(step)
    waits_not = device.type == "cuda"
    if waits_not:
        images, labels = images.pin_memory(), labels.pin_memory()
    return Batch(to_tensor(images.to(device, non_blocking=waits_not)), labels.to(device, non_blocking=waits_not))
