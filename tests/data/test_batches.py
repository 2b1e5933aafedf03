"""Batches: a pure function of seed and step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from simulacra.data.batches import SHUFFLED, Batches, Order, to_images, to_tensor
from simulacra.data.store import ImageStore, open_store
from simulacra.errors import DataError

MakeStore = Callable[..., Path]
BLOCKS = Order(block=2, window=6)
ORDERS = [SHUFFLED, BLOCKS]


def batches(store: ImageStore, **changes: Any) -> Batches:
    return Batches(store, **({"batch": 4, "seed": 0, "flip": False, "labels": ()} | changes))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("batch", [1, 4, 5, 14, 30])
def test_batches_cover_every_epoch_exactly_once(batch: int, order: Order, store: ImageStore) -> None:
    drawn = batches(store, batch=batch, order=order)
    steps = -(-3 * drawn.count // batch)
    rows = np.concatenate([drawn.indices(step) for step in range(steps)])
    for epoch in range(3):
        ours = rows[epoch * drawn.count : (epoch + 1) * drawn.count]
        assert sorted(ours.tolist()) == store.rows("train").tolist()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batch=some.integers(1, 40),
    world=some.integers(1, 5),
    step=some.integers(0, 10**9),
    seed=some.integers(0, 2**40),
    order=some.sampled_from(ORDERS),
)
def test_processes_share_a_batch_between_them(
    batch: int, world: int, step: int, seed: int, order: Order, store: ImageStore
) -> None:
    same: dict[str, Any] = {"batch": batch, "seed": seed, "labels": ("Smiling",), "flip": True, "order": order}
    whole = batches(store, **same)[step]
    shares = [batches(store, **same, rank=rank, world=world)[step] for rank in range(world)]
    assert sum(len(share.images) for share in shares) == batch
    for rank, share in enumerate(shares):
        assert torch.equal(share.images, whole.images[rank::world]), "flips too are those of the whole"
        assert torch.equal(share.labels, whole.labels[rank::world])


@pytest.mark.parametrize("order", ORDERS)
def test_a_batch_follows_from_seed_and_step_alone(order: Order, store: ImageStore) -> None:
    used, fresh = batches(store, flip=True, order=order), batches(store, flip=True, order=order)
    expected = [used[step] for step in range(9)]
    torch.rand(3)
    np.random.default_rng().random()
    for step in (8, 0, 5, 3):
        assert torch.equal(fresh[step].images, expected[step].images)


def test_what_a_block_shuffled_batch_reads_has_been_asked_of_the_disk_before_and_once(
    store: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(ImageStore, "expect", lambda store, rows: asked.extend(rows.tolist()))
    drawn = batches(store, batch=2, order=BLOCKS)
    for step in range(14):  # two epochs
        _ = drawn[step]
        ahead = drawn.indices(step + 1) if step % 7 < 6 else drawn.indices(step)
        assert np.isin(ahead, asked).all(), "the next window is on its way while this one is used"
    assert set(np.bincount(asked, minlength=20)[drawn.rows]) <= {2, 3}, "once an epoch, and the third has begun"


def test_another_seed_is_another_order(store: ImageStore) -> None:
    one, other = (batches(store, batch=14, seed=seed).indices(0).tolist() for seed in (0, 1))
    assert one != other
    assert sorted(one) == sorted(other)


def test_every_epoch_has_an_order_of_its_own(store: ImageStore) -> None:
    drawn = batches(store, batch=14)
    assert len({tuple(drawn.indices(epoch)) for epoch in range(5)}) == 5


def test_a_batch_may_straddle_two_epochs(store: ImageStore) -> None:
    drawn = batches(store, batch=4)  # 14 images: the fourth batch takes two of either epoch
    first = {row for step in range(3) for row in drawn.indices(step).tolist()}
    assert not first & set(drawn.indices(3)[:2].tolist())
    assert len(first | set(drawn.indices(3)[:2].tolist())) == 14


def test_a_batch_larger_than_the_data_takes_every_image_several_times(store: ImageStore) -> None:
    drawn = batches(store, batch=35)
    counts = np.bincount(drawn.indices(0), minlength=20)[store.rows("train")]
    assert counts.sum() == 35
    assert set(counts.tolist()) <= {2, 3}
    assert drawn[0].images.shape == (35, 3, 8, 8)


def test_images_are_floats_of_minus_one_to_one_with_channels_last_in_memory(store: ImageStore) -> None:
    drawn = batches(store)
    batch = drawn[0]
    assert batch.images.dtype == torch.float32
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    expected = torch.from_numpy(store.images[drawn.indices(0)]).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close(batch.images, expected)


def test_labels_come_in_the_order_asked_for(store: ImageStore) -> None:
    drawn = batches(store, labels=("Male", "Smiling"))
    assert drawn[0].labels.tolist() == store.labels[drawn.indices(0)][:, [2, 0]].tolist()
    assert batches(store)[0].labels.shape == (4, 0)


def test_about_half_of_the_images_are_mirrored_and_others_at_each_step(store: ImageStore) -> None:
    plain, flipped = batches(store, batch=14), batches(store, batch=14, flip=True)
    patterns = set()
    for step in range(40):
        same, mirrored = plain[step].images, flipped[step].images
        pattern = []
        for image, other in zip(same, mirrored, strict=True):
            assert torch.equal(other, image) or torch.equal(other, image.flip(-1))
            pattern.append(torch.equal(other, image))
        patterns.add(tuple(pattern))
    assert len(patterns) > 35
    assert 0.4 < np.mean([list(pattern) for pattern in patterns]) < 0.6


def test_to_mirror_changes_nothing_in_the_store(store: ImageStore) -> None:
    before = np.array(store.images)
    for step in range(5):
        _ = batches(store, flip=True)[step]
    assert np.array_equal(store.images, before)
    assert not store.images.flags.writeable


def test_a_store_without_training_image_is_refused(make_store: MakeStore) -> None:
    with pytest.raises(DataError, match="has no training image"):
        batches(open_store(make_store(count=6, held_out=3)))


def test_a_label_that_the_store_lacks_is_refused(store: ImageStore) -> None:
    with pytest.raises(DataError, match="has no label 'Beard' \\(it has: Smiling, Eyeglasses, Male\\)"):
        batches(store, labels=("Beard",))


def test_pixels_survive_the_way_to_floats_and_back() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert np.array_equal(to_images(to_tensor(pixels)), pixels)


def test_values_out_of_range_are_clipped_and_not_wrapped() -> None:
    values = torch.tensor([-5.0, -1.0, 0.0, 1.0, 5.0]).reshape(1, 1, 1, 5)
    assert to_images(values).ravel().tolist() == [0, 0, 128, 255, 255]
