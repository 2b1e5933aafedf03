"""The verb `doctor`: what this machine and this installation offer, and what to do where something is missing."""

import os
import platform
import shutil
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from simulacra import __version__
from simulacra.files import BUSY, busy_seconds, cores, user_cache

SAMPLE = 0.5  # seconds of looking at other programs
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "matplotlib", "pillow")
# Module -> what it is for, and the packages that bring it.
EXTRAS = {
    "onnx": ("export --format onnx and web", "onnx onnxscript onnxruntime"),
    "pillow_heif": ("HEIC photographs", "pillow-heif"),
    "torch_fidelity": ("evaluate --features inception", "torch-fidelity"),
    "distributed": ("study --scheduler", "'dask[distributed]'"),
}
LOW = 2e9  # bytes free on a disk, under which a training may not end


@dataclass(frozen=True)
class Check:
    """One line of the list.

    Attributes:
        name: what was looked at.
        value: what is there.
        remedy: what to do about it; empty where all is well.
    """

    name: str
    value: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def doctor() -> list[Check]:
    """Looks at versions, processor, threads, precision, load, devices, disk and cache. Changes nothing."""
    import torch

    from simulacra.engine.devices import multiplies_bfloat16
    from simulacra.verbs.prepare import processor

    native = multiplies_bfloat16(torch.device("cpu"))
    threads, usable = torch.get_num_threads(), cores()
    system = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return [
        Check("simulacra", f"{__version__}, {system}"),
        Check("libraries", ", ".join(f"{name} {version(name)}" for name in LIBRARIES)),
        Check("processor", processor()),
        Check("cores", f"{usable} of {os.cpu_count()} can be used by this process"),
        Check("threads", str(threads), _threads_remedy(threads, usable)),
        Check("precision", "bfloat16, which this processor multiplies natively" if native else "float32"),
        Check("GPU", torch.cuda.get_device_name() if torch.cuda.is_available() else "none that torch can use"),
        _load(usable),
        _disk(Path.cwd()),
        _cache(),
        *(_extra(module, *facts) for module, facts in EXTRAS.items()),
    ]


def _threads_remedy(threads: int, usable: int) -> str:
    if threads > usable:
        return f"more threads than cores slow a training down; set OMP_NUM_THREADS={usable}"
    return ""


def _load(usable: int) -> Check:
    """How busy the machine is with other programs, from what its cores did for half a second."""
    first = busy_seconds()
    if first is None:
        return Check("load", "not known on this system")
    time.sleep(SAMPLE)
    busy = max(0.0, (busy_seconds() or first) - first) / SAMPLE / usable
    remedy = "trainings will be slower and their times will differ; end them, or train later" if busy > BUSY else ""
    return Check("load", f"other programs use {min(1.0, busy):.0%} of the cores", remedy)


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    remedy = "free some space before a training" if free < LOW else ""
    return Check("disk", f"{_gigabytes(free)} free in {folder}", remedy)


def _cache() -> Check:
    folder = user_cache("")
    if folder is None:
        return Check("cache", "none, as you have no home folder", "set XDG_CACHE_HOME to a folder that you may write")
    held = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
    remedy = "" if held < 5 * LOW else f"delete {folder}: what is needed of it is made again"
    return Check("cache", f"{_gigabytes(held)} in {folder}", remedy)


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"


def _extra(module: str, purpose: str, packages: str) -> Check:
    """Whether an optional library is installed; its name on the index is that of the module or its distribution."""
    name = module.replace("_", "-")
    if find_spec(module) is None:
        return Check(name, f"not installed; needed for {purpose}", f"pip install {packages}")
    try:
        return Check(name, version(name))
    except PackageNotFoundError:
        return Check(name, "installed")
