"""Files that are damaged in every way: an answer or one sentence, and no other file is touched."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

JUNK = ("null", "[]", "{}", '{"format": 99}', "9" * 400, '{"a": ' * 3_000, "\x00\x01", "NaN", "=cmd|' /C calc'!A0")
DAMAGES = ("emptied", "cut", "bits flipped", "a stretch of zeros", "doubled", "junk", "a folder", "gone")
OF_A_RUN: dict[str, tuple[object, ...]] = {
    "evaluate": ("evaluate", "RUN", "--count", 10, "--features", "random-vgg", "--only", "quality"),
    "report": ("report", "RUN", "--out", "OUT/page.html"),
    "sample": ("sample", "RUN", "--count", 2, "--out", "OUT/samples.npy"),
    "diagnose": ("diagnose", "RUN"),
    "compare": ("compare", "RUN", "RUN"),
    "export": ("export", "RUN", "--out", "OUT/exported"),
    "train": ("train", "RUN/recipe.toml", "--data", "STORE", "--no-report", "--out", "RUN"),
    "summary": ("summary", "RUN/recipe.toml"),
}
TRIED = 8  # damages that a command meets for each attempt
TRIED_OF_REPORTS = 1  # a report takes seconds
PICTURES = ("png", "jpg", "gif", "bmp", "tif", "webp", "ppm")


def damage(path: Path, how: str, chance: random.Random) -> None:
    """Damages a file in one of the ways of DAMAGES."""
    content = bytearray(path.read_bytes())
    place = chance.randrange(len(content) + 1)
    match how:
        case "emptied":
            content.clear()
        case "cut":
            del content[place:]
        case "bits flipped":
            for _ in range(min(20, len(content))):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        case "a stretch of zeros":
            content[place : place + 512] = bytes(len(content[place : place + 512]))
        case "doubled":
            content += bytes(content)
        case "junk":
            content = bytearray(chance.choice(JUNK).encode())
        case "a folder" | "gone":
            path.unlink()
            if how == "a folder":
                path.mkdir()
            return
    path.write_bytes(content)


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("verb", OF_A_RUN)
@pytest.mark.parametrize("family", ["vae", "acgan"])
def test_a_run_that_is_damaged_is_answered_and_nothing_of_it_is_lost(
    verb: str,
    family: str,
    answer: Callable[..., str],
    attempts: int,
    copies: Callable[[Path], Path],
    trained_once: Callable[..., Path],
    tmp_path: Path,
) -> None:
    run, chance = trained_once(family, {"count": 60, "held_out": 10}), random.Random(f"{verb} {family}")
    files = [path for path in sorted(run.rglob("*")) if path.is_file() and path.name != ".lock"]
    (tmp_path / "out").mkdir()
    for _ in range((TRIED_OF_REPORTS if verb == "report" else TRIED) * attempts):
        copy, how = copies(run), chance.choice(DAMAGES)
        victim = copy / chance.choice(files).relative_to(run)
        damage(victim, how, chance)
        before = contents(copy)
        names = {"RUN": str(copy), "OUT": str(tmp_path / "out"), "STORE": str(tmp_path / "store")}
        words = [str(word) for word in OF_A_RUN[verb]]
        for name, path in names.items():
            words = [word.replace(name, path) for word in words]
        answer(*words, why=(victim.name, how))
        lost = {path for path in before if not path.exists() and path != victim and path.name != ".lock"}
        assert not lost or verb == "train", (victim.name, how, lost)


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "RUN", "--count", 10),
        ("audit", "STORE"),
        ("train", "RECIPE", "--data", "STORE", "--no-report", "--out", "OUT"),
    ],
)
def test_a_store_that_is_damaged_is_answered(
    words: tuple[object, ...],
    answer: Callable[..., str],
    attempts: int,
    copies: Callable[[Path], Path],
    trained_once: Callable[..., Path],
    recipe_file: Callable[..., Path],
    tmp_path: Path,
) -> None:
    run, chance = trained_once("vae", {"count": 60, "held_out": 10}), random.Random(str(words))
    recipe = recipe_file("vae", **{"steps": 1, "every.log": 1})
    store, kept = tmp_path / "store", tmp_path / "kept"
    store.rename(kept)
    files = [path for path in sorted(kept.rglob("*")) if path.is_file()]
    for number in range(TRIED * attempts):
        how, chosen = chance.choice(DAMAGES), chance.choice(files)
        copies(kept).parent.joinpath("kept").rename(store)
        damage(store / chosen.relative_to(kept), how, chance)
        names = {"RUN": run, "STORE": store, "RECIPE": recipe, "OUT": tmp_path / f"out-{number}"}
        answer(*[names.get(str(word), word) for word in words], why=(chosen.name, how))
        store.rename(tmp_path / f"used-{number}")


@pytest.mark.parametrize("ending", PICTURES)
def test_a_picture_that_is_damaged_is_answered(
    ending: str, answer: Callable[..., str], attempts: int, tmp_path: Path
) -> None:
    chance = random.Random(ending)
    for number in range(TRIED * attempts):
        source = tmp_path / f"pictures-{number}"
        source.mkdir()
        for name in range(3):
            mode = chance.choice(("L", "RGB"))
            pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3)[: 2 if mode == "L" else 3], np.uint8)
            Image.fromarray(pixels).save(source / f"{name}.{ending}")
        how = chance.choice(DAMAGES)
        damage(source / f"1.{ending}", how, chance)
        out = tmp_path / f"store-{number}"
        answer("pack", "folder", source, "--size", 8, "--out", out, "--keep-going", why=how)


def test_a_table_that_is_damaged_is_answered(answer: Callable[..., str], attempts: int, tmp_path: Path) -> None:
    source, table, chance = tmp_path / "pictures", tmp_path / "labels.csv", random.Random("table")
    source.mkdir()
    for number in range(4):
        Image.fromarray(np.full((16, 16, 3), 60 * number, np.uint8)).save(source / f"{number}.png")
    for number in range(2 * TRIED * attempts):
        rows = [f"{name}.png,{name % 2},{1 - name % 2}" for name in range(4)]
        table.unlink(missing_ok=True) if not table.is_dir() else table.rmdir()
        table.write_text("\n".join(["file,Smiling,Male", *rows]), "utf-8")
        how = chance.choice(DAMAGES)
        damage(table, how, chance)
        out = tmp_path / f"store-{number}"
        answer("pack", "folder", source, "--labels", table, "--size", 8, "--out", out, why=how)
