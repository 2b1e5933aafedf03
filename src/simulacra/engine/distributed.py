"""Several processes that train together: which of them this one is, how the first starts the others, how they meet."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import torch
from torch import distributed
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]  # public, by their documentation

from simulacra.errors import RecipeError
from simulacra.files import cores

# How long one process waits for another: the first one may pack, measure or draw meanwhile.
PATIENCE = timedelta(hours=1)


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
    return store, [subprocess.Popen(_command(), env=os.environ | {"LOCAL_RANK": rank}) for rank in ranks]


def _command() -> list[str]:
    """The command line of this process, as another one is started with it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = [str(Path(sys.argv[0]).absolute())] if spec is None else ["-m", spec.name]
    return [sys.executable, *program, *sys.argv[1:]]
