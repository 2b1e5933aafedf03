"""What commands print to: readers that leave, and letters that an encoding lacks."""

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulacra.cli import READER_LEFT, streams
from simulacra.progress import Live, print_error
from simulacra.runs import RunFolder


class Closed(io.StringIO):
    """A stream whose reader has left, or whose disk is full."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO, errno.ENOSPC], ids=os.strerror)
def test_a_line_that_nobody_can_read_is_dropped(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Closed(number))
    print_error("a line")
    with Live("training") as live:
        live.say("another line")
        live.show(0.5, "step 1/2", "loss 1")


def test_a_training_whose_reader_leaves_is_saved(
    simulacra: Callable[..., Any], recipe_file: Any, make_store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", recipe_file("vae"), "--data", make_store(), "--out", tmp_path / "run", "--no-report"]
    with monkeypatch.context() as patch:
        patch.setattr("simulacra.progress.sys.stderr", Closed(errno.EPIPE))
        assert simulacra(*words).code == 0
    assert max(RunFolder(tmp_path / "run").checkpoints()) == 6


def test_a_reader_of_results_who_leaves_ends_the_command_as_it_ends_other_tools(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", Closed(errno.EPIPE))
    with pytest.raises(SystemExit) as leave, streams():
        print("a result")
    assert leave.value.code == READER_LEFT == 141


def test_no_reader_of_a_whole_process_makes_it_our_fault(start: Callable[..., Any]) -> None:
    process = start("recipes")
    process.stdout.close()
    assert process.wait() == READER_LEFT
    assert process.stderr.read() == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_letter_that_the_encoding_lacks_is_printed_as_a_question_mark(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, encoding))
    with streams():
        print("class 猫")
    assert content.getvalue() == b"class ?\n"
