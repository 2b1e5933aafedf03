"""The command line: what it prints, and with which code it leaves."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from simulacra import __version__, cli
from simulacra.cli.options import WORK
from simulacra.objectives import build, summarize
from simulacra.recipe import Recipe, load, shipped

Run = Callable[..., Any]

COMMANDS = {
    "recipes",
    "summary",
    "pack",
    "audit",
    "train",
    "sample",
    "report",
    "evaluate",
    "best",
    "diagnose",
    "compare",
    "export",
    "edit",
    "demo",
    "bench",
}


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes the next command raise something."""

    def make(error: BaseException) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(cli.commands, "print_table", fail)

    return make


def test_every_command_is_there_and_has_a_help(simulacra: Run) -> None:
    said = simulacra("--help")
    assert said.code == 0
    command: Any = typer.main.get_command(cli.app)
    assert set(command.commands) >= COMMANDS
    for name in command.commands:
        assert re.search(rf"\b{name}\b", said.out)
        ended = simulacra(name, "--help")
        assert ended.code == 0
        assert "Usage" in ended.out


def test_every_option_has_a_help() -> None:
    command: Any = typer.main.get_command(cli.app)
    for name, one in command.commands.items():
        for parameter in one.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_the_version_is_told(simulacra: Run) -> None:
    assert simulacra("--version") == (0, f"simulacra {__version__}\n", "")


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["train"],
        ["recipes", "--colour"],
        ["train", "demo-vae", "--steps", "many"],
        ["summary", "demo-vea"],
        ["summary", "demo-vae", "--set", "steps"],
        ["summary", "demo-vae", "--set", "step=3"],
        ["summary", "demo-vae", "--set", "data.size=33"],
        ["audit", "nowhere"],
        ["report", "nowhere"],
        ["sample", "nowhere"],
        ["pack", "folder", "nowhere", "--out", "out"],
        ["pack", "photos", "nowhere", "--out", "out"],
        ["pack", "avatars", "--size", "huge", "--out", "out"],
        ["train", "demo-vae", "--data", "nowhere", "--out", "out"],
        ["train", "celeba-dcgan", "--out", "out"],
        ["train", "demo-vae", "--steps", "0"],
        ["train", "demo-vae", "--steps", "-3"],
        ["train", "demo-vae", "--minutes", "0"],
        ["train", "demo-vae", "--seed", "-1"],
        ["demo", "--minutes", "0", "--out", "out"],
        ["demo", "--minutes", "nan", "--out", "out"],
        ["summary", "demo-vae", "--set", "networks.encoder.kernel=1000000000"],
        ["summary", "demo-vae", "--set", "objective.latent=100000000000000000000"],
        ["bench", "demo-vae", "--set", "data.batch=1000000000000"],
    ],
    ids=" ".join,
)
def test_the_users_mistake_ends_with_2_and_one_sentence(
    words: list[str], simulacra: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = simulacra(*words)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.strip()
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists(), "nothing is left behind"


def test_a_mistake_is_told_in_one_line(simulacra: Run) -> None:
    ended = simulacra("summary", "demo-vea")
    assert ended.err == (
        "simulacra: there is no recipe 'demo-vea'; did you mean demo-vae? (simulacra recipes lists them)\n"
    )


def test_our_fault_ends_with_1_a_traceback_and_a_request_to_report_it(simulacra: Run, raising: Any) -> None:
    raising(ZeroDivisionError("by us"))
    ended = simulacra("recipes")
    assert ended.code == 1
    assert "Traceback" in ended.err
    assert "ZeroDivisionError: by us" in ended.err
    assert ended.err.endswith("this is our fault, not yours; please report it with the lines above\n")
    assert __version__ in ended.err


def test_a_file_that_ends_too_early_is_not_taken_for_a_key(simulacra: Run, raising: Any) -> None:
    raising(EOFError("by us"))
    ended = simulacra("recipes")
    assert ended.code == 1
    assert "EOFError: by us" in ended.err
    assert "Aborted" not in ended.err


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory"), RuntimeError("out of memory")]
)
def test_too_little_memory_is_told_in_a_sentence(error: Exception, simulacra: Run, raising: Any) -> None:
    raising(error)
    ended = simulacra("recipes")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "simulacra: that takes more memory than this machine has; choose smaller numbers\n"


def test_ctrl_c_while_the_command_line_is_loaded_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from simulacra.__main__ import main

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.__import__", interrupted)
    with pytest.raises(SystemExit) as leave:
        main()
    monkeypatch.undo()
    assert leave.value.code == 130
    assert capsys.readouterr().err == "simulacra: stopped; the same command begins this again\n"


def test_ctrl_c_ends_with_130_and_a_sentence(simulacra: Run, raising: Any) -> None:
    raising(KeyboardInterrupt())
    ended = simulacra("recipes")
    assert ended.code == 130
    assert "simulacra: stopped; the same command begins this again" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("words", [("sample", "run"), ("edit", "run", "me.png")])
def test_several_labels_in_one_option_are_refused_with_the_options_to_give(simulacra: Run, words: Any) -> None:
    ended = simulacra(*words, "--label", "Male=1, Pale Skin=0", code=2)
    assert "give each label an option of its own: --label Male=1 --label 'Pale Skin=0'" in ended.err
    assert "holds no run" in simulacra("sample", "run", "--label", "a,b=1", code=2).err  # may be the name of a label


def test_recipes_as_json(simulacra: Run) -> None:
    ended = simulacra("recipes", "--json")
    rows = json.loads(ended.out)
    assert sorted(row["name"] for row in rows) == shipped()
    keys = {"name", "title", "family", "data", "labels", "minutes", "for", "measured"}
    assert all(set(row) == keys and row["for"] and row["measured"] for row in rows)
    (row,) = (row for row in rows if row["name"] == "celeba-dcgan")
    assert (row["family"], row["data"], row["labels"], row["minutes"]) == ("gan", "celeba", False, None)
    assert row["title"] == load("celeba-dcgan").title


def test_recipes_as_a_table(simulacra: Run) -> None:
    said = simulacra("recipes").out
    assert all(name in said for name in shipped())


@pytest.mark.parametrize(
    ("purpose", "there", "not_there"),
    [
        ("photos", "faces-fast", "garments-fast"),
        ("garments", "garments-fast", "faces-fast"),
        ("drawings", "demo-vae", "faces-fast"),
        ("labels", "celeba-acgan", "celeba-dcgan"),
    ],
)
def test_recipes_for_a_purpose(purpose: str, there: str, not_there: str, simulacra: Run) -> None:
    names = [row["name"] for row in json.loads(simulacra("recipes", "--for", purpose, "--json").out)]
    assert there in names
    assert not_there not in names


def test_a_purpose_that_is_not_there_is_refused_with_those_that_are(simulacra: Run) -> None:
    ended = simulacra("recipes", "--for", "cats")
    assert (ended.code, ended.err) == (2, "simulacra: --for cats: known: drawings, garments, labels, photos\n")


def test_the_commands_come_in_the_order_of_work_with_an_example(simulacra: Run) -> None:
    said = simulacra()
    text = said.out + said.err
    places = [text.index(f"│ {name} ") for name in ("demo", "pack", "train", "sample", "evaluate", "report", "export")]
    assert places == sorted(places)
    assert "simulacra train demo-dcgan --data avatars" in text
    command: Any = typer.main.get_command(cli.app)
    assert {name for names in WORK.values() for name in names} == set(command.commands)


def test_a_summary_as_json(simulacra: Run, recipe_file: Callable[..., Path], tiny: Callable[..., Recipe]) -> None:
    path = recipe_file("acgan")
    found = json.loads(simulacra("summary", path, "--json").out)
    expected = summarize(build(tiny("acgan")))
    assert found == {"recipe": str(path)} | expected
    assert set(found) == {"recipe", "networks", "players", "parameters"}
    assert set(found["networks"]["generator"]) == {"parameters", "layers"}
    assert set(found["networks"]["generator"]["layers"][0]) == {"layer", "shape", "parameters"}
    assert found["players"]["discriminator"]["parameters"] == sum(
        found["networks"][name]["parameters"] for name in ("discriminator", "source", "label")
    )


def test_a_summary_as_tables(simulacra: Run, recipe_file: Callable[..., Path], family: str) -> None:
    path = recipe_file(family)
    numbers = json.loads(simulacra("summary", path, "--json").out)
    said = simulacra("summary", path).out
    for name, network in numbers["networks"].items():
        assert f"{name}: {network['parameters']:,} parameters" in said
        assert all(row["layer"] in said for row in network["layers"])
    assert f"parameters in all: {numbers['parameters']:,}" in said


@pytest.mark.parametrize("change", ["objective.latent=99999999999999", "networks.encoder.kernel=1000"])
def test_a_summary_of_whatever_size_takes_no_memory(change: str, simulacra: Run) -> None:
    assert json.loads(simulacra("summary", "demo-vae", "--json", "--set", change).out)["parameters"] > 10**10


def test_a_setting_of_the_command_line_reaches_the_recipe(simulacra: Run) -> None:
    plain = json.loads(simulacra("summary", "demo-vae", "--json").out)
    wider = json.loads(simulacra("summary", "demo-vae", "--json", "--set", "objective.latent=7").out)
    assert plain["parameters"] != wider["parameters"]


def test_the_last_line_of_a_training_as_json(
    simulacra: Run, recipe_file: Callable[..., Path], make_store: Callable[..., Path], tmp_path: Path
) -> None:
    words = ["train", recipe_file("gan"), "--data", make_store(), "--out", tmp_path / "run", "--json", "--no-report"]
    ended = simulacra(*words)
    assert ended.code == 0
    found = json.loads(ended.out.splitlines()[-1])
    assert set(found) == {"run", "step", "images_seen", "seconds"}
    assert (found["run"], found["step"], found["images_seen"]) == (str(tmp_path / "run"), 6, 24)
    assert found["seconds"] > 0
    again = simulacra(*words)
    assert json.loads(again.out.splitlines()[-1]) == found
    assert "is finished: 6 steps in 1 s; the same command with --steps 12 trains on" in again.err


def test_a_training_ends_with_a_report_and_says_where(
    simulacra: Run, recipe_file: Callable[..., Path], make_store: Callable[..., Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    ended = simulacra("train", recipe_file("vae"), "--data", make_store(), "--out", run)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-1] == f"report: {run / 'report.html'}"
    assert (run / "report.html").is_file()


def test_a_run_is_named_after_its_recipe(
    simulacra: Run,
    recipe_file: Callable[..., Path],
    make_store: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert simulacra("train", recipe_file("gan"), "--data", make_store(), "--steps", "1", "--no-report").code == 0
    assert (tmp_path / "runs" / "tiny-gan" / "run.json").is_file()


def modules_after(line: str) -> set[str]:
    """What is imported once a line of Python has run."""
    code = (
        f"import sys\ntry:\n    {line}\nexcept SystemExit:\n    pass\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ended.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["recipes", "--json"], ["--version"]])
def test_help_and_lists_load_nothing_heavy(words: list[str]) -> None:
    loaded = modules_after(f"sys.argv[1:] = {words}; from simulacra.cli import main; main()")
    assert "simulacra.cli" in loaded
    assert not loaded & {"torch", "numpy.random", "matplotlib", "PIL.Image", "sklearn"} - (
        {"numpy.random"} if "recipes" in words else set()
    )
