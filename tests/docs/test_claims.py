"""docs/claims.md: a part per study that ships, its numbers from results that are kept, none typed by hand."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.studies.file import load_study, shipped

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("claims", ROOT / "benchmarks" / "claims.py")
assert SPEC is not None
assert SPEC.loader is not None
claims: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(claims)

ROW = {
    "measure": "frechet_distance",
    "comparison": "mirrored less plain",
    "effect": -0.5,
    "low": -0.75,
    "high": -0.25,
    "unit": "distance (no unit)",
    "p": 0.01,
    "detectable": 0.125,
    "seeds": [0, 1, 2],
    "verdict": "supported",
}
RUNS = [
    {"case": "plain", "seed": 0, "state": "finished", "why": "", "seconds": 90.0, "run": "studies/runs/a"},
    {"case": "mirrored", "seed": 0, "state": "diverged", "why": "not finite", "seconds": 30.0, "run": "studies/runs/b"},
]
RESULT = {"verdict": "supported", "mode": "quick", "seeds": 3, "data": "avatars", "rows": [ROW], "runs": RUNS}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for results and figures."""
    monkeypatch.setattr(claims, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(claims, "IMAGES", tmp_path / "images")
    return tmp_path


def test_the_page_is_what_the_script_writes() -> None:
    assert claims.PAGE.read_text("utf-8") == claims.page()


def test_every_study_that_ships_has_a_part() -> None:
    text = claims.PAGE.read_text("utf-8")
    for name in shipped():
        assert f"\n## {name}\n" in text
        assert load_study(name).claim in text
    assert {load_study(name).number for name in shipped()} == set(range(1, 19))


def test_a_result_is_taken_and_written_with_its_interval_and_its_command(elsewhere: Path) -> None:
    folder = elsewhere / "studies" / "flips-help" / "quick"
    (folder / "figures").mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(RESULT), "utf-8")
    Image.fromarray(np.zeros((90, 120, 3), np.uint8)).save(folder / "figures" / "effect-frechet-distance.png")
    (elsewhere / "results").mkdir()
    notes = '[flips-help]\nfigure = "effect-frechet-distance"\nsurprise = "Nothing."\nchange = "More seeds."\n'
    (elsewhere / "results" / "notes.toml").write_text(notes, "utf-8")
    assert claims.take(elsewhere / "studies") == ["flips-help"]
    text = claims.page()
    assert "| frechet_distance | mirrored less plain | -0.5000 | -0.7500 to -0.2500 | distance (no unit) |" in text
    assert "1 runs diverged (case mirrored)." in text
    assert "What surprised: Nothing." in text
    assert "![" in text
    assert "simulacra study flips-help --seeds 3\n" in text
    assert "studies/runs" not in (elsewhere / "results" / "flips-help.json").read_text("utf-8")
