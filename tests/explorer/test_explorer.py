"""The command: where it listens, what it says, and what it refuses."""

import socket
import sys
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from simulacra.errors import RunError
from simulacra.explorer import free_socket
from simulacra.verbs import explore


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield one.getsockname()[1]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would be served; nothing is."""
    found: list[Any] = []
    monkeypatch.setattr(explore, "serve", lambda app, at: found.append(app))
    return found


def test_a_port_in_use_gives_way_to_the_next_free_one(taken) -> None:
    with free_socket("127.0.0.1", taken) as one:
        assert one.getsockname()[1] > taken


def test_the_port_that_was_taken_instead_is_said(taken, run_of, served, simulacra) -> None:
    ended = simulacra("explore", run_of("gan").path, "--port", taken, "--no-browser", code=0)
    assert f"port {taken} is in use; using " in ended.err
    assert "exploring 1 run at http://127.0.0.1:" in ended.err
    assert len(served) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 lets other machines connect; give a --token"),
        (["--host", "::"], "lets other machines connect"),
        (["--host", "192.168.0.7"], "lets other machines connect"),
        (["--token", "short"], "expected at least 8 characters"),
        (["--port", "70000"], "port 70000: expected 0 to 65535"),
        (["--host", "no such place.invalid", "--token", "a long word"], "there is no such address"),
    ],
)
def test_a_wrong_wish_ends_with_2_and_a_sentence(words, said, run_of, served, simulacra) -> None:
    ended = simulacra("explore", run_of("gan").path, "--no-browser", *words, code=2)
    assert said in ended.err
    assert not served


def test_a_folder_that_is_no_run_ends_with_2(tmp_path, simulacra) -> None:
    ended = simulacra("explore", tmp_path, "--no-browser", code=2)
    assert "holds no run and no folder with one" in ended.err


def test_with_a_token_others_may_be_let_in_and_the_address_has_it_once(run_of, served, simulacra) -> None:
    words = ["--host", "0.0.0.0", "--port", "0", "--token", "a long & word", "--no-browser"]
    ended = simulacra("explore", run_of("gan").path, *words, code=0)
    assert "/?token=a%20long%20%26%20word" in ended.err
    assert served[0].token == "a long & word"


def test_the_browser_is_opened_unless_it_is_not_wanted(run_of, served, simulacra, monkeypatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(explore.webbrowser, "open", opened.append)
    monkeypatch.setattr(explore.threading.Thread, "start", lambda self: self.run())
    simulacra("explore", run_of("gan").path, "--port", "0", "--no-browser")
    assert not opened
    simulacra("explore", run_of("gan").path, "--port", "0")
    assert len(opened) == 1
    assert opened[0].startswith("http://127.0.0.1:")


def test_no_free_port_is_said(monkeypatch) -> None:
    monkeypatch.setattr(socket.socket, "bind", lambda *_: (_ for _ in ()).throw(OSError("in use")))
    with pytest.raises(RunError, match="no port from 8000 on is free"):
        free_socket("127.0.0.1", 8000)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_server_answers_until_it_is_stopped(run_of, start) -> None:
    import signal

    process = start("explore", run_of("gan").path, "--port", "0", "--no-browser")
    line = process.stderr.readline()
    address = line.split(" at ")[1].split(" ")[0]
    with urlopen(f"{address}index.json", timeout=20) as answer:
        assert answer.status == 200
        assert "server" not in {name.lower() for name in answer.headers}
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stderr.read() == ""
