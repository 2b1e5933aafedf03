"""Devices: where training runs and with which numbers; and several processes, how they meet and what they send."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]  # public, by their documentation

from simulacra.data.batches import Batch, Batches, to_tensor
from simulacra.errors import RecipeError, RunError
from simulacra.files import cores

# How long one process waits for another: the first one may pack, measure or draw meanwhile.
PATIENCE = timedelta(hours=1)
# Seconds in which a process ends by itself where it hears that the first one is gone.
GRACE = 5.0
# The processes that this one has started: as long as they are remembered here, their stdin stays open.
_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Crew:
    """The processes of one training, as each of them knows them before they have met.

    Attributes:
        rank: number of this process, from 0.
        world: how many processes there are.
        local: how many of them are on this machine.
        started: whether torchrun has started all of them; if not, the first one starts the others.
    """

    rank: int = 0
    world: int = 1
    local: int = 1
    started: bool = False

    @classmethod
    def of(cls, devices: int) -> "Crew":
        """The processes that torchrun has started, or this one and `devices - 1` others on this machine.

        Raises:
            RecipeError: torchrun has started another number of processes.
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

    @property
    def local_rank(self) -> int:
        """Number of this process on its machine, from 0."""
        return int(os.environ.get("LOCAL_RANK", 0)) if self.world > 1 else 0


def meet(crew: Crew, patience: timedelta = PATIENCE) -> None:
    """Connects the processes of a training, once for all trainings of this process; the first one starts the others.

    The store at which processes meet may be torchrun's, which outlives its workers, and with it the addresses that they
    left there: after a restart, processes would call up dead ones. So the first process makes up a name under which
    nothing lies yet. It gives the name to whoever asks, until every process has answered under it: what asks may be the
    entry of a dead process too, but a dead process never answers.

    Args:
        crew: the processes.
        patience: how long one waits for another.

    Raises:
        RuntimeError: another process did not come in time, or ended.
    """
    if distributed.is_initialized():
        return
    share_cores(crew)
    store, children = _open_store(crew, patience)
    name = uuid4().hex
    if crew.rank:
        store.set(f"seeks/{crew.rank}", name)
        name = store.get(f"name/{name}").decode()
        store.set(f"here/{name}/{crew.rank}", "")
    missing, end = [] if crew.rank else list(range(1, crew.world)), time.monotonic() + patience.total_seconds()
    while missing:
        if time.monotonic() > end or any(child.poll() is not None for child in children):
            raise RuntimeError(f"processes {missing} did not come")
        for rank in missing:
            if store.check([f"seeks/{rank}"]):
                store.set(f"name/{store.get(f'seeks/{rank}').decode()}", name)
        time.sleep(0.05)
        missing = [rank for rank in missing if not store.check([f"here/{name}/{rank}"])]
    distributed.init_process_group(
        store=PrefixStore(name, store), rank=crew.rank, world_size=crew.world, timeout=patience
    )


def share_cores(crew: Crew) -> None:
    """Gives each process of a machine an equal part of its cores as threads, unless the user has said otherwise.

    A process that is alone keeps torch's threads, but for those that a container's quota would make wait.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        share = max(1, cores() // crew.local)
        torch.set_num_threads(share if crew.local > 1 else min(share, torch.get_num_threads()))


def _open_store(crew: Crew, patience: timedelta) -> tuple[TCPStore, list[subprocess.Popen[bytes]]]:
    """The store at which the processes meet, and the processes that this one has started."""
    if crew.started or crew.rank:
        hosts = crew.started and crew.rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        return TCPStore(address, port, is_master=hosts, timeout=patience), []
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=patience)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "LOCAL_RANK": "0"}
    ranks = [str(rank) for rank in range(1, crew.local)]
    children = [
        subprocess.Popen(_command(), stdin=subprocess.PIPE, env=os.environ | {"LOCAL_RANK": rank}) for rank in ranks
    ]
    _started.extend(children)
    return store, children


@contextmanager
def ending_with_first(crew: Crew) -> Iterator[None]:
    """While it is open, this process ends where the first one, which started it, is gone: killed before they met, say.

    Those that torchrun has started are ended by torchrun.
    """
    ended = threading.Event()

    def watch() -> None:
        while os.read(0, 1):  # the first process holds the other end of stdin, and writes nothing
            pass
        if not ended.wait(GRACE):
            os._exit(1)

    if not crew.started:
        threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _command() -> list[str]:
    """The command line of this process, as another one is started with it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = [str(Path(sys.argv[0]).absolute())] if spec is None else ["-m", spec.name]
    return [sys.executable, *program, *sys.argv[1:]]


Precision = Literal["auto", "float32", "bfloat16"]
T = TypeVar("T")

# Kind of device -> how many of them the machine has; a processor serves any number of processes.
COUNTS: dict[str, Callable[[], int]] = {
    "cpu": lambda: sys.maxsize,
    "cuda": torch.cuda.device_count,
    "mps": lambda: int(torch.backends.mps.is_available()),
}


class Devices:
    """One process's view of the machine, and its only way to the others.

    Networks are not wrapped, so state dicts keep plain names and any method of a network may be called. A method
    about all processes has to be called by all of them, in the same order; with one process it costs nothing. If a
    process has ended, the others end too: the first one with an error that says so, the rest silently.

    Args:
        device: auto, cpu, cuda or mps; auto is cuda where there is one, else cpu. mps is untested.
        precision: auto takes bfloat16 where the device multiplies it natively.
        crew: the processes; one that is not alone waits here until all have come.
        patience: how long one process waits for another.

    Raises:
        RecipeError: the machine has no such device, or too few of them.
        RunError: another process did not come.
    """

    def __init__(
        self,
        device: str = "auto",
        precision: Precision = "auto",
        crew: Crew | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        crew = crew or Crew()
        self.device = find_device(device, crew)
        native = multiplies_bfloat16(self.device)
        self.precision = ("bfloat16" if native else "float32") if precision == "auto" else precision
        self.wide = torch.float32 if self.device.type == "mps" else torch.float64  # what sums are kept in
        self.rank, self.world = crew.rank, crew.world
        if self.world > 1:
            with self._reaching():
                meet(crew, patience)

    def move(self, networks: nn.Module) -> None:
        """Moves networks to this device, in place; their kernels become channels-last as the images are."""
        networks.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def dtype(self) -> torch.dtype:
        """The type of numbers that products and convolutions multiply."""
        return torch.bfloat16 if self.precision == "bfloat16" else torch.float32

    def autocast(self) -> AbstractContextManager[Any]:
        """A context in which products and convolutions run in this precision."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def seed(self, seed: int) -> None:
        """Seeds what an update draws, here and on the device; `torch.manual_seed` takes 1 ms to reach all kinds."""
        torch.default_generator.manual_seed(seed)
        if self.device.type != "cpu":
            torch.get_device_module(self.device).manual_seed(seed)

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
        if self.world == 1:
            return value
        values = [value]
        with self._reaching():
            distributed.broadcast_object_list(values)
        return values[0]

    def agree(self, problem: str | None) -> None:
        """Ends all processes if one of them has a problem.

        Raises:
            RunError: with the first sentence that any of them gives.
        """
        problems = [problem] * self.world
        if self.world > 1:
            with self._reaching():
                distributed.all_gather_object(problems, problem)
        if first := next(filter(None, problems), None):
            raise RunError(first)

    def _reduce(self, tensor: Tensor, operation: Any = distributed.ReduceOp.SUM) -> Tensor:
        """One number for each of a tensor's, of all processes; in place."""
        with self._reaching():
            distributed.all_reduce(tensor, operation)
        return tensor

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Ends this process where another cannot be reached; the first process says so, if it is left."""
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


def find_device(name: str, crew: Crew) -> torch.device:
    """The device of this process; of several GPUs, each process of the machine has its own.

    Raises:
        RecipeError: the machine has no such device, or too few of them.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in COUNTS or COUNTS[name]() < crew.local:
        lack = "none" if crew.local == 1 else f"fewer than {crew.local}"
        raise RecipeError(f"--device {name}: this machine has {lack}; try --device auto or cpu")
    if name == "cuda":
        torch.cuda.set_device(crew.local_rank)
    return torch.device(name) if name == "cpu" else torch.device(name, crew.local_rank)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products run natively, rather than by conversion, on a device."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch names these two probes with an underscore, and gives no public ones.
    probes: list[Callable[[], bool]] = [torch.cpu._is_avx512_bf16_supported, torch.cpu._is_amx_tile_supported]
    return device.type == "cpu" and any(probe() for probe in probes)


def synchronize(networks: nn.Module, devices: Devices) -> None:
    """Replaces every batch norm by one over the shares of all processes; the parameters stay the same."""
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
        self._update_statistics(mean.detach(), var.detach(), world * values.numel() // len(mean))
        assert self.weight is not None, "the layers of networks are affine"
        scale = self.weight * (var + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (values * scale[:, None, None] + shift[:, None, None]).to(images.dtype)

    def _update_statistics(self, mean: Tensor, var: Tensor, count: int) -> None:
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
        indices = torch.from_numpy(np.searchsorted(batches.rows, batches.share(step))).to(device)
        chosen, mirrored = images[indices], torch.from_numpy(batches.mirrored(step)).to(device)
        chosen = torch.where(mirrored[:, None, None, None], chosen.flip(2), chosen)
        return Batch(to_tensor(chosen), batches.labels(step).to(device))

    return batch


def copied(batches: Batches, step: int, device: torch.device) -> Batch:
    """Sends a batch as bytes, a quarter of what float32 takes, and from pinned memory where that lets us go on."""
    images, labels = torch.from_numpy(batches.pixels(step)), batches.labels(step)
    non_blocking = device.type == "cuda"
    if non_blocking:
        images, labels = images.pin_memory(), labels.pin_memory()
    return Batch(to_tensor(images.to(device, non_blocking=non_blocking)), labels.to(device, non_blocking=non_blocking))
