"""docs/systems.md: a row a system, its counts from the networks and its numbers from runs, none typed by hand."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from simulacra.recipe import load, shipped
from simulacra.runs import RunFolder

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("systems_table", ROOT / "benchmarks" / "systems_table.py")
assert SPEC is not None
assert SPEC.loader is not None
sys.path.append(str(ROOT / "benchmarks"))  # where it finds observations.py
systems_table: Any = importlib.util.module_from_spec(SPEC)
sys.modules["systems_table"] = systems_table
SPEC.loader.exec_module(systems_table)

PAGE = (ROOT / "docs" / "systems.md").read_text("utf-8")
NAMED = {name: system for system, names in systems_table.SYSTEMS.items() for name in names}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for results and figures."""
    monkeypatch.setattr(systems_table, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(systems_table, "IMAGES", tmp_path / "images")
    return tmp_path


@pytest.fixture
def finished(elsewhere: Path) -> Callable[..., RunFolder]:
    """finished(recipe): a finished run of a shipped recipe."""

    def make(name: str) -> RunFolder:
        run = RunFolder(elsewhere / "runs" / name)
        run.path.mkdir(parents=True)
        run.write_recipe(load(name, {"steps": 20}))
        facts = {"state": "finished", "recipe_name": name, "step": 20, "epochs": 2.0, "seconds": 90.0}
        facts["images_seen"] = 20 * load(name).data.batch
        run.write_facts(facts)
        for step, loss in ((10, 9.0), (15, 0.5), (20, 0.3)):
            run.append("metrics", {"step": step, "epoch": step / 10, "images": step, "loss/total": loss})
        row = {"metric": "mse", "value": 0.1, "low": 0.09, "high": 0.11, "n": 9, "split": "test"}
        for step in (10, 20):
            run.append("evaluations", row | {"step": step})
        (run.path / "figures").mkdir()
        Image.new("RGB", (8, 8)).save(run.path / "figures" / "samples.png")
        return run

    return make


def test_every_system_is_there_and_every_recipe_has_a_row() -> None:
    assert [
        f"{report}{place}"
        for report, count in zip("ABCDE", (3, 3, 4, 4, 5), strict=True)
        for place in range(1, count + 1)
    ] == list(systems_table.SYSTEMS)
    assert set(NAMED) <= set(shipped())
    assert all(f"| `{name}` |" in PAGE for name in shipped())


@pytest.mark.parametrize("name", shipped())
def test_a_row_is_what_the_script_writes(name: str) -> None:
    for row in systems_table.rows_of(NAMED.get(name, "ours"), name, systems_table.results()):
        assert f"| {' | '.join(row)} |\n" in PAGE, "write it anew: python benchmarks/systems_table.py"


def test_published_numbers_belong_to_recipes_that_ship() -> None:
    assert set(systems_table.PUBLISHED) <= set(shipped())


def test_a_run_is_taken_down_with_its_figure(finished: Any, elsewhere: Path) -> None:
    assert systems_table.take_down(finished("fashion-vae-mlp")) == "fashion-vae-mlp-seed-0.json and its figure"
    kept = json.loads((elsewhere / "results" / "fashion-vae-mlp-seed-0.json").read_text("utf-8"))
    assert kept["changes"] == {}
    assert kept["last_epoch"] == {"loss/total": 0.4}, "updates 15 and 20 are of the second epoch"
    assert [row["step"] for row in kept["measured"]] == [20]
    (row,) = systems_table.rows_of("E2", "fashion-vae-mlp", systems_table.results())
    assert row[3] == "![fashion-vae-mlp](images/systems/fashion-vae-mlp.webp)"
    assert row[4] == "test mse 0.1000 (0.09000 to 0.1100)<br>training loss 0.4000"
    assert row[5] == "seed 0, 2 epochs, 1 min 30 s"
