"""The list of `simulacra doctor`: complete, without an error on any machine, and with a remedy where one is due."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from simulacra.files import cores
from simulacra.verbs import doctor


def test_the_list_says_what_a_person_would_ask_for(simulacra: Callable[..., Any]) -> None:
    ended = simulacra("doctor", "--json")
    assert ended.code == 0
    checks = {check["name"]: check for check in json.loads(ended.out)}
    for name in ("simulacra", "libraries", "processor", "cores", "threads", "precision", "load", "disk", "cache"):
        assert checks[name]["value"]
    assert torch.__version__.split("+")[0] in checks["libraries"]["value"]
    assert checks["cores"]["value"].startswith(str(cores()))


def test_more_threads_than_cores_get_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores() + 1)
    (check,) = (check for check in doctor.doctor() if check.name == "threads")
    assert f"OMP_NUM_THREADS={cores()}" in check.remedy


def test_the_size_of_the_cache_is_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "simulacra" / "stores").mkdir(parents=True)
    with (tmp_path / "simulacra" / "stores" / "pixels.bin").open("wb") as file:
        file.truncate(20_000_000_000)  # a sparse file
    (check,) = (check for check in doctor.doctor() if check.name == "cache")
    assert check.value == f"20.0 GB in {tmp_path / 'simulacra'}"
    assert "delete" in check.remedy


def test_a_user_without_a_home_gets_a_list_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "user_cache", lambda part: None)
    (check,) = (check for check in doctor.doctor() if check.name == "cache")
    assert "XDG_CACHE_HOME" in check.remedy
