"""A table's entry finds its picture as people write them: other machines, other endings, other spellings."""

import unicodedata

import pytest

from simulacra.data.sources.picture_names import Finder

NAMES = ["a.jpg", "x/b.jpg", "x/c.JPG", "y/c.jpg", "000007.jpg", unicodedata.normalize("NFC", "Zoë.jpg"), "d.e.jpg"]


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("./a.jpg", "a.jpg"),
        (" a.jpg ", "a.jpg"),
        ("a", "a.jpg"),
        ("a.png", "a.jpg"),
        ("A.JPG", "a.jpg"),
        ("photos/a.jpg", "a.jpg"),
        ("/mnt/me/photos/a.jpg", "a.jpg"),
        ("C:\\data\\photos\\a.jpg", "a.jpg"),
        ("\\\\server\\share\\x\\b.jpg", "x/b.jpg"),
        ("../photos/x/b.jpg", "x/b.jpg"),
        ("b.jpg", "x/b.jpg"),
        ("x/c.jpg", "x/c.JPG"),
        ("y\\C.png", "y/c.jpg"),
        ("7", "000007.jpg"),
        ("7.png", "000007.jpg"),
        (unicodedata.normalize("NFD", "Zoë.jpg"), "Zoë.jpg"),
        (unicodedata.normalize("NFD", "ZOË"), "Zoë.jpg"),
        ("d.e", "d.e.jpg"),
    ],
)
def test_an_entry_finds_its_picture(entry: str, name: str) -> None:
    match = Finder(NAMES)(entry)
    assert NAMES[match.row] == unicodedata.normalize("NFC", name)
    assert match.firm


@pytest.mark.parametrize("entry", ["", "  ", "/", "b.txt", "e", "d", "8", "a.jpg.jpg"])
def test_an_entry_that_names_nothing_finds_nothing(entry: str) -> None:
    match = Finder(NAMES)(entry)
    assert match.row == -1
    assert not match.rivals


@pytest.mark.parametrize(
    ("names", "entry", "rivals"),
    [
        (["x/a.png", "y/a.png"], "a.png", ("x/a.png", "y/a.png")),
        (["x/a.png", "y/a.png"], "data/a.png", ("x/a.png", "y/a.png")),
        (["a.png", "a.jpg"], "a", ("a.png", "a.jpg")),
        (["A.png", "a.png"], "a.PNG", ("A.png", "a.png")),
        (["1.png", "01.png"], "001", ("1.png", "01.png")),
    ],
)
def test_an_entry_that_fits_two_pictures_names_both(names: list[str], entry: str, rivals: tuple[str, ...]) -> None:
    match = Finder(names)(entry)
    assert match.row == -1
    assert match.rivals == rivals


def test_the_better_spelling_decides_between_two() -> None:
    assert Finder(["a.png", "a.jpg"])("a.jpg").row == 1
    assert Finder(["A.png", "a.png"])("a.png").row == 1
    assert Finder(["x/a.jpg", "y/a.png"])("x/a.png").row == 0


def test_a_contradicting_folder_makes_a_match_loose() -> None:
    assert not Finder(["test/a.png"])("train/a.png").firm
    assert Finder(["test/a.png"])("d/test/a.png").firm


def test_a_table_inside_the_data_set_means_the_pictures_beside_it() -> None:
    names = ["test/0.png", "train/0.png"]
    assert [Finder(names, base)("0.png").row for base in ("test", "train")] == [0, 1]
    assert Finder(names, "train")("test/0.png").row == 0
