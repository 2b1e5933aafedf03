"""What is measured and drawn of a run."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra.data.batches import to_images
from simulacra.data.store import ImageStore
from simulacra.errors import RunError
from simulacra.evaluation.context import choose
from simulacra.evaluation.metrics.held_out import held_out
from simulacra.evaluation.pictures import PICTURES, fixed
from simulacra.evaluation.preview import sheet, to_png
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Generates


def test_a_mean_over_images_is_that_over_all_of_them_however_they_are_cut(family, subject, monkeypatch) -> None:
    made = subject(family)
    whole = held_out(made, "test", 0)
    monkeypatch.setattr("simulacra.evaluation.subject.CHUNK", 3)
    parts = held_out(made, "test", 0)
    assert [one.n for one in parts] == [8] * len(whole)
    assert [one.estimate.value for one in parts] == pytest.approx([one.estimate.value for one in whole], rel=1e-5)


def test_only_the_split_asked_for_is_measured(subject) -> None:
    made = subject("vae")
    store: ImageStore = made.store
    for split in ("valid", "test"):
        images = made.load(store.rows(split)).images
        with made.objective.evaluating():
            output = made.objective.decode(made.objective.encode(images)).clamp(-1, 1)
        found = next(one for one in held_out(made, split, 0) if one.metric == "mse")
        assert found.estimate.value == pytest.approx((output - images).square().mean().item(), rel=1e-5)


def test_a_part_of_a_split_is_drawn_from_all_of_it(subject) -> None:
    made = subject("vae")
    test = made.store.rows("test")
    (chosen,) = made.batches("test", 4)
    assert len(chosen) == 4
    assert set(chosen) <= set(test)
    assert not np.array_equal(chosen, test[:4]), "which may all be of one class"
    assert np.array_equal(made.batches("test", 4)[0], chosen)
    pictures = PICTURES["reconstructions"](made, 4)
    assert np.array_equal(pictures["originals"], made.store.pixels(chosen))


def test_real_images_to_measure_against_are_in_no_order(subject) -> None:
    chosen = choose(subject("vae").store, 8)
    for rows in (chosen.held_out, chosen.train, chosen.reference):
        assert not np.array_equal(rows, np.sort(rows)), "blocks of a jackknife would be classes"


def test_an_empty_split_or_no_data_is_not_measured(subject) -> None:
    made = subject("vae")
    assert held_out(replace(made, store=None), "test", 0) == []
    empty = replace(made.store, split=np.zeros_like(made.store.split))
    assert held_out(replace(made, store=empty), "test", 0) == []


def test_held_out_images_are_never_flipped(subject) -> None:
    made = subject("vae", **{"data.flip": True})
    rows = made.store.rows("test")
    assert np.array_equal(to_images(made.load(rows).images), made.store.images[rows])


def test_codes_follow_from_seed_and_keys(family, subject) -> None:
    made = subject(family)
    if not isinstance(made.objective, Generates):
        with pytest.raises(RunError, match="generates no images"):
            made.codes(3, 1)
        return
    one = made.codes(5, 1)
    torch.rand(3)
    assert torch.equal(one, made.codes(5, 1))
    assert not torch.equal(one, made.codes(5, 2))
    assert not torch.equal(one, made.codes(5, 1, seed=9))


def test_labels_of_codes_are_rows_that_occur_in_training(subject) -> None:
    made = subject("acgan")
    rows = {tuple(one) for one in made.conditions.tolist()}
    drawn = made.objective.code.labels_of(made.codes(40, 1))
    assert {tuple(one) for one in drawn.int().tolist()} <= rows


def test_to_decode_in_parts_is_to_decode_at_once(subject, monkeypatch) -> None:
    made = subject("gan")
    codes = made.codes(7, 1)
    whole = made.decode(codes)
    monkeypatch.setattr("simulacra.evaluation.subject.CHUNK", 3)
    assert (whole.shape, whole.dtype) == ((7, 8, 8, 3), np.uint8)
    assert np.abs(whole.astype(int) - made.decode(codes)).max() <= 1


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


def test_pairs_share_noise_and_differ_in_one_label(subject, monkeypatch) -> None:
    made, seen = subject("acgan"), []
    decode = Subject.decode
    monkeypatch.setattr(Subject, "decode", lambda self, codes: (seen.append(codes), decode(self, codes))[1])
    arrays = PICTURES["pairs"](made)
    assert arrays["images"].shape == (2, 2, 10, 8, 8, 3), "label, off or on, image"
    assert arrays["label_names"].tolist() == ["Smiling", "Male"]
    for label, (off, on) in enumerate(zip(seen[::2], seen[1::2], strict=True)):
        differs = (off != on).any(0)
        assert differs.nonzero().flatten().tolist() == [3 + label]


def test_classes_share_noise_in_a_row(subject, monkeypatch) -> None:
    made, seen = subject("acgan", exclusive=True), []
    decode = Subject.decode
    monkeypatch.setattr(Subject, "decode", lambda self, codes: (seen.append(codes), decode(self, codes))[1])
    arrays = PICTURES["classes"](made)
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
