"""Promises of all sections of pictures: unknown pictures are shown, and each picture says what it was measured on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simulacra.recipe import load
from simulacra.runs import RunFolder


def test_a_picture_of_an_unknown_name_is_shown_as_it_is(fake: Any, shown: Callable[..., Any]) -> None:
    page = shown(code_sweep={"images": fake.noise(3, 5, 8, 8, 1)}, confusion={"counts": np.eye(3)})
    assert "Code sweep" in page.sections
    assert "pictures/confusion.npz is left out" in page.gaps


@pytest.mark.parametrize(
    ("origin", "drawn", "sentence"),
    [
        ({}, None, ""),
        ({"step": 2000, "weights": "ema"}, None, ""),
        ({"step": 2000, "weights": "averaged"}, None, ""),  # as earlier versions wrote it
        ({"step": 1000, "weights": "ema"}, None, "This was measured at update 1,000."),
        ({"step": 1000, "weights": "ema"}, 1000, ""),
        ({"step": 2000}, 1000, "This was measured at update 2,000."),
        (
            {"step": 1000, "weights": "raw", "against": "f00d"},
            None,
            "This was measured at update 1,000, with the raw weights and against another data set (f00d).",
        ),
    ],
)
def test_a_picture_says_where_it_differs_from_the_run_s(
    origin: dict[str, Any], drawn: int | None, sentence: str, fake: Any, run: RunFolder
) -> None:
    run.write_facts({} if drawn is None else {"drawn": drawn})
    run.write_recipe(load("celeba-dcgan-bn", {"steps": 2000, "ema": 0.9}))
    arrays = {"matrix": np.eye(2), "codes": np.array(["a", "b"]), "judged": np.array(["Hat", "Bag"])}
    run.write_picture("code-labels", arrays | {key: np.array(value) for key, value in origin.items()}, b"")
    section = fake.report(run).sections["What the codes say about labels"]
    assert sentence in section
    assert ("This was measured" in section) == bool(sentence)
