"""The smallest study, for the tests of its parts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from simulacra.recipe import to_toml

CASES = {"light": {"objective": {"kl_weight": 0.01}}, "heavy": {"objective": {"kl_weight": 5.0}}}
RARELY = {"every.log": 20, "every.checkpoint": 200}  # writing takes longer than training here


@pytest.fixture
def study_file(tmp_path: Path, tiny: Callable[..., Any], make_store: Callable[..., Path]) -> Callable[..., Path]:
    """study_file(family, **{"key": value}): a study of the smallest recipe on random images; its file."""
    store = make_store(60, held_out=10)

    def make(family: str = "vae", **changes: Any) -> Path:
        recipe = tmp_path / f"tiny-{family}.toml"
        recipe.write_text(to_toml(tiny(family, **RARELY)), "utf-8")
        table = {
            "claim": "A larger KL weight makes reconstructions worse.",
            "source": "a test",
            "recipe": str(recipe),
            "data": str(store),
            "cases": CASES,
            "question": {"kind": "better"},
            "measures": [{"metric": "reconstruction_mse", "direction": "higher"}],
            "full": {"images": 4000, "seeds": 5},
            "quick": {"images": 40, "seeds": 2, "samples": 10, "features": "random-vgg"},
        }
        path = tmp_path / "weights.toml"
        path.write_text(tomli_w.dumps(table | changes), "utf-8")
        return path

    return make
