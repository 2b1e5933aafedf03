"""Promises of write_report: which sections a run gets, where files go, and what a damaged or unfinished run gets."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from simulacra.errors import RunError
from simulacra.report import write_report
from simulacra.runs import RunFolder


def test_a_finished_run_gets_every_section_its_folder_has(written) -> None:
    assert written.path.name == "report.html"
    assert list(written.sections) == [
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
    assert not written.notes


def test_equal_runs_give_equal_bytes(fake, written, tmp_path) -> None:
    folder = written.path.parent
    shutil.copytree(folder, tmp_path / "first", ignore=shutil.ignore_patterns("figures", "report.html"))
    page = fake.report(RunFolder(tmp_path / "first"))
    assert page.html == written.html
    assert page.figures == written.figures


def test_an_unfinished_run_gets_a_report_that_says_so(fake, run) -> None:
    run.write_facts({"state": "running", "step": 40})
    page = fake.report(run)
    assert "It has reached update 40 of 2,000." in page.gaps
    assert "No learning curves" in page.gaps
    assert list(page.sections) == ["Data", "Networks", "Recipe", "Time and machine"]
    assert not page.figures


def test_a_run_that_diverged_says_so(fake, run) -> None:
    run.write_facts({"state": "diverged"})
    assert "This run diverged. It has reached update 2,000" in fake.report(run).gaps


def test_a_run_without_facts_still_gets_a_report(fake, run) -> None:
    (run.path / "run.json").write_text("{}")
    assert "No data card" in fake.report(run).gaps


def test_damaged_files_are_named_and_left_out(fake, run) -> None:
    run.write_picture("samples", {"images": fake.noise(4, 8, 8, 3)}, b"")
    run.write_picture("reconstructions", {"originals": fake.noise(4, 8, 8, 3)}, b"")
    run.write_picture("map", {"points": np.full((4, 2), np.nan)}, b"")
    (run.path / "pictures" / "pairs.npz").write_bytes(b"not a file of arrays")
    (run.path / "evaluations.jsonl").write_text("{\n")
    (run.path / "recipe.toml").write_text('title = "of another version"\nunheard = 1\n')
    page = fake.report(run)
    for name in ("reconstructions", "map", "pairs"):
        assert f"pictures/{name}.npz" in page.gaps
    assert "evaluations.jsonl is damaged" in page.gaps
    assert "The recipe cannot be shown" in page.gaps
    assert next(iter(page.sections)) == "Samples"


def test_a_torn_last_line_of_metrics_is_forgiven(fake, run) -> None:
    fake.curves(run, "loss/total", rows=3)
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 400, "loss/to')
    assert "Learning curves" in fake.report(run).sections


def test_by_default_several_runs_are_reported_in_the_current_folder(fake, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [fake.run(tmp_path / name, full=False) for name in ("one", "two")]
    assert write_report(runs) == Path("report.html")
    assert (tmp_path / "report.html").is_file()


def test_one_run_reported_elsewhere_names_its_figures(fake, run, tmp_path) -> None:
    fake.curves(run, "loss/total", rows=3)
    page = fake.report(run, out=tmp_path / "elsewhere" / "page.html")
    assert set(page.figures) == {"run-loss.svg", "run-loss.png"}


def test_figures_lie_in_a_folder_that_belongs_to_the_page(fake, run, tmp_path) -> None:
    fake.curves(run, "loss/total", rows=3)
    page = fake.report(run, out=tmp_path / "elsewhere" / "both 1.html")
    assert {path.name for path in page.path.parent.iterdir()} == {"both 1.html", "both 1-figures"}
    assert 'href="both%201-figures/run-loss.svg"' in page.html
    assert "in the folder both 1-figures beside this page" in page.text
    fake.report(run)
    assert (run.path / "figures" / "loss.svg").is_file()


def test_what_is_no_run_is_refused_in_one_sentence(tmp_path) -> None:
    with pytest.raises(RunError, match="no run was given"):
        write_report([])
    with pytest.raises(RunError, match="holds no run"):
        write_report([RunFolder(tmp_path)])


def test_a_folder_or_a_device_is_refused_before_anything_is_drawn(fake, run, tmp_path, monkeypatch) -> None:
    fake.curves(run, "loss/total", rows=3)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "device")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for target in ("folder", ".", "", "device"):
        with pytest.raises(RunError, match="is a folder or a device; give the name of an HTML file"):
            write_report([run], Path(target))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_is_reported_once(run, tmp_path) -> None:
    with pytest.raises(RunError, match=r"run is given twice; name each run once"):
        write_report([run, RunFolder(tmp_path / "run" / ".." / "run")], tmp_path / "report.html")


def test_a_path_that_cannot_be_written_is_named(run, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_report([run], tmp_path / "file" / "report.html")


def test_a_title_and_an_author_of_ones_own_head_the_page(run, tmp_path) -> None:
    page = write_report([run], tmp_path / "own.html", title="Mine <b>", author="A. Student").read_text("utf-8")
    assert "<title>Mine &lt;b&gt;</title>" in page
    assert '<p class="author">A. Student</p>' in page


def test_a_page_is_headed_by_what_was_trained_and_names_its_recipe(written) -> None:
    assert '<h1 class="title">GAN of celeba, 64×64 colour</h1>' in written.html
    assert "Recipe celeba-dcgan-bn, changed: steps = 2,000" in written.text


def test_sections_can_be_chosen_and_their_figures_alone_are_written(fake, run, tmp_path) -> None:
    fake.curves(run, "loss/total", rows=3)
    run.write_picture("samples", {"images": fake.noise(32, 8, 8, 3)}, b"")
    page = Path(write_report([run], tmp_path / "out" / "page.html", sections=["samples", "recipe"])).read_text("utf-8")
    assert page.count("<section") == 2
    assert {path.name for path in (tmp_path / "out" / "page-figures").iterdir()} == {
        "run-samples.svg",
        "run-samples.png",
    }
    with pytest.raises(RunError, match="--sections curves: this report has no such section; it has samples"):
        write_report([run], tmp_path / "other.html", sections=["curves"])


def test_real_images_stand_beside_samples_and_can_be_left_out_with_all_others(fake, tmp_path) -> None:
    run = fake.run(tmp_path / "run")
    run.write_picture("real", {"images": fake.noise(32, 8, 8, 3), "split": np.array("valid")}, b"")
    assert "Real Images of the split valid" in fake.report(run).sections["Samples"]
    page = write_report([run], tmp_path / "without.html", real=False).read_text("utf-8")
    assert "Images of the split" not in page
    assert "Reconstructions" not in page


def test_no_home_folder_is_on_the_page(fake, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/srv/people/me")
    other = "/".join(["", "home", "other"])
    run = fake.run(
        tmp_path / "run", full=False, command=f"simulacra train x --data /srv/people/me/a --out {other}/runs/b"
    )
    recipe = run.read_recipe().with_changes({"data.source": {"path": "/Users/third/faces"}})
    run.write_recipe(recipe)
    page = fake.report(run)
    assert "simulacra train x --data ~/a --out ~/runs/b" in page.text
    assert "~/faces" in page.text
    assert not [name for name in ("/srv/people/me", other, "/Users/third") if name in page.html]


def test_the_headline_is_about_pictures_or_says_how_to_measure_them(fake, run, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    run.write_checkpoint(2000, b"", 1)
    assert "not measured yet. To measure them: simulacra evaluate run " in fake.report(run).text
    row = {"metric": "precision", "value": 0.19, "n": 500, "split": "test", "baseline": 0.92, "step": 2000}
    run.append("evaluations", row | {"value": 0.5, "label": "Male"})
    run.append("evaluations", row)
    assert "Precision (quality): 19.0%; real images have 92.0%." in fake.report(run).text


FEW = {"metric": "frechet_distance", "value": 46.7, "baseline": 18.4, "n": 2000, "split": "test", "step": 2000}
KERNEL = FEW | {"metric": "kernel_distance", "value": 0.038, "baseline": -3.5e-5}


@pytest.mark.parametrize(
    ("known", "headline"),
    [
        ({"real": 318, "extractor": "efficientnet-lite0, 224x224 bicubic"}, "Kernel distance"),
        ({"real": 318, "extractor": "features of judge 1", "features": 576}, "Kernel distance"),
        ({"real": 318, "extractor": "features of judge 1", "features": 64}, "Fréchet distance"),
        ({"real": 1999, "extractor": "efficientnet-lite0, 224x224 bicubic"}, "Fréchet distance"),
    ],
)
def test_where_evaluate_calls_the_frechet_distance_unreliable_so_does_the_report(known, headline, fake, run) -> None:
    for row in (FEW, KERNEL):
        run.append("evaluations", row | known)
    page = fake.report(run)
    (line,) = re.findall('<p class="headline">(.*?)</p>', page.html)
    assert line.startswith(f"{headline} to test images: ")
    card = page.sections["Score card"].partition("All numbers as tables")[0]
    assert ("the smaller set has 318 images" in card) == (headline == "Kernel distance")
    assert page.text.index(f"{headline} {'0.03800' if headline == 'Kernel distance' else '46.70'}")


def test_a_frechet_distance_of_few_images_alone_is_still_in_the_headline(fake, run) -> None:
    run.append("evaluations", FEW | {"real": 318, "extractor": "random-vgg, 64x64 bicubic"})
    assert "Fréchet distance to test images: 46.70" in fake.report(run).text


def test_data_sets_have_names_in_place_of_fingerprints(fake, tmp_path) -> None:
    card = {"card": {"title": "garden"}, "fingerprint": "f00df00df00d"}
    runs = [fake.run(tmp_path / "a", full=False), fake.run(tmp_path / "b", full=False, data=card)]
    row = {"metric": "precision", "value": 0.19, "n": 500, "split": "test", "step": 2000}
    for against in ("f00df00df00d", "0123abcd", "beefbeefbeef"):
        runs[0].append("evaluations", row | {"against": against})
    card_of_a = fake.report(*runs, out=tmp_path / "out.html").html.partition('id="a--score-card"')[2]
    shown = card_of_a.partition("</section>")[0]
    assert "against garden" in shown
    assert "against another data set" in shown
    assert ">test images<" in shown, "its own data are no other data"
    assert "f00df00d" not in shown
    assert "beefbeef" not in shown


def test_a_page_of_three_runs_is_small(fake, tmp_path) -> None:
    runs = [fake.run(tmp_path / name) for name in ("a", "b", "c")]
    page = write_report(runs, tmp_path / "out.html").read_bytes()
    assert len(page) < 1_500_000, "pictures of noise, which no format makes small"
    assert b"data:image/png" not in page


@pytest.mark.parametrize("backend", ["module://no_such_module.backend_inline", "no such backend", "agg", ""])
def test_figures_are_drawn_whatever_backend_is_asked_for(backend) -> None:
    code = "import os, simulacra.report, matplotlib; print(os.environ['MPLBACKEND'], matplotlib.get_backend())"
    environment = os.environ | {"MPLBACKEND": backend}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(backend), "the variable is as it was, for the user's own figures"
    assert backend != "agg" or "agg" in ended.stdout.split()[1].lower()
