"""docs/design.md: the tree of files and the tests that hold its promises are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "design.md").read_text()
TESTS = re.findall(r"`([\w/]+\.py)(?:::(test_\w+))?`", PAGE.split("## Promises")[1].split("\n## ")[0])


@pytest.mark.parametrize(("module", "test"), TESTS)
def test_every_test_beside_a_promise_is_there(module: str, test: str) -> None:
    names = re.findall(r"^def (test_\w+)", (ROOT / "tests" / module).read_text(), re.MULTILINE)
    assert names
    assert not test or test in names


def test_every_promise_has_a_test() -> None:
    rows = [line for line in PAGE.split("## Promises")[1].split("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    assert all(re.search(r"`[\w/]+\.py", row.split(" | ")[1]) for row in rows)


def test_every_file_of_the_package_is_in_the_tree() -> None:
    tree = PAGE.split("```")[1]
    names = {path.stem for path in (ROOT / "src" / "simulacra").rglob("*.py")}
    assert not {name for name in names if not re.search(rf"\b{name}\b", tree)}
