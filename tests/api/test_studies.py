"""Studies from Python: verdict, table, figures and runs of a study that was carried out."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tomli_w

import simulacra as sm
from simulacra.estimates import Estimate
from simulacra.measurements import Measurement
from simulacra.recipe import to_toml
from simulacra.runs import RunFolder
from simulacra.studies.answer import Outcome
from simulacra.studies.file import load_study
from simulacra.studies.plan import plan
from simulacra.verbs import study as verb


@pytest.fixture
def found(tmp_path: Path, tiny: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> sm.Study:
    """A study whose runs are files alone."""
    recipe, path = tmp_path / "tiny-vae.toml", tmp_path / "weights.toml"
    recipe.write_text(to_toml(tiny("vae")), "utf-8")
    budget = {"images": 40, "seeds": 3}
    table = {"claim": "It is worse.", "source": "a test", "recipe": str(recipe), "data": "made", "full": budget}
    table |= {"quick": budget, "question": {"kind": "better"}}
    table["cases"] = {"light": {}, "heavy": {"objective": {"kl_weight": 5.0}}}
    table["measures"] = [{"metric": "reconstruction_mse", "direction": "higher"}]
    path.write_text(tomli_w.dumps(table), "utf-8")

    def carried_out(name: str, *, seeds: int | None, out: Path, **options: Any) -> verb.Finished:
        made = plan(name, load_study(name), "quick", seeds, "made", out, lambda recipe: (recipe, "x"))
        for run in made.runs:
            folder, value = RunFolder(run.folder), 1.0 + (1.0 + 0.1 * run.seed) * (run.case == "heavy")
            folder.write_facts({"state": "finished"})
            folder.write_recipe(run.recipe)
            about: dict[str, Any] = {"metric": "reconstruction_mse", "step": run.recipe.steps, "n": 9}
            folder.append("evaluations", Measurement(estimate=Estimate(value), **about).to_json())
        return verb.conclude(made, [Outcome(run, "finished") for run in made.runs])

    monkeypatch.setattr(verb, "study", carried_out)
    return sm.study(path, seeds=4, out=tmp_path / "studies")


def test_a_study_has_a_verdict_rows_figures_and_runs(found: sm.Study) -> None:
    assert found.verdict == "supported"
    assert found.claim == "It is worse."
    assert found.rows[0]["values"]["heavy"] == pytest.approx([2.0, 2.1, 2.2, 2.3])
    assert set(found.figures) == {"effect-reconstruction_mse", "values-reconstruction_mse"}
    assert all(path.is_file() for path in found.figures.values())
    assert set(found.runs) == {(case, seed) for case in ("light", "heavy") for seed in range(4)}
    assert "Verdict: supported." in repr(found)
    assert found.page.is_file()
    html = found._repr_html_()
    assert "<b>Verdict: supported." in html
    assert "<table>" in html
    assert str(found.page) in html


def test_the_table_is_a_data_frame_where_pandas_is_installed(found: sm.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not
    (row,) = found.table()
    assert (row["measure"], row["seeds"], row["verdict"]) == ("reconstruction_mse", [0, 1, 2, 3], "supported")
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=lambda rows: ("frame", rows)))
    assert found.table() == ("frame", [row])
