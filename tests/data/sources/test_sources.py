"""What every row of SOURCES keeps to."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simulacra.data.sources import SOURCES, Options, Source, open_source
from simulacra.errors import DataError


@pytest.fixture(params=sorted(SOURCES))
def opened(request: pytest.FixtureRequest, folder, tmp_path: Path) -> Source:
    """A tiny source of every kind, asked for 6x4."""
    kind, path, more = request.param, None, {}
    if kind == "folder":
        path = folder(["cat/a.png", "dog/b.png"])
    elif kind == "celeba":
        path = tmp_path / "celeba"
        (path / "img_align_celeba").mkdir(parents=True)
        Image.new("RGB", (178, 218)).save(path / "img_align_celeba" / "000001.jpg")
        (path / "list_attr_celeba.txt").write_text("1\nSmiling\n000001.jpg -1\n")
    elif kind == "idx":
        path = tmp_path
        for part in ("train", "t10k"):
            head = [(2051).to_bytes(4, "big"), *(side.to_bytes(4, "big") for side in (2, 8, 8))]
            (path / f"{part}-images-idx3-ubyte").write_bytes(b"".join(head) + bytes(128))
            head = [(2049).to_bytes(4, "big"), (2).to_bytes(4, "big")]
            (path / f"{part}-labels-idx1-ubyte").write_bytes(b"".join(head) + bytes(2))
    elif kind == "arrays":
        path = tmp_path / "x.npz"
        np.savez(path, images=np.zeros((2, 8, 8, 3), np.uint8), labels=[0, 1])
    elif kind == "avatars":
        more = {"count": 2}
    return open_source(kind, path, Options(size=(6, 4), **more))


def test_a_source_gives_as_many_pictures_as_names_in_its_shape(opened: Source) -> None:
    pictures = list(opened.pictures(1))
    assert len(pictures) == len(opened.names) == len(opened.labels)
    assert opened.shape[:2] == (4, 6)
    for picture in pictures:
        assert not isinstance(picture, DataError)
        assert picture.pixels.shape == opened.shape
        assert picture.pixels.dtype == np.uint8


def test_a_source_may_be_read_twice(opened: Source) -> None:
    one, two = list(opened.pictures(None)), list(opened.pictures(None))
    assert all((a.pixels == b.pixels).all() for a, b in zip(one, two, strict=True))


def test_a_source_says_what_it_is(opened: Source) -> None:
    assert opened.kind in SOURCES
    assert opened.identity
    assert opened.card["title"]
    assert {"licence", "notes"} <= opened.card.keys()
    assert opened.labels.shape[1] == len(opened.label_names)
    assert set(np.unique(opened.labels)) <= {0, 1}
    if opened.exclusive:
        assert (opened.labels.sum(1) == 1).all()


def test_an_option_that_a_source_does_not_take_is_told() -> None:
    with pytest.raises(DataError, match=r"avatars takes no labels.*it takes: channels, count, seed, size"):
        open_source("avatars", None, Options(labels=Path("t.csv")))


def test_a_misspelt_source_is_told_the_nearest() -> None:
    with pytest.raises(DataError, match="did you mean folder"):
        open_source("folders", Path())


def test_a_source_without_its_path_is_told() -> None:
    with pytest.raises(DataError, match="needs a path"):
        open_source("folder")


def test_avatars_have_no_place() -> None:
    with pytest.raises(DataError, match=r"avatars are drawn, not read; .*: simulacra pack folder pictures"):
        open_source("avatars", Path("pictures"))


def test_channels_other_than_one_or_three_are_told() -> None:
    with pytest.raises(DataError, match="channels is 2"):
        open_source("avatars", None, Options(channels=2))


def test_a_path_in_the_place_of_a_source_is_told_with_the_command(folder, packed, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder(2, "my faces")
    folder(["img_align_celeba/000001.jpg"], "celeba-1")
    np.save(tmp_path / "x.npy", np.zeros((2, 8, 8), np.uint8))
    packed("avatars", None, count=3, out="ready")
    for word, hint in (
        ("my faces", "but a folder of that name; pack it: simulacra pack folder 'my faces' --out 'stores/my faces'"),
        ("celeba-1", "but a folder of that name; pack it: simulacra pack celeba celeba-1 --out stores/celeba-1"),
        ("x.npy", "but a file of that name; pack it: simulacra pack arrays x.npy --out stores/x"),
        ("ready", "but a packed store of that name; train on it: --data ready"),
    ):
        with pytest.raises(DataError) as caught:
            open_source(word)
        assert str(caught.value) == f"there is no source {word!r}, {hint}"
    with pytest.raises(DataError, match=r"there is no source 'foldr'; did you mean folder\?"):
        open_source("foldr")
