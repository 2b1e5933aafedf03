"""The order of an epoch: every image once, mixed as far as memory allows, and decided once a run."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from simulacra.data import batches
from simulacra.data.batches import SHUFFLED, Order, choose, memory
from simulacra.data.store import open_store
from simulacra.errors import DataError
from simulacra.seeds import stream

MakeStore = Callable[..., Path]
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
    monkeypatch.setattr(batches, "memory", lambda: 2 * training)
    assert choose("auto", store) == SHUFFLED
    monkeypatch.setattr(batches, "memory", lambda: 2 * training - 1)
    by_blocks = choose("auto", store)
    assert by_blocks.block * 8 * 8 * 3 <= batches.BLOCK < (by_blocks.block + 1) * 8 * 8 * 3
    assert by_blocks.window == batches.BLOCKS * by_blocks.block


def test_a_recipe_may_have_either_order_whatever_the_memory(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(make_store())
    for size in (0.0, float("inf")):
        monkeypatch.setattr(batches, "memory", lambda size=size: size)
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
    monkeypatch.setattr(batches, "GROUP", tmp_path / "group")
    monkeypatch.setattr(batches, "GROUPS", tmp_path / "groups")
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
