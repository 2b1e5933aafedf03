"""What is left out of a folder of pictures, and how the others are read alike: one scale, one background, one limit."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from simulacra.data.sources import Options, open_source
from simulacra.data.sources.scan import kept_by_us, scan
from simulacra.errors import DataError
from simulacra.evaluation.preview import sheet, to_png


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
        "$RECYCLE.BIN/S-1-5/x.png",
        "System Volume Information/x.png",
        "lost+found/x.png",
        ".ipynb_checkpoints/x-checkpoint.png",
        "__MACOSX/x.png",
        ".thumbnails/normal/x.png",
        ".Trash-1000/files/x.png",
        "#recycle/x.png",
        "cat/@eaDir/x.png",
        "._a.png",
        "cat/._a.png",
    ],
)
def test_what_a_system_keeps_is_left_out_and_counted(folder, name: str) -> None:
    found = scan(folder(["cat/a.png", "dog/b.png", name]))
    assert list(found.files) == ["cat/a.png", "dog/b.png"]
    assert sum(found.odd.values()) == 1
    assert "left out (the first: " in "".join(found.odd)


@pytest.mark.parametrize(
    ("files", "what"),
    [
        (("recipe.toml", "run.json"), "run folders"),
        (("recipe.toml", "metrics.jsonl"), "run folders"),
        (("store.json", "images.npy"), "stores"),
        (("config.json", "model.safetensors"), "exported models"),
        (("recipe.toml", "cake.txt"), ""),
        (("config.json",), ""),
    ],
)
def test_our_own_folders_are_known_by_their_files(folder, files: tuple[str, ...], what: str) -> None:
    root = folder(["a.png", "runs/x/pictures/b.png"])
    for file in files:
        (root / "runs" / "x" / file).touch()
    found = scan(root)
    assert kept_by_us(set(files)) == what
    assert list(found.files) == (["a.png"] if what else ["a.png", "runs/x/pictures/b.png"])
    assert [key for key in found.odd if what in key and what] == (
        [f"{what} of Simulacra left out (the first: runs/x)"] if what else []
    )


def test_sheets_are_left_out_unless_there_is_nothing_else(folder) -> None:
    root = folder(3)
    pixels = np.zeros((4, 8, 8, 3), np.uint8)
    (root / "samples.png").write_bytes(to_png(sheet(pixels), marked=True))
    (root / "one.png").write_bytes(to_png(pixels[0]))
    found = scan(root)
    assert list(found.files) == ["000.png", "001.png", "002.png", "one.png"]
    assert found.odd == {"sheets and figures of Simulacra left out (the first: samples.png)": 1}
    for name in found.files:
        (root / name).unlink()
    assert list(scan(root).files) == ["samples.png"]


def test_pipes_and_sockets_are_no_pictures(folder) -> None:
    root = folder(2)
    os.mkfifo(root / "pipe.jpg")
    found = scan(root)
    assert len(found.files) == 2
    assert found.odd == {"pipes, sockets and devices left out (the first: pipe.jpg)": 1}


def test_a_folder_inside_that_may_not_be_read_is_counted(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    root, opened = folder(["cat/a.png", "secret/b.png"]), os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = scan(root)
    assert list(found.files) == ["cat/a.png"]
    assert found.odd == {"folders left out that may not be read (Permission denied) (the first: secret)": 1}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("a.CR2", "develop them to JPEG or PNG"),
        ("a.svg", "export them as PNG"),
        ("a.psd", "export them as PNG"),
        ("a.jxl", "save them as JPEG or PNG"),
        ("a.dcm", "export their slices as PNG"),
        ("clip.mp4", "cut them into single pictures"),
        ("more.zip", "unpack them"),
        ("x.npz", "simulacra pack arrays PATH"),
    ],
)
def test_kinds_that_are_not_read_are_counted_by_ending_with_what_to_do(folder, name: str, remedy: str) -> None:
    root = folder(1)
    for at in range(3):
        (root / f"{at}{name}").write_bytes(b"x")
    (key, count), *others = scan(root).odd.items()
    assert not others
    assert count == 3
    assert remedy in key
    assert Path(name).suffix.lower() in key


def test_pictures_without_an_ending_are_counted(folder) -> None:
    root = folder(1)
    (root / "000.png").rename(root / "000")
    (root / "README").write_text("about")
    assert scan(root).odd == {
        "pictures without an ending are not read (the first: 000); add .jpg or .png to their names": 1
    }


def test_folders_without_a_picture_are_named(folder) -> None:
    root = folder(["cat/a.png", "dog/b.png"])
    (root / "bird" / "rare").mkdir(parents=True)
    assert scan(root).empty == ["bird"]


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
