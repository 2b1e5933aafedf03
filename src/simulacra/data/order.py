"""The order of an epoch: all training images shuffled, or within windows where the store is larger than memory.

Shuffled rows of a file that memory cannot keep are as many short reads from all over the disk. Block-shuffled, blocks
of neighbouring rows come in a drawn order, and the rows of a window of such blocks are mixed: the disk is read in long
pieces, and an image still meets thousands that lay anywhere. Streaming loaders do likewise with a buffer (WebDataset:
Aizman et al. 2019, arXiv:2001.01858); here there is no buffer, and the order follows from seed and epoch.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simulacra.data.store import ImageStore

Name = Literal["auto", "shuffled", "block-shuffled"]

# Bytes of a block, long enough for a disk to read it at full speed, and how many blocks are mixed.
BLOCK, BLOCKS = 2**20, 128
# Of memory, what training images may fill before the order minds the disk; the training itself needs the rest.
SHARE = 0.5
GROUP, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Order:
    """How an epoch is drawn.

    Attributes:
        block: neighbouring training images that are read together; 0 shuffles the whole epoch.
        window: images that are mixed, a multiple of `block`.
    """

    block: int = 0
    window: int = 0

    def draw(self, rows: NDArray[np.int64], draws: np.random.Generator) -> NDArray[np.int64]:
        """The rows in the order of one epoch: each once."""
        if not self.block:
            return draws.permutation(rows)
        blocks = [rows[start : start + self.block] for start in range(0, len(rows), self.block)]
        order = draws.permutation(len(blocks)).tolist()
        scattered = np.concatenate([blocks[place] for place in order])
        windows = [scattered[start : start + self.window] for start in range(0, len(rows), self.window)]
        return np.concatenate([draws.permutation(window) for window in windows])

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json says of it, under `data`."""
        if not self.block:
            return {"order": "shuffled"}
        return {"order": "block-shuffled", "block": self.block, "window": self.window}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> "Order":
        """The order of a run that has begun, from what its run.json says under `data`."""
        return cls(facts.get("block", 0), facts.get("window", 0))


SHUFFLED = Order()


def choose(name: Name, store: ImageStore) -> Order:
    """The order that a recipe asks for; "auto" block-shuffles training images that exceed half of the memory there is.

    Args:
        name: `data.order` of the recipe.
        store: the data set.
    """
    size = int(np.prod(store.shape))
    exceeds = size * len(store.rows("train")) > SHARE * memory()
    if name == "shuffled" or (name == "auto" and not exceeds):
        return SHUFFLED
    block = max(1, BLOCK // size)
    return Order(block, BLOCKS * block)


def memory() -> float:
    """Bytes of memory that this process may fill: the machine's, or less where a control group (a container) says so.

    Infinite where the system does not tell.
    """
    found = [float("inf")]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for line in GROUP.read_text("utf-8").splitlines() if GROUP.is_file() else []:
        _, controllers, inside = line.split(":", 2)
        # Version 2 has one tree and names no controller, version 1 has a tree for memory; a group obeys those above it.
        tree, limit = ("", "memory.max") if not controllers else ("memory", "memory.limit_in_bytes")
        if not controllers or "memory" in controllers.split(","):
            group = Path(inside.lstrip("/"))
            found += [_limit(GROUPS / tree / place / limit) for place in (group, *group.parents)]
    return min(found)


def _limit(file: Path) -> float:
    try:
        return float(file.read_text("utf-8"))
    except (OSError, ValueError):  # no such group, seen from inside a container, or the word "max"
        return float("inf")
