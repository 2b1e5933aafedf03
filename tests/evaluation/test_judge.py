"""The judge: what it learns, what it says of itself, and that asking for it changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from simulacra.data.store import ImageStore, open_store
from simulacra.evaluation.judge import Judge, count_confusion, judge_of, predicted_labels, recipe_of


def found(store: ImageStore, cache: Path, told: list[tuple[int, int]] | None = None) -> Judge:
    judge = judge_of(store, cache=cache, progress=None if told is None else lambda *pair: told.append(pair))
    assert judge is not None
    return judge


def test_a_judge_learns_what_can_be_seen_and_says_what_it_did_not_learn(seen, tmp_path) -> None:
    store = seen()
    judge = found(store, tmp_path)
    assert judge.label_names == ("Bright_Top", "Bright_Left", "Coin")
    assert judge.n == 50
    assert (judge.accuracy[:2] > 0.95).all()
    assert judge.accuracy[2] < 0.75
    assert judge.learned.tolist() == [True, True, False]
    assert judge.confusion.shape == (3, 2, 2)
    assert (judge.confusion.sum((1, 2)) == 50).all()
    rows = store.rows("test")
    images, truth = store.pixels(rows), store.labels[rows].astype(bool)
    assert np.array_equal(count_confusion(truth, judge.predict(images), exclusive=False), judge.confusion)
    assert np.allclose(judge.probabilities(images), 1 / (1 + np.exp(-judge.logits(images))), atol=1e-6)


def test_a_judge_of_many_held_out_images_is_tested_on_some_of_all_classes(seen, tmp_path, monkeypatch) -> None:
    store = seen(exclusive=True)
    rows = store.rows("test")
    order = np.arange(len(store.split))
    order[rows] = rows[np.argsort(store.labels[rows].argmax(1), kind="stable")]
    sorted_store = replace(store, images=store.images[order], labels=store.labels[order])
    monkeypatch.setattr("simulacra.evaluation.judge.MOST_HELD_OUT", 15)
    judge = found(sorted_store, tmp_path)
    assert judge.n == 15
    assert (judge.confusion.sum(1) > 0).all()
    assert judge.learned.all(), "a class without images could not be tested"


def test_a_judge_of_classes_names_one_class_an_image(seen, tmp_path) -> None:
    store = seen(exclusive=True)
    judge = found(store, tmp_path)
    images = store.pixels(store.rows("test"))
    assert judge.exclusive
    assert judge.learned.all()
    assert (judge.accuracy > 0.95).all()
    assert (judge.confusion.sum(1) == store.labels[store.rows("test")].sum(0)).all()
    assert np.allclose(judge.probabilities(images).sum(1), 1, atol=1e-5)
    assert (judge.predict(images).sum(1) == 1).all()
    assert np.array_equal(judge.predict(images).argmax(1), judge.logits(images).argmax(1))


def test_a_judge_is_trained_once_and_asking_for_it_draws_nothing(seen, tmp_path) -> None:
    store, steps = seen(), [(step, 43) for step in range(1, 44)]  # 20 epochs of 140 images, 64 at a time
    before, heard = torch.get_rng_state(), []
    first = found(store, tmp_path, heard)
    assert heard == steps
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    again = found(store, tmp_path, heard)
    assert heard == steps, "the second time nothing is trained"
    elsewhere = found(store, tmp_path / "elsewhere")
    images = store.pixels(store.rows("valid"))
    for other in (again, elsewhere):
        assert np.array_equal(first.logits(images), other.logits(images))
        assert np.array_equal(first.confusion, other.confusion)
        assert np.array_equal(first.auc, other.auc)
        assert (first.n, first.label) == (other.n, other.label)


@pytest.mark.parametrize("damage", [b"", b"no file of torch", None])
def test_a_damaged_judge_is_made_again(seen, tmp_path, damage, monkeypatch) -> None:
    monkeypatch.setattr("simulacra.evaluation.judge.EPOCHS", 1)
    store = seen()
    first = found(store, tmp_path / "judges")
    (file,) = (tmp_path / "judges").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    again = found(store, tmp_path / "judges")
    images = store.pixels(store.rows("test"))
    assert np.array_equal(first.logits(images), again.logits(images))
    assert len(file.read_bytes()) == len(whole)


def test_a_judge_of_another_shape_in_the_file_is_made_again(seen, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("simulacra.evaluation.judge.EPOCHS", 1)
    store, classes = seen(), seen(exclusive=True, name="classes")
    first, _ = found(store, tmp_path / "judges"), found(classes, tmp_path / "others")
    (file,), (other,) = (tmp_path / "judges").iterdir(), (tmp_path / "others").iterdir()
    state = torch.load(other, weights_only=True)
    del state["networks"]["logits.1.bias"]  # all else would fit, and is in place when this is found missing
    torch.save(state, file)
    again = found(store, tmp_path / "judges")
    images = store.pixels(store.rows("test"))
    assert np.array_equal(first.logits(images), again.logits(images))


def test_other_labels_and_another_split_get_a_judge_of_their_own(seen, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("simulacra.evaluation.judge.EPOCHS", 1)
    store = seen()
    split = store.split.copy()
    split[-5:] = 1
    labels = {found(one, tmp_path).label for one in (store, replace(store, split=split))}
    labels.add(found(seen(exclusive=True, name="other"), tmp_path).label)
    assert len(labels) == 3


def test_without_labels_there_is_no_judge(make_store, tmp_path) -> None:
    assert judge_of(open_store(make_store(labels=())), cache=tmp_path) is None


def test_a_label_that_no_held_out_image_has_does_not_count_as_learned(seen, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("simulacra.evaluation.judge.EPOCHS", 1)
    store = seen()
    labels = store.labels.copy()
    labels[store.rows("test"), 0] = 0
    judge = found(replace(store, labels=labels, fingerprint="rare"), tmp_path)
    assert np.isnan(judge.auc[0])
    assert not judge.learned[0]


def test_features_are_one_vector_an_image(seen, tmp_path) -> None:
    store = seen(shape=(8, 20, 1))
    judge = found(store, tmp_path)
    assert judge.features(store.pixels(store.rows("test"))).shape == (50, 16)
    assert judge.features(store.images[:0]).shape == (0, 16)
    assert judge.logits(store.images[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    ("shape", "halvings"), [((8, 8, 3), 1), ((28, 28, 1), 3), ((64, 64, 3), 4), ((32, 96, 3), 3), ((256, 256, 3), 5)]
)
def test_depth_and_length_of_training_follow_from_the_images(seen, shape, halvings) -> None:
    store = replace(seen(), images=np.zeros((50_000, *shape), np.uint8), split=np.zeros(50_000, np.uint8))
    recipe = recipe_of(store)
    assert len(recipe.networks["encoder"].channels) == halvings
    assert recipe.steps * recipe.data.batch * shape[0] * shape[1] <= max(100e6, 20_000 * shape[0] * shape[1])
    assert recipe.steps >= 312


def test_verdicts_and_counts_worked_by_hand() -> None:
    logits = np.array([[2.0, -1.0], [-1.0, 3.0], [0.5, 1.0]], np.float32)
    assert predicted_labels(logits, exclusive=False).tolist() == [[True, False], [False, True], [True, True]]
    assert predicted_labels(logits, exclusive=True).tolist() == [[True, False], [False, True], [False, True]]
    true = np.array([[1, 0], [1, 0], [0, 1]], bool)
    assert count_confusion(true, predicted_labels(logits, exclusive=True), exclusive=True).tolist() == [[1, 1], [0, 1]]
    both = count_confusion(true, predicted_labels(logits, exclusive=False), exclusive=False)
    assert both.tolist() == [[[0, 1], [1, 1]], [[1, 1], [0, 1]]]
