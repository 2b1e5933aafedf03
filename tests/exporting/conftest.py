"""A run of a few updates."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def trained(trained_once: Callable[..., Path]) -> Callable[..., Path]:
    """trained(family, **changes): a run of two updates; its data is in tmp_path / "store"."""
    return partial(trained_once, **{"steps": 2, "every.log": 1, "every.checkpoint": 1, "every.evaluate": []})


@pytest.fixture(scope="session")
def onnx_exports() -> dict[str, Path]:
    """What `onnx_export` has exported: family -> the folder."""
    return {}


@pytest.fixture
def onnx_export(
    trained: Callable[..., Path],
    simulacra: Callable[..., Any],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    onnx_exports: dict[str, Path],
) -> Callable[[str], tuple[Path, Path]]:
    """onnx_export(family): a run, and its export as ONNX, which takes seconds; made once for all tests, and copied."""

    def make(family: str) -> tuple[Path, Path]:
        run = trained(family)
        if family not in onnx_exports:
            folder = tmp_path_factory.mktemp("exported") / "out"
            simulacra("export", run, "--format", "onnx", "--out", folder, code=0)
            onnx_exports[family] = folder
        return run, Path(shutil.copytree(onnx_exports[family], tmp_path / "out"))

    return make
