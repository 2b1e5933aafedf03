"""Folders of pictures: nested, labelled by table or by subfolder, and damaged in every way."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.data.audit import audit
from simulacra.data.sources import Options, open_source
from simulacra.data.store import SPLITS
from simulacra.errors import DataError


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_nested_pictures_are_found_and_other_files_are_not(folder, packed) -> None:
    root = folder(["a.png", "x/y/b.JPG", "x/c.webp", ".hidden.png", "__MACOSX/d.png"])
    write(root / "readme.txt", "no picture")
    store = packed("folder", root).store
    assert store.names == ["a.png", "x/c.webp", "x/y/b.JPG"]
    assert store.images.shape == (3, 8, 8, 3)
    assert store.label_names == ()


def test_one_subfolder_is_no_class_and_several_are(folder, packed) -> None:
    assert packed("folder", folder(["cat/a.png", "cat/b.png"], "one"), out="s1").store.label_names == ()
    store = packed("folder", folder(["cat/a.png", "dog/b.png", "dog/old/c.png"], "two"), out="s2").store
    assert store.label_names == ("cat", "dog")
    assert store.exclusive
    assert store.labels.tolist() == [[1, 0], [0, 1], [0, 1]]


def test_folders_named_train_and_test_are_the_split(folder, packed) -> None:
    store = packed("folder", folder(["train/cat/a.png", "train/dog/b.png", "test/cat/c.png"])).store
    assert [SPLITS[part] for part in store.split] == ["test", "train", "train"]
    assert store.label_names == ("cat", "dog")


def test_a_table_labels_pictures_by_path_file_name_or_stem(folder, packed, tmp_path: Path) -> None:
    root = folder(["x/a.png", "x/b.png", "c.png"])
    table = write(tmp_path / "t.csv", "file,Smile\nx/a.png,1\nb.png,-1\nc,true\n")
    store = packed("folder", root, labels=table).store
    assert store.names == ["c.png", "x/a.png", "x/b.png"]
    assert store.labels[:, 0].tolist() == [1, 1, 0]
    assert not store.exclusive


def test_names_without_picture_and_pictures_without_row_are_counted(folder, packed, tmp_path: Path) -> None:
    root = folder(["a.png", "b.png", "c.png"])
    table = write(tmp_path / "t.csv", "file,Smile\na.png,1\ngone.png,0\nlost.png,0\n")
    result = packed("folder", root, labels=table)
    assert result.store.names == ["a.png"]
    odd = result.store.card["odd"]
    assert odd["rows of t.csv whose picture is missing (the first: gone.png)"] == 2
    assert odd["pictures left out for want of a row in t.csv (the first: b.png)"] == 2
    assert any("gone.png" in note for note in result.notes)


def test_a_table_that_fits_no_picture_is_refused(folder, tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", "file,Smile\nx.png,1\n")
    with pytest.raises(DataError, match="column 'file' names no picture of the folder"):
        open_source("folder", folder(2), Options(labels=table))


def test_two_rows_for_one_picture_are_refused(folder, tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", "file,Smile\n000.png,1\n000,0\n")
    with pytest.raises(DataError, match=r"row 3 names 000\.png again, with other values; keep one"):
        open_source("folder", folder(2), Options(labels=table))


def test_a_file_name_that_two_pictures_share_needs_its_path(folder, packed, tmp_path: Path) -> None:
    root = folder(["x/a.png", "y/a.png", "b.png"])
    table = write(tmp_path / "t.csv", "file,Smile\na.png,1\nb.png,1\nx/a.png,0\n")
    with pytest.raises(
        DataError, match=r"row 2 names a\.png, which fits x/a\.png and y/a\.png; write each picture's path"
    ):
        packed("folder", root, labels=table)
    write(table, "file,Smile\ny/a.png,1\nb.png,1\nx/a.png,0\n")
    assert packed("folder", root, labels=table).store.names == ["b.png", "x/a.png", "y/a.png"]


def test_a_row_that_a_folder_contradicts_is_missing_where_others_fit(folder, packed, tmp_path: Path) -> None:
    root = folder(["test/a.png", "test/b.png"])
    table = write(tmp_path / "t.csv", "file,Smile\ntrain/a.png,1\ntest/b.png,1\n")
    store = packed("folder", root, labels=table).store
    assert store.names == ["test/b.png"]
    assert store.card["odd"]["rows of t.csv whose picture is missing (the first: train/a.png)"] == 1


def test_a_table_in_the_folder_is_found_by_its_name_there(folder, packed) -> None:
    root = folder(3)
    write(root / "labels.csv", "file,Smile\n000.png,1\n001.png,0\n002.png,0\n")
    assert packed("folder", root, labels=Path("labels.csv")).store.labels[:, 0].tolist() == [1, 0, 0]
    with pytest.raises(DataError, match=r"nix\.csv is not here, nor .*photos/nix\.csv; give the path of a table"):
        packed("folder", root, labels=Path("nix.csv"))


def test_a_table_labels_and_folders_or_a_column_split(folder, packed, tmp_path: Path) -> None:
    root = folder([f"{part}/{at}.png" for part in ("train", "test") for at in range(3)])
    rows = [f"{part}/{at}.png,{at % 2}" for part in ("train", "test") for at in range(3)]
    table = write(tmp_path / "t.csv", "file,Smile\n" + "\n".join(rows))
    assert np.bincount(packed("folder", root, labels=table).store.split).tolist() == [3, 0, 3]
    write(table, "file,Smile,split\n" + "\n".join(f"{row},{'val' if '2' in row else 'train'}" for row in rows))
    assert np.bincount(packed("folder", root, labels=table, out="b").store.split).tolist() == [4, 2]
    found = packed("folder", root, labels=table, split="folder", out="c").store
    assert np.bincount(found.split).tolist() == [3, 0, 3]


def test_numbers_in_a_table_are_factors_of_the_store(folder, packed, tmp_path: Path) -> None:
    rows = "".join(f"{at:03}.png,{at / 10},{at % 4},{at % 2}\n" for at in range(12))
    store = packed("folder", folder(12), labels=write(tmp_path / "t.csv", f"file,size,shape,Smile\n{rows}")).store
    assert store.factor_names == ("size", "shape")
    assert store.factors[3].tolist() == pytest.approx([0.3, 3])
    assert store.label_names == ("Smile",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ("Smile",)}, "--columns is about a table; name the table with --labels"),
        ({"missing": "0"}, "--missing is about a table"),
        ({"labels": Path("t.csv"), "classes": "folders"}, "--classes folders and --labels name two sources"),
    ],
)
def test_options_that_do_not_go_together_are_refused(folder, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source("folder", folder(2), Options(**options))


def test_names_are_kept_in_one_unicode_form(folder, packed) -> None:
    root = folder(["Zoe\u0308/a.png", "b/c.png"])
    store = packed("folder", root).store
    assert store.names == ["Zo\u00eb/a.png", "b/c.png"]
    assert store.label_names == ("Zo\u00eb", "b")


def test_a_table_that_lies_in_the_folder_is_pointed_out(folder, packed) -> None:
    root = folder(1)
    write(root / "labels.csv", "")
    assert any(f"--labels {root}/labels.csv" in note for note in packed("folder", root).notes)


@pytest.mark.parametrize("damage", [b"", b"no picture", "half"], ids=["zero bytes", "text", "truncated"])
def test_a_bad_picture_is_listed_and_left_out(folder, packed, damage: bytes | str) -> None:
    root = folder(110)
    whole = (root / "000.png").read_bytes()
    (root / "000.png").write_bytes(whole[: len(whole) // 2] if isinstance(damage, str) else damage)
    result = packed("folder", root)
    assert len(result.store.images) == len(result.store.names) == len(result.store.labels) == 109
    assert [bad["name"] for bad in result.store.card["left_out"]] == ["000.png"]
    assert "1 bad left out" in result.message
    direct = np.asarray(Image.open(root / "001.png"))
    assert (result.store.images[0] == direct).all()


def test_more_than_one_bad_picture_in_a_hundred_is_refused_unless_told_to_keep_going(folder, packed, tmp_path) -> None:
    root = folder(20)
    (root / "003.png").write_text("no picture")
    with pytest.raises(DataError, match=r"photos: 003\.png, is not a picture.*--keep-going"):
        packed("folder", root)
    assert list(tmp_path.iterdir()) == [root]
    assert len(packed("folder", root, keep_going=True).store.images) == 19


def test_a_folder_of_nothing_but_bad_pictures_is_refused(tmp_path: Path, packed) -> None:
    (tmp_path / "text").mkdir()
    for number in range(5):
        write(tmp_path / "text" / f"{number}.png", "no picture")
    with pytest.raises(DataError, match="1 in 100"):
        packed("folder", tmp_path / "text")
    with pytest.raises(DataError, match="none of the 5 pictures can be read"):
        packed("folder", tmp_path / "text", keep_going=True)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no pictures"):
        open_source("folder", tmp_path)


def test_an_absent_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        open_source("folder", tmp_path / "nowhere")


def test_a_folder_that_cannot_be_read_is_refused(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    root = folder(1)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"photos cannot be read \(Permission denied\)"):
        open_source("folder", root)


def test_a_picture_that_cannot_be_read_is_listed(folder, packed, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(2)
    opened = Path.open

    def refuse(path: Path, *words: Any, **options: Any) -> Any:
        if path.name == "001.png":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *words, **options)

    monkeypatch.setattr(Path, "open", refuse)
    result = packed("folder", root, keep_going=True)
    assert "Permission denied" in result.store.card["left_out"][0]["why"]


def test_a_line_is_one_line_whatever_a_picture_is_called(folder, packed) -> None:
    root = folder(["a.png", "b\nc.png"])
    (root / "b\nc.png").write_text("no picture")
    with pytest.raises(DataError) as error:
        packed("folder", root)
    assert r"b\nc.png" in str(error.value)
    result = packed("folder", root, keep_going=True)
    assert result.store.card["left_out"][0]["name"] == "b\nc.png"
    told = [*result.notes, *audit(result.store)["findings"]]
    assert any(r"b\nc.png" in line for line in told)
    assert not any("\n" in line for line in told)


def test_a_symlink_loop_ends_and_is_counted(folder, packed) -> None:
    root = folder(["a.png", "x/b.png"])
    (root / "x" / "again").symlink_to(root)
    (root / "self.png").symlink_to(root / "self.png")
    result = packed("folder", root, keep_going=True)
    assert result.store.names == ["a.png", "x/b.png"]
    assert any("second time through a link" in odd for odd in result.store.card["odd"])
    assert result.store.card["left_out"][0]["name"] == "self.png"


def test_a_file_in_place_of_a_folder_is_refused(folder) -> None:
    with pytest.raises(DataError, match=r"000\.png is no folder; give the folder that holds"):
        open_source("folder", folder(1) / "000.png")
    with pytest.raises(DataError, match=r"pets\.zip is no folder, and \.zip files are not read; unpack them"):
        open_source("folder", write(folder(1) / "pets.zip", "PK"))


def test_what_a_folder_without_pictures_holds_is_said(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x02}q")
    with pytest.raises(DataError, match=r"has no pictures; what it holds: pickled Python objects are not opened"):
        open_source("folder", tmp_path)


def test_a_table_of_nothing_but_short_rows_is_described(folder, tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", "file,Smile,Hat\n000.png,1\n001.png,0\n")
    with pytest.raises(DataError, match="row 2 has 2 columns where 3 are due"):
        open_source("folder", folder(2), Options(labels=table))


def test_pictures_are_shaped_as_asked(folder, packed) -> None:
    assert packed("folder", folder(3), size=(6, 4), channels=1).store.shape == (4, 6, 1)


def test_small_originals_are_remembered(folder, packed) -> None:
    original = packed("folder", folder(3), size=(16, 16)).store.card["original"]
    assert original == {"smallest": [8, 8], "largest": [8, 8], "smaller_than_packed": 3}
