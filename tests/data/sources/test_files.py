"""Files of one folder are read alike: one scale for deep pictures, one background, one limit, each said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from simulacra.data.sources import Options, open_source
from simulacra.errors import DataError


def greys(root: Path, **values: Any) -> Path:
    """A folder of flat 8x8 TIFFs, one of each value."""
    root.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        Image.fromarray(np.full((8, 8), value)).save(root / f"{name}.tif")
    return root


def means(store: Any) -> list[int]:
    return [round(float(image.mean())) for image in store.images]


@pytest.mark.parametrize(
    ("dark", "light", "wanted", "note"),
    [
        (np.uint16(257), np.uint16(51400), [1, 200], "unsigned 16-bit values: 0 is black and 65535 is white"),
        (np.int32(200), np.int32(51400), [1, 255], "signed or 32-bit integers: 0 is black and 51400 is white"),
        (np.int32(-1000), np.int32(3000), [0, 255], "integers: -1000 is black and 3000 is white"),
        (np.int32(50), np.int32(200), [50, 200], "integers: 0 is black and 255 is white"),
        (np.float32(-1), np.float32(0), [0, 128], "floats: -1 is black and 1 is white"),
        (np.float32(0.2), np.float32(0.4), [51, 102], "floats: 0 is black and 1 is white"),
        (np.float32(250), np.float32(310), [0, 255], "floats: 250 is black and 310 is white"),
    ],
)
def test_deep_pictures_of_a_folder_have_one_scale_which_is_said(
    tmp_path: Path, packed, dark: Any, light: Any, wanted: list[int], note: str
) -> None:
    result = packed("folder", greys(tmp_path / "p", dark=dark, light=light), channels=1)
    assert means(result.store) == wanted
    said = next(line for line in result.notes if note in line)
    assert f"unless --values states another range (the pictures have {dark:g} to {light:g})" in said


def test_a_range_may_be_stated(tmp_path: Path, packed) -> None:
    root = greys(tmp_path / "p", dark=np.uint16(0), light=np.uint16(4095), float=np.float32(819))
    result = packed("folder", root, channels=1, values="0..4095")
    assert means(result.store) == [0, 51, 255]
    assert sum("as stated" in note for note in result.notes) == 2


def test_floats_that_overshoot_0_to_1_have_to_be_stated(tmp_path: Path, packed) -> None:
    root = greys(tmp_path / "p", dark=np.float32(-0.02), light=np.float32(1.02))
    with pytest.raises(DataError, match=r"nearer 0\.\.1 than 0\.\.255; state their range, like --values 0\.\.1"):
        packed("folder", root, channels=1)
    assert means(packed("folder", root, channels=1, values="0..1").store) == [0, 255]


def test_a_deep_file_of_another_name_is_left_out_with_what_to_do(folder, packed) -> None:
    root = folder(2)
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(root / "x.png", "TIFF")
    notes = packed("folder", root, keep_going=True).notes
    assert any("x.png has floats" in note and "state it: --values LOW..HIGH" in note for note in notes)


def test_a_drawing_lies_over_the_background_and_one_colour_is_told(tmp_path: Path, packed) -> None:
    (tmp_path / "p").mkdir()
    for number in range(20):
        drawing = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
        ImageDraw.Draw(drawing).ellipse((1, 1, 4 + number % 10, 14), outline="white", width=3)
        drawing.save(tmp_path / "p" / f"{number}.png")
    white = packed("folder", tmp_path / "p")
    assert white.store.images.min() == 255
    note = next(line for line in white.notes if "of one colour all over" in line)
    assert "where they are transparent, lay them over another colour: --background black" in note
    black = packed("folder", tmp_path / "p", out="b", background="black")
    assert black.store.images.min() == 0
    assert not any("of one colour" in line for line in black.notes)


def test_pictures_that_differ_are_not_called_one_colour(folder, packed) -> None:
    assert not any("of one colour" in line for line in packed("folder", folder(30)).notes)


def test_what_is_odd_about_files_is_counted_and_the_first_named(tmp_path: Path, packed, noise) -> None:
    (tmp_path / "p").mkdir()
    noise(0).save(tmp_path / "p" / "a.tif", save_all=True, append_images=[noise(row) for row in range(1, 100)])
    noise(100).save(tmp_path / "p" / "b.tif", save_all=True, append_images=[noise(101)])
    for number in range(3):
        noise(200 + number).save(tmp_path / "p" / f"{number}.png", icc_profile=b"junk" * 9, exif=b"junkjunk")
    result = packed("folder", tmp_path / "p")
    odd = result.store.card["odd"]
    assert odd == {
        "pictures whose EXIF data cannot be read, which were taken as upright (the first: 0.png)": 3,
        "pictures whose colour profile cannot be used and was ignored (the first: 0.png)": 3,
        "further pages or frames that were not read, beside the first one of each file (the first: a.tif)": 100,
    }
    assert any(line.endswith("(the first: a.tif): 100") for line in result.notes)


def test_a_large_scan_names_the_option_that_reads_it(tmp_path: Path, packed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    (tmp_path / "p").mkdir()
    for suffix, side in ((".png", 40), (".jpg", 50), (".tif", 40)):
        Image.fromarray(np.arange(side * side, dtype=np.uint8).reshape(side, side)).save(tmp_path / "p" / f"x{suffix}")
    with pytest.raises(DataError, match=r"if you trust the file, state --max-pixels 2500"):
        packed("folder", tmp_path / "p")
    assert len(packed("folder", tmp_path / "p", max_pixels=2500).store.images) == 3
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": "white"}, "values 'white' is not known; write LOW..HIGH"),
        ({"values": "5..5"}, "LOW must be below HIGH"),
        ({"background": "nothing"}, "is no colour"),
        ({"max_pixels": 0}, "max-pixels is 0"),
    ],
)
def test_options_that_mean_nothing_are_told_before_a_picture_is_read(folder, options: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source("folder", folder(1), Options(**options))


@pytest.mark.parametrize("option", [{"values": "0..9"}, {"background": "red"}, {"max_pixels": 10**9}])
def test_a_store_packed_otherwise_is_another_one(folder, option: dict) -> None:
    root = folder(1)
    assert open_source("folder", root).identity != open_source("folder", root, Options(**option)).identity


@pytest.mark.parametrize("suffix", [".jpe", ".jfif", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif", ".AVIF"])
def test_pictures_of_every_ending_are_found_and_read(tmp_path: Path, packed, noise, suffix: str) -> None:
    (tmp_path / "p").mkdir()
    form = {".pgm": "L", ".pbm": "1"}.get(suffix, "RGB")
    noise(0).convert(form).save(tmp_path / "p" / f"x{suffix}")
    assert packed("folder", tmp_path / "p").store.names == [f"x{suffix}"]
