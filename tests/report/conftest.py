"""Fake run folders: what a training leaves behind, made by hand in a moment."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simulacra.recipe import load
from simulacra.report import write_report
from simulacra.runs import RunFolder

HOSTILE = ("<script>alert(1)</script>", "$x^2$", "_hidden", "笑顔 é \u202eback\x07", "very long " * 30)


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def facts_of(labels: tuple[str, ...], **changes: Any) -> dict[str, Any]:
    layers = [
        {"layer": "Conv2d k4 s2 p1", "shape": [64, 4, 4], "parameters": 3072},
        {"layer": "Conv2d k4 s1 p0", "shape": [1, 1, 1], "parameters": 8192},
    ]
    return {
        "simulacra": "0.1.0",
        "python": "3.11.2",
        "torch": "2.13.0",
        "numpy": "2.4",
        "platform": "Linux",
        "threads": 2,
        "processor": "a processor",
        "commit": None,
        "device": "cpu",
        "precision": "float32",
        "family": "gan",
        "started": "2030-01-02T03:04:05+00:00",
        "state": "finished",
        "step": 2000,
        "images_seen": 256_000,
        "epochs": 6.4,
        "seconds": 400.0,
        "command": "simulacra train celeba-dcgan-bn --data stores/celeba",
        "recipe_name": "celeba-dcgan-bn",
        "data": {
            "path": "stores/celeba",
            "fingerprint": "0123abcd",
            "shape": [8, 8, 3],
            "counts": {"train": 40_000, "valid": 2_000, "test": 2_000},
            "label_names": list(labels),
            "exclusive": False,
            "label_frequencies": {name: 0.5 / (place + 1) for place, name in enumerate(labels)},
            "card": {"source": "celeba", "licence": "research only", "notes": ["cropped"]},
        },
        "networks": {"discriminator": {"parameters": 11_264, "layers": layers}},
        "players": {"discriminator": {"parameters": 11_264, "networks": ["discriminator"]}},
        "parameters": 11_264,
    } | changes


def write_curves(run: RunFolder, *keys: str, rows: int = 20) -> None:
    random = np.random.default_rng(0)
    for row in range(1, rows + 1):
        values = {key: 0.5 + 0.4 / row + 0.02 * float(random.normal()) for key in keys}
        run.append("metrics", {"step": 100 * row, "epoch": 0.32 * row, "images": 12_800 * row, **values})


def write_pictures(run: RunFolder, labels: tuple[str, ...]) -> None:
    """Every kind of picture of the contract, 8x8 pixels."""
    count, random = len(labels), np.random.default_rng(1)
    for step in range(0, 2001, 100):
        run.write_picture(
            f"fixed-{step:08d}", {"images": noise(12, 8, 8, 3, seed=step), "epoch": np.array(step / 312)}, b""
        )
    run.write_picture("samples", {"images": noise(32, 8, 8, 3)}, b"")
    originals, after = noise(10, 8, 8, 3), noise(10, 8, 8, 3, seed=1)
    run.write_picture("reconstructions", {"originals": originals, "reconstructions": after}, b"")
    names = np.array(labels)
    run.write_picture("pairs", {"images": noise(count, 2, 10, 8, 8, 3), "label_names": names}, b"")
    run.write_picture("classes", {"images": noise(10, count, 8, 8, 3), "label_names": names}, b"")
    points, flags = random.normal(size=(300, 2)).astype(np.float32), random.integers(0, 2, (300, count), np.uint8)
    table = {
        "points": points,
        "labels": flags,
        "label_names": names,
        "exclusive": np.array(False),
        "chosen": names[0],
    }
    run.write_picture("map", table, b"")


def write_run(
    path: Path, labels: tuple[str, ...] = ("Smiling", "Male"), *, full: bool = True, **changes: Any
) -> RunFolder:
    """Writes a run folder: with labels of these names, with curves, evaluations and pictures, with other facts."""
    run = RunFolder(path)
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


def figures_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "figures").iterdir())}


@pytest.fixture(scope="session")
def fake() -> SimpleNamespace:
    """What the tests of the report make runs with, and look at them with."""
    return SimpleNamespace(
        hostile=HOSTILE, noise=noise, run=write_run, curves=write_curves, pictures=write_pictures, figures=figures_of
    )


@dataclass(frozen=True)
class Written:
    """A run and its report, written once for all tests that only look."""

    run: RunFolder
    page: Path

    @property
    def html(self) -> str:
        return self.page.read_text("utf-8")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    run = write_run(tmp_path_factory.mktemp("plain") / "first")
    return Written(run, write_report([run]))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Everything that a person can name is named to break the page."""
    run = write_run(tmp_path_factory.mktemp("hostile") / "<b>run$&\"'", HOSTILE, command=" ".join(HOSTILE[:2]))
    run.write_recipe(load("celeba-dcgan-bn", {"steps": 2000, "title": HOSTILE[0]}))
    run.append("metrics", {"step": 2100, "epoch": 6.7, "images": 268_800} | {f"{name}/{name}": 1.0 for name in HOSTILE})
    row = {"value": 1.0, "low": 0.5, "high": 2.0, "floor": 0.1, "n": 1, "extractor": HOSTILE[1], "step": 2000}
    for name in HOSTILE:
        run.append("evaluations", row | {"metric": name, "split": name, name: name})
    run.write_picture("own <i>picture", {"images": noise(7, 8, 8, 1)}, b"")
    return Written(run, write_report([run]))
