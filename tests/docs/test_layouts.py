"""The trees in docs/data.md: each folder that is drawn there is understood as the line below it says."""

import re
from pathlib import Path

import pytest
from PIL import Image

from simulacra.data.sources import Options, open_source

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
TREES = re.findall(r"```layout\n(.*?)\n=> (.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize(("tree", "line"), TREES, ids=[line[:60] for _, line in TREES])
def test_a_folder_is_understood_as_its_tree_says(tree: str, line: str, tmp_path: Path) -> None:
    for folder, count in re.findall(r"^(\S+)/ +(\d+)$", tree, re.MULTILINE):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for number in range(int(count)):
            Image.new("L", (1, 1)).save(tmp_path / folder / f"{number}.png")
    root = tmp_path / tree.partition("/")[0]
    assert open_source("folder", root, Options()).card["notes"] == [line]


def test_the_page_has_trees() -> None:
    assert len(TREES) >= 5
