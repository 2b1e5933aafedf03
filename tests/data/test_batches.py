"""Batches: a pure function of seed and step.

The order of an epoch: every image once, mixed as far as memory allows, and decided once a run.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from simulacra import files
from simulacra.data import batches as module
from simulacra.data.batches import SHUFFLED, Batches, Order, choose, memory, to_images, to_tensor
from simulacra.data.store import ImageStore, open_store
from simulacra.errors import DataError
from simulacra.seeds import stream

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


ORDER = Order(block=10, window=200)
ROWS = np.arange(0, 3000, 3)


@settings(max_examples=50, deadline=None)
@given(count=some.integers(1, 300), block=some.integers(0, 20), blocks=some.integers(1, 9), seed=some.integers(0, 99))
def test_an_epoch_has_every_image_once_in_any_order(count: int, block: int, blocks: int, seed: int) -> None:
    rows = np.arange(5, 5 + count)
    assert sorted(Order(block, block * blocks).draw(rows, stream(seed))) == rows.tolist()


def test_an_order_follows_from_its_draws_alone() -> None:
    first, again, other = (ORDER.draw(ROWS, stream(seed)).tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_a_window_of_a_block_shuffled_epoch_is_read_from_a_few_long_pieces() -> None:
    drawn = ORDER.draw(ROWS, stream(0))
    for start in range(0, len(drawn), 200):
        places = np.sort(drawn[start : start + 200]) // 3
        assert (np.diff(places) != 1).sum() < 20, "at most so many pieces as a window has blocks"


def test_neighbours_in_the_file_are_no_neighbours_in_a_block_shuffled_epoch() -> None:
    places = ORDER.draw(ROWS, stream(0)) // 3
    chance = 200 / 10 * 9 / (200 * 199 / 2)  # two images of a window that lie side by side in their block
    assert (np.abs(np.diff(places)) == 1).mean() < 5 * chance
    windows = places.reshape(-1, 200)
    assert (np.ptp(windows, axis=1) > 700).all(), "its blocks come from all over the file"
    apart = [np.ptp(np.flatnonzero(window // 10 == block)) for window in windows for block in np.unique(window // 10)]
    assert np.median(apart) > 100, "ten images that lay together are scattered over the whole window"


def test_images_that_memory_holds_twice_are_shuffled_and_larger_stores_by_blocks(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(make_store())
    training = 14 * 8 * 8 * 3
    monkeypatch.setattr(module, "memory", lambda: 2 * training)
    assert choose("auto", store) == SHUFFLED
    monkeypatch.setattr(module, "memory", lambda: 2 * training - 1)
    by_blocks = choose("auto", store)
    assert by_blocks.block * 8 * 8 * 3 <= module.BLOCK < (by_blocks.block + 1) * 8 * 8 * 3
    assert by_blocks.window == module.BLOCKS * by_blocks.block


def test_a_recipe_may_have_either_order_whatever_the_memory(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(make_store())
    for size in (0.0, float("inf")):
        monkeypatch.setattr(module, "memory", lambda size=size: size)
        assert choose("shuffled", store) == SHUFFLED
        assert choose("block-shuffled", store).block > 0


@pytest.mark.parametrize(
    ("group", "file", "text", "found"),
    [
        ("0::/a/b", "a/b/memory.max", "4096\n", 4096),
        ("0::/a/b", "a/memory.max", "4096\n", 4096),
        ("0::/elsewhere", "memory.max", "4096\n", 4096),
        ("0::/a", "a/memory.max", "max\n", None),
        ("7:cpu:/\n4:memory:/a", "memory/a/memory.limit_in_bytes", "4096\n", 4096),
        ("7:cpu:/a", "memory/a/memory.limit_in_bytes", "4096\n", None),
    ],
)
def test_the_memory_is_what_a_container_may_use(
    group: str, file: str, text: str, found: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "group").write_text("0::/none")
    monkeypatch.setattr(files, "GROUP", tmp_path / "group")
    monkeypatch.setattr(files, "GROUPS", tmp_path / "groups")
    of_machine = memory()
    assert of_machine > 2**20
    (tmp_path / "group").write_text(group)
    limit = tmp_path / "groups" / file
    limit.parent.mkdir(parents=True)
    limit.write_text(text)
    assert memory() == (found or of_machine)


def test_what_run_json_says_of_an_order_gives_the_order() -> None:
    for known in (SHUFFLED, ORDER):
        assert Order.of_facts(known.facts) == known
    assert ORDER.facts == {"order": "block-shuffled", "block": 10, "window": 200}
    assert Order.of_facts({"path": "a run from before there was another order"}) == SHUFFLED


def test_pixels_are_those_of_the_rows_in_their_order(make_store: MakeStore) -> None:
    store = open_store(make_store(shape=(5, 7, 1)))
    rows = np.array([3, 19, 0, 3])
    assert np.array_equal(store.pixels(rows), np.asarray(store.images)[rows])
    assert store.pixels(rows[:0]).shape == (0, 5, 7, 1)


def resident(file: Path) -> int:
    """Kilobytes of a mapped file that count as this process's memory."""
    found = re.search(rf"{re.escape(str(file))}\n(?:\w+:.*\n)*?Rss:\s+(\d+) kB", Path("/proc/self/smaps").read_text())
    assert found, "the file is mapped"
    return int(found[1])


@pytest.mark.skipif(not Path("/proc/self/smaps").is_file(), reason="the system does not tell")
def test_reading_pixels_leaves_no_page_of_the_store_in_the_memory_of_the_process(make_store: MakeStore) -> None:
    store = open_store(make_store(count=500))
    store.pixels(np.arange(500))
    assert resident(store.path / "images.npy") == 0
    assert np.asarray(store.images).sum()
    assert resident(store.path / "images.npy") > 0, "looking at the mapping would have"


def test_a_store_that_was_cut_short_while_it_was_open_is_told(make_store: MakeStore) -> None:
    store = open_store(make_store())
    with (store.path / "images.npy").open("rb+") as file:
        file.truncate(1000)
    with pytest.raises(DataError, match="is cut short; pack the data again"):
        store.pixels(np.array([0, 19]))
