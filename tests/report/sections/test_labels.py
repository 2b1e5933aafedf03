"""Promises of the sections about labels: every cell is named, and captions say the largest leak or mistake."""

import numpy as np
import pytest

NAMES = np.array(["Smiling", "Beard"])
LEAKAGE = {
    "matrix": np.array([[0.62, -0.18, 0.0], [0.02, 0.4, -0.31]]),
    "absolute": np.array([[0.62, 0.2, 0.15], [0.1, 0.4, 0.33]]),
    "asked": NAMES,
    "judged": np.array(["Smiling", "Beard", "Long_Hair"]),
    "exclusive": np.array(False),
    "vectors": np.array(False),
}


def test_the_largest_leak_is_drawn_and_named(shown) -> None:
    page = shown(leakage=LEAKAGE)
    section = page.sections["What else a label changes"]
    assert "The largest leak: Beard changes Long_Hair by −31 points." in section
    assert "The noise and all other labels stayed the same." in section
    assert {"+62", "−18", "+2", "+40", "−31", "0"} <= set(page.words_of("leakage"))
    assert {"leakage.png", "leakage-absolute.svg"} <= set(page.figures)


def test_attribute_vectors_are_explained(shown) -> None:
    section = shown(leakage=LEAKAGE | {"vectors": np.array(True)}).sections["What else a label changes"]
    assert "codes of held-out images were moved along an attribute vector" in section
    assert "noise" not in section


def test_the_most_frequent_mistake_of_classes_is_named(shown) -> None:
    matrix = np.array([[0.9, 0.1], [0.25, 0.75]])
    page = shown(leakage={"matrix": matrix, "asked": NAMES, "judged": NAMES, "exclusive": np.array(True)})
    assert "The most frequent mistake: 25% of Beard look like Smiling." in page.sections["Are classes obeyed?"]
    assert {"90", "10", "25", "75"} <= set(page.words_of("leakage"))


def test_where_nothing_leaks_no_leak_is_named(shown) -> None:
    arrays = {"matrix": np.eye(2), "asked": NAMES, "judged": NAMES}
    assert "The largest leak" not in shown(leakage=arrays).text


def test_a_confusion_matrix_has_its_counts_and_the_most_frequent_mistake(shown) -> None:
    counts = np.array([[90, 10, 0], [3, 97, 0], [0, 1, 99]])
    page = shown(confusion={"counts": counts, "label_names": np.array(["Coat", "<b>", "$x$"])})
    section = page.sections["Predicted classes of test images"]
    assert "286 of 300 (95%) are on the diagonal" in section
    assert "The most frequent mistake: 10 images of Coat are predicted as <b>." in section
    assert {*(str(count) for count in counts.flat if count), "true class", "predicted class"} <= set(
        page.words_of("confusion")
    )
    assert page.table("class")["Coat"] == ["100", "90.0%", "96.8%"]


def test_a_confusion_matrix_of_many_classes_can_be_drawn(shown) -> None:
    counts = 1000 * np.eye(40, dtype=np.int64)
    page = shown(confusion={"counts": counts, "label_names": np.arange(40).astype(str)})
    assert "1,000" not in page.words_of("confusion"), "cells are too small for their numbers"


def test_predicted_labels_stand_beside_a_constant_answer(shown) -> None:
    counts = np.array([[[700, 50], [50, 200]], [[1000, 0], [0, 0]]])
    page = shown(verdicts={"counts": counts, "label_names": np.array(["Smiling", "Bald"])})
    table = page.table("label", "have it", "accuracy", "constant answer", "recall", "precision")
    assert table["Smiling"] == ["25.0%", "90.0%", "75.0%", "80.0%", "80.0%"]
    assert table["Bald"][3:] == ["–", "–"], "nobody is bald: the recall of no image is no number"
    assert "Of 1,000 test images" in page.text


def test_frequencies_are_drawn_and_written_with_the_most_frequent_first(fake, shown) -> None:
    data = np.linspace(0.02, 0.7, 5)
    shares = np.stack([data, data / 2, data / 3, data / 1.5, data], 1)
    page = shown(frequencies={"shares": shares, "label_names": np.array(fake.hostile), "given": np.arange(5) == 2})
    table = page.table("label", "training images", "samples", "interval")
    labels = list(table)
    assert labels[0].startswith("very long")
    assert labels[2:] == ["_hidden", "$x^2$", "<script>alert(1)</script>"]
    assert table[labels[0]][0] == "70.0%"
    assert "generated for given values of _hidden: only other labels are the model's own choice." in page.text
    assert {"_hidden", "$x^2$"} <= set(page.words_of("frequencies"))


@pytest.mark.parametrize("given", [np.zeros(5, bool), None])
def test_unconditional_samples_have_no_sentence_about_obedience(given, shown) -> None:
    arrays = {"shares": np.full((5, 5), 0.5)} | ({} if given is None else {"given": given})
    assert "own choice" not in shown(frequencies=arrays).text
