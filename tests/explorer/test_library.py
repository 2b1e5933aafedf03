"""Which runs are there, which of their models are loaded, and what is told of them.

The desk: one thing at a time, and only the newest of what one page wishes for one view.
"""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from simulacra.errors import RunError
from simulacra.explorer import Shelf, library
from simulacra.explorer.library import MOST_PAGES, Desk, Overtaken, Unknown, Wish


def test_a_folder_of_runs_stands_for_all_runs_in_it(make_run: Any, client: Any) -> None:
    first, _ = make_run("gan", name="a"), make_run("vae", name="b")
    (first.path.parent / "no run").mkdir()
    told = client(first.path.parent).get("/index.json").json()
    assert [run["name"] for run in told["runs"]] == ["a", "b"]
    assert told["runs"][0]["steps"] == [3, 6]


def test_a_run_that_appears_later_is_listed(make_run: Any, client: Any) -> None:
    first = make_run("gan", name="a")
    asks = client(first.path.parent)
    make_run("gan", name="b")
    assert [run["name"] for run in asks.get("/index.json").json()["runs"]] == ["a", "b"]
    assert asks.get("/runs/b/picture.png").status_code == 200


def test_runs_of_the_same_name_are_told_apart(make_run: Any, tmp_path: Path) -> None:
    run = make_run("gan", name="same")
    other = tmp_path / "other" / "same"
    shutil.copytree(run.path, other)
    found = Shelf([run.path, other])
    assert set(found.titles.values()) == {"runs/same", "other/same"}
    assert all("/" not in name for name in found.runs)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere", Path(__file__)):
        with pytest.raises(RunError, match="holds no run and no folder with one"):
            Shelf([path])


def test_an_unknown_name_is_not_looked_for_on_disk(run_of: Any, client: Any) -> None:
    asks = client(run_of("gan").path)
    assert asks.get("/runs/other/picture.png").status_code == 404
    with pytest.raises(Unknown):
        Shelf([run_of("gan").path]).run(str(run_of("gan").path))


def test_a_model_is_loaded_once_and_the_least_used_is_let_go(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Shelf([make_run("gan", steps=(1, 2, 3)).path])
    first = found.load("first", 1)
    assert found.load("first", 1) is first
    monkeypatch.setattr(library, "MOST_BYTES", 2 * first.size)
    found.load("first", 2)
    found.load("first", 1)
    found.load("first", 3)
    assert found.load("first", 1) is first, "it was used after the second"
    assert [one.step for one in found._loaded.values()] == [3, 1]


def test_a_training_that_goes_on_shows_its_newest_checkpoint(make_run: Any, client: Any, made: Any) -> None:
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


def test_a_checkpoint_that_is_written_anew_is_read_anew(make_run: Any, made: Any, client: Any) -> None:

    run = make_run("gan", steps=(1,))
    asks = client(run.path)
    before = asks.get("/runs/first/picture.png").content
    path = run.checkpoints()[1]
    made.save(run, run.read_recipe(), 9)
    run.checkpoints()[9].replace(path)
    assert asks.get("/runs/first/picture.png").content != before


def test_a_checkpoint_of_another_version_is_refused_in_a_sentence(make_run: Any, client: Any) -> None:
    run = make_run("gan")
    path = run.checkpoints()[6]
    torch.save(torch.load(path, weights_only=True) | {"format": 99}, path)
    ended = client(run.path).get("/runs/first/picture.png")
    assert ended.status_code == 422
    assert "has format 99, this version reads 1; train again" in ended.json()["error"]
    path.write_bytes(b"torn")
    assert "is damaged" in client(run.path).get("/runs/first/picture.png").json()["error"]


def test_a_run_without_a_checkpoint_is_listed_with_the_reason(make_run: Any, client: Any) -> None:
    run = make_run("gan")
    shutil.rmtree(run.path / "checkpoints")
    asks = client(run.path)
    assert asks.get("/index.json").json()["runs"][0]["problem"] == "it has no checkpoint yet"
    assert "no checkpoint yet; train on" in asks.get("/runs/first.json").json()["error"]


def test_a_damaged_run_is_listed_with_the_reason_and_the_others_work(make_run: Any, client: Any) -> None:
    make_run("gan", name="good")
    bad = make_run("gan", name="bad")
    (bad.path / "run.json").write_text("{")
    asks = client(bad.path.parent)
    told = {run["name"]: run["problem"] for run in asks.get("/index.json").json()["runs"]}
    assert "run.json is damaged" in told["bad"]
    assert told["good"] is None


def test_a_card_tells_what_can_be_turned(run_of: Any, client: Any) -> None:
    card = client(run_of("infogan").path).get("/runs/the-infogan.json").json()
    assert (card["noise"], card["categorical"], card["continuous"], card["turns"]) == (3, [2, 3], 1, 3)
    assert (card["labels"], card["maps"], card["encodes"], card["size"]) == ([], [], False, [8, 8])
    card = client(run_of("vae").path).get("/runs/the-vae.json").json()
    assert card["maps"] == ["map", "map-pca"]
    assert card["encodes"]
    nats = [value for _, value in card["worth"]]
    assert card["worth_is"] == "KL"
    assert len(nats) == 3
    assert nats == sorted(nats, reverse=True)
    assert set(card["attributes"]) == {"Smiling", "Eyeglasses", "Male"}
    card = client(run_of("acgan").path).get("/runs/the-acgan.json").json()
    assert (card["labels"], card["exclusive"]) == (["Smiling", "Male"], False)


def test_a_model_that_makes_no_images_has_curves_and_scores_alone(run_of: Any, client: Any) -> None:
    asks = client(run_of("classifier").path)
    assert asks.get("/runs/the-classifier.json").json()["generates"] is False
    assert asks.get("/runs/the-classifier/curves.json").json()["charts"]
    ended = asks.get("/runs/the-classifier/picture.png")
    assert ended.status_code == 422
    assert "makes no images" in ended.json()["error"]


def test_curves_and_scores_are_those_of_the_run_folder(run_of: Any, client: Any) -> None:
    asks = client(run_of("vae").path)
    chart = asks.get("/runs/the-vae/curves.json").json()["charts"][0]
    assert chart["title"] == "Loss"
    assert chart["lines"] == [{"name": "total", "x": [3.0, 6.0], "y": [1 / 3, 1 / 6]}]
    score = asks.get("/runs/the-vae/scores.json").json()["scores"][0]
    assert (score["metric"], score["value"], score["low"], score["high"], score["n"]) == ("mse", 0.2, 0.1, 0.3, 3)


def test_scores_by_two_extractors_have_two_names(make_run: Any, client: Any) -> None:
    run = make_run("gan")
    for extractor in ("judge", "random-vgg"):
        row = {"metric": "frechet_distance", "value": 1.0, "split": "test", "n": 3, "step": 6, "extractor": extractor}
        run.append("evaluations", row)
    found = client(run.path).get(f"/runs/{run.path.name}/scores.json").json()
    assert [row["others"] for row in found["scores"]] == ["", "judge", "random-vgg"]
    assert found["floor"] == "what real images, chance or a linear code get in the place of the model"


def test_a_long_curve_is_thinned_to_what_a_screen_shows(make_run: Any, client: Any) -> None:
    run = make_run("gan")
    for step in range(7, 3000):
        run.append("metrics", {"step": step, "loss/total": float("nan") if step % 3 == 0 else 1.0})
    line = client(run.path).get("/runs/first/curves.json").json()["charts"][0]["lines"][0]
    assert len(line["x"]) == 400
    assert line["x"] == sorted(line["x"])


@pytest.fixture
def desk() -> Iterator[Desk]:
    one = Desk()
    yield one
    one.close()


class Busy:
    """Keeps the desk at work until it is let go."""

    def __init__(self, desk: Desk) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=desk.make, args=(Wish(), self.work))
        self.thread.start()
        assert self.begun.wait(10)

    def work(self) -> None:
        self.begun.set()
        assert self.let_go.wait(10)


def test_of_the_wishes_that_wait_only_the_newest_is_done(desk: Desk) -> None:
    busy, done, ended = Busy(desk), [], []

    def ask(turn: int) -> None:
        try:
            desk.make(Wish("page", "main", turn), lambda: done.append(turn))
        except Overtaken:
            ended.append(turn)

    threads = [threading.Thread(target=ask, args=(turn,)) for turn in (1, 2, 3)]
    for thread in threads:
        thread.start()
    while not desk.is_overtaken(Wish("page", "main", 2)):
        pass
    busy.let_go.set()
    for thread in [*threads, busy.thread]:
        thread.join(10)
    assert done == [3]
    assert sorted(ended) == [1, 2]


def test_a_wish_that_comes_too_late_is_dropped_at_once(desk: Desk) -> None:
    assert desk.make(Wish("page", "main", 2), lambda: "drawn") == "drawn"
    with pytest.raises(Overtaken):
        desk.make(Wish("page", "main", 1), lambda: "old")


def test_pages_and_views_do_not_overtake_one_another(desk: Desk) -> None:
    desk.make(Wish("page", "main", 9), lambda: None)
    assert desk.make(Wish("other page", "main", 1), lambda: 1) == 1
    assert desk.make(Wish("page", "samples", 1), lambda: 2) == 2


def test_whoever_says_nothing_of_turns_is_never_overtaken(desk: Desk) -> None:
    assert [desk.make(Wish(), lambda: 1) for _ in range(3)] == [1, 1, 1]


def test_pages_that_are_long_closed_are_forgotten(desk: Desk) -> None:
    for number in range(MOST_PAGES + 5):
        desk.make(Wish(f"page {number}", "main", 5), lambda: None)
    assert not desk.is_overtaken(Wish("page 0", "main", 1))
    assert desk.is_overtaken(Wish(f"page {MOST_PAGES}", "main", 1))


def test_what_goes_wrong_is_told_to_who_asked(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError):
        desk.make(Wish(), lambda: 1 / 0)
    assert desk.make(Wish(), lambda: "still there") == "still there"
