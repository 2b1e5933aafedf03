"""A study as a file, of the smallest recipes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from simulacra.recipe import to_toml

MakeStudy = Callable[..., Path]

TABLE: dict[str, Any] = {
    "claim": "A larger KL weight makes reconstructions worse.",
    "source": "a test",
    "data": "made",
    "cases": {"light": {"objective": {"kl_weight": 0.01}}, "heavy": {"objective": {"kl_weight": 5.0}}},
    "question": {"kind": "better"},
    "measures": [{"metric": "reconstruction_mse", "direction": "higher"}],
    "full": {"images": 4000, "seeds": 5},
    "quick": {"images": 400, "seeds": 2, "samples": 10},
}


@pytest.fixture
def study_file(tmp_path: Path, tiny: Callable[..., Any]) -> MakeStudy:
    """study_file(family="vae", **{"key": value}): a study of the smallest recipe of a family; its file."""

    def make(family: str = "vae", **changes: Any) -> Path:
        recipe = tmp_path / f"tiny-{family}.toml"
        recipe.write_text(to_toml(tiny(family)), "utf-8")
        path = tmp_path / "weights.toml"
        path.write_text(tomli_w.dumps(TABLE | {"recipe": str(recipe)} | changes), "utf-8")
        return path

    return make
