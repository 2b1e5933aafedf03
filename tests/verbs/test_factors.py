"""Factors that somebody's arrays bring along are measured: MIG, SAP, the FactorVAE score and DCI."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from simulacra.data.pack import pack
from simulacra.data.sources import open_source

METRICS = {"mig", "sap", "factorvae_score", "dci_disentanglement", "dci_completeness", "dci_informativeness"}


def write_sprites(path: Path) -> None:
    """Squares of two shades in 6 x 6 places on 8x8 pixels, laid out as dSprites is: its constant column, its object."""
    images, values = [], []
    for shade, x, y, _ in itertools.product((0.5, 1.0), range(6), range(6), range(4)):
        image = np.zeros((8, 8, 3), np.float32)
        image[y : y + 3, x : x + 3] = shade
        images.append(image)
        values.append((1, shade, x / 5, y / 5))
    metadata = np.array({"author": "nobody"}, dtype=object)
    np.savez(path, imgs=images, latents_values=values, latents_classes=np.zeros(len(images)), metadata=metadata)


def test_a_set_like_dsprites_is_packed_trained_and_measured(tmp_path: Path, simulacra: Any, recipe_file: Any) -> None:
    write_sprites(tmp_path / "sprites.npz")
    packed = pack(open_source("arrays", tmp_path / "sprites.npz"), tmp_path / "store")
    assert packed.store.factor_names == ("factor 0", "factor 1", "factor 2", "factor 3")
    assert any("not opened: metadata" in note for note in packed.notes)
    recipe = recipe_file("vae", **{"steps": 60, "data.batch": 32, "every.evaluate": [], "objective.kl_weight": 0.1})
    run = tmp_path / "run"
    assert simulacra("train", recipe, "--data", tmp_path / "store", "--out", run, "--no-report").code == 0
    ended = simulacra("evaluate", run, "-n", 20, "--only", "disentanglement", "--json")
    assert ended.code == 0, ended.err
    assert "disentanglement is of 3 factors: factor 1, factor 2, factor 3" in ended.err
    rows = {row["metric"]: row["value"] for row in json.loads(ended.out)}
    assert rows.keys() == METRICS
    assert all(value is not None and 0 <= value <= 1 for value in rows.values())
