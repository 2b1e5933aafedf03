"""docs/new-family.md, followed to the letter: its blocks are applied to a copy of the tree, and its commands run."""

import importlib.util
import re
import shlex
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "new-family.md").read_text("utf-8")
SHORT = ["--steps", "2", "--set", "every.log=1", "--set", "every.checkpoint=2", "--set", "data.batch=4", "--no-report"]


class Block(NamedTuple):
    """A fenced block: the words behind its fence, and its text."""

    words: list[str]
    text: str


BLOCKS = [Block(words.split(), text) for words, text in re.findall(r"^```([^\n]+)\n(.*?)^```$", PAGE, re.M | re.S)]


def apply(block: Block, root: Path) -> None:
    """Does to a tree what a block says."""
    if block.words[0] == "diff":
        minus, plus, *lines = block.text.splitlines(keepends=True)
        assert minus.split() == ["---", plus.split()[1]]
        path = root / plus.split()[1]
        old, new = ("".join(line[1:] for line in lines if line[0] in marks) for marks in (" -", " +"))
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{path.relative_to(root)} has these lines {text.count(old)} times:\n{old}"
        path.write_text(text.replace(old, new), "utf-8")
    elif len(block.words) == 2:
        path = root / block.words[1]
        assert not path.exists(), f"{block.words[1]} is said to be new"
        path.write_text(block.text, "utf-8")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the tree with the page applied, its package imported anew from there."""
    root = tmp_path / "tree"
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (root / "tests").mkdir()
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, root / name)
    for path in root.rglob("*"):  # a checkout may be read-only
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    for block in BLOCKS:
        apply(block, root)
    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "simulacra"}
    for name in ours:
        del sys.modules[name]
    monkeypatch.syspath_prepend(root / "src")
    monkeypatch.chdir(root)
    yield root
    for name in [name for name in sys.modules if name.split(".")[0] == "simulacra"]:
        del sys.modules[name]
    sys.modules.update(ours)


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line of the package in the tree."""
    from simulacra import cli

    monkeypatch.setattr(sys, "argv", words)
    cli.main()


def test_the_page_leads_to_a_family_that_trains(
    tree: Path, make_store: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import simulacra

    assert Path(simulacra.__file__).is_relative_to(tree)
    store = make_store(shape=(64, 64, 3))
    shell = next(block for block in BLOCKS if block.words[0] == "sh")
    lines = [shlex.split(line) for line in shell.text.splitlines() if line.startswith("simulacra ")]
    assert [words[1] for words in lines] == ["summary", "train", "sample"]
    for words in lines:
        short = [str(store) if word == "avatars" else word for word in words]
        with pytest.raises(SystemExit) as left:
            run(short + (SHORT if words[1] == "train" else []), monkeypatch)
        assert left.value.code == 0, capsys.readouterr().err
    assert "autoencoder moves" in capsys.readouterr().out
    drawn = {path.stem for path in Path("runs/ae/pictures").glob("*.npz")}
    assert drawn >= {"samples", "reconstructions", "fixed-00000002"}
    assert Path("samples.png").is_file()


def test_the_page_names_every_place_that_must_know_of_a_family(tree: Path) -> None:
    from simulacra.objectives import FAMILIES
    from simulacra.recipe import load, shipped
    from simulacra.report.glossary import of_family
    from simulacra.settings.objectives import FULL_NAMES

    assert set(FAMILIES) == set(FULL_NAMES)
    assert of_family("ae") == "plain autoencoder"
    spec = importlib.util.spec_from_file_location("conftest_of_the_tree", tree / "tests" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    conftest: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    assert set(conftest.TINY) == set(FAMILIES)
    assert "avatars-ae" in shipped()
    assert load("avatars-ae").objective.family == "ae"


def test_the_tree_itself_is_as_it_was() -> None:
    from simulacra.objectives import FAMILIES

    assert "ae" not in FAMILIES
