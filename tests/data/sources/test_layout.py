"""Folders as people lay them out: what is a class, what is a split, what is neither."""

from collections import Counter
from typing import Any

import pytest

from simulacra.data.sources.layout import Content, read_layout
from simulacra.data.splits import TEST, TRAIN, VALID, roles
from simulacra.data.store import SPLITS
from simulacra.errors import DataError

CAT_DOG = ("cat", "dog")


def layout(folders: dict[str, int], **options: Any) -> Content:
    """The layout of folders with so many pictures each."""
    names = [f"{folder}/{at}.png".lstrip("/") for folder, count in folders.items() for at in range(count)]
    return read_layout(sorted(names), **options)


def counts(found: Content) -> dict[str, int]:
    """How many pictures each part of the split has."""
    return {} if found.split is None else dict(Counter(SPLITS[part] for part in found.split))


def over(first: tuple[str, ...], second: tuple[str, ...], count: int, form: str = "{}/{}") -> dict[str, int]:
    return {form.format(one, other): count for one in first for other in second}


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("training", "testing"), (TRAIN, TEST)),
        (("Train", "VAL", "Test"), (TRAIN, VALID, TEST)),
        (("tr", "validation", "eval"), (TRAIN, VALID, TEST)),
        (("train", "eval", "test"), (TRAIN, VALID, TEST)),
        (("train", "hold-out"), (TRAIN, TEST)),
        (("train", "held_out"), (TRAIN, TEST)),
        (("train", "dev", "holdout"), (TRAIN, VALID, TEST)),
        (("training_set", "test_set"), (TRAIN, TEST)),
        (("TrainImages", "TestImages"), (TRAIN, TEST)),
        (("trainset", "valset"), (TRAIN, VALID)),
        (("train2017", "val2017"), (TRAIN, VALID)),
        (("seg_train", "seg_test"), (TRAIN, TEST)),
        (("DIV2K_train_HR", "DIV2K_valid_HR"), (TRAIN, VALID)),
        (("1_train", "2_valid", "3_test"), (TRAIN, VALID, TEST)),
        (("trainval", "test-dev"), (TRAIN, TEST)),
    ],
)
def test_the_parts_of_a_split_are_known_under_their_usual_names(names: tuple[str, ...], parts: tuple[int, ...]) -> None:
    assert {name: part for name, (part, _) in roles(names).items()} == dict(zip(names, parts, strict=True))
    found = layout(over(names, CAT_DOG, 5))
    assert found.label_names == CAT_DOG
    assert counts(found) == {SPLITS[part]: 10 for part in parts}
    assert f"split from folders {'/'.join(sorted(names, key=lambda name: roles(names)[name][0]))}" in found.lines[0]


@pytest.mark.parametrize("names", [("cat", "dog"), ("design", "operations"), ("traintest", "x"), ("trained", "tested")])
def test_other_names_are_no_parts_of_a_split(names: tuple[str, ...]) -> None:
    assert roles(names) == {}


@pytest.mark.parametrize(
    ("form", "through"),
    [
        ("{}/{}", ""),
        ("images/{}/{}", "images"),
        ("archive/data/{}/{}", "archive/data"),
        ("{0}/{0}/{1}", ""),
        ("{}/images/{}", ""),
        ("{1}/{0}", ""),
        ("pets/{1}/{0}", "pets"),
        ("{}/{}/more", ""),
    ],
)
def test_split_and_classes_are_found_in_either_order_and_inside_wrappers(form: str, through: str) -> None:
    found = layout(over(("train", "val", "test"), CAT_DOG, 6, form))
    assert found.label_names == CAT_DOG
    assert counts(found) == {"train": 12, "valid": 12, "test": 12}
    assert found.lines[0].startswith("2 classes from folder names: cat 18, dog 18")
    assert ("looked through the folder " + through in found.lines[0]) if through else "looked" not in found.lines[0]
    assert found.odd == {}


@pytest.mark.parametrize(
    ("folders", "out", "why"),
    [
        ({"cat": 30, "dog": 30, "": 1}, 1, "1 picture outside classes left out"),
        ({"pets/cat": 30, "pets/dog": 30, "pets": 2, "": 1}, 3, "3 pictures outside classes left out"),
        ({"train/cat": 30, "train/dog": 30, "test": 10}, 10, "10 pictures of test without classes left out"),
        ({"train/cat": 30, "train/dog": 30, "test/unknown": 4}, 4, "4 pictures of test without classes left out"),
        ({"train/cat": 30, "train/dog": 30, "test1/test1": 4}, 4, "4 pictures of test without classes left out"),
        ({**over(("train", "test"), CAT_DOG, 9), "": 2}, 2, "2 pictures outside the folders train/test left out"),
        ({**over(("train", "test"), CAT_DOG, 9), "seg_pred": 5}, 5, "5 pictures outside the folders train/test"),
        ({"cat": 9, "dog": 9, "pets/cat": 9, "pets/dog": 9}, 18, "18 pictures of pets, whose folders are classes"),
        ({"images/cat": 9, "images/dog": 9, "masks/cat": 9, "masks/dog": 9}, 18, "18 pictures of masks beside images"),
        (over(("images", "segmentations"), CAT_DOG, 9), 18, "18 pictures of segmentations beside images"),
        ({"cat": 9, "dog": 9, "Test": 4}, 4, "4 pictures of Test without classes left out"),
        ({"cat": 9, "dog": 9, "val": 2, "test": 2}, 4, "2 pictures of val without classes left out"),
        ({**over(CAT_DOG, ("train", "test"), 9), "cat": 1}, 1, "1 picture outside the folders train/test left out"),
        ({**over(("train",), CAT_DOG, 9), **over(("more",), CAT_DOG, 2)}, 4, "4 pictures outside the folders train"),
    ],
)
def test_what_lies_outside_is_left_out_and_counted(folders: dict[str, int], out: int, why: str) -> None:
    found = layout(folders)
    assert found.label_names == CAT_DOG
    assert len(found.kept) == sum(folders.values()) - out
    assert why in found.lines[0]
    assert sum(found.odd.values()) == out


@pytest.mark.parametrize(
    ("folders", "why"),
    [
        ({"cat": 9}, "all pictures lie in the folder cat"),
        ({"a/b/cat": 9}, "all pictures lie in the folder a/b/cat"),
        ({"train": 9, "test": 3}, "there are no folders inside those of the split"),
        ({"train/cat": 9, "test/cat": 3}, "cat is the only folder"),
        ({"2019": 5, "2020": 5, "": 30}, "30 of 40 pictures lie outside the folders 2019, 2020"),
    ],
)
def test_why_there_are_no_classes_is_said_and_nothing_is_left_out(folders: dict[str, int], why: str) -> None:
    found = layout(folders)
    assert found.label_names == ()
    assert found.no_classes == why
    assert f"no classes, since {why}" in found.lines[0]
    assert len(found.kept) == sum(folders.values())


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{}.png", "{}_mask.png"),
        ("img_{:02}.jpg", "img_{:02}_mask.png"),
        ("img_{:02}.png", "mask_{:02}.png"),
        ("benign ({}).png", "benign ({})_mask_1.png"),
        ("cat/{}.jpg", "cat/{}-segmentation.png"),
        ("train/{}.jpg", "train_masks/{}_mask.gif"),
        ("images/train/{}.jpg", "annotations/train/{}.png"),
        ("JPEGImages/{}.jpg", "SegmentationClass/{}.png"),
    ],
)
def test_masks_are_left_out_whether_their_files_or_their_folders_are_called_so(image: str, mask: str) -> None:
    found = read_layout([form.format(at) for form in (image, mask) for at in range(10)])
    assert found.kept.tolist() == list(range(10))
    assert list(found.odd.values()) == [10]


@pytest.mark.parametrize(
    "folders",
    [("with_mask", "without_mask"), ("mask", "no_mask"), ("face", "face_mask"), ("label", "bottle")],
)
def test_a_mask_may_be_what_a_picture_shows(folders: tuple[str, ...]) -> None:
    found = layout(dict.fromkeys(folders, 9))
    assert found.label_names == tuple(sorted(folders))
    assert len(read_layout([*(f"{at}.png" for at in range(9)), "3_label.png"]).kept) == 10


def test_a_test_folder_beside_others_is_kept_where_folders_are_no_classes() -> None:
    for options in ({"classes": "none"}, {"labelled": True}):
        assert len(layout({"cat": 9, "dog": 9, "test": 4}, **options).kept) == 22


def test_numbered_pieces_are_no_classes_where_each_holds_the_same_classes() -> None:
    found = layout(over(("fold1", "fold2", "fold3"), CAT_DOG, 4))
    assert found.label_names == CAT_DOG
    assert "looked through the folders fold1, fold2, fold3" in found.lines[0]


def test_folders_inside_of_classes_are_said_to_be_unused() -> None:
    found = layout(over(("original", "enlarged"), CAT_DOG, 4))
    assert found.label_names == ("enlarged", "original")
    assert "the folders cat, dog inside each of them are not used" in found.lines[0]


def test_a_flat_folder_leaves_nothing_to_guess() -> None:
    found = layout({"": 9})
    assert found.lines == []
    assert found.no_classes == "there are no folders"


def test_a_class_that_is_called_like_a_part_is_said_to_be_one() -> None:
    found = layout({"bus": 5, "car": 5, "train": 5})
    assert found.label_names == ("bus", "car", "train")
    assert "train taken for a class" in found.lines[0]


def test_parts_and_classes_may_share_one_name() -> None:
    found = layout({"trainA": 9, "trainB": 9, "testA": 3, "testB": 3})
    assert found.label_names == ("A", "B")
    assert counts(found) == {"train": 18, "test": 6}


def test_a_class_spelt_in_two_ways_in_two_parts_is_one_class() -> None:
    found = layout({"Train/Cat": 5, "Train/Dog": 5, "Test/cat": 2, "Test/dog": 2})
    assert found.label_names == ("Cat", "Dog")
    assert found.labels.sum(0).tolist() == [7, 7]


def test_a_single_part_leaves_the_split_to_be_drawn() -> None:
    found = layout({"train/cat": 9, "train/dog": 9})
    assert found.label_names == CAT_DOG
    assert found.split is None
    assert "the split is drawn" in found.lines[0]


def test_options_say_otherwise() -> None:
    folders = over(("train", "test"), CAT_DOG, 9)
    assert layout(folders, classes="none").label_names == ()
    assert counts(layout(folders, classes="none")) == {"train": 18, "test": 18}
    assert layout(folders, split="random").split is None
    assert layout(folders, split="random").label_names == CAT_DOG
    assert layout({"a": 5, "b": 5, "": 30}, classes="folders").label_names == ("a", "b")


@pytest.mark.parametrize(
    ("folders", "options", "message"),
    [
        ({"": 9}, {"classes": "folders"}, "--classes folders: there are no folders; put the pictures"),
        ({"cat": 9, "dog": 9}, {"split": "folder"}, "--split folder: no folders are called like the parts"),
        ({"": 9}, {"classes": "yes"}, "--classes is 'yes', expected folders or none"),
        ({"": 9}, {"split": "yes"}, "--split is 'yes', expected folder or random"),
    ],
)
def test_an_option_that_the_folders_cannot_follow_is_refused(
    folders: dict[str, int], options: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        layout(folders, **options)
