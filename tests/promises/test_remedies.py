"""Remedies exist: every option, command and setting that a message of the program names is one that there is."""

import ast
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

import simulacra
from simulacra import cli
from simulacra.data.sources import avatars
from simulacra.errors import RecipeError
from simulacra.recipe import load, shipped

SRC = Path(simulacra.__file__).parent
FOREIGN = (
    "dask worker ",
    "npm ",
    "pip install",
    "torchrun ",
    "ulimit ",
)  # commands of others, with options of their own
NOT_PRINTED = {
    "cli/commands.py",
    "cli/options.py",
    "report/figures/__init__.py",
    "report/figures/style.py",
    "report/pdf.py",
}  # declarations, variables of CSS, and words of a browser
NO_MESSAGE = {"--error-unmatch", "--pack-destination", "--cache", "--loglevel"}  # words of git and npm
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
COMMAND = re.compile(r"simulacra (\w+)((?: (?:--?[a-z-]+|[A-Z][A-Za-z/]*|\{\}|[\w./-]*/[\w./-]+|folder|arrays|onnx))*)")
SETTING = re.compile(r"--set ('[^']*'|[a-z_.{}]+=[^ ,;)]*)")


def texts(path: Path) -> Iterator[str]:
    """All texts of a module but docstrings, with {} where something is filled in."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = list(ast.walk(tree))
    holders = [node for node in nodes if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)]
    skipped = {id(node.body[0].value) for node in holders if node.body and isinstance(node.body[0], ast.Expr)}
    skipped |= {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


MESSAGES = sorted(
    {
        (name, text)
        for path in SRC.rglob("*.py")
        if (name := path.relative_to(SRC).as_posix()) not in NOT_PRINTED
        for text in texts(path)
        if OPTION.search(text) or COMMAND.search(text)
    }
)


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    """Name -> command."""
    group: Any = typer.main.get_command(cli.app)
    return dict(group.commands)


def options_of(command: Any) -> set[str]:
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help"
    }


def test_there_are_messages_with_remedies() -> None:
    assert len(MESSAGES) > 100


def test_every_option_that_a_message_names_is_an_option_of_a_command(commands: dict[str, Any]) -> None:
    known = {option for command in commands.values() for option in options_of(command)}
    unknown = {
        (name, option)
        for name, text in MESSAGES
        if text not in NO_MESSAGE and not any(foreign in text for foreign in FOREIGN)
        for option in OPTION.findall(text)
        if option not in known
    }
    assert not unknown


def test_every_command_that_a_message_names_can_be_pasted(commands: dict[str, Any]) -> None:
    """A placeholder in capitals, or what is filled in, stands for a path or a value."""
    wrong = []
    for name, text in MESSAGES:
        for verb, rest in COMMAND.findall(text):
            if verb not in commands:
                if verb not in ("as", "export"):  # `import simulacra as sm`
                    wrong.append((name, verb))
                continue
            given = [word.replace("{}", "filled") for word in shlex.split(rest)]
            needed = [parameter for parameter in commands[verb].params if parameter.required]
            if unknown := {word for word in given if word.startswith("-")} - options_of(commands[verb]):
                wrong.append((name, f"{verb} {unknown}"))
            if not given:
                continue  # the name of the command alone
            missing = [
                parameter.name
                for parameter in needed
                if parameter.opts[0].startswith("-") and not set(parameter.opts) & set(given)
            ]
            if missing:
                wrong.append((name, f"{verb} without {missing}"))
    assert not wrong


def test_every_setting_that_a_message_names_is_a_key_of_some_recipe() -> None:
    wrong = []
    for name, text in MESSAGES:
        for words in SETTING.findall(text):
            key, _, value = words.strip("'").partition("=")
            if key == "{}" or ("." in key and "{}" in key.split(".")[1]) or value.startswith("..."):
                continue
            value = "0.5" if "{}" in value else value.rstrip(".")
            if not any(_is_taken(recipe, key, value) for recipe in shipped()):
                wrong.append((name, words))
    assert not wrong


def _is_taken(recipe: str, key: str, value: str) -> bool:
    """Whether a recipe knows the key; a value that another key forbids is no matter here."""
    try:
        load(recipe, [f"{key}={value}"])
    except RecipeError as error:
        return not re.search(r"unknown|not a key|no key|is no |there is no", str(error))
    return True


@pytest.mark.parametrize(
    ("family", "words"),
    [("vae", "sample {run} --step best --out {folder}/x.png"), ("gan", "compare {run} {other}")],
)
def test_what_a_command_refuses_it_does_once_the_command_in_its_message_is_pasted(
    family: str,
    words: str,
    simulacra: Callable[..., Any],
    trained_once: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    changes: dict[str, Any] = {"steps": 2, "every.log": 1, "every.checkpoint": 2, "every.evaluate": []}
    run, other = (
        trained_once(family, {"count": 60, "held_out": 10}, name, **changes) for name in ("my run", "my other run")
    )
    asked = [word.format(run=run, other=other, folder=tmp_path) for word in words.split()]
    pasted = []
    while (ended := simulacra(*asked)).code == 2:
        *_, command = re.findall(r"simulacra (\w+ .*)", ended.err)
        assert command not in pasted, "it helped"
        pasted.append(command)
        for each in command.split(" && simulacra "):
            assert simulacra(*shlex.split(each)).code == 0, each
    assert ended.code == 0, ended.err
    assert pasted


PICTURES = "photos"
# Command of a message, by file -> what a user did that led to it; or why it is not run here.
SITUATIONS: dict[tuple[str, str], str] = {
    ("data/sources/__init__.py", "pack folder {} --out stores/mine"): "pack avatars photos --out stores/mine",
    ("data/sources/__init__.py", "pack {} {} --out {}"): "pack photos --out new",
    ("data/sources/celeba.py", "pack folder {} --out stores/mine"): "not run: CelebA's tables, in data/sources",
    ("data/sources/scan.py", "pack arrays PATH --out STORE"): "pack folder arrays --out stores/arrays",
    ("data/store.py", "pack folder {} --out {}"): "audit photos",
    ("data/store.py", "pack avatars --count"): "audit nowhere",
    ("engine/checkpoints.py", "best {}"): "sample vae --step best --out x.png",
    ("exporting/card.py", "evaluate RUN"): "not run: of a card; tests of exporting run what a card says",
    ("exporting/card.py", "sample . -n 8 --out more-samples.png"): "not run: of a card, as above",
    ("exporting/card.py", "report . --out report-of-export.html"): "not run: of a card, as above",
    ("exporting/model.py", "export RUN --out DIR"): "not run: of the Python API; the command stands on every page",
    ("report/__init__.py", "report runs/NAME"): "not run: of the Python API; the command line asks for runs itself",
    ("report/sections/__init__.py", "evaluate {}"): "not run: on a page; verbs/test_evaluate.py evaluates runs",
    ("recipe.py", "recipes"): "summary demo-vea",
    ("recipe.py", "recipes --for"): "train tiny.toml --data store --set data.labels=all --out new",
    ("runs.py", "train demo-vae --data avatars --out {}"): "sample nowhere",
    ("studies/file.py", "study list"): "study nothing",
    ("studies/page.py", "report {}"): "not run: verbs/test_study.py runs a study, and its page",
    ("studies/page.py", "explore {}"): "not run: it ends with Ctrl-C",
    ("verbs/edit.py", "pack folder {} --labels TABLE {} --out stores/labelled"): "not run: verbs/test_edit.py",
    ("verbs/evaluate.py", "report {}"): "not run: verbs/test_evaluate.py writes the report again",
    ("verbs/report.py", "compare{} RUN"): "compare vae",
    ("verbs/study.py", "study new my-study.toml"): "study new",
    ("verbs/study.py", "study {} --dry-run"): "not run: verbs/test_study.py",
    ("verbs/demo.py", "explore {}"): "not run: it ends with Ctrl-C",
}


def test_every_command_of_a_message_has_a_situation_in_which_it_is_run() -> None:
    named = {
        (name, match[0].removeprefix("simulacra ").strip())
        for name, text in MESSAGES
        for match in re.finditer(r"simulacra \w+[^;,`)]*", text)
        if (verb := match[0].split()[1]) != "as" and " " in match[0].removeprefix(f"simulacra {verb}")
    }
    missing = [
        (name, command)
        for name, command in sorted(named)
        if not any(file == name and command.startswith(known[: len(command)]) for file, known in SITUATIONS)
    ]
    assert not missing


@pytest.mark.parametrize(
    ("name", "words"), [(key[1], words) for key, words in SITUATIONS.items() if not words.startswith("not run")]
)
def test_the_command_in_a_message_runs_from_where_the_user_stands(
    name: str,
    words: str,
    simulacra: Callable[..., Any],
    trained_once: Callable[..., Path],
    recipe_file: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    changes: dict[str, Any] = {"steps": 2, "every.log": 1, "every.checkpoint": 2, "every.evaluate": []}
    if words.startswith(("sample vae", "compare", "train")):
        for run in ("vae", "other"):
            trained_once("vae", {"count": 60, "held_out": 10}, run, **changes)
    recipe_file("gan").rename("tiny.toml")
    random = np.random.default_rng(0)
    Path(PICTURES).mkdir()
    for number in range(8):
        Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(f"{PICTURES}/{number}.png")
    Path("arrays").mkdir()
    np.save("arrays/pictures.npy", random.integers(0, 256, (8, 8, 8, 3), np.uint8))
    ended = simulacra(*words.split())
    assert ended.code in (0, 2)
    *_, command = re.findall(r"simulacra (\w+[^:;,`)(\n]*)", ended.err)
    filled = command.replace("PATH", "arrays/pictures.npy").replace("STORE", "stores/more").replace("RUN", "other")
    pasted = shlex.split(re.sub(r" (lists them|says more of them)$", "", filled))
    if pasted[0] == "train":  # shortened
        monkeypatch.setattr(avatars, "COUNT", 60)
        pasted += ["--steps", "1", "--set", "data.batch=2", "--no-report"]
    again = simulacra(*pasted)
    said_nothing_to_compare = pasted[0] == "compare" and "simulacra evaluate" in again.err
    assert again.code == 0 or said_nothing_to_compare, (command, again.err)
