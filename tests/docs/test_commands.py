"""Every command in the README and the other pages parses; those marked `sh run` run.

A fenced block whose first word is sh, bash, shell or console holds commands. `sh run` says that they are cheap: all
such blocks of a page are run in order, in one empty folder, trainings cut to two updates, avatars to 240, measured
samples to 20, and the search for the code of an image to a few steps.
"""

import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from simulacra import cli
from simulacra.data.sources import avatars
from simulacra.evaluation.metrics import disentanglement, reconstruction
from simulacra.recipe import load, parse_assignment, shipped
from simulacra.report import page as report_page
from simulacra.report.figures import blank, draw

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELLS = ("sh", "bash", "shell", "console")
ENDS = {"|", ">", ">>", "<", "&", "&&", "||", ";", "2>", "&>"}
SHORT = ["--steps", "2", "--set", "every.log=1", "--set", "every.checkpoint=2", "--set", "data.batch=4"]


class Command(NamedTuple):
    """One command of a page: where it stands, its words, and whether it is to be run."""

    page: str
    line: int
    words: list[str]
    run: bool


def commands(page: Path) -> list[Command]:
    """All commands in the fenced blocks of a page."""
    found, fence, words, carried = [], "", [], ""
    for number, line in enumerate(page.read_text("utf-8").splitlines() if page.exists() else [], 1):
        if mark := re.match(r"\s*(```+|~~~+)\s*(.*)", line):
            fence, words = ("", []) if fence else (mark[1], mark[2].split())
        elif words and words[0] in SHELLS:
            text = carried + line.strip().removeprefix("$ ")
            carried = text[:-1] if text.endswith("\\") else ""
            if not carried:
                found += [
                    Command(page.name, number, part, "run" in words[1:])
                    for part in split(shlex.split(text, comments=True))
                ]
    return found


def split(words: list[str]) -> list[list[str]]:
    """The commands of one line of a shell, without what redirects their output."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in ENDS:
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


EVERY = [command for page in PAGES for command in commands(page)]
OURS = [command for command in EVERY if Path(command.words[0]).name == "simulacra"]


def parse(words: list[str]) -> dict[str, Any]:
    """What the command line makes of a command's words; raises what it would refuse them with."""
    group: Any = typer.main.get_command(cli.app)
    name, *rest = words
    assert name in (*group.commands, "--help", "--version"), f"no such command: {name}"
    if name not in group.commands:
        return {"command": name}
    parent = group.make_context("simulacra", list(words), resilient_parsing=True)
    with group.commands[name].make_context(name, rest, parent=parent) as context:
        return {"command": name} | context.params


def shortened(words: list[str]) -> list[str]:
    """The same command with little to do."""
    words = list(words)
    if words[0] == "train":
        for option in ("--steps", "--epochs", "--minutes"):
            if option in words:
                at = words.index(option)
                del words[at : at + 2]
        return [*words, *SHORT]
    if words[0] == "evaluate":
        at = words.index("-n")
        return [*words[:at], *words[at + 2 :], "-n", "20", "--features", "random-vgg"]
    if words[:2] == ["pack", "avatars"]:
        if "--count" in words:
            at = words.index("--count")
            del words[at : at + 2]
        return [*words, "--count", "240"]
    return words


def test_the_readme_shows_commands_and_some_of_them_run() -> None:
    assert (ROOT / "README.md").is_file()
    shown = [command for command in OURS if command.page == "README.md"]
    assert {command.words[1] for command in shown} >= {"train", "sample", "report"}
    assert any(command.run for command in OURS)


@pytest.mark.parametrize("command", OURS, ids=lambda one: f"{one.page}:{one.line}")
def test_every_command_of_a_page_parses(command: Command) -> None:
    parsed = parse(command.words[1:])
    if parsed["command"] in ("train", "summary") and str(parsed["recipe"]) in shipped():
        load(parsed["recipe"], dict(parse_assignment(text) for text in parsed["changes"] or []))
    elif parsed["command"] in ("train", "summary"):
        assert str(parsed["recipe"]).endswith(".toml") or str(parsed["recipe"]).isupper(), "there is no such recipe"


@pytest.mark.parametrize(
    "words", [["fly"], ["train"], ["train", "demo-vae", "--stepz", "3"], ["train", "demo-vae", "--steps", "many"]]
)
def test_a_command_that_is_wrong_does_not_parse(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"[Nn]o such|[Mm]issing|valid integer|required"):
        parse(words)


@pytest.mark.parametrize("page", sorted({command.page for command in EVERY if command.run}))
def test_every_command_marked_so_runs(
    page: str, simulacra: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(avatars, "COUNT", 240)
    monkeypatch.setattr(reconstruction, "invert", partial(reconstruction.invert, steps=3, starts=1))
    if page != "README.md":  # drawing takes longer than everything else; tests/report draws every figure
        drawn = draw(blank())
        monkeypatch.setattr(report_page, "draw", lambda figure: drawn)
    monkeypatch.setattr(disentanglement, "SPLITS", dict.fromkeys(disentanglement.SPLITS, 1))
    for command in EVERY:
        if command.run and command.page == page:
            assert command.words[0] == "simulacra", f"line {command.line} cannot be run here; take the word run away"
            ended = simulacra(*shortened(command.words[1:]))
            assert ended.code == 0, f"line {command.line}: {ended.err}"


def test_every_command_is_shown_on_some_page() -> None:
    group: Any = typer.main.get_command(cli.app)
    assert set(group.commands) <= {command.words[1] for command in OURS if len(command.words) > 1}


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "benchmarks" / "LOG.md"]:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)[^)]*\)", page.read_text("utf-8")):
            if re.match(r"[a-z]+:", target):
                continue
            path = page.parent / target if target else page
            assert path.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(path), f"{page.name}: {target}#{anchor}"
