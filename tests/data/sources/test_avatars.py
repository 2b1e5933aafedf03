"""Made faces: the same for the same seed, and their labels true of the drawing."""

import multiprocessing
from collections import Counter

import numpy as np
import pytest

from simulacra.data.sources import Options, open_source
from simulacra.data.sources import avatars as parts
from simulacra.data.sources.avatars import CODES, FACTORS, LABELS, Artist, face_of, labels_of, svg_of
from simulacra.data.workers import read_all
from simulacra.errors import DataError

FACES = [face_of(0, row) for row in range(3000)]
TRUTH = np.array([labels_of(face) for face in FACES])


def truth(name: str) -> np.ndarray:
    return TRUTH[:, LABELS.index(name)]


def test_the_same_seed_draws_the_same_pictures_byte_for_byte(packed) -> None:
    one, two = (packed("avatars", None, count=6, seed=3, out=out).store for out in ("a", "b"))
    assert (one.path / "images.npy").read_bytes() == (two.path / "images.npy").read_bytes()
    assert one.fingerprint == two.fingerprint
    assert one.fingerprint != packed("avatars", None, count=6, seed=4, out="c").store.fingerprint


def test_a_longer_set_starts_with_the_shorter(packed) -> None:
    few, more = (packed("avatars", None, count=count, out=f"{count}").store for count in (4, 9))
    assert (few.images == more.images[:4]).all()
    assert (few.labels == more.labels[:4]).all()
    assert (few.factors == more.factors[:4]).all()


def test_worker_processes_draw_the_same_as_one_process() -> None:
    artist = Artist(0, (8, 8), grey=False)
    alone, spread = (list(read_all(artist, range(70), workers)) for workers in (1, 2))
    assert all((one.pixels == other.pixels).all() for one, other in zip(alone, spread, strict=True))
    assert not multiprocessing.active_children()


def test_sizes_channels_and_factors_are_as_asked(packed) -> None:
    store = packed("avatars", None, count=3, size=(12, 8), channels=1).store
    assert store.shape == (8, 12, 1)
    assert store.label_names == LABELS
    assert not store.exclusive
    assert store.factor_names == FACTORS
    assert store.factors is not None
    assert store.factors.shape == (3, len(FACTORS))
    assert store.factors.dtype == np.float32


def test_factors_tell_every_drawn_parameter(packed) -> None:
    store = packed("avatars", None, count=5).store
    codes = store.card["codes"]
    assert store.factors is not None
    for row, factors in enumerate(store.factors):
        face = FACES[row]
        for name, value in zip(store.factor_names, factors, strict=True):
            assert codes[name][int(value)] == face[name] if name in codes else np.float32(face[name]) == value


def test_labels_are_true_of_what_is_drawn() -> None:
    for face, row in zip(FACES, TRUTH, strict=True):
        label = dict(zip(LABELS, row, strict=True))
        haired = not label["Bald"] and not label["Wearing_Hat"]
        assert sum(label[color] for color in parts.HAIR_COLORS) == haired
        assert label["Bald"] + label["Wearing_Hat"] + label["Long_Hair"] <= 1
        assert label["Mustache"] >= label["Beard"]
        assert not (label["Eyes_Closed"] and face["glasses"] in parts.DARK_GLASSES)
    assert "grimace" not in CODES["mouth"]


def test_the_drawing_holds_the_parts_that_the_labels_tell() -> None:
    for face, row in zip(FACES[:60], TRUTH, strict=False):
        svg, label = svg_of(face), dict(zip(LABELS, row, strict=True))
        assert f'id="mouth-{face["mouth"]}-' in svg
        assert f'id="eyes-{face["eyes"]}-' in svg
        assert ('id="accessories-' in svg) == label["Eyeglasses"]
        assert ('id="facialHair-' in svg) == label["Mustache"]
        assert ('id="top-' in svg) == (not label["Bald"])
        assert face["skin"] in svg
        if any(label[color] for color in parts.HAIR_COLORS):
            assert face["hair_color"] in svg


@pytest.mark.parametrize("name", LABELS)
def test_every_label_is_neither_rare_nor_constant(name: str) -> None:
    assert 0.03 < truth(name).mean() < 0.97


def test_male_is_a_prior_that_the_others_follow() -> None:
    male = truth("Male") == 1
    assert not truth("Beard")[~male].any()
    assert truth("Long_Hair")[male].mean() < 0.1
    assert truth("Long_Hair")[~male].mean() > 0.5


def test_every_part_is_drawn_sooner_or_later() -> None:
    for name, values in CODES.items():
        assert Counter(face[name] for face in FACES).keys() == set(values), name


def test_faces_fill_the_frame() -> None:
    """Background, which is one flat colour, takes less than half of an average picture."""
    shares = []
    for row in range(30):
        pixels = Artist(0, (32, 32), grey=False)(row).pixels
        background = np.array([int(FACES[row]["background"][at : at + 2], 16) for at in (1, 3, 5)])
        shares.append((np.abs(pixels.astype(int) - background).max(-1) < 3).mean())
    assert np.mean(shares) < 0.5


@pytest.mark.parametrize("options", [{"count": 0}, {"seed": -1}])
def test_a_count_or_seed_out_of_range_is_told(options: dict[str, int]) -> None:
    with pytest.raises(DataError, match="cannot be drawn"):
        open_source("avatars", None, Options(**options))
