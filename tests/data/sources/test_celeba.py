"""CelebA as it is distributed, in miniature: the official text files and Kaggle's tables."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simulacra.data.sources import Options, open_source
from simulacra.data.store import SPLITS
from simulacra.errors import DataError

ATTRIBUTES = ("5_o_Clock_Shadow", "Male", "Smiling")
# One row a picture: attributes in -1/1, and the official part.
ROWS = {
    "000001.jpg": ((-1, 1, 1), 0),
    "000002.jpg": ((1, 1, -1), 0),
    "162771.jpg": ((-1, -1, 1), 1),
    "182638.jpg": ((-1, -1, -1), 2),
    "202599.jpg": ((-1, -1, 1), 2),
}
Make = Callable[..., Path]


def text_tables(folder: Path) -> None:
    rows = "".join(f"{name} {' '.join(f'{value:2d}' for value in values)}\n" for name, (values, _) in ROWS.items())
    (folder / "list_attr_celeba.txt").write_text(f"{len(ROWS)}\n{' '.join(ATTRIBUTES)} \n{rows}")
    (folder / "list_eval_partition.txt").write_text("".join(f"{name} {part}\n" for name, (_, part) in ROWS.items()))


def csv_tables(folder: Path) -> None:
    rows = "".join(f"{name},{','.join(map(str, values))}\n" for name, (values, _) in ROWS.items())
    (folder / "list_attr_celeba.csv").write_text(f"image_id,{','.join(ATTRIBUTES)}\n{rows}")
    rows = "".join(f"{name},{part}\n" for name, (_, part) in ROWS.items())
    (folder / "list_eval_partition.csv").write_text(f"image_id,partition\n{rows}")


@pytest.fixture
def celeba(tmp_path: Path) -> Make:
    def make(images: str = "img_align_celeba", tables: str = "", write=text_tables, names=tuple(ROWS)) -> Path:
        root = tmp_path / "celeba"
        (root / images).mkdir(parents=True)
        (root / tables).mkdir(exist_ok=True)
        for number, name in enumerate(names):
            picture = Image.new("RGB", (178, 218), (0, 0, 255))
            picture.paste((40 * number, 0, 0), (0, 20, 178, 198))
            picture.save(root / images / name, quality=95)
        write(root / tables)
        return root

    return make


@pytest.mark.parametrize(
    ("images", "tables", "write"),
    [
        ("img_align_celeba", "", text_tables),
        ("img_align_celeba", "Anno", text_tables),
        ("Img/img_align_celeba", "Anno", text_tables),
        ("img_align_celeba/img_align_celeba", "", csv_tables),
        ("Img/img_align_celeba_png", "Anno", text_tables),
    ],
    ids=["flat", "anno", "official", "kaggle", "png"],
)
def test_every_usual_layout_gives_the_same_labels_and_split(celeba, packed, images, tables, write) -> None:
    store = packed("celeba", celeba(images, tables, write)).store
    assert store.label_names == ATTRIBUTES
    assert not store.exclusive
    assert store.labels.tolist() == [[int(value == 1) for value in values] for values, _ in ROWS.values()]
    assert store.split.tolist() == [part for _, part in ROWS.values()]
    assert store.names == list(ROWS)


def test_the_png_edition_has_the_rows_of_the_jpeg_edition(celeba, packed) -> None:
    names = [name.replace(".jpg", ".png") for name in ROWS]
    store = packed("celeba", celeba("img_align_celeba_png", names=names)).store
    assert store.names == names
    assert store.labels.tolist() == [[int(value == 1) for value in values] for values, _ in ROWS.values()]
    assert store.split.tolist() == [part for _, part in ROWS.values()]


def test_the_tables_are_found_from_the_pictures_own_folder(celeba, packed) -> None:
    root = celeba("Img/img_align_celeba", "Anno")
    assert packed("celeba", root / "Img" / "img_align_celeba").store.label_names == ATTRIBUTES


def test_partition_may_lie_in_eval(celeba, packed) -> None:
    root = celeba(tables="Anno")
    (root / "Eval").mkdir()
    (root / "Anno" / "list_eval_partition.txt").rename(root / "Eval" / "list_eval_partition.txt")
    assert packed("celeba", root).store.split.tolist() == [0, 0, 1, 2, 2]


def test_the_centre_178_is_what_is_kept(celeba, packed) -> None:
    images = packed("celeba", celeba()).store.images
    assert images[:, 1:-1, :, 2].max() < 30  # JPEG blurs the blue edges that were cut off into the outer rows
    assert abs(int(images[4, 4, 4, 0]) - 160) < 5


def test_any_subset_of_the_pictures_may_be_there(celeba, packed) -> None:
    result = packed("celeba", celeba(names=("000002.jpg", "202599.jpg")))
    assert result.store.labels.tolist() == [[1, 1, 0], [0, 0, 1]]
    assert [SPLITS[part] for part in result.store.split] == ["train", "test"]
    assert result.store.card["odd"]["rows of list_attr_celeba.txt whose picture is not here (any subset may be)"] == 3


def test_a_subset_of_training_pictures_alone_is_split_by_content(celeba, packed) -> None:
    result = packed("celeba", celeba(names=("000001.jpg", "000002.jpg")))
    assert any("the split is by content" in note for note in result.notes)


def test_a_picture_without_a_row_is_left_out_and_counted(celeba, packed) -> None:
    result = packed("celeba", celeba(names=("000001.jpg", "182638.jpg", "999999.jpg")))
    assert result.store.names == ["000001.jpg", "182638.jpg"]
    assert any("999999.jpg" in odd for odd in result.store.card["odd"])


def test_without_tables_there_are_pictures_alone(celeba, packed) -> None:
    store = packed("celeba", celeba(write=lambda _: None)).store
    assert store.labels.shape == (5, 0)
    assert len(store.card["notes"]) == 2


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no folder img_align_celeba"):
        open_source("celeba", tmp_path)


def test_pictures_that_no_row_names_are_refused(celeba) -> None:
    with pytest.raises(DataError, match=r"no picture .* has a row.*--source folder"):
        open_source("celeba", celeba(names=("x.jpg",)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("000002.jpg  1  1 -1\n", "000002.jpg  1  1\n", "row 4 has 3 columns where 4 are due"),
        ("000002.jpg  1  1 -1\n", "000002.jpg  1  7 -1\n", "row 4, column 'Male' is '7'"),
        ("5\n", "", "does not start with the number of its rows"),
    ],
)
def test_a_damaged_table_is_told_by_row(celeba, old: str, new: str, message: str) -> None:
    root = celeba()
    table = root / "list_attr_celeba.txt"
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        open_source("celeba", root, Options())


def test_a_bad_official_part_is_told_by_row(celeba) -> None:
    root = celeba()
    (root / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 3\n")
    with pytest.raises(DataError, match=r"row 2, column 'partition' is '3'; write 0, 1, 2"):
        open_source("celeba", root)


def test_an_unnamed_crop_is_the_same_as_the_centre_box(celeba, packed) -> None:
    root = celeba()
    whole, box = packed("celeba", root, out="a"), packed("celeba", root, out="b", crop="0,20,178,198")
    assert (np.asarray(whole.store.images) == box.store.images).all()
