"""Where ONNX Runtime Web comes from: a folder, the cache, or npm; and what is said where it cannot be had."""

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from simulacra.errors import RunError
from simulacra.exporting import runtime

CONTENT = {part: part.encode() for part in runtime.PARTS}


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def npm(code: int, words: str = "") -> Any:
    """An npm that packs the package, or fails with a message."""

    def run(command: list[str], **_: Any) -> Any:
        if not code:
            place = Path(command[command.index("--pack-destination") + 1])
            with tarfile.open(place / "onnxruntime-web.tgz", "w:gz") as archive:
                for part, content in CONTENT.items():
                    entry = tarfile.TarInfo(f"package/dist/{part}")
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
        return subprocess.CompletedProcess(command, code, "", words)

    return run


@pytest.mark.parametrize("below", [".", "dist", "package/dist"])
def test_a_folder_that_was_unpacked_by_hand_does(below: str, tmp_path: Path) -> None:
    (tmp_path / "ort" / below).mkdir(parents=True)
    for part, content in CONTENT.items():
        (tmp_path / "ort" / below / part).write_bytes(content)
    files = runtime.runtime_files(tmp_path / "ort")
    assert {files[name] for name in runtime.PARTS.values()} == set(CONTENT.values())
    assert b"MIT License" in files["ort/LICENSE"]


def test_npm_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(runtime.subprocess, "run", npm(0))
    first = runtime.runtime_files()
    monkeypatch.setattr(runtime.subprocess, "run", npm(1))
    assert runtime.runtime_files() == first, "the second time they come from the cache"


def test_what_is_missing_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtime.shutil, "which", lambda _: None)
    with pytest.raises(RunError, match="there is no npm to fetch it with; install npm, or where npm works"):
        runtime.runtime_files()
    monkeypatch.setattr(runtime.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(runtime.subprocess, "run", npm(1, "npm error network request failed\n"))
    with pytest.raises(RunError, match=r"\(npm error network request failed\); go online and try again, or"):
        runtime.runtime_files()
    with pytest.raises(RunError, match=f"--ort {tmp_path}: it lacks ort.wasm"):
        runtime.runtime_files(tmp_path)
