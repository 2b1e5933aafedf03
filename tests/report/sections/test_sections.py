"""Promises of single sections: units, scales and words follow from what the run folder says."""

from pathlib import Path
from typing import Any

import numpy as np

from simulacra.recipe import load
from simulacra.report import write_report


def test_a_summed_reconstruction_error_is_called_one(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    run.write_recipe(load("fashion-vae-mlp", {"objective.reduction": "sum"}))
    fake.curves(run, "reconstruction/train")
    write_report([run])
    assert b"error an image, summed" in fake.figures(run.path)["reconstruction.svg"]


def test_codes_of_two_numbers_are_their_own_map(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    codes = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    run.write_picture("map", {"points": codes, "codes": codes}, b"")
    page = write_report([run])
    assert b"first number of the code" in fake.figures(run.path)["map.svg"]
    assert "t-SNE" not in page.read_text("utf-8")


def test_many_pairs_wait_behind_a_fold(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    names = np.array([f"label {place}" for place in range(9)])
    run.write_picture("pairs", {"images": fake.noise(9, 2, 10, 8, 8, 1), "label_names": names}, b"")
    html = write_report([run]).read_text("utf-8")
    assert html.index(">without label 7<") < html.index("<summary>1 more") < html.index(">without label 8<")


def test_an_evaluation_s_other_keys_become_columns(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    row = {"metric": "leakage", "value": 0.25, "split": "test", "step": 2000, "n": 90, "low": 0.2, "high": 0.3}
    for label in ("Hat", "Beard"):
        run.append("evaluations", row | {"label": label})
    html = write_report([run]).read_text("utf-8")
    assert '<th scope="col">label</th>' in html
    assert "0.2000 to 0.3000" in html
    assert "leakage, label Hat 0.2500 (test split)" in html


def test_a_run_that_diverged_says_so(fake: Any, tmp_path: Path) -> None:
    page = write_report([fake.run(tmp_path / "run", full=False, state="diverged")])
    assert "This run diverged: it stands at update 2,000" in page.read_text("utf-8")
