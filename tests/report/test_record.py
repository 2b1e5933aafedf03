"""A picture is never shown as that of another update, of other weights or beside other data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.recipe import load
from simulacra.report import write_report


@pytest.mark.parametrize(
    ("origin", "drawn", "said"),
    [
        ({}, None, ""),
        ({"step": 2000, "weights": "ema"}, None, ""),
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
    origin: dict[str, Any], drawn: int | None, said: str, fake: Any, tmp_path: Path
) -> None:
    arrays = {"matrix": np.eye(2), "codes": np.array(["a", "b"]), "judged": np.array(["Hat", "Bag"])}
    arrays |= {key: np.array(value) for key, value in origin.items()}
    run = fake.run(tmp_path / "run", full=False, **({} if drawn is None else {"drawn": drawn}))
    run.write_recipe(load("celeba-dcgan-bn", {"steps": 2000, "ema": 0.9}))
    run.write_picture("code-labels", arrays, b"")
    html = write_report([run]).read_text("utf-8")
    assert "What the codes found" in html
    assert said in html
    assert ("This was measured" in html) == bool(said)


def test_a_caption_quotes_what_was_measured_of_its_own_picture(fake: Any, tmp_path: Path) -> None:
    row = {"metric": "inversion_mse", "floor": 0.01, "low": None, "high": None, "n": 4, "extractor": None}
    measured = {
        (1000, "ema", None): 0.1111,
        (2000, "ema", None): 0.2222,
        (2000, "raw", None): 0.3333,
        (1000, "ema", "f00d"): 0.4444,
    }
    for place, ((step, weights, against), value) in enumerate(measured.items()):
        run = fake.run(tmp_path / str(place), full=False)
        images = {name: fake.noise(4, 8, 8, 3) for name in ("originals", "inversions")}
        origin = {"step": step, "weights": weights} | ({"against": against} if against else {})
        run.write_picture("inversions", images | {key: np.array(one) for key, one in origin.items()}, b"")
        for (when, kind, beside), other in measured.items():
            about = {"value": other, "step": when, "weights": kind, "split": "test"}
            run.append("evaluations", row | about | ({"against": beside} if beside else {}))
        html = write_report([run]).read_text("utf-8")
        assert f"{value}; the best linear code" in html
        assert html.count("the best linear code with as many numbers leaves") == 1


def test_reconstructions_that_were_drawn_anew_quote_no_other_update(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False, drawn=1000)
    row = {"metric": "mse", "low": None, "high": None, "n": 500, "extractor": None}
    run.append("evaluations", row | {"value": 0.04, "split": "valid", "step": 1000})
    run.append("evaluations", row | {"value": 0.02, "split": "test", "step": 2000})
    images = {name: fake.noise(10, 8, 8, 3) for name in ("originals", "reconstructions")}
    run.write_picture("reconstructions", images, b"")
    html = write_report([run]).read_text("utf-8")
    assert "valid split: 0.04000 (500 images" in html
    assert "test split: 0.02000" not in html
    run.write_facts({"drawn": 1500})
    assert "(500 images" not in write_report([run]).read_text("utf-8"), "nothing was measured of what is shown"
