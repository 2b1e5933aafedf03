"""Fake run folders: what a training leaves behind, made by hand in a moment."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simulacra.recipe import load
from simulacra.runs import RunFolder

HOSTILE = ("<script>alert(1)</script>", "$x^2$", "_hidden", "笑顔 é \u202eback\x07", "very long " * 30)
Write = Callable[..., RunFolder]


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def facts_of(labels: tuple[str, ...], **changes: Any) -> dict[str, Any]:
    layers = [
        {"layer": "Conv2d k4 s2 p1", "shape": [64, 4, 4], "parameters": 3072},
        {"layer": "Conv2d k4 s1 p0", "shape": [1, 1, 1], "parameters": 8192},
    ]
    return {
        "simulacra": "0.1.0", "python": "3.11.2", "torch": "2.13.0", "numpy": "2.4", "platform": "Linux", "threads": 2,
        "processor": "a processor", "commit": None, "device": "cpu", "precision": "float32", "family": "gan",
        "started": "2030-01-02T03:04:05+00:00", "state": "finished", "step": 2000, "images_seen": 256_000, "epochs": 6.4,
        "seconds": 400.0, "command": "simulacra train celeba-dcgan-bn --data stores/celeba",
        "recipe_name": "celeba-dcgan-bn",
        "data": {
            "path": "stores/celeba", "fingerprint": "0123abcd", "shape": [8, 8, 3],
            "counts": {"train": 40_000, "valid": 2_000, "test": 2_000}, "label_names": list(labels), "exclusive": False,
            "label_frequencies": {name: 0.5 / (place + 1) for place, name in enumerate(labels)},
            "card": {"source": "celeba", "licence": "research only", "notes": ["cropped"]},
        },
        "networks": {"discriminator": {"parameters": 11_264, "layers": layers}},
        "players": {"discriminator": {"parameters": 11_264, "networks": ["discriminator"]}},
        "parameters": 11_264,
    } | changes  # fmt: skip


def write_curves(run: RunFolder, *keys: str, rows: int = 20) -> None:
    random = np.random.default_rng(0)
    for row in range(1, rows + 1):
        values = {key: 0.5 + 0.4 / row + 0.02 * float(random.normal()) for key in keys}
        run.append("metrics", {"step": 100 * row, "epoch": 0.32 * row, "images": 12_800 * row, **values})


def write_pictures(run: RunFolder, labels: tuple[str, ...]) -> None:
    """Every kind of picture of the contract, 8x8 pixels."""
    count, random = len(labels), np.random.default_rng(1)
    for step in range(0, 2001, 100):
        run.write_picture(f"fixed-{step:08d}", {"images": noise(12, 8, 8, 3, seed=step), "epoch": np.array(step / 312)}, b"")
    run.write_picture("samples", {"images": noise(32, 8, 8, 3)}, b"")
    run.write_picture("reconstructions", {"originals": noise(10, 8, 8, 3), "reconstructions": noise(10, 8, 8, 3)}, b"")
    names = np.array(labels)
    run.write_picture("pairs", {"images": noise(count, 2, 10, 8, 8, 3), "label_names": names}, b"")
    run.write_picture("classes", {"images": noise(10, count, 8, 8, 3), "label_names": names}, b"")
    table = {
        "points": random.normal(size=(300, 2)).astype(np.float32), "labels": random.integers(0, 2, (300, count), np.uint8),
        "label_names": names, "exclusive": np.array(False), "chosen": names[0],
    }  # fmt: skip
    run.write_picture("map", table, b"")


@pytest.fixture
def write_run(tmp_path: Path) -> Write:
    """Writes a run folder.

    The function takes its path below the temporary folder, names of labels, whether it has curves, evaluations and
    pictures, and changes of run.json.
    """

    def write(
        name: str = "first", labels: tuple[str, ...] = ("Smiling", "Male"), *, full: bool = True, **changes: Any
    ) -> RunFolder:
        run = RunFolder(tmp_path / name)
        run.path.mkdir(parents=True)
        run.write_recipe(load("celeba-dcgan-bn", {"steps": 2000}))
        run.write_facts(facts_of(labels, **changes))
        if full:
            write_curves(run, "loss/discriminator", "loss/generator", "accuracy/real", "accuracy/fake")
            evaluation = {"metric": "mse", "low": None, "high": None, "floor": None, "n": 500, "extractor": None}
            for step in (1000, 2000):
                run.append("evaluations", evaluation | {"value": 40 / step, "split": "valid", "step": step})
            last = {"value": 0.0197, "low": 0.0190, "high": 0.0204, "split": "test", "step": 2000}
            run.append("evaluations", evaluation | last)
            write_pictures(run, labels)
        return run

    return write


def figures_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "figures").iterdir())}


def change_facts(run: RunFolder, change: Callable[[dict[str, Any]], None]) -> None:
    facts = run.facts
    change(facts)
    (run.path / "run.json").write_text(json.dumps(facts))
