"""How a command has to answer an attack, and processes that can be attacked."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.errors import SimulacraError

Answer = Callable[..., str]


@pytest.fixture
def answer(simulacra: Callable[..., Any], record_property: Callable[[str, object], None]) -> Answer:
    """answer(*words): runs a command that may have to refuse; gives what it said.

    It succeeds, or refuses with exit code 2 in one sentence that names no line of the program.
    """
    count = 0

    def run(*words: object, why: object = "") -> str:
        nonlocal count
        ended = simulacra(*words)
        said: str = ended.err
        assert ended.code in (0, 2), (why, words, ended.code, said[-2000:])
        assert "Traceback" not in said, (why, words, said[-2000:])
        if ended.code == 2:
            refusals = [line for line in said.splitlines() if line.startswith("simulacra: ")]
            assert refusals or "Usage:" in said, (why, words, said[-2000:])
            assert len(said) < 20_000, (why, words)
        count += 1
        record_property("inputs", 1)
        return said

    return run


@pytest.fixture
def nothing_is_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No input may run as code or as a command, or write above the folder of the test."""
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    yield
    assert not list(tmp_path.rglob("PWNED"))


@pytest.fixture
def copies(tmp_path: Path) -> Callable[[Path], Path]:
    """copies(folder): a copy of a folder, in the place of the one before."""

    def copy(folder: Path) -> Path:
        target = tmp_path / "copied"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target / folder.name)
        return target / folder.name

    return copy


@pytest.fixture
def outcome(record_property: Callable[[str, object], None]) -> Callable[..., str]:
    """outcome(work, why=): calls a function that may have to refuse; gives its sentence, or "" where it succeeds."""

    def run(work: Callable[[], object], why: object = "") -> str:
        record_property("inputs", 1)
        try:
            work()
        except SimulacraError as error:
            return str(error)
        except Exception as error:
            raise AssertionError(f"{why}: {type(error).__name__}: {error}") from error
        return ""

    return run
