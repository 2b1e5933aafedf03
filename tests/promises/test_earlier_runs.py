"""A run that an earlier version trained still opens: `earlier_run` holds its text files, with the names they had."""

import json
import shutil
from pathlib import Path

import pytest

from simulacra.catalogue import METRICS
from simulacra.diagnosis import diagnose
from simulacra.errors import RunError
from simulacra.evaluation.metrics.held_out import best_of
from simulacra.report import write_report
from simulacra.runs import RunFolder
from simulacra.verbs.best import best
from simulacra.verbs.report import compare

EARLIER = Path(__file__).parent / "earlier_run"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(shutil.copytree(EARLIER, tmp_path / "earlier"))


@pytest.fixture
def today(tmp_path: Path) -> RunFolder:
    """The same run with evaluations as this version writes them."""
    folder = RunFolder(shutil.copytree(EARLIER, tmp_path / "today"))
    rows = [json.dumps(measurement.to_json()) + "\n" for measurement in folder.measurements()]
    folder.write("evaluations.jsonl", "".join(rows).encode())
    return folder


def test_the_recipe_of_an_earlier_run_is_read(run: RunFolder) -> None:
    assert run.read_recipe().ema == 0.99
    assert run.read_facts()["best"]["step"] == 25


def test_measurements_of_an_earlier_run_have_the_names_of_today(run: RunFolder, today: RunFolder) -> None:
    measurements = run.measurements()
    assert {measurement.metric for measurement in measurements} <= set(METRICS)
    assert {measurement.weights for measurement in measurements} == {None, "ema"}
    assert all(measurement.baseline is not None for measurement in measurements if measurement.metric == "recall")
    assert today.measurements() == measurements


def test_an_earlier_run_compares_with_a_run_of_today(run: RunFolder, today: RunFolder) -> None:
    compared = {metric.metric for metric in compare([run.path, today.path]).metrics}
    assert compared == {row.metric for row in run.measurements() if row.estimate and row.split in (None, "test")}


def test_an_earlier_run_has_a_report_and_a_diagnosis(run: RunFolder) -> None:
    page = write_report([run]).read_text("utf-8")
    for name in ("frechet_distance", "kl_per_image", "modes_covered", "mutual_information"):
        assert METRICS[name].title in page
    assert [finding.issue for finding in diagnose(run)] == ["too-early"], "50 of 1,000 updates"


def test_the_best_checkpoint_of_an_earlier_run_is_the_same(run: RunFolder) -> None:
    chosen = best_of(run.measurements(), "mse_plus_kl", [25, 50])
    assert chosen is not None
    assert chosen.step == run.read_best() == 25
    with pytest.raises(RunError, match="has no checkpoint yet"):
        best(run.path)
