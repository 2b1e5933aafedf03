"""Runs to explore, made in a moment: untrained models in whole run folders, with a map and curves."""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from simulacra.data.batches import to_tensor
from simulacra.data.store import ImageStore, open_store
from simulacra.engine.checkpoints import to_bytes
from simulacra.explorer import make_app
from simulacra.explorer.library import Library
from simulacra.explorer.security import Guard
from simulacra.files import to_npy
from simulacra.objectives import build
from simulacra.objectives.losses import kl_parts
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.verbs.prepare import conditions

HOME = "http://127.0.0.1:8000"


@pytest.fixture
def make_run(tmp_path: Path, tiny: Callable[..., Recipe], make_store: Callable[..., Path]) -> Callable[..., RunFolder]:
    """make_run(family, name=, steps=, state=, keep_store=, **recipe changes): a run folder as a training leaves it."""

    def make(
        family: str,
        name: str = "first",
        steps: tuple[int, ...] = (3, 6),
        state: str = "finished",
        store: dict[str, Any] | None = None,
        **changes: Any,
    ) -> RunFolder:
        place = tmp_path / f"store-{name}"
        data = open_store(make_store(name=place.name, **({"count": 60, "held_out": 20} | (store or {}))))
        recipe = tiny(family, **changes)
        run = RunFolder(tmp_path / "runs" / name)
        run.path.mkdir(parents=True)
        run.write_recipe(recipe)
        known = {"path": str(place), "fingerprint": data.fingerprint, "shape": list(data.shape)}
        run.write_facts({"family": family, "state": state, "step": steps[-1], "data": known})
        if (rows := conditions(recipe, data)) is not None:
            run.write("conditions.npy", to_npy(rows))
        for step in steps:
            save(run, recipe, step)
            run.append("metrics", {"step": step, "epoch": step / 10, "images": 4 * step, "loss/total": 1 / step})
        measured = {"metric": "mse", "value": 0.2, "low": 0.1, "high": 0.3, "floor": None, "n": 3, "split": "test"}
        run.append("evaluations", measured | {"extractor": None, "step": steps[-1]})
        if family == "vae":
            run.write_picture("map", mapped(recipe, steps[-1], data), b"")
        return run

    return make


@pytest.fixture(scope="session")
def _kept() -> dict[str, RunFolder]:
    return {}


@pytest.fixture
def run_of(make_run: Callable[..., RunFolder], _kept: dict[str, RunFolder]) -> Callable[..., RunFolder]:
    """run_of(family, **changes): such a run, made once for all tests that change nothing in it."""

    def find(family: str, **changes: Any) -> RunFolder:
        key = f"{family} {changes}"
        if key not in _kept:
            _kept[key] = make_run(family, name=f"the-{family}", **changes)
        return _kept[key]

    return find


def mapped(recipe: Recipe, step: int, store: ImageStore) -> dict[str, Any]:
    """What `latent_map` gives, but for the points, which are the first two numbers of each code."""
    rows, objective = store.rows("test"), model(recipe, step)
    with objective.evaluating():
        images = to_tensor(store.pixels(rows))
        codes, nats = objective.encode(images).numpy(), kl_parts(*objective.posterior(images)).mean(0).numpy()
    told = {"label_names": np.array(store.label_names), "exclusive": np.array(False), "chosen": np.array("Male")}
    return {"points": codes[:, :2].copy(), "codes": codes, "kl": nats, "labels": store.labels[rows]} | told


def model(recipe: Recipe, step: int) -> Any:
    """An objective whose weights follow from the step."""
    objective, generator = build(recipe), torch.Generator().manual_seed(step)
    with torch.no_grad():
        for weights in objective.networks.parameters():
            weights.add_(0.2 * torch.randn(weights.shape, generator=generator))
    objective.networks.eval()
    return objective


def save(run: RunFolder, recipe: Recipe, step: int) -> None:
    """A checkpoint without optimizers, which nobody asks for here."""
    objective = model(recipe, step)
    state = {"step": step, "networks": objective.networks.state_dict(), "ema": {}}
    run.write_checkpoint(step, to_bytes(state), keep=0)


@pytest.fixture
def client() -> Iterator[Callable[..., TestClient]]:
    """client(*paths, host=, token=, names=): asks the explorer of these runs as a browser on this machine does."""
    opened: list[TestClient] = []

    def make(*paths: Path, host: str = "127.0.0.1", token: str | None = None, names: Sequence[str] = ()) -> TestClient:
        app = make_app(Library(list(paths)))
        one = TestClient(Guard(app, host, token, names), base_url=HOME, follow_redirects=False)
        opened.append(one)
        return one

    yield make
    for one in opened:
        one.close()


def pixels(content: bytes) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def picture(width: int = 40, height: int = 30, kind: str = "PNG", colour: str = "teal") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """What these tests make pictures and checkpoints with."""
    return SimpleNamespace(pixels=pixels, picture=picture, save=save)
