"""What the project ships besides its code."""

import re
import subprocess
import tomllib
from importlib import resources
from pathlib import Path

import pytest

import simulacra
from simulacra.recipe import shipped

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
# Words of the machine that something was written on; put together here so that this file does not hold them.
MACHINE = [re.escape("/" + word) + r"\b(?!\.)" for word in ("work/", "root/", "home/", "tmp/bash_jobs")]


def tracked() -> list[Path]:
    """Files under version control, and those that are about to be."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize(
    "name",
    [
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "CITATION.cff",
        "Makefile",
        "constraints.txt",
        "pyproject.toml",
        ".pre-commit-config.yaml",
        ".ci/run",
        "docs/design.md",
    ],
)
def test_a_file_that_everybody_looks_for_is_there(name: str) -> None:
    assert (ROOT / name).is_file()
    assert (ROOT / name).stat().st_size > 0


def test_the_licence_is_the_one_that_is_declared() -> None:
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")


def test_the_version_is_told_in_one_way() -> None:
    assert PROJECT["project"]["version"] == simulacra.__version__
    assert f"version: {simulacra.__version__}" in (ROOT / "CITATION.cff").read_text("utf-8").replace('"', "")
    assert simulacra.__version__ in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_every_file_that_is_no_code_is_package_data() -> None:
    package = ROOT / "src" / "simulacra"
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["simulacra"]
    packed = {path for pattern in patterns for path in package.glob(pattern)}
    others = {
        path
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
    }
    assert others == packed
    assert all(list(package.glob(pattern)) for pattern in patterns), "every pattern finds something"


def test_every_folder_with_code_is_a_package() -> None:
    package = ROOT / "src" / "simulacra"
    assert all((path.parent / "__init__.py").is_file() for path in package.rglob("*.py"))


def test_recipes_and_templates_are_found_where_the_package_is() -> None:
    home = resources.files("simulacra")
    assert shipped()
    assert (home / "py.typed").is_file()
    assert any(entry.name.endswith(".j2") for entry in (home / "report" / "templates").iterdir())


def test_torch_is_pinned_and_torchvision_is_not_there() -> None:
    pins = (ROOT / "constraints.txt").read_text("utf-8")
    assert re.search(r"^torch==2\.13\.0", pins, re.MULTILINE)
    assert not re.search(r"^torchvision\b", pins, re.MULTILINE)
    assert not any(need.startswith("torchvision") for need in PROJECT["project"]["dependencies"])


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found = [re.search(pattern, text) for pattern in MACHINE]
        assert not any(found), f"{path.relative_to(ROOT)}: {next(one for one in found if one)}"


def test_no_file_is_large() -> None:
    large = [path for path in tracked() if path.stat().st_size > 2**20]
    assert not large
