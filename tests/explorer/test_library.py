"""Which runs are there, which of their models are loaded, and what is said of them."""

import gc
import shutil
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from simulacra.errors import RunError
from simulacra.evaluation import subject
from simulacra.explorer.library import Library, UnknownRun


def test_a_folder_of_runs_stands_for_all_runs_in_it(make_run, client) -> None:
    first, _ = make_run("gan", name="a"), make_run("vae", name="b")
    (first.path.parent / "no run").mkdir()
    told = client(first.path.parent).get("/index.json").json()
    assert [run["name"] for run in told["runs"]] == ["a", "b"]
    assert told["runs"][0]["steps"] == [3, 6]


def test_a_run_of_a_study_is_listed_with_its_study_case_and_seed(make_run, client) -> None:
    run, other = make_run("gan", name="a"), make_run("vae", name="b")
    run.write_facts({"studies": {"flips-help": {"case": "mirrored", "seed": 3}}})
    listed = client(other.path.parent).get("/index.json").json()["runs"]
    assert [row["study"] for row in listed] == [{"name": "flips-help", "run": "mirrored, seed 3"}, None]


def test_a_run_that_appears_later_is_listed(make_run, client) -> None:
    first = make_run("gan", name="a")
    asks = client(first.path.parent)
    make_run("gan", name="b")
    assert [run["name"] for run in asks.get("/index.json").json()["runs"]] == ["a", "b"]
    assert asks.get("/runs/b/picture.png").status_code == 200


def test_runs_of_the_same_name_are_told_apart(make_run, tmp_path) -> None:
    run = make_run("gan", name="same")
    other = tmp_path / "other" / "same"
    shutil.copytree(run.path, other)
    found = Library([run.path, other])
    assert set(found.titles.values()) == {"runs/same", "other/same"}
    assert all("/" not in name for name in found.runs)


def test_a_folder_that_is_no_run_is_refused(tmp_path) -> None:
    for path in (tmp_path, tmp_path / "nowhere", Path(__file__)):
        with pytest.raises(RunError, match="holds no run and no folder with one"):
            Library([path])


def test_an_unknown_name_is_not_looked_for_on_disk(run_of, client) -> None:
    asks = client(run_of("gan").path)
    assert asks.get("/runs/other/picture.png").status_code == 404
    with pytest.raises(UnknownRun):
        Library([run_of("gan").path]).run(str(run_of("gan").path))


def test_a_model_is_loaded_once_and_the_least_recently_used_one_is_unloaded(make_run) -> None:
    run = make_run("gan", steps=(1, 2, 3))
    size = Library([run.path]).load("first").size
    library = Library([run.path], most_bytes=2 * size)
    first, second = library.load("first", 1), library.load("first", 2)
    assert library.load("first", 1) is first
    third = library.load("first", 3)
    assert library.load("first", 1) is first, "it was used after the second"
    assert library.load("first", 3) is third
    assert library.load("first", 2) is not second


def test_however_small_the_models_are_few_stay_loaded(make_run, monkeypatch) -> None:
    monkeypatch.setattr("simulacra.explorer.library.MOST_MODELS", 2)
    library = Library([make_run("gan", steps=(1, 2, 3)).path])
    first = library.load("first", 1)
    for step in (2, 3):
        library.load("first", step)
    assert library.load("first", 1) is not first


def test_the_model_of_a_checkpoint_that_was_removed_is_unloaded(make_run) -> None:
    run = make_run("gan", steps=(1, 2))
    library = Library([run.path])
    loaded = weakref.ref(library.load("first", 1))
    run.checkpoints()[1].unlink()
    library.load("first", 2)
    gc.collect()
    assert loaded() is None


def test_models_of_the_same_data_share_its_store_and_its_open_files(make_run) -> None:
    library = Library([make_run("vae", steps=(1, 2, 3)).path])
    stores = [library.load("first", step).subject.store for step in (1, 2, 3)]
    assert stores[0] is not None
    assert all(store is stores[0] for store in stores)


def test_a_moved_slider_opens_no_file_and_makes_no_thread_pool(run_of, client, monkeypatch) -> None:
    asks = client(run_of("vae").path)
    query = {"code": '{"seed": 1, "principal_directions": {"1": 2}}'}
    before = asks.get("/runs/the-vae/picture.png", params=query).content
    moved = {"code": '{"seed": 1, "principal_directions": {"1": 2.5}}'}
    opened: list[Any] = []
    watching = threading.Event()

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and watching.is_set():
            opened.append(arguments[0])

    sys.addaudithook(watch)
    monkeypatch.setattr(subject, "ThreadPoolExecutor", lambda *_, **__: pytest.fail("a thread pool was made"))
    watching.set()
    after = asks.get("/runs/the-vae/picture.png", params=moved)
    watching.clear()
    assert after.status_code == 200
    assert after.content != before
    assert opened == []


def test_a_training_that_goes_on_shows_its_newest_checkpoint(make_run, client, made) -> None:
    run = make_run("gan", state="running", steps=(1, 2))
    asks = client(run.path)
    before = asks.get("/runs/first/picture.png").content
    card = asks.get("/runs/first.json").json()
    assert (card["state"], card["step"], card["steps"]) == ("running", 2, [1, 2])
    made.save(run, run.read_recipe(), 5)
    run.checkpoints()[1].unlink()
    after = asks.get("/runs/first/picture.png").content
    assert before != after
    assert asks.get("/runs/first.json").json()["steps"] == [2, 5]
    assert asks.get("/runs/first/picture.png", params={"step": 2}).content == before


def test_a_checkpoint_that_is_written_anew_is_read_anew(make_run, made, client) -> None:

    run = make_run("gan", steps=(1,))
    asks = client(run.path)
    before = asks.get("/runs/first/picture.png").content
    path = run.checkpoints()[1]
    made.save(run, run.read_recipe(), 9)
    run.checkpoints()[9].replace(path)
    assert asks.get("/runs/first/picture.png").content != before


def test_a_checkpoint_of_another_version_is_refused_in_a_sentence(make_run, client) -> None:
    run = make_run("gan")
    path = run.checkpoints()[6]
    torch.save(torch.load(path, weights_only=True) | {"format": 99}, path)
    ended = client(run.path).get("/runs/first/picture.png")
    assert ended.status_code == 422
    assert "has format 99, this version reads 1; train again" in ended.json()["error"]
    path.write_bytes(b"torn")
    assert "is damaged" in client(run.path).get("/runs/first/picture.png").json()["error"]


def test_a_run_without_a_checkpoint_is_listed_with_the_reason(make_run, client) -> None:
    run = make_run("gan")
    shutil.rmtree(run.path / "checkpoints")
    asks = client(run.path)
    assert asks.get("/index.json").json()["runs"][0]["problem"] == "it has no checkpoint yet"
    assert "no checkpoint yet; train on" in asks.get("/runs/first.json").json()["error"]


def test_a_damaged_run_is_listed_with_the_reason_and_the_others_work(make_run, client) -> None:
    make_run("gan", name="good")
    bad = make_run("gan", name="bad")
    (bad.path / "run.json").write_text("{")
    asks = client(bad.path.parent)
    told = {run["name"]: run["problem"] for run in asks.get("/index.json").json()["runs"]}
    assert "run.json is damaged" in told["bad"]
    assert told["good"] is None


def test_a_card_says_which_parts_a_code_has(run_of, client) -> None:
    card = client(run_of("infogan").path).get("/runs/the-infogan.json").json()
    assert (card["noise"], card["categorical"], card["continuous"], card["principal_directions"]) == (3, [2, 3], 1, 3)
    assert (card["labels"], card["maps"], card["encodes"], card["size"]) == ([], [], False, [8, 8])
    card = client(run_of("vae").path).get("/runs/the-vae.json").json()
    assert card["maps"] == ["map", "map-pca"]
    assert card["encodes"]
    nats = [value for _, value in card["activity"]]
    assert card["activity_measure"] == "KL"
    assert len(nats) == 3
    assert nats == sorted(nats, reverse=True)
    assert set(card["attributes"]) == {"Smiling", "Eyeglasses", "Male"}
    card = client(run_of("acgan").path).get("/runs/the-acgan.json").json()
    assert (card["labels"], card["exclusive"]) == (["Smiling", "Male"], False)


def test_a_card_says_which_views_a_model_lacks_and_why(make_run, run_of, client) -> None:
    assert client(run_of("vae").path).get("/runs/the-vae.json").json()["lacking"] == {}
    bare = make_run("vae", name="bare", steps=(3,))
    bare.write_facts({"drawn": 2})
    lacking = client(bare.path).get("/runs/bare.json").json()["lacking"]
    assert set(lacking) == {"map", "training"}
    assert lacking["map"].endswith(f"simulacra report {bare.path} --step 3")
    lacking = client(run_of("classifier").path).get("/runs/the-classifier.json").json()["lacking"]
    assert set(lacking) == {"samples", "sliders", "interpolation", "map", "edit", "training"}


def test_a_model_that_makes_no_images_has_curves_and_scores_alone(run_of, client) -> None:
    asks = client(run_of("classifier").path)
    assert asks.get("/runs/the-classifier.json").json()["generates"] is False
    assert asks.get("/runs/the-classifier/curves.json").json()["charts"]
    ended = asks.get("/runs/the-classifier/picture.png")
    assert ended.status_code == 422
    assert "generates no images" in ended.json()["error"]


def test_curves_and_scores_are_those_of_the_run_folder(run_of, client) -> None:
    asks = client(run_of("vae").path)
    chart = asks.get("/runs/the-vae/curves.json").json()["charts"][0]
    assert chart["title"] == "Loss"
    assert chart["lines"] == [{"name": "total", "x": [3.0, 6.0], "y": [1 / 3, 1 / 6]}]
    score = asks.get("/runs/the-vae/scores.json").json()["scores"][0]
    assert (score["metric"], score["value"], score["low"], score["high"], score["n"]) == ("mse", 0.2, 0.1, 0.3, 3)


def test_numbers_are_written_as_the_commands_write_them(make_run, client) -> None:
    run = make_run("gan")
    row = {"metric": "kernel_distance", "value": 0.03845, "baseline": -3.468e-5, "split": "test", "n": 3, "step": 6}
    run.append("evaluations", row | {"low": 0.03478, "high": 0.04212})
    run.append("evaluations", row | {"metric": "recall", "value": 0.016, "baseline": None})
    kernel, recall = client(run.path).get(f"/runs/{run.path.name}/scores.json").json()["scores"][-2:]
    assert kernel["texts"] == {"value": "0.03845", "interval": "0.03478 to 0.04212", "baseline": "-3.5e-5"}
    assert recall["texts"] == {"value": "1.6%", "interval": "–", "baseline": "–"}


def test_scores_by_two_extractors_have_two_names(make_run, client) -> None:
    run = make_run("gan")
    for extractor in ("judge", "random-vgg"):
        row = {"metric": "frechet_distance", "value": 1.0, "split": "test", "n": 3, "step": 6, "extractor": extractor}
        run.append("evaluations", row)
    found = client(run.path).get(f"/runs/{run.path.name}/scores.json").json()
    assert [row["details"] for row in found["scores"]] == ["", "judge", "random-vgg"]
    assert found["baseline"] == "what real images, chance or a linear code get in the place of the model"


def test_obedience_stands_beside_chance(make_run, client) -> None:
    run = make_run("gan")
    row = {"metric": "condition_accuracy", "value": 0.65, "low": 0.6, "high": 0.7, "baseline": 0.8, "chance": 0.52}
    run.append("evaluations", row | {"n": 9, "step": 6, "label": "Young"})
    found = client(run.path).get(f"/runs/{run.path.name}/scores.json").json()
    assert found["scores"][-1]["details"] == "label Young, chance 52.0%, partly obeyed"


def test_a_long_curve_is_thinned_to_what_a_screen_shows(make_run, client) -> None:
    run = make_run("gan")
    for step in range(7, 3000):
        run.append("metrics", {"step": step, "loss/total": float("nan") if step % 3 == 0 else 1.0})
    line = client(run.path).get("/runs/first/curves.json").json()["charts"][0]["lines"][0]
    assert len(line["x"]) == 400
    assert line["x"] == sorted(line["x"])


def test_a_list_of_runs_reads_no_recipe_and_a_second_one_opens_no_file(make_run, client) -> None:
    make_run("gan", name="a")
    run = make_run("vae", name="b")
    asks, opened, watching = client(run.path.parent), [], threading.Event()

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and watching.is_set() and "/runs/" in str(arguments[0]):
            opened.append(Path(arguments[0]).name)

    sys.addaudithook(watch)
    watching.set()
    first = asks.get("/index.json").json()
    assert opened == ["run.json", "run.json"]
    assert asks.get("/index.json").json() == first
    assert asks.get("/index.json", params={"run": "b"}).json()["runs"] == first["runs"][1:]
    assert opened == ["run.json", "run.json"]
    watching.clear()
    run.write_facts({"state": "running"})
    assert [row["state"] for row in asks.get("/index.json").json()["runs"]] == ["finished", "running"]
    assert asks.get("/index.json", params={"run": "c"}).status_code == 404
