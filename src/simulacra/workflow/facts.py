"""What run.json says of a run: everything that one needs to know besides the recipe."""

import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

import simulacra
from simulacra.data.store import SPLITS, ImageStore
from simulacra.engine.devices import Devices
from simulacra.evaluation.diagnosis.likeness import SET, look_of
from simulacra.objectives import Objective, summarize
from simulacra.seeds import some

LOOK, LOOKED = 7, 4 * SET  # key of the draw of training images, and how many tell what real images look like


def facts_of_run(objective: Objective, store: ImageStore, devices: Devices) -> dict[str, Any]:
    """Versions, machine, data and counts, as JSON values."""
    return {
        "simulacra": simulacra.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "commit": _commit(),
        "device": str(devices.device),
        "precision": devices.precision,
        "processes": devices.world,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": facts_of_data(store),
        **summarize(objective),
    }


def facts_of_data(store: ImageStore) -> dict[str, Any]:
    """The data card of a store, as JSON values."""
    train = store.rows("train")
    frequencies = store.labels[train].mean(0, dtype=np.float64).tolist() if store.label_names else []
    return {
        "path": str(store.path),
        "fingerprint": store.fingerprint,
        "shape": list(store.shape),
        "counts": {split: len(store.rows(split)) for split in SPLITS},
        "label_names": list(store.label_names),
        "exclusive": store.exclusive,
        "label_frequencies": dict(zip(store.label_names, frequencies, strict=True)),
        "card": store.card,
        "look": look_of(store.pixels(some(train, LOOKED, LOOK))) if len(train) > 1 else {},
    }


def _commit() -> str | None:
    """The commit of the source tree that this package is run from, or None for an installed one."""
    folder = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "ls-files", "--error-unmatch", Path(__file__).name],
            capture_output=True,
            check=False,
        )
        if found.returncode:
            return None
        head = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return head.stdout.strip() or None


def processor() -> str:
    """The processor's model, as the system names it."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
