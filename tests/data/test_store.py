"""A store whose files are damaged, missing, or of other pictures than the rest is told in one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.data.store import open_store
from simulacra.errors import DataError


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "split.npy", "store.json"])
@pytest.mark.parametrize("content", [None, b"", b"\x93NUMPY"], ids=["missing", "empty", "cut short"])
def test_a_file_that_a_crash_left_is_told(make_store, name: str, content: bytes | None) -> None:
    path = make_store()
    if content is None:
        (path / name).unlink()
    else:
        (path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"is damaged \(.*\); remove it and pack|is no packed store"):
        open_store(path)


@pytest.mark.parametrize("head", [[], None, 3, "text"])
def test_a_store_json_that_is_no_table_is_told(make_store, head: Any) -> None:
    path = make_store()
    (path / "store.json").write_text(json.dumps(head))
    with pytest.raises(DataError, match=r"store is damaged \(store.json holds no table\)"):
        open_store(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("label_names", 3), ("factor_names", None), ("card", None), ("exclusive", "no"), ("fingerprint", 1)],
)
def test_a_store_json_that_says_something_else_is_told(make_store, key: str, value: Any) -> None:
    path = make_store()
    head = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps(head | {key: value}))
    with pytest.raises(DataError, match=rf"is damaged \(store.json has {value!r} as {key}\)"):
        open_store(path)


@pytest.mark.parametrize("format", [2, None])
def test_another_format_is_told(make_store, format: int | None) -> None:
    path = make_store()
    head = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps(head | {"format": format}))
    with pytest.raises(DataError, match=f"has format {format}, this version reads 1"):
        open_store(path)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("images.npy", np.zeros((20, 8, 8), np.uint8)),
        ("images.npy", np.zeros((20, 8, 8, 4), np.uint8)),
        ("images.npy", np.zeros((20, 8, 8, 3), np.float32)),
        ("images.npy", np.zeros((5, 8, 8, 3), np.uint8)),
        ("labels.npy", np.zeros((3, 3), np.uint8)),
        ("labels.npy", np.zeros((20, 2), np.uint8)),
        ("labels.npy", np.zeros((20, 3), np.float64)),
        ("split.npy", np.zeros(3, np.uint8)),
        ("split.npy", np.zeros(20, np.int64)),
    ],
    ids=lambda value: f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else value,
)
def test_arrays_that_do_not_belong_together_are_told(make_store, name: str, array: np.ndarray) -> None:
    path = make_store()
    np.save(path / name, array)
    with pytest.raises(DataError, match=r"store is damaged \(\w+.npy has shape"):
        open_store(path)


def test_factors_of_other_pictures_are_told(packed) -> None:
    path = packed("avatars", None, count=3).store.path
    np.save(path / "factors.npy", np.load(path / "factors.npy")[:2])
    with pytest.raises(DataError, match=r"factors.npy has shape \(2, "):
        open_store(path)


@pytest.mark.parametrize("content", ["", "3", '["a.png"]'], ids=["empty", "no list", "too few"])
def test_damaged_names_are_told_when_they_are_asked_for(make_store, content: str) -> None:
    path: Path = make_store()
    (path / "names.json").write_text(content)
    store = open_store(path)
    with pytest.raises(DataError, match="store is damaged"):
        _ = store.names


def test_pictures_that_are_not_packed_are_packed_from_where_they_lie(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"simulacra pack avatars --count 300 --out .*photos$"):
        open_store(tmp_path / "photos")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"simulacra pack folder .*photos --out stores/photos$"):
        open_store(tmp_path / "photos")


def test_a_store_says_in_a_line_what_it_holds(make_store) -> None:
    path = make_store()
    said = "20 colour images of 8x8, 3 labels; 14 train, 3 valid, 3 test"
    assert repr(open_store(path)) == f"<ImageStore {path}: {said}>"
