"""The MNIST family's files, whole and damaged; and the real Fashion-MNIST."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from simulacra.data.resolve import kind_of
from simulacra.data.sources import open_source
from simulacra.errors import DataError

SYSTEM = Path("/usr/share/datasets/fashion-mnist")


def idx(array: np.ndarray, magic: int | None = None) -> bytes:
    dimensions = [magic or 0x0800 + array.ndim, *array.shape]
    return struct.pack(f">{len(dimensions)}I", *dimensions) + array.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """Six training and two test pictures of 8x8, half of the files gzipped."""
    draw = np.random.default_rng(0)
    for part, count in (("train", 6), ("t10k", 2)):
        images = draw.integers(0, 256, (count, 8, 8))
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(count)))
    return tmp_path


def test_train_and_test_are_the_files_and_classes_are_digits(mnist: Path, packed) -> None:
    store = packed("idx", mnist).store
    assert store.images.shape == (8, 8, 8, 1)
    assert store.split.tolist() == [0] * 6 + [2] * 2
    assert store.label_names == tuple("0123456789")
    assert store.exclusive
    assert store.labels.argmax(1).tolist() == [0, 1, 2, 3, 4, 5, 0, 1]
    assert (store.images[:6, :, :, 0] == np.random.default_rng(0).integers(0, 256, (6, 8, 8))).all()


def test_grey_becomes_colour_and_another_size_where_asked(mnist: Path, packed) -> None:
    store = packed("idx", mnist, size=(12, 10), channels=3).store
    assert store.shape == (10, 12, 3)
    assert (np.ptp(store.images, axis=3) == 0).all()


def test_a_missing_file_is_named(mnist: Path) -> None:
    (mnist / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="lacks t10k-labels-idx1-ubyte"):
        open_source("idx", mnist)


def test_a_wrong_magic_number_is_told(mnist: Path) -> None:
    (mnist / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(6), magic=9999))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte starts with 9999.*magic number 2049"):
        open_source("idx", mnist)


def test_an_empty_file_is_told(mnist: Path) -> None:
    (mnist / "train-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(DataError, match="starts with nothing"):
        open_source("idx", mnist)


def test_a_file_cut_short_is_told(mnist: Path) -> None:
    plain = mnist / "train-labels-idx1-ubyte"
    plain.write_bytes(plain.read_bytes()[:-2])
    with pytest.raises(DataError, match="holds 4 bytes of labels where its header promises 6"):
        open_source("idx", mnist)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"no gzip at all"])
def test_a_damaged_gzip_is_told(mnist: Path, damage) -> None:
    file = mnist / "train-images-idx3-ubyte.gz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is damaged or cut short"):
        open_source("idx", mnist)


def test_a_crop_beyond_the_pictures_is_told_by_set_and_picture(mnist: Path, packed) -> None:
    with pytest.raises(DataError, match=r"train/0, is \d+x\d+, too small for the crop 0,0,99,99"):
        packed("idx", mnist, crop="0,0,99,99")


def test_labels_for_other_pictures_are_told(mnist: Path) -> None:
    (mnist / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(5)))
    with pytest.raises(DataError, match="has 5 labels for the 6 pictures"):
        open_source("idx", mnist)


def write_set(place: Path, prefix: str = "", test: str = "t10k", labels: tuple[int, ...] = (1, 2, 26)) -> np.ndarray:
    """A set of three training pictures and two test pictures of 8x8; gives the training pictures."""
    place.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8))
    for part, count in (("train", 3), (test, 2)):
        (place / f"{prefix}{part}-images-idx3-ubyte").write_bytes(idx(images[:count]))
        (place / f"{prefix}{part}-labels-idx1-ubyte").write_bytes(idx(np.array(labels[:count])))
    return images


@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw", "gzip"])
def test_a_set_is_found_where_downloads_unpack_it(tmp_path: Path, packed, place: str) -> None:
    images = write_set(tmp_path / "set" / place)
    for kind in ("idx", kind_of(tmp_path / "set")):
        assert (packed(kind, tmp_path / "set").store.images[:3, :, :, 0] == images).all()


@pytest.mark.parametrize("test", ["t10k", "test", "TEST"])
def test_test_files_are_found_by_either_name(tmp_path: Path, packed, test: str) -> None:
    write_set(tmp_path / "set", test=test)
    assert packed("idx", tmp_path / "set").store.split.tolist() == [0, 0, 0, 2, 2]


def test_emnist_is_turned_upright_and_its_characters_are_names(tmp_path: Path, packed) -> None:
    images = write_set(tmp_path / "gzip", "emnist-letters-", "test")
    rows = "".join(f"{number} {64 + number} {96 + number}\n" for number in range(1, 27))
    (tmp_path / "gzip" / "emnist-letters-mapping.txt").write_text(rows)
    result = packed("idx", tmp_path)
    assert (result.store.images[:3, :, :, 0] == images.transpose(0, 2, 1)).all()
    assert len(result.store.label_names) == 26
    assert [result.store.label_names[row] for row in result.store.labels.argmax(1)] == ["Aa", "Bb", "Zz", "Aa", "Bb"]
    assert any("lie on their side" in note for note in result.notes)


def test_of_several_sets_one_is_to_be_chosen(tmp_path: Path, packed) -> None:
    for name in ("letters", "digits"):
        write_set(tmp_path, f"emnist-{name}-", "test")
    with pytest.raises(DataError, match=r"holds 2 sets; give the training images of one of them, as (\S+) ") as error:
        open_source("idx", tmp_path)
    chosen = Path(str(error.value).split(", as ")[1].split(" ")[0])
    assert kind_of(chosen) == "idx"
    assert packed("idx", chosen).store.card["title"] == "emnist-digits"


@pytest.mark.skipif(
    not SYSTEM.is_dir() and not os.environ.get("CI"), reason="NO REAL DATA: apt-get install dataset-fashion-mnist"
)
def test_the_real_fashion_mnist_is_found_and_whole(packed) -> None:
    store = packed("fashion-mnist", None, size=None).store
    assert store.images.shape == (70_000, 28, 28, 1)
    assert [len(store.rows(split)) for split in ("train", "valid", "test")] == [60_000, 0, 10_000]
    assert store.label_names[0] == "T-shirt/top"
    assert store.label_names[9] == "Ankle boot"
    assert store.labels.sum(0).tolist() == [7_000] * 10
    assert store.labels[:3].argmax(1).tolist() == [9, 0, 0]
    assert store.card["title"] == "Fashion-MNIST"
    assert abs(store.images[:60_000].mean() - 72.94) < 0.01
