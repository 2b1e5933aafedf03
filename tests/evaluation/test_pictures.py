"""Pictures of a run: what each shows, of whom it can be drawn, and the sheets and files that they become."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from simulacra.evaluation.metrics.held_out import held_out
from simulacra.evaluation.pictures import PICTURES, VALUES, draw, fixed
from simulacra.evaluation.preview import sheet, to_png
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Classifies, Encodes, Generates
from simulacra.report.sections import PICTURES as SHOWN
from simulacra.runs import RunFolder

Drawn = Callable[[str, Subject], tuple[dict[str, np.ndarray[Any, Any]], list[Tensor]]]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """drawn(picture, subject): its arrays, and the codes that were decoded for it."""
    seen: list[Tensor] = []
    decode = Subject.decode
    monkeypatch.setattr(Subject, "decode", lambda self, codes: (seen.append(codes), decode(self, codes))[1])

    def draw(name: str, subject: Subject) -> tuple[dict[str, np.ndarray[Any, Any]], list[Tensor]]:
        seen.clear()
        arrays = PICTURES[name](subject)
        assert arrays is not None
        return arrays, list(seen)

    return draw


def test_the_report_has_words_for_every_picture() -> None:
    evaluated = {"nearest", "frequencies", "inversions", "leakage", "code-labels", "kl-dimensions", "code-factors"}
    assert set(PICTURES) | evaluated == {*SHOWN, "real"}, "real images stand beside the samples"


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_picture_is_drawn_of_whoever_can_and_of_no_other(family, exclusive, subject, tmp_path) -> None:
    made, run = subject(family, exclusive=exclusive), RunFolder(tmp_path / "run")
    model, labelled = made.objective, made.recipe.objective.labelled
    generates, encodes, classifies = (isinstance(model, kind) for kind in (Generates, Encodes, Classifies))
    code = model.code if generates else None
    able = {
        "samples": generates,
        "real": generates,
        "reconstructions": generates and encodes,
        "pairs": generates and labelled and not exclusive,
        "classes": generates and labelled and exclusive,
        "categories": bool(code and code.categorical),
        "category-pairs": bool(code and len(code.categorical) > 1),
        "sweeps": bool(code and (code.continuous or encodes)),
        "map": encodes,
        "map-pca": encodes,
        "confusion": classifies and exclusive,
        "verdicts": classifies and not exclusive,
    }
    drawn = draw(run, made)
    assert {name: name in drawn for name in PICTURES} == able
    assert set(run.pictures()) == set(drawn)
    for name in drawn:
        with Image.open(run.path / "pictures" / f"{name}.png") as image:
            image.verify()


def test_categories_share_all_else_in_a_row(subject, drawn) -> None:
    arrays, seen = drawn("categories", subject("infogan"))  # noise 3, categories 2 and 3, one continuous
    assert {name: array.shape for name, array in arrays.items()} == {
        "images_1": (8, 2, 8, 8, 3),
        "images_2": (8, 3, 8, 8, 3),
    }
    for codes, ways, first in ((seen[0], 2, 3), (seen[1], 3, 5)):
        rows = codes.reshape(8, ways, -1)
        inside = torch.arange(rows.shape[2])
        others = (inside < first) | (inside >= first + ways)
        assert (rows[:, :1, others] == rows[..., others]).all()
        assert (rows[..., first : first + ways] == torch.eye(ways)).all()
    assert not torch.equal(seen[0][0, :3], seen[0][2, :3]), "rows differ"


def test_two_codes_are_combined_in_every_way_of_one_noise(subject, drawn) -> None:
    arrays, seen = drawn("category-pairs", subject("infogan"))
    assert arrays["images"].shape == (2, 3, 8, 8, 3)
    codes = seen[0].reshape(2, 3, -1)
    for down in range(2):
        for across in range(3):
            assert codes[down, across, 3:5].argmax() == down
            assert codes[down, across, 5:8].argmax() == across
    assert (codes[..., [0, 1, 2, 8]] == codes[0, 0, [0, 1, 2, 8]]).all()


def test_one_categorical_code_has_no_partner(subject) -> None:
    made = subject("infogan", **{"objective.code.categorical": [3]})
    assert PICTURES["categories"](made) is not None
    assert PICTURES["category-pairs"](made) is None


def test_a_continuous_code_is_swept_alone(subject, drawn) -> None:
    made = subject("infogan", **{"objective.code.continuous": 2})
    arrays, seen = drawn("sweeps", made)
    assert arrays["images"].shape == (2, 3, 9, 8, 8, 3), "code, row, value"
    assert arrays["numbers"].tolist() == [1, 2]
    assert arrays["drawn_to"] == 1
    for place, codes in enumerate(seen):
        rows, column = codes.reshape(3, 9, -1), 8 + place
        assert torch.allclose(rows[..., column], torch.tensor(VALUES))
        others = [index for index in range(10) if index != column]
        assert (rows[:, :1, others] == rows[..., others]).all()


def test_a_model_that_encodes_is_swept_along_the_numbers_that_vary_most(subject, drawn) -> None:
    made = subject("vae", **{"objective.latent": 8})
    made.objective.encode = lambda images: (
        torch.arange(len(images))[:, None] * torch.tensor([0.0, 3, 1, 0.5, 2, 0, 4, 0.1])
    )
    arrays, _ = drawn("sweeps", made)
    assert arrays["numbers"].tolist() == [7, 2, 5, 3, 4, 8]
    assert np.isinf(arrays["drawn_to"])


def test_principal_components_are_the_directions_of_most_variance(subject) -> None:
    made = subject("vae", **{"objective.latent": 4})
    random = np.random.default_rng(0)
    codes = random.normal(size=(8, 4)).astype(np.float32) * np.array([0.1, 5, 0.1, 1], np.float32) + 7
    made.objective.encode = lambda images: torch.from_numpy(codes)
    arrays = PICTURES["map-pca"](made)
    points, centred = arrays["points"], codes - codes.mean(0)
    assert abs(np.corrcoef(points[:, 0], centred[:, 1])[0, 1]) > 0.99
    values = np.sort(np.linalg.eigvalsh(np.cov(codes.T)))[::-1]
    assert arrays["explained"] == pytest.approx(values[:2] / values.sum(), rel=1e-4)
    assert points.var(0, ddof=1) == pytest.approx(values[:2], rel=1e-4)
    made.objective.encode = lambda images: torch.from_numpy(centred)
    again = PICTURES["map-pca"](made)
    assert again["points"] == pytest.approx(points, abs=1e-4), "where the codes lie does not matter"


def test_a_map_says_which_images_its_dots_are(subject, monkeypatch) -> None:
    made = subject("vae", **{"objective.latent": 2})
    monkeypatch.setattr("simulacra.evaluation.maps.MAP_LIMIT", 6)
    arrays = PICTURES["map"](made)
    rows = arrays["rows"]
    assert len(rows) == 6
    assert not np.array_equal(rows, made.store.rows("test")[:6])
    assert arrays["codes"] == pytest.approx(made.encode(made.store.pixels(rows)), abs=1e-6)
    assert np.array_equal(arrays["labels"], made.store.labels[rows])


def test_codes_of_two_numbers_need_no_principal_components(subject) -> None:
    assert PICTURES["map-pca"](subject("vae", **{"objective.latent": 2})) is None


def test_codes_that_are_all_alike_have_a_map_all_the_same(subject) -> None:
    made = subject("vae", **{"objective.latent": 3})
    made.objective.encode = lambda images: torch.ones(len(images), 3)
    arrays = PICTURES["map-pca"](made)
    assert np.isfinite(arrays["points"]).all()
    assert np.isfinite(arrays["explained"]).all()


def test_a_confusion_matrix_counts_true_classes_down_and_told_ones_across(subject) -> None:
    made = subject("classifier", exclusive=True)
    made.objective.logits = lambda images: torch.tensor([0.0, 1, 0]).expand(len(images), 3)
    arrays = PICTURES["confusion"](made)
    true = made.store.labels[made.store.rows("test")].sum(0)
    assert arrays["counts"].tolist() == [[0, count, 0] for count in true]
    assert arrays["label_names"].tolist() == list(made.store.label_names)


def test_verdicts_count_an_attribute_s_four_cases(subject) -> None:
    made = subject("classifier")
    rows = made.store.rows("test")
    labels = made.store.labels[rows][:, made.store.columns(("Smiling", "Male"))]
    told = np.random.default_rng(0).integers(0, 2, labels.shape)
    made.objective.logits = lambda images: torch.from_numpy(told * 2.0 - 1)
    arrays = PICTURES["verdicts"](made)
    for label in range(2):
        for on in range(2):
            for said in range(2):
                expected = ((labels[:, label] == on) & (told[:, label] == said)).sum()
                assert arrays["counts"][label, on, said] == expected


def test_looks_leave_weights_and_modes_alone(family, subject) -> None:
    made = subject(family)
    before = {name: value.clone() for name, value in made.objective.networks.state_dict().items()}
    for picture in PICTURES.values():
        picture(made)
    held_out(made, "test", 0)
    assert all(torch.equal(value, before[name]) for name, value in made.objective.networks.state_dict().items())
    assert all(network.training for network in made.objective.networks.values())


def test_the_fixed_codes_are_the_same_whenever_they_are_drawn(subject) -> None:
    made = subject("gan")
    one, two = fixed(made), fixed(made)
    assert np.array_equal(one["images"], two["images"])


def test_pairs_share_noise_and_differ_in_one_label(subject, drawn) -> None:
    arrays, seen = drawn("pairs", subject("acgan"))
    assert arrays["images"].shape == (2, 2, 10, 8, 8, 3), "label, off or on, image"
    assert arrays["label_names"].tolist() == ["Smiling", "Male"]
    for label, (off, on) in enumerate(zip(seen[::2], seen[1::2], strict=True)):
        differs = (off != on).any(0)
        assert differs.nonzero().flatten().tolist() == [3 + label]


def test_classes_share_noise_in_a_row(subject, drawn) -> None:
    arrays, seen = drawn("classes", subject("acgan", exclusive=True))
    assert arrays["images"].shape == (8, 3, 8, 8, 3), "noise, class"
    codes = seen[0].reshape(8, 3, -1)
    assert (codes[:, :1, :3] == codes[..., :3]).all()
    assert torch.equal(codes[0, :, 3:], torch.eye(3))


def test_reconstructions_stand_beside_their_originals(subject) -> None:
    made = subject("vae")
    arrays = PICTURES["reconstructions"](made)
    assert np.array_equal(arrays["originals"], made.store.images[made.store.rows("test")])
    assert arrays["reconstructions"].shape == arrays["originals"].shape


@pytest.mark.parametrize("latent", [2, 3])
def test_the_map_has_a_point_and_the_labels_of_every_test_image(latent, subject) -> None:
    made = subject("vae", **{"objective.latent": latent})
    arrays = PICTURES["map"](made)
    assert arrays["points"].shape == (8, 2)
    assert arrays["codes"].shape == (8, latent)
    if latent == 2:
        assert np.array_equal(arrays["points"], arrays["codes"])
    assert np.array_equal(arrays["labels"], made.store.labels[made.store.rows("test")])
    assert np.array_equal(arrays["points"], PICTURES["map"](made)["points"]), "equal codes give equal maps"


def test_a_sheet_shows_every_image_in_order_on_white() -> None:
    images = np.stack([np.full((2, 3, 3), shade, np.uint8) for shade in (10, 20, 30)])
    made = sheet(images, columns=2)
    assert made.shape == (2 + 2 * 4, 2 + 2 * 5, 3)
    assert (made[2:4, 2:5] == 10).all()
    assert (made[2:4, 7:10] == 20).all()
    assert (made[6:8, 2:5] == 30).all()
    assert (made[6:8, 7:10] == 255).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_the_very_pixels(channels) -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 5, channels), np.uint8)
    with Image.open(io.BytesIO(to_png(image, 2))) as read:
        pixels = np.asarray(read).reshape(8, 10, channels)
    assert np.array_equal(pixels[::2, ::2], image)
    assert to_png(image, 2) == to_png(image, 2)
