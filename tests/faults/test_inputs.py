"""Words, codes, recipes and studies that are odd or hostile: each is answered, or refused in a sentence."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from simulacra.recipe import to_toml

ODD: tuple[object, ...] = (
    *("", " ", "0", "-1", "1e999", "nan", "inf", "-inf", "true", "null", "[]", "{}", "[[]]", '"', "'", "\\", "é", "🙂"),
    *(
        "../../etc/passwd",
        "/dev/zero",
        "/dev/stdin",
        "~nobody/x",
        "a" * 5_000,
        "0x10",
        "1_000",
        "10" * 40,
        "[1, 2",
        "a=b",
    ),
    *("\x00", "\n", "\x1b[2J", "$(touch PWNED)", "`touch PWNED`", "__import__('os').system('touch PWNED')", "%s%n"),
    *("<script>alert(1)</script>", "../" * 40, "[nan]", "[1e400, 2]", "{a = 1}", "2026-01-01", "-", "--help", "*"),
)
VALUES: tuple[Any, ...] = (
    0,
    -1,
    1,
    2**63,
    10**30,
    -0.5,
    1e-320,
    float("nan"),
    float("inf"),
    True,
    "",
    "x",
    [],
    [1],
    {},
)
pytestmark = pytest.mark.usefixtures("nothing_is_carried_out")

TRIED = 40  # inputs of each door for each attempt
TRIED_OF_SLOW = 15  # of doors that take longer


def doors(table: dict[str, Any], above: str = "") -> list[str]:
    """Dotted keys of a table, those of inner tables too."""
    keys = []
    for key, value in table.items():
        keys.append(f"{above}{key}")
        if isinstance(value, dict):
            keys += doors(value, f"{above}{key}.")
    return keys


def with_value(table: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of a table in which a dotted key has another value."""
    copy = json.loads(json.dumps(table))
    inner, (*above, last) = copy, key.split(".")
    for part in above:
        inner = inner[part]
    inner[last] = value
    return dict(copy)


@pytest.mark.parametrize("family", ["vae", "acgan", "infogan"])
def test_recipes_and_settings(
    family: str, answer: Callable[..., str], attempts: int, tiny: Callable[..., Any], make_store: Callable[..., Path]
) -> None:
    import tomllib

    table, chance, store = tomllib.loads(to_toml(tiny(family))), random.Random(family), make_store()
    for number in range(TRIED * attempts):
        key, value = chance.choice(doors(table)), chance.choice(VALUES)
        path = Path(f"recipe-{number}.toml")
        path.write_text(tomli_w.dumps(with_value(table, key, value)), "utf-8")
        answer("summary", path, why=(key, value))
        key, value = chance.choice(doors(table)), chance.choice(ODD)
        path.write_text(to_toml(tiny(family)), "utf-8")
        answer("summary", path, "--set", f"{key}={value}", why=(key, value))
        if number % 8 == 0:
            answer(
                "train", path, "--data", store, "--set", f"{key}={value}", "--out", f"run-{number}", why=(key, value)
            )


@pytest.mark.parametrize("family", ["vae", "acgan"])
def test_codes(family: str, answer: Callable[..., str], attempts: int, trained_once: Callable[..., Path]) -> None:
    run, chance = trained_once(family), random.Random(family)
    keys = ("seed", "labels", "overrides", "principal_directions", "noise", "count", "latent", "x", "start", "end")
    for _ in range(TRIED_OF_SLOW * attempts):
        value = chance.choice((*ODD, *VALUES))
        codes = chance.choice((json.dumps({chance.choice(keys): value}), json.dumps(value), str(value)))
        answer("sample", run, f"--codes={codes}", "--out", "samples.png", why=codes)
        answer("sample", run, f"--label={chance.choice(ODD)}", "--out", "samples.png")


def test_words_of_every_command(answer: Callable[..., str], attempts: int, trained_once: Callable[..., Path]) -> None:
    run, chance = trained_once("vae"), random.Random("words")
    commands: tuple[tuple[object, ...], ...] = (
        ("evaluate", run, "--count"),
        ("evaluate", run, "--features"),
        ("evaluate", run, "--only"),
        ("evaluate", run, "--step"),
        ("sample", run, "--seed"),
        ("sample", run, "--out"),
        ("export", run, "--format"),
        ("report",),
        ("compare", run),
        ("train",),
        ("train", "demo-vae", "--data"),
        ("train", "demo-vae", "--seed"),
        ("pack", "folder"),
        ("pack",),
        ("audit",),
        ("diagnose",),
        ("best", run, "--metric"),
        ("study",),
        ("summary",),
        ("bench",),
    )
    for _ in range(TRIED * attempts):
        words, value = chance.choice(commands), chance.choice(ODD)
        if "demo-vae" in words and str(value).strip().lstrip("-").isdigit():
            continue  # a seed that is a number trains the whole demo
        answer(*words, value, why=(words, value))


def test_studies(
    answer: Callable[..., str], attempts: int, recipe_file: Callable[..., Path], make_store: Callable[..., Path]
) -> None:
    budget = {"images": 40, "seeds": 2, "samples": 10, "features": "random-vgg"}
    table: dict[str, Any] = {
        "claim": "A larger KL weight makes reconstructions worse.",
        "source": "a test",
        "recipe": str(recipe_file("vae")),
        "data": str(make_store(60, held_out=10)),
        "cases": {"light": {"objective": {"kl_weight": 0.01}}, "heavy": {"objective": {"kl_weight": 5.0}}},
        "question": {"kind": "better"},
        "measures": [{"metric": "reconstruction_mse", "direction": "higher"}],
        "full": budget,
        "quick": budget,
    }
    chance, path = random.Random("study"), Path("study.toml")
    for _ in range(TRIED_OF_SLOW * attempts):
        key, value = chance.choice(doors(table)), chance.choice((*VALUES, *ODD))
        changed = with_value(table, key, value)
        path.write_text(tomli_w.dumps(changed), "utf-8")
        answer("study", path, "--dry-run", why=(key, value))
