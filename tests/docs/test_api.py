"""The Python blocks of docs/api.md: all are Python, and those marked `python run` run, in order and cut short."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCKS = re.findall(r"^```python( run)?\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
SHORT = 'changes={"data.batch": 4, "every.log": 1, "every.checkpoint": 1}, steps=2'


def test_the_blocks_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for marked, text in BLOCKS:
        code = compile(re.sub(r"steps=\d+", SHORT, re.sub(r"count=\d+", "count=40", text)), PAGE.name, "exec")
        if marked:
            exec(code, names)
    assert names["images"].shape == (8, 32, 32, 3)  # type: ignore[attr-defined]
    assert names["row"].shape == (5, 32, 32, 3)  # type: ignore[attr-defined]
    assert (tmp_path / "out" / "acgan" / "model.safetensors").is_file()


def test_the_page_names_everything_that_can_be_had() -> None:
    import simulacra as sm

    told = PAGE.read_text("utf-8")
    verbs = [name for name in sm.__all__ if name.islower()]
    assert len(verbs) == 14
    assert all(f"sm.{name}(" in told for name in verbs)
