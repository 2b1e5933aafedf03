"""NumPy's files: layouts and ranges are found and said, and nothing is ever unpickled."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.data.sources import Options, open_source
from simulacra.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
IMAGES[0, 0, 0] = 0, 255, 0


def save(tmp_path: Path, **arrays: Any) -> Path:
    np.savez_compressed(tmp_path / "set.npz", **arrays)
    return tmp_path / "set.npz"


@pytest.mark.parametrize(
    ("images", "values"),
    [
        (IMAGES, "0..255"),
        (IMAGES.transpose(0, 3, 1, 2), "0..255"),
        (IMAGES.astype(np.int64), "0..255"),
        (IMAGES.astype(np.float32), "0..255"),
        (IMAGES / np.float32(255), "0..1"),
        ((IMAGES / 127.5 - 1).astype(np.float32).transpose(0, 3, 1, 2), "-1..1"),
        (np.asfortranarray(IMAGES), "0..255"),
    ],
    ids=["bytes", "channels first", "ints", "floats to 255", "floats to 1", "floats from -1", "fortran"],
)
def test_layout_and_range_are_found_and_said(tmp_path: Path, packed, images: np.ndarray, values: str) -> None:
    result = packed("arrays", save(tmp_path, images=images))
    assert (result.store.images == IMAGES).all()
    assert result.store.card["values"] == values
    assert any(values in note for note in result.notes)


def test_npy_and_grey_without_a_channel_axis_are_read(tmp_path: Path, packed) -> None:
    np.save(tmp_path / "grey.npy", IMAGES[:, :, :, 0])
    store = packed("arrays", tmp_path / "grey.npy").store
    assert store.shape == (8, 8, 1)
    assert (store.images[..., 0] == IMAGES[..., 0]).all()


def test_range_and_layout_may_be_stated(tmp_path: Path, packed) -> None:
    dark = np.full((2, 3, 8, 3), 1, dtype=np.uint8)
    path = save(tmp_path, images=dark)
    with pytest.raises(DataError, match="may be NHWC or NCHW; state it with --layout"):
        open_source("arrays", path)
    store = packed("arrays", path, size=(8, 3), layout="NHWC", values="0..255").store
    assert store.images.max() == 1


def test_single_numbers_become_exclusive_classes(tmp_path: Path, packed) -> None:
    store = packed("arrays", save(tmp_path, images=IMAGES, labels=[3, 1, 1, 3, 7, 7])).store
    assert store.label_names == ("1", "3", "7")
    assert store.exclusive
    assert store.labels.argmax(1).tolist() == [1, 0, 0, 1, 2, 2]


def test_names_of_classes_and_labels_are_taken(tmp_path: Path, packed) -> None:
    path = save(tmp_path, images=IMAGES, labels=[0, 1, 1, 0, 2, 2], label_names=["cat", "dog", "owl"])
    assert packed("arrays", path).store.label_names == ("cat", "dog", "owl")


def test_words_as_labels_go_by_their_names_in_the_order_of_these(tmp_path: Path, packed) -> None:
    words = ["owl", "cat", "cat", "owl", "dog", "dog"]
    result = packed("arrays", save(tmp_path, images=IMAGES, labels=words, label_names=["owl", "dog", "cat"]))
    assert [result.store.label_names[at] for at in result.store.labels.argmax(1)] == words
    assert "set.npz: 3 classes from the labels: owl 2, dog 2, cat 2" in result.notes


def test_a_single_column_of_zero_and_one_is_what_it_is_without_its_second_axis(tmp_path: Path, packed) -> None:
    flat = packed("arrays", save(tmp_path, images=IMAGES, labels=[0, 1, 1, 0, 1, 1])).store
    column = packed("arrays", save(tmp_path, images=IMAGES, labels=np.array([[0, 1, 1, 0, 1, 1]]).T), out="b").store
    assert flat.label_names == column.label_names == ("0", "1")


def test_attributes_are_labels_where_they_are_as_many_as_images(tmp_path: Path, packed) -> None:
    values = np.array([[1, 1], [0, 1], [0, 0], [1, 0], [1, 1], [0, 0]])
    path = save(tmp_path, images=IMAGES, attributes=values, attribute_names=["Smile", "Hat"])
    store = packed("arrays", path).store
    assert store.label_names == ("Smile", "Hat")
    assert store.labels.tolist() == values.tolist()


def test_npy_files_in_a_folder_are_read_like_an_npz(tmp_path: Path, packed) -> None:
    arrays = {"x_train": IMAGES[:4], "y_train": [0, 1, 0, 1], "x_test": IMAGES[4:], "y_test": [0, 1]}
    (tmp_path / "set").mkdir()
    for name, array in arrays.items():
        np.save(tmp_path / "set" / f"{name}.npy", array)
    np.save(tmp_path / "set" / "notes.npy", np.array([{}], dtype=object))
    result = packed("arrays", tmp_path / "set")
    assert result.store.split.tolist() == [0, 0, 0, 0, 2, 2]
    assert result.store.labels.argmax(1).tolist() == [0, 1, 0, 1, 0, 1]
    assert "arrays that hold Python objects, which were not opened: notes" in result.notes
    with pytest.raises(DataError, match=r"holds no \.npy file"):
        open_source("arrays", tmp_path)


def test_columns_of_zero_and_one_are_attributes(tmp_path: Path, packed) -> None:
    labels = np.array([[1, 1], [0, 1], [0, 0], [1, 0], [1, 1], [0, 0]])
    store = packed("arrays", save(tmp_path, x=IMAGES, y=labels * 2 - 1)).store
    assert not store.exclusive
    assert store.labels.tolist() == labels.tolist()
    one_hot = packed("arrays", save(tmp_path, x=IMAGES, y=np.eye(2)[[0, 1, 0, 1, 0, 1]]), out="b").store
    assert one_hot.exclusive


def test_train_and_test_arrays_are_the_split(tmp_path: Path, packed) -> None:
    path = save(tmp_path, x_train=IMAGES[:4], y_train=[0, 1, 0, 1], x_test=IMAGES[4:], y_test=[0, 1])
    store = packed("arrays", path).store
    assert store.split.tolist() == [0, 0, 0, 0, 2, 2]
    assert store.labels.argmax(1).tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "no array named images"),
        ({"images": IMAGES[0, 0]}, "of shape"),
        ({"images": np.zeros((0, 8, 8, 3))}, "of shape"),
        ({"images": np.zeros((2, 8, 8, 5))}, "no 1, 3 or 4 channels"),
        ({"images": np.full((2, 8, 8, 3), 1000.0)}, "values from 1000 to 1000"),
        ({"images": np.full((2, 8, 8, 3), np.nan)}, "no finite numbers"),
        ({"images": IMAGES, "labels": ["a"] * 6, "label_names": ["x", "y"]}, "label 'a', which is none of the names"),
        ({"images": IMAGES, "labels": [1, 2]}, "labels of shape"),
        ({"images": IMAGES, "labels": np.full((6, 2), 5)}, "that are not all 0 and 1"),
        ({"images": IMAGES, "labels": np.full((6, 2), "a")}, "that are not all 0 and 1"),
        ({"images": IMAGES, "labels": np.array(1)}, r"labels of shape \(\)"),
        ({"images": IMAGES, "labels": np.full(6, 1j)}, "labels of shape .* type complex128"),
        ({"images": IMAGES, "labels": [0, 1, 1, 0, np.nan, 1]}, "fractions or no numbers"),
        ({"images": IMAGES, "labels": [0, 1, 1, 0, 0.5, 1]}, "fractions or no numbers"),
        ({"images": IMAGES, "labels": [0, 1, 1, 0, np.inf, 1]}, "fractions or no numbers"),
        ({"images": IMAGES, "labels": np.array([[1, 0, -1, 1, 1, 1]]).T}, "a label with both -1 and 0"),
        ({"images": IMAGES, "labels": np.zeros((6, 2)), "label_names": ["one"]}, "2 labels and 1 names"),
        ({"images": IMAGES, "labels": [0, 1, 2, 0, 1, 2], "classes": ["a", "a", "b"]}, "'a' twice in classes"),
        ({"images": IMAGES, "labels": [0, 1, 2, 0, 1, 2], "classes": np.array("x")}, r"classes of shape \(\)"),
        ({"images": np.array([["a"]])}, "of shape"),
        ({"images": IMAGES[0]}, r"\(8, 8, 3\), which may be one image in colour"),
        ({"images": IMAGES, "labels": np.full((6, 2), 5)}, "or name the array factors"),
    ],
)
def test_arrays_that_are_no_data_set_are_told(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        open_source("arrays", save(tmp_path, **arrays))
    assert "set.npz" in str(error.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"y_train": [0, 1], "y_test": [0, 1, 0, 1]}, r"labels of shape \(2,\) .* for 4 images"),
        ({"y_train": [0, 1, 0, 1]}, "x_test without y_test"),
        ({"y_test": [0, 1]}, "x_train without y_train"),
        ({"y_train": [0, 1, 0, 1], "y_test": [[0, 1], [1, 0]]}, r"labels of shapes \(4,\) and \(2, 2\)"),
    ],
    ids=["shifted", "no test labels", "no training labels", "two forms"],
)
def test_labels_of_train_and_test_fit_their_own_images(tmp_path: Path, labels: dict[str, Any], message: str) -> None:
    path = save(tmp_path, x_train=IMAGES[:4], x_test=IMAGES[4:], **labels)
    with pytest.raises(DataError, match=message) as error:
        open_source("arrays", path)
    assert "set.npz" in str(error.value)


def test_float_classes_that_are_whole_are_taken(tmp_path: Path, packed) -> None:
    store = packed("arrays", save(tmp_path, images=IMAGES, labels=np.float32([0, 1, 2, 0, 1, 2]))).store
    assert store.labels.argmax(1).tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("low", "high", "taken"),
    [(0, 1.02, "0..255"), (-0.02, 1.02, "0..255"), (-0.02, 1, "-1..1")],
    ids=["over", "both", "under"],
)
def test_floats_that_overshoot_0_to_1_are_refused_unless_stated(
    tmp_path: Path, packed, low: float, high: float, taken: str
) -> None:
    """A bicubic filter gives such: read as bytes they would be black, read as -1 to 1 they would be pale."""
    path = save(tmp_path, images=np.linspace(low, high, 128, dtype=np.float32).reshape(2, 8, 8))
    with pytest.raises(DataError) as refused:
        open_source("arrays", path)
    assert f"set.npz has values from {low:g} to {high:g}, nearer 0..1 than {taken}" in str(refused.value)
    values = str(refused.value).rpartition("--values ")[2]
    stated = packed("arrays", path, values=values, out="stated").store.images
    assert stated.min() < 5, "the range that is named gives pictures from black to white"
    assert stated.max() > 250
    assert packed("arrays", path, values=taken).store.card["values"] == taken


def test_a_part_that_was_scaled_beside_one_that_was_not_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, x_train=IMAGES[:4].astype(np.float32), x_test=IMAGES[4:] / np.float32(255))
    with pytest.raises(DataError, match=r"nearer 0..1 than 0..255"):
        open_source("arrays", path)


def test_a_crop_beyond_the_images_is_told_by_file_and_row(tmp_path: Path, packed) -> None:
    with pytest.raises(DataError, match=r"set: row 0, is 8x8, too small for the crop 0,0,99,99"):
        packed("arrays", save(tmp_path, images=IMAGES), crop="0,0,99,99")


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("sprung", "w"))


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_pickled_objects_are_never_unpickled(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trap = np.array([Trap()], dtype=object)
    path = tmp_path / f"set.{suffix}"
    np.save(path, trap) if suffix == "npy" else np.savez(path, images=trap)
    with pytest.raises(DataError, match="pickled Python objects, which are never opened"):
        open_source("arrays", path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "no members"])
def test_a_file_that_is_no_npz_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npz"):
        open_source("arrays", tmp_path / "x.npz")


def test_a_npz_or_npy_cut_short_is_told(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    for path in (save(tmp_path, images=IMAGES), tmp_path / "x.npy"):
        path.write_bytes(path.read_bytes()[:700])
        with pytest.raises(DataError, match="save it again"):
            open_source("arrays", path)


def test_options_that_are_no_layout_or_range_are_told(tmp_path: Path) -> None:
    path = save(tmp_path, images=IMAGES)
    for option in ({"layout": "HWCN"}, {"values": "bytes"}, {"values": "9..0"}):
        with pytest.raises(DataError, match="is not known"):
            open_source("arrays", path, Options(**option))


LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    "names",
    [
        ("images", "labels"),
        ("imgs", "targets"),
        ("X", "y"),
        ("Data", "TARGET"),
        ("pictures", "Label"),
        ("arr_0", "arr_1"),
        ("image", "classes"),
        ("anything", "else"),
    ],
)
def test_images_and_labels_are_found_by_many_names(tmp_path: Path, packed, names: tuple[str, str]) -> None:
    result = packed("arrays", save(tmp_path, **dict(zip(names, (IMAGES, LABELS), strict=True))))
    assert result.store.labels.argmax(1).tolist() == LABELS.tolist()
    assert not any("not used" in note for note in result.notes)


@pytest.mark.parametrize(
    "names",
    [
        ("X_train", "y_train", "X_test", "y_test"),
        ("TrainImages", "TrainLabels", "TestImages", "TestLabels"),
        ("train_x", "train_targets", "test_x", "test_targets"),
        ("images_train", "labels_train", "images_test", "labels_test"),
        ("train", "y_train", "test", "y_test"),
        ("images", "labels", "test_images", "test_labels"),
    ],
)
def test_splits_are_found_by_many_names(tmp_path: Path, packed, names: tuple[str, ...]) -> None:
    parts = IMAGES[:4], LABELS[:4], IMAGES[4:], LABELS[4:]
    store = packed("arrays", save(tmp_path, **dict(zip(names, parts, strict=True)))).store
    assert store.split.tolist() == [0, 0, 0, 0, 2, 2]
    assert store.labels.argmax(1).tolist() == LABELS.tolist()


def test_bytes_are_names_too(tmp_path: Path, packed) -> None:
    names = np.array(["cat", "dög", "fox"])
    coded = np.char.encode(names, "utf-8")
    assert packed("arrays", save(tmp_path, images=IMAGES, labels=LABELS, label_names=coded)).store.label_names == (
        *names,
    )
    words = packed("arrays", save(tmp_path, images=IMAGES, labels=coded[LABELS]), out="b").store
    assert words.label_names == tuple(sorted(names))


@pytest.mark.parametrize("names", [("factors", "factor_names"), ("latents_values", "latents_names")])
def test_factors_are_kept_with_their_names(tmp_path: Path, packed, names: tuple[str, str]) -> None:
    factors = np.random.default_rng(0).random((6, 2))
    named = dict(zip(names, (factors, np.array([b"size", b"angle"])), strict=True))
    store = packed("arrays", save(tmp_path, imgs=IMAGES, **named)).store
    assert store.factor_names == ("size", "angle")
    assert store.factors is not None
    assert np.allclose(store.factors, factors)


def test_factors_of_train_and_test_and_without_names(tmp_path: Path, packed) -> None:
    values = np.arange(6)
    arrays = {"x_train": IMAGES[:4], "factors_train": values[:4], "x_test": IMAGES[4:], "factors_test": values[4:]}
    store = packed("arrays", save(tmp_path, **arrays)).store
    assert store.factor_names == ("factor 0",)
    assert store.factors is not None
    assert store.factors.ravel().tolist() == values.tolist()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"factors": np.zeros((5, 2))},
            r"factors of shape \(5, 2\) .* for 6 images; save one row of numbers per image",
        ),
        ({"factors": np.full((6, 2), np.nan)}, "factors that are no numbers"),
        ({"factors": np.zeros((6, 2)), "factor_names": ["one"]}, "2 factors and 1 names"),
    ],
)
def test_factors_that_do_not_fit_are_told(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source("arrays", save(tmp_path, images=IMAGES, **more))


def test_every_array_that_was_not_used_is_named(tmp_path: Path, packed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = save(
        tmp_path,
        images=IMAGES,
        test=np.array([4, 5]),
        latents_values=np.zeros((6, 3)),
        latents_classes=LABELS,
        metadata=np.array([Trap()], dtype=object),
    )
    notes = packed("arrays", path).notes
    assert "arrays that were not used: test (2,), latents_classes (6,)" in notes
    assert "arrays that hold Python objects, which were not opened: metadata" in notes
    assert not (tmp_path / "sprung").exists()


def test_labels_that_are_objects_are_left_closed_and_named(tmp_path: Path, packed) -> None:
    result = packed("arrays", save(tmp_path, images=IMAGES, labels=np.array(["a"] * 6, dtype=object)))
    assert result.store.label_names == ()
    assert "arrays that hold Python objects, which were not opened: labels" in result.notes


def test_values_of_any_range_may_be_stated(tmp_path: Path, packed) -> None:
    path = save(tmp_path, images=IMAGES.astype(np.uint16) * 257)
    with pytest.raises(DataError, match=r"state which is black and which is white, like --values 0\.\.65535"):
        open_source("arrays", path)
    assert (packed("arrays", path, values="0..65535").store.images == IMAGES).all()


def test_transparent_images_lie_over_the_background(tmp_path: Path, packed) -> None:
    clear = np.zeros((4, 8, 8, 4), np.uint8)
    assert packed("arrays", save(tmp_path, images=clear)).store.images.min() == 255
    assert packed("arrays", save(tmp_path, images=clear), out="b", background="black").store.images.max() == 0


def test_test_images_alone_are_split_by_their_content(tmp_path: Path, packed) -> None:
    result = packed("arrays", save(tmp_path, x_test=IMAGES, y_test=LABELS))
    assert (result.store.split == 0).any()
    assert any("none of the images are called train" in note for note in result.notes)
