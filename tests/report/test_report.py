"""Promises of write_report: which sections stand, where files go, and what a damaged or unfinished run gets.

What a diagnosis found, at the top of a report.
"""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simulacra.errors import RunError
from simulacra.report import write_report
from simulacra.runs import RunFolder


def titles(page: Path) -> list[str]:
    lines = page.read_text("utf-8").splitlines()
    return [line.split(">")[1].split("<")[0] for line in lines if line.startswith(("<h2", "<h3"))]


def gaps(page: Path) -> str:
    html = page.read_text("utf-8")
    return html.partition('<div class="gaps"')[2].partition("</div>")[0]


def test_a_finished_run_gets_every_section_its_folder_has(written: Any) -> None:
    assert written.page == written.run.path / "report.html"
    assert titles(written.page) == [
        "Samples",
        "Score card",
        "Learning curves",
        "The same codes over training",
        "Reconstructions",
        "Pairs that differ in one label",
        "Every class from the same noise",
        "Map of the codes",
        "Data",
        "Networks",
        "Recipe",
        "Time and machine",
    ]
    assert not gaps(written.page)


def test_the_summary_says_what_was_trained_on_what_and_how_long(written: Any) -> None:
    for words in (
        "a generative adversarial network (GAN) with 11,264 parameters",
        "40,000 training images from celeba",
        "8×8 colour",
        "2,000 updates (256,000 images and 6.4 epochs) in 6 min 40 s on cpu",
        "MSE 0.01970 (test split)",
    ):
        assert words in written.html


def test_the_recipe_shows_what_differs_from_the_defaults_and_from_the_shipped_one(written: Any) -> None:
    recipe = written.html.partition(">Recipe</h2>")[2]
    assert '<th scope="row">optimizer.betas</th>\n<td>0.5, 0.999</td>\n<td>0.9, 0.999</td>' in recipe
    assert '<th scope="row">steps</th>\n<td>2,000</td>\n<td>31,300</td>' in recipe
    assert "optimizer.lr" not in recipe.partition("<details")[0]
    assert "simulacra train celeba-dcgan-bn" in recipe


def test_equal_runs_give_equal_bytes(fake: Any, written: Any, tmp_path: Path) -> None:
    shutil.copytree(written.run.path, tmp_path / "first", ignore=shutil.ignore_patterns("figures", "report.html"))
    page = write_report([RunFolder(tmp_path / "first")])
    assert page.read_bytes() == written.page.read_bytes()
    assert fake.figures(page.parent) == fake.figures(written.run.path)


def test_an_unfinished_run_gets_a_report_that_says_so(fake: Any, tmp_path: Path) -> None:
    page = write_report([fake.run(tmp_path / "run", full=False, state="running", step=40)])
    assert "it stands at update 40 of 2,000" in gaps(page)
    assert "No learning curves" in gaps(page)
    assert titles(page) == ["Data", "Networks", "Recipe", "Time and machine"]
    assert not (page.parent / "figures").exists()


def test_a_run_that_tells_nearly_nothing_still_gets_a_report(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    (run.path / "run.json").write_text("{}")
    assert "No data card" in gaps(write_report([run]))


def test_damaged_files_are_named_and_left_out(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    run.write_picture("samples", {"images": fake.noise(4, 8, 8, 3)}, b"")
    run.write_picture("reconstructions", {"originals": fake.noise(4, 8, 8, 3)}, b"")
    run.write_picture("map", {"points": np.full((4, 2), np.nan)}, b"")
    (run.path / "pictures" / "pairs.npz").write_bytes(b"not a file of arrays")
    (run.path / "evaluations.jsonl").write_text("{\n")
    (run.path / "recipe.toml").write_text('title = "of another version"\nunheard = 1\n')
    page = write_report([run])
    for name in ("reconstructions", "map", "pairs"):
        assert f"pictures/{name}.npz" in gaps(page)
    assert "evaluations.jsonl is damaged" in gaps(page)
    assert "The recipe cannot be shown" in gaps(page)
    assert titles(page)[0] == "Samples"


def test_a_torn_last_line_of_metrics_is_forgiven(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    fake.curves(run, "loss/total", rows=3)
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 400, "loss/to')
    assert "Learning curves" in titles(write_report([run]))


def test_numbers_that_are_none_leave_gaps_in_a_line(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    for step, value in enumerate([1.0, float("nan"), None, 0.5, float("inf"), 0.4], 1):
        run.append("metrics", {"step": step, "loss/total": value, "loss/never": None})
    page = write_report([run])
    assert "nan" not in fake.figures(run.path)["loss.svg"].decode().lower()
    assert "never" not in page.read_text("utf-8").partition("Learning curves")[2]


def test_a_picture_of_an_unknown_name_is_shown_as_it_is(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    run.write_picture("code_sweep", {"images": fake.noise(3, 5, 8, 8, 1)}, b"")
    run.write_picture("confusion", {"counts": np.eye(3)}, b"")
    page = write_report([run])
    assert "Code sweep" in titles(page)
    assert "pictures/confusion.npz is left out" in gaps(page)


def test_exclusive_classes_colour_one_map(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    kinds = np.arange(60) % 13
    table = {
        "points": np.random.default_rng(0).normal(size=(60, 2)),
        "labels": np.eye(13, dtype=np.uint8)[kinds],
        "label_names": np.array([f"kind {kind}" for kind in range(13)]),
        "exclusive": np.array(True),
        "chosen": np.array("kind 1"),
    }
    run.write_picture("map", table, b"")
    write_report([run])
    figures = fake.figures(run.path)
    assert set(figures) == {"map.svg", "map.png"}
    assert "others" in figures["map.svg"].decode()


def test_several_runs_stand_side_by_side_under_names_of_their_own(fake: Any, tmp_path: Path) -> None:
    runs = [fake.run(tmp_path / parent / "same", full=False) for parent in ("a", "b")]
    runs.append(fake.run(tmp_path / "other", full=False, family="vae", images_seen=10, state="stopped"))
    for run in runs:
        fake.curves(run, "loss/total", rows=4)
        run.write_picture("samples", {"images": fake.noise(32, 8, 8, 3)}, b"")
    page = write_report(runs, tmp_path / "out" / "compared.html")
    html = page.read_text("utf-8")
    assert titles(page)[:3] == ["Side by side", "Samples of each", "Curves that runs share"]
    for name in ("a/same", "b/same", "other"):
        assert f'<th scope="col" class="number">{name}</th>' in html
    assert "They did not see equally many images" in gaps(page)
    assert "Not finished: other" in gaps(page)
    names = set(fake.figures(tmp_path / "out"))
    assert {"a-same-loss.svg", "b-same-loss.svg", "other-samples.png", "comparison-shared-loss-total.svg"} <= names


def test_runs_on_other_data_are_not_compared_in_silence(fake: Any, tmp_path: Path) -> None:
    runs = [fake.run(tmp_path / name, full=False, data={"fingerprint": name}) for name in ("one", "two")]
    assert "did not see the same data" in gaps(write_report(runs, tmp_path / "report.html"))


def test_by_default_several_runs_are_reported_in_the_current_folder(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [fake.run(tmp_path / name, full=False) for name in ("one", "two")]
    assert write_report(runs) == Path("report.html")
    assert (tmp_path / "report.html").is_file()


def test_one_run_reported_elsewhere_names_its_figures(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    fake.curves(run, "loss/total", rows=3)
    page = write_report([run], tmp_path / "elsewhere" / "page.html")
    assert set(fake.figures(page.parent)) == {"run-loss.svg", "run-loss.png"}


def test_what_is_no_run_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run was given"):
        write_report([])
    with pytest.raises(RunError, match="holds no run"):
        write_report([RunFolder(tmp_path)])


def test_a_folder_or_a_device_is_refused_before_anything_is_drawn(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fake.run(tmp_path / "run", full=False)
    fake.curves(run, "loss/total", rows=3)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "device")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for place in ("folder", ".", "", "device"):
        with pytest.raises(RunError, match="is a folder or a device; give the name of an HTML file"):
            write_report([run], Path(place))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_is_reported_once(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    with pytest.raises(RunError, match=r"run is given twice; name each run once"):
        write_report([run, RunFolder(tmp_path / "run" / ".." / "run")], tmp_path / "report.html")


def test_a_place_that_cannot_be_written_is_named(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_report([run], tmp_path / "file" / "report.html")


FINDING = {
    "illness": "mode-collapse",
    "name": "mode collapse",
    "severity": "serious",
    "meaning": "Images are alike.",
    "remedy": "a slower generator.",
    "evidence": [{"said": "difference <b> 0.1, below 0.35 at step 900"}],
}


def test_findings_stand_above_everything_else(tmp_path: Path, fake: SimpleNamespace) -> None:
    run = fake.run(tmp_path / "run", full=False, findings=[FINDING], best={"step": 900, "metric": "mse", "value": 0.02})
    page = write_report([run]).read_text("utf-8")
    assert page.index("What a diagnosis found") < page.index("<nav")
    assert "<strong>Mode collapse</strong> (serious). Images are alike. Try a slower generator." in page
    assert "Seen by: difference &lt;b&gt; 0.1, below 0.35 at step 900." in page
    assert "The best checkpoint is that of update 900" in page
    assert "By reconstruction error (MSE) on valid images, 0.02000: --step best takes it." in page


def test_a_run_without_findings_has_no_such_box(written: SimpleNamespace) -> None:
    assert "What a diagnosis found" not in written.html


@pytest.mark.parametrize("findings", [None, "none", [3], [{}], [{"name": "x", "evidence": 3}]])
def test_findings_that_make_no_sense_stop_no_report(findings: object, tmp_path: Path, fake: SimpleNamespace) -> None:
    assert write_report([fake.run(tmp_path / "run", full=False, findings=findings)]).is_file()
