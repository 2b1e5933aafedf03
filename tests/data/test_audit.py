"""An audit finds what is wrong with a data set made wrong on purpose."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from simulacra.data.audit import audit, audit_tables, findings, near_pairs, scan


def recompressed(image: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=80)
    return np.asarray(Image.open(file))


@pytest.fixture(scope="module")
def smooth() -> np.ndarray:
    """Forty different pictures of 32x32 with soft shapes, as photographs have."""
    draw = np.random.default_rng(0)
    return np.stack(
        [np.asarray(Image.fromarray(draw.integers(0, 256, (4, 4, 3), np.uint8)).resize((32, 32), 3)) for _ in range(40)]
    )


@pytest.fixture
def arrays(tmp_path, packed):
    """Packs arrays as they are and audits the store."""

    def run(**content: object) -> dict:
        np.savez(tmp_path / "set.npz", **content)
        return audit(packed("arrays", tmp_path / "set.npz", size=None).store)

    return run


def test_counts_and_sizes_are_reported_as_json(arrays, smooth) -> None:
    report = json.loads(json.dumps(arrays(images=smooth)))
    assert report["images"] == 40
    assert sum(report["splits"].values()) == 40
    assert (report["height"], report["width"], report["channels"]) == (32, 32, 3)
    assert report["original"]["smallest"] == [32, 32]
    assert report["duplicates"]["exact"]["images"] == report["duplicates"]["near"]["pairs"] == 0


def test_exact_copies_are_counted_and_named(arrays, smooth) -> None:
    report = arrays(images=np.concatenate([smooth, smooth[:2], smooth[:1]]))
    exact = report["duplicates"]["exact"]
    assert (exact["images"], exact["groups"], exact["across_splits"]) == (3, 2, 0)
    assert ["row 0", "row 40"] in exact["examples"]
    assert any("3 images are copies of another" in sentence for sentence in report["findings"])


def test_copies_across_splits_are_the_gravest_finding(arrays, smooth) -> None:
    report = arrays(x_train=smooth, x_val=smooth[20:25], x_test=np.concatenate([smooth[:1], 255 - smooth[:5]]))
    assert report["duplicates"]["exact"]["across_splits"] == 6
    assert "in another split" in " ".join(report["findings"])


def test_recompressed_and_noisy_copies_are_near_and_others_are_not(smooth) -> None:
    noisy = np.clip(smooth[1].astype(int) + np.random.default_rng(1).integers(-6, 7, smooth[1].shape), 0, 255)
    brighter = np.clip(smooth[2].astype(int) + 40, 0, 255)
    more = np.stack([recompressed(smooth[0]), noisy, brighter, smooth[3][:, ::-1]]).astype(np.uint8)
    images = np.concatenate([smooth, more])
    assert near_pairs(images, scan(images)).tolist() == [[0, 40], [1, 41]]


def test_constant_images_are_found_and_are_no_near_copies(arrays, smooth) -> None:
    flat = np.stack([np.full((32, 32, 3), value, np.uint8) for value in (0, 1, 2)])
    report = arrays(images=np.concatenate([smooth, flat]))
    assert report["constant"] == {"images": 3, "examples": ["row 40", "row 41", "row 42"]}
    assert report["duplicates"]["near"]["pairs"] == 0


def test_many_near_copies_of_one_picture_stay_few_pairs(smooth) -> None:
    """Thousands of almost equal images must not become millions of pairs."""
    draw = np.random.default_rng(2)
    images = np.clip(smooth[:1].astype(int) + draw.integers(-2, 3, (2000, 32, 32, 3)), 0, 255).astype(np.uint8)
    assert 1000 < len(near_pairs(images, scan(images))) <= 8000


def test_enlarged_originals_and_bad_pictures_are_told(folder, packed) -> None:
    root = folder(5)
    (root / "000.png").write_text("no picture")
    report = audit(packed("folder", root, size=(16, 16), keep_going=True).store)
    text = " ".join(report["findings"])
    assert "4 images were smaller than 16x16" in text
    assert "left out: 1 (the first: 000.png is not a picture" in text
    assert "only" in text


def test_label_frequencies_and_correlations_are_reported(arrays, smooth) -> None:
    draw = np.random.default_rng(3)
    beard = np.arange(40) % 2
    labels = np.stack([beard, 1 - beard, draw.permutation(beard), np.zeros(40, int)], axis=1)
    report = arrays(images=smooth, labels=labels, label_names=["Beard", "Shaved", "Hat", "Never"])
    assert report["labels"][0] | {"train": 0, "valid": 0, "test": 0} == {
        "name": "Beard",
        "count": 20,
        "share": 0.5,
        "train": 0,
        "valid": 0,
        "test": 0,
    }
    assert report["correlations"][0] == {"a": "Beard", "b": "Shaved", "r": -1.0}
    text = " ".join(report["findings"])
    assert "labels Beard and Shaved mostly exclude each other (r = -1.00)" in text
    assert "only 0 of 40 images have label Never" in text


def test_uneven_classes_are_told(arrays, smooth) -> None:
    report = arrays(images=smooth, labels=[0] * 38 + [1] * 2)
    assert report["exclusive"]
    assert report["correlations"] == []
    assert "classes are uneven: 0 has 38 images, 1 has 2" in report["findings"]


def test_empty_splits_are_told(arrays, smooth) -> None:
    assert "the valid split is empty" in arrays(x_train=smooth[:30], x_test=smooth[30:])["findings"]


def test_a_sound_data_set_has_no_findings(arrays, smooth, monkeypatch) -> None:
    monkeypatch.setattr("simulacra.data.audit.FEW", 1)
    report = arrays(images=smooth)
    assert findings(report) == []


def test_tables_have_as_many_cells_as_columns(arrays, smooth) -> None:
    beard = np.arange(40) % 2
    report = arrays(images=smooth, labels=np.stack([beard, beard], axis=1))
    tables = audit_tables(report)
    assert [table.columns[0] for table in tables] == ["what", "name", "label"]
    for table in tables:
        assert table.rows
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert all(isinstance(cell, str) for row in table.rows for cell in row)
    assert ("images", "40") in tables[0].rows


def test_images_smaller_than_the_thumbnails_are_audited(arrays) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 5, 6, 1), np.uint8)
    assert arrays(images=images)["duplicates"]["near"]["pairs"] == 0


def test_one_picture_with_two_classes_is_the_gravest_finding(arrays, smooth) -> None:
    report = arrays(images=np.concatenate([smooth, smooth[:1]]), labels=[0] * 30 + [1] * 11, label_names=["cat", "dog"])
    assert report["duplicates"]["exact"]["contradicting"] == 1
    assert report["findings"][1] == (
        "1 picture is labelled cat and dog at once (the first: row 0 and row 40); keep one of the copies"
    )


def test_one_picture_with_and_without_an_attribute_is_found(arrays, smooth) -> None:
    labels = np.stack([np.arange(41) % 2, np.ones(41, int)], axis=1)
    report = arrays(images=np.concatenate([smooth, smooth[1:2]]), labels=labels, label_names=["Hat", "Face"])
    assert any(line.startswith("1 picture is labelled with Hat and without at once") for line in report["findings"])


def test_a_label_without_a_training_image_is_found(arrays, smooth) -> None:
    labels = {"y_train": [0] * 20 + [1] * 10, "y_test": [2] * 10}
    report = arrays(x_train=smooth[:30], x_test=smooth[30:], **labels)
    assert report["untrained"] == ["2"]
    assert "no training image has the label 2, so a model cannot learn it" in report["findings"]
