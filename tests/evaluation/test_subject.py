"""Subjects: a run at a step, with weights and data; what is measured of a split; and the threads that decode."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch

from simulacra.data.batches import to_images
from simulacra.data.store import ImageStore
from simulacra.errors import DataError, RunError
from simulacra.evaluation import subject as subjects
from simulacra.evaluation.context import choose
from simulacra.evaluation.data_of_run import store_at_hand, store_of
from simulacra.evaluation.metrics.held_out import held_out
from simulacra.evaluation.pictures import PICTURES
from simulacra.evaluation.subject import FEW, Subject, open_model, workers
from simulacra.objectives import Generates, build
from simulacra.runs import RunFolder


@pytest.fixture
def run(trained_once: Callable[..., Path]) -> Callable[..., RunFolder]:
    """run(**changes): a GAN of six updates with checkpoints at 3 and 6, and two training images held out."""
    return lambda **changes: RunFolder(trained_once("gan", **{"data.holdout": 2} | changes))


def test_a_run_opens_at_a_step_with_the_weights_that_are_asked_for(run) -> None:
    folder = run(ema=0.9)
    newest, raw, early = open_model(folder), open_model(folder, weights="raw"), open_model(folder, 3)
    assert [(subject.step, subject.weights) for subject in (newest, raw, early)] == [(6, "ema"), (6, "raw"), (3, "ema")]
    images = [subject.decode(subject.codes(2, 0)) for subject in (newest, raw, early)]
    assert not np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])
    assert not newest.objective.networks.training


def test_a_run_without_an_ema_has_raw_weights_alone(run) -> None:
    folder = run(ema=0.0)
    assert open_model(folder).weights == "raw"
    with pytest.raises(RunError, match="keeps no EMA of its weights"):
        open_model(folder, weights="ema")


def test_the_store_of_a_run_is_the_one_it_was_trained_on(run, make_store, tmp_path) -> None:
    folder = run()
    store = store_of(folder)
    assert len(store.rows("valid")) == 3 + 2, "images that the run held out are valid ones"
    assert len(open_model(folder, store=store).batches("valid")) == 1
    with pytest.raises(DataError, match="was trained on"):
        store_of(folder, make_store(seed=1, name="other"))
    shutil.rmtree(tmp_path / "store")
    assert store_at_hand(folder) is None
    with pytest.raises(DataError, match="with --data PATH"):
        store_of(folder)


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_each_worker_computes_with_one_thread_and_the_caller_gets_its_own_back() -> None:
    with workers() as pool:
        assert set(pool.map(lambda _: torch.get_num_threads(), range(8))) == {1}
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_two_that_have_workers_at_once_leave_the_number_of_threads_as_it_was() -> None:
    inside, out = Event(), Event()

    def first() -> int:
        with workers():
            inside.set()
            assert out.wait(10)
        return torch.get_num_threads()

    def second() -> int:
        assert inside.wait(10)
        with workers() as pool:
            out.set()
            early.result()  # the first leaves, and sets the number that new threads begin with
            assert set(pool.map(lambda _: torch.get_num_threads(), range(8))) == {1}
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        early = one.submit(first)
        late = other.submit(second)
        assert (early.result(), late.result()) == (3, 3)
    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(torch.get_num_threads).result() == 3


@pytest.mark.usefixtures("three_threads")
def test_a_few_images_are_decoded_without_a_thread_pool_to_the_same_bytes(tiny, monkeypatch) -> None:
    recipe = tiny("gan")
    subject = Subject(build(recipe), recipe, None)
    codes = subject.codes(FEW + 1, 1)
    images = subject.decode(codes)
    monkeypatch.setattr(subjects, "workers", lambda: pytest.fail("a thread pool was made"))
    assert (subject.decode(codes[:FEW]) == images[:FEW]).all()
    assert torch.get_num_threads() == 3


def test_a_mean_over_images_is_that_over_all_of_them_however_they_are_cut(family, subject, monkeypatch) -> None:
    made = subject(family)
    whole = held_out(made, "test", 0)
    monkeypatch.setattr("simulacra.evaluation.subject.CHUNK", 3)
    parts = held_out(made, "test", 0)
    assert [one.n for one in parts] == [8] * len(whole)
    assert [one.estimate.value for one in parts] == pytest.approx([one.estimate.value for one in whole], rel=1e-5)


def test_only_the_split_asked_for_is_measured(subject) -> None:
    made = subject("vae")
    store: ImageStore = made.store
    for split in ("valid", "test"):
        images = made.load(store.rows(split)).images
        with made.objective.evaluating():
            output = made.objective.decode(made.objective.encode(images)).clamp(-1, 1)
        found = next(one for one in held_out(made, split, 0) if one.metric == "mse")
        assert found.estimate.value == pytest.approx((output - images).square().mean().item(), rel=1e-5)


def test_a_part_of_a_split_is_drawn_from_all_of_it(subject) -> None:
    made = subject("vae")
    test = made.store.rows("test")
    (chosen,) = made.batches("test", 4)
    assert len(chosen) == 4
    assert set(chosen) <= set(test)
    assert not np.array_equal(chosen, test[:4]), "which may all be of one class"
    assert np.array_equal(made.batches("test", 4)[0], chosen)
    pictures = PICTURES["reconstructions"](made, 4)
    assert np.array_equal(pictures["originals"], made.store.pixels(chosen))


def test_real_images_to_measure_against_are_in_no_order(subject) -> None:
    chosen = choose(subject("vae").store, 8)
    for rows in (chosen.held_out, chosen.train, chosen.reference):
        assert not np.array_equal(rows, np.sort(rows)), "blocks of a jackknife would be classes"


def test_an_empty_split_or_no_data_is_not_measured(subject) -> None:
    made = subject("vae")
    assert held_out(replace(made, store=None), "test", 0) == []
    empty = replace(made.store, split=np.zeros_like(made.store.split))
    assert held_out(replace(made, store=empty), "test", 0) == []


def test_held_out_images_are_never_flipped(subject) -> None:
    made = subject("vae", **{"data.flip": True})
    rows = made.store.rows("test")
    assert np.array_equal(to_images(made.load(rows).images), made.store.images[rows])


def test_codes_follow_from_seed_and_keys(family, subject) -> None:
    made = subject(family)
    if not isinstance(made.objective, Generates):
        with pytest.raises(RunError, match="generates no images"):
            made.codes(3, 1)
        return
    one = made.codes(5, 1)
    torch.rand(3)
    assert torch.equal(one, made.codes(5, 1))
    assert not torch.equal(one, made.codes(5, 2))
    assert not torch.equal(one, made.codes(5, 1, seed=9))


def test_labels_of_codes_are_rows_that_occur_in_training(subject) -> None:
    made = subject("acgan")
    rows = {tuple(one) for one in made.conditions.tolist()}
    drawn = made.objective.code.labels_of(made.codes(40, 1))
    assert {tuple(one) for one in drawn.int().tolist()} <= rows


def test_to_decode_in_parts_is_to_decode_at_once(subject, monkeypatch) -> None:
    made = subject("gan")
    codes = made.codes(7, 1)
    whole = made.decode(codes)
    monkeypatch.setattr("simulacra.evaluation.subject.CHUNK", 3)
    assert (whole.shape, whole.dtype) == ((7, 8, 8, 3), np.uint8)
    assert np.abs(whole.astype(int) - made.decode(codes)).max() <= 1
