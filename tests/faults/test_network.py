"""No command asks the network; the explorer alone listens, and only where it is said to."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

COMMANDS: tuple[tuple[object, ...], ...] = (
    ("recipes",),
    ("doctor",),
    ("summary", "RUN/recipe.toml"),
    ("train", "RUN/recipe.toml", "--data", "STORE", "--steps", 1, "--no-report", "--out", "new"),
    ("pack", "folder", "PICTURES", "--size", 8, "--out", "packed"),
    ("audit", "STORE"),
    ("sample", "RUN", "--out", "samples.png"),
    ("evaluate", "RUN", "--count", 10),
    ("evaluate", "RUN", "--count", 10, "--features", "random-vgg", "--only", "quality"),
    ("best", "RUN"),
    ("diagnose", "RUN"),
    ("report", "RUN", "--out", "page.html"),
    ("compare", "RUN", "OTHER"),
    ("edit", "RUN", "PICTURES/0.png", "--label", "Male=1"),
    ("export", "RUN", "--format", "onnx", "--out", "exported"),
    ("bench", "RUN/recipe.toml", "--seconds", 0.1),
    ("study", "list"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(map(str, words[:1])))
def test_a_command_opens_no_connection(
    words: tuple[object, ...],
    simulacra: Callable[..., Any],
    trained_once: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, pictures, asked = trained_once("vae", {"count": 60, "held_out": 10}), tmp_path / "pictures", []
    pictures.mkdir()
    for number in range(3):
        Image.fromarray(np.full((16, 16, 3), 80 * number, np.uint8)).save(pictures / f"{number}.png")
    monkeypatch.chdir(tmp_path)

    def refuse(*where: object, **options: object) -> None:
        asked.append(where)
        raise OSError("no connection is allowed")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    other = trained_once("vae", {"count": 60, "held_out": 10}, name="other", seed=1)
    names = {"RUN": str(run), "OTHER": str(other), "STORE": str(tmp_path / "store"), "PICTURES": str(pictures)}
    for name, path in names.items():
        words = tuple(str(word).replace(name, path) for word in words)
    ended = simulacra(*words)
    assert not asked, asked
    assert ended.code == 0 or words[0] == "best", ended.err
