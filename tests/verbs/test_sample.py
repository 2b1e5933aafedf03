"""Samples: from the run folder alone."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra.objectives import FAMILIES, Generates

Run = Callable[..., Any]
GENERATORS = sorted(name for name, family in FAMILIES.items() if issubclass(family, Generates))


@pytest.fixture
def trained(trained_once: Any, tmp_path: Path) -> Callable[..., Path]:
    """A run of a family, whose data set is gone."""

    def make(family: str, store: dict[str, Any] | None = None, **changes: Any) -> Path:
        run: Path = trained_once(family, store, **{"steps": 3} | changes)
        shutil.rmtree(tmp_path / "store")
        return run

    return make


@pytest.fixture
def samples(simulacra: Run, tmp_path: Path) -> Callable[..., np.ndarray[Any, Any]]:
    """samples(run, *words): the array that `sample` writes."""

    def make(run: Path, *words: object) -> np.ndarray[Any, Any]:
        out = tmp_path / "samples.npy"
        out.unlink(missing_ok=True)
        ended = simulacra("sample", run, *words, "--out", out)
        assert ended.code == 0, ended.err
        array: np.ndarray[Any, Any] = np.load(out)
        return array

    return make


@pytest.mark.parametrize("family", GENERATORS)
def test_samples_come_from_the_run_folder_alone(family: str, trained: Any, samples: Any) -> None:
    run = trained(family)
    images = samples(run, "-n", 5)
    assert (images.shape, images.dtype) == ((5, 8, 8, 3), np.uint8)
    assert np.array_equal(images, samples(run, "-n", 5)), "equal seeds give equal images"
    assert not np.array_equal(images, samples(run, "-n", 5, "--seed", 1))


@pytest.mark.parametrize("family", GENERATORS)
def test_samples_do_not_depend_on_what_was_drawn_before(family: str, trained: Any, samples: Any) -> None:
    run = trained(family)
    one = samples(run, "-n", 4)
    torch.rand(9)
    assert np.array_equal(one, samples(run, "-n", 4))


def test_a_family_that_makes_no_images_cannot_be_sampled(trained: Any, simulacra: Run) -> None:
    ended = simulacra("sample", trained("classifier"))
    assert ended.code == 2
    assert "a model of family classifier generates no images" in ended.err


def test_labels_can_be_set_one_by_one(trained: Any, samples: Any) -> None:
    run = trained("acgan")
    off, on = (samples(run, "-n", 6, "--label", f"Smiling={value}") for value in (0, 1))
    free = samples(run, "-n", 6)
    assert not np.array_equal(off, on)
    for one in range(6):  # each free sample has the label on or off, and all else is the same
        assert any(np.array_equal(free[one], fixed[one]) for fixed in (off, on))


def test_a_class_is_chosen_by_its_name(trained: Any, samples: Any, simulacra: Run, tmp_path: Path) -> None:
    labels = ("Coat", "T-shirt/top", "a=b")
    run = trained("acgan", {"labels": labels, "exclusive": True}, **{"data.labels": "all"})
    per_class = [samples(run, "-n", 8, "--label", f"{name}=1") for name in labels]
    free = samples(run, "-n", 8)
    for one in range(8):
        assert any(np.array_equal(free[one], images[one]) for images in per_class)
    for words in (["--label", "Coat=0"], ["--label", "Coat=1", "--label", "a=b=1"]):
        ended = simulacra("sample", run, *words, "--out", tmp_path / "none.npy")
        assert ended.code == 2
        assert "give one of them, as --label NAME=1" in ended.err
        assert not (tmp_path / "none.npy").exists()


def test_onehot_attributes_can_be_set_too(trained: Any, samples: Any) -> None:
    run = trained("acgan", **{"objective.code.labels": "onehot"})
    off, on = (samples(run, "-n", 6, "--label", f"Smiling={value}") for value in (0, 1))
    free = samples(run, "-n", 6)
    assert not np.array_equal(off, on)
    assert all(any(np.array_equal(free[one], fixed[one]) for fixed in (off, on)) for one in range(6))


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("Smilling=1", "--label Smilling: this model was not trained on it; did you mean Smiling?"),
        ("Eyeglasses=1", "--label Eyeglasses: this model was not trained on it"),
        ("Smiling=2", "--label Smiling=2: expected NAME=0 or NAME=1"),
        ("Smiling=yes", "expected NAME=0 or NAME=1"),
        ("Smiling", "expected NAME=0 or NAME=1"),
        ("=1", "--label"),
    ],
)
def test_a_wrong_label_ends_with_2(label: str, said: str, trained: Any, simulacra: Run) -> None:
    ended = simulacra("sample", trained("acgan"), "--label", label)
    assert ended.code == 2
    assert said in ended.err


def test_a_label_of_a_model_without_labels_ends_with_2(trained: Any, simulacra: Run) -> None:
    ended = simulacra("sample", trained("gan"), "--label", "Smiling=1")
    assert ended.code == 2
    assert "this model was trained without labels; leave out --label" in ended.err


@pytest.mark.parametrize("count", ["0", "-1"])
def test_no_sample_at_all_ends_with_2(count: str, trained: Any, simulacra: Run) -> None:
    assert simulacra("sample", trained("gan"), "-n", count).code == 2


def test_a_negative_seed_ends_with_2(trained: Any, simulacra: Run) -> None:
    ended = simulacra("sample", trained("gan"), "--seed", -1)
    assert ended.code == 2, ended.err


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_are_a_sheet_an_array_or_a_folder(
    channels: int, trained: Any, simulacra: Run, samples: Any, tmp_path: Path
) -> None:
    run = trained("gan", {"shape": (8, 8, channels)}, **{"data.channels": channels})
    array = samples(run, "-n", 11)
    sheet, folder = tmp_path / "deep" / "sheet.png", tmp_path / "many"
    for out in (sheet, folder):
        ended = simulacra("sample", run, "-n", 11, "--out", out)
        assert ended.code == 0
        assert ended.out == f"11 samples of {run} at step 3, seed 0: {out}\n"
    mode = "L" if channels == 1 else "RGB"
    with Image.open(sheet) as image:
        assert image.mode == mode
        first = np.asarray(image)[2:10, 2:10].reshape(8, 8, channels)
    assert np.array_equal(first, array[0])
    assert sorted(path.name for path in folder.iterdir()) == [f"{number:02d}.png" for number in range(11)]
    for number, expected in enumerate(array):
        with Image.open(folder / f"{number:02d}.png") as image:
            assert image.mode == mode
            assert np.array_equal(np.asarray(image).reshape(8, 8, channels), expected)


def test_the_case_of_an_ending_does_not_matter(trained: Any, simulacra: Run, tmp_path: Path) -> None:
    run = trained("gan")
    assert simulacra("sample", run, "-n", 2, "--out", tmp_path / "SHEET.PNG").code == 0
    with Image.open(tmp_path / "SHEET.PNG") as image:
        assert image.format == "PNG"
    assert simulacra("sample", run, "-n", 2, "--out", tmp_path / "array.NPY").code == 0
    assert np.load(tmp_path / "array.NPY").shape == (2, 8, 8, 3)


def test_a_folder_may_be_named_after_a_number(trained: Any, simulacra: Run, tmp_path: Path) -> None:
    ended = simulacra("sample", trained("gan"), "-n", 2, "--out", tmp_path / "kl-1.0")
    assert ended.code == 0, ended.err
    assert sorted(path.name for path in (tmp_path / "kl-1.0").iterdir()) == ["0.png", "1.png"]


@pytest.mark.parametrize(
    ("name", "form"), [("a.jpg", "JPEG"), ("a.JPEG", "JPEG"), ("a.webp", "WEBP"), ("a.tif", "TIFF"), ("a.bmp", "BMP")]
)
def test_a_picture_is_written_as_its_ending_says(
    name: str, form: str, trained: Any, simulacra: Run, tmp_path: Path
) -> None:
    ended = simulacra("sample", trained("gan"), "-n", 1, "--out", tmp_path / name)
    assert ended.code == 0, ended.err
    with Image.open(tmp_path / name) as image:
        assert (image.format, image.size) == (form, (8, 8))


@pytest.mark.parametrize("name", ["a.gif", "c.npz", "a.png.bak"])
def test_an_ending_of_another_kind_is_refused(name: str, trained: Any, simulacra: Run, tmp_path: Path) -> None:
    ended = simulacra("sample", trained("gan"), "--out", tmp_path / name)
    assert ended.code == 2
    assert f"--out {tmp_path / name}: expected FILE.png, FILE.npy or a folder" in ended.err
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("out", [".", "mine"])
def test_samples_go_into_no_folder_of_other_things(
    out: str, trained: Any, simulacra: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained("gan")
    place = tmp_path / "there" / out
    place.mkdir(parents=True)
    (place / "thesis.tex").write_text("mine")
    monkeypatch.chdir(tmp_path / "there")
    ended = simulacra("sample", run, "--out", out)
    assert ended.code == 2
    assert "is a folder with other files than samples (it has thesis.tex)" in ended.err
    assert [path.name for path in place.iterdir()] == ["thesis.tex"]


def test_samples_may_replace_samples(trained: Any, simulacra: Run, tmp_path: Path) -> None:
    run, out = trained("gan"), tmp_path / "v1.5"
    out.mkdir()
    for seed in (0, 1):
        assert simulacra("sample", run, "-n", 2, "--seed", seed, "--out", out).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["0.png", "1.png"]
    simulacra("sample", run, "-n", 11, "--out", out, code=0)
    simulacra("sample", run, "-n", 2, "--out", out, code=0)
    ended = simulacra("sample", run, "-n", 2, "--out", out, code=0)
    assert "in the place of 2 earlier ones" in ended.out
    assert sorted(path.name for path in out.iterdir()) == ["0.png", "1.png"], "nothing is left of more samples"


def test_numbered_pictures_of_others_are_never_replaced(trained: Any, simulacra: Run, tmp_path: Path) -> None:
    run, out = trained("gan"), tmp_path / "mine"
    out.mkdir()
    Image.new("RGB", (20, 10)).save(out / "0.png")
    before = (out / "0.png").read_bytes()
    ended = simulacra("sample", run, "-n", 2, "--out", out, code=2)
    assert "is a folder with other files than samples (it has 0.png); give a new one" in ended.err
    assert [path.read_bytes() for path in out.iterdir()] == [before]


@pytest.mark.parametrize("more", [("-n", 3), ("--seed", 0)])
def test_described_codes_leave_no_room_for_others(more: tuple[object, ...], trained: Any, simulacra: Run) -> None:
    ended = simulacra("sample", trained("gan"), "--codes", '{"seed": 1}', *more)
    assert ended.code == 2
    assert "--codes says which samples and how many; leave out -n and --seed" in ended.err


def test_a_label_is_given_once(trained: Any, simulacra: Run) -> None:
    ended = simulacra("sample", trained("acgan"), "--label", "Smiling=1", "--label", "Smiling=0")
    assert ended.code == 2
    assert "--label Smiling is given twice; give each label once" in ended.err


def test_more_samples_than_memory_holds_end_with_2(trained: Any, simulacra: Run, tmp_path: Path) -> None:
    run = trained("acgan")
    for count in (10**10, 10**30):
        ended = simulacra("sample", run, "-n", count, "--out", tmp_path / "many.npy")
        assert ended.code == 2
        assert ended.err.startswith(f"simulacra: -n {count}: so many samples take")
        assert ended.err.endswith("GB of memory; choose a smaller number\n")


def test_damaged_conditions_are_told_in_a_sentence(trained: Any, simulacra: Run) -> None:
    run = trained("acgan")
    (run / "conditions.npy").write_bytes(b"")
    ended = simulacra("sample", run)
    assert ended.code == 2
    assert "conditions.npy is missing or damaged; copy it from the original run, or train again" in ended.err


def test_a_kept_checkpoint_can_be_sampled(trained: Any, samples: Any, simulacra: Run) -> None:
    run = trained("gan", **{"every.checkpoint": 1})
    assert not np.array_equal(samples(run, "--step", 1), samples(run, "--step", 3))
    assert np.array_equal(samples(run), samples(run, "--step", 3))
    ended = simulacra("sample", run, "--step", 7)
    assert ended.code == 2
    assert "no checkpoint at step 7; it has: 1, 2, 3" in ended.err


def test_a_place_that_cannot_be_written_ends_with_2(trained: Any, simulacra: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = simulacra("sample", trained("gan"), "--out", tmp_path / "file" / "sheet.png")
    assert ended.code == 2, ended.err
    assert "cannot be written" in ended.err


def test_samples_are_drawn_from_the_ema_of_the_weights(trained: Any, samples: Any) -> None:
    run = trained("gan", ema=0.9)
    averaged = samples(run)
    path = run / "checkpoints" / "step-00000003.pt"
    state = torch.load(path, weights_only=True)
    torch.save(state | {"ema": {}}, path)
    assert not np.array_equal(averaged, samples(run))


def test_described_codes_are_drawn_from_the_line_or_from_a_file(trained: Any, samples: Any, tmp_path: Path) -> None:
    run = trained("acgan")
    seeded = samples(run, "-n", 1, "--seed", 4)
    assert np.array_equal(samples(run, "--codes", '{"seed": 4}'), seeded)
    (tmp_path / "codes.json").write_text('[{"seed": 4}, {"seed": 4, "overrides": {"1": 3}}]')
    two = samples(run, "--codes", tmp_path / "codes.json")
    assert two.shape == (2, 8, 8, 3)
    assert np.abs(two[0].astype(int) - seeded[0]).max() <= 1
    assert not np.array_equal(two[0], two[1])


def test_one_sample_is_written_as_it_is(trained: Any, simulacra: Run, samples: Any, tmp_path: Path) -> None:
    run = trained("gan")
    ended = simulacra("sample", run, "--codes", '{"seed": 1}', "--out", tmp_path / "one.png")
    assert ended.out == f"1 sample of {run} at step 3, by their codes: {tmp_path / 'one.png'}\n"
    with Image.open(tmp_path / "one.png") as image:
        assert np.array_equal(np.asarray(image), samples(run, "-n", 1, "--seed", 1)[0])


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ("nowhere.json", "--codes nowhere.json: neither JSON nor a file that can be read"),
        ('{"sead": 1}', "unknown key sead; did you mean seed?"),
        ('{"overrides": {"9": 1}}', "overrides.9: this model has only 3"),
        ('{"attributes": {"Male": 1}}', "attributes.Male: there is no direction for it"),
    ],
)
def test_a_wrong_description_of_codes_ends_with_2(codes: str, said: str, trained: Any, simulacra: Run) -> None:
    ended = simulacra("sample", trained("gan"), "--codes", codes)
    assert ended.code == 2
    assert said in ended.err


def test_a_label_that_no_training_image_had_is_warned_of(trained: Any, simulacra: Run, tmp_path: Path) -> None:
    run = trained("acgan")
    facts = json.loads((run / "run.json").read_text())
    facts["data"]["label_frequencies"] |= {"Male": 0.0, "Smiling": 1.0}
    (run / "run.json").write_text(json.dumps(facts))
    for word, warned in (("Male=1", True), ("Male=0", False), ("Smiling=0", True), ("Eyeglasses=1", False)):
        ended = simulacra("sample", run, "-n", 1, "--label", word, "--out", tmp_path / "x.png")
        assert (f"no training image had {word}, so these images show nothing of it" in ended.out) is warned
