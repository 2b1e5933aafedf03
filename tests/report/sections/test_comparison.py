"""Several runs on one page: what was measured unalike never stands in one row or on one chart."""

from pathlib import Path
from typing import Any

import pytest

from simulacra.report import write_report

ROW = {"metric": "frechet_distance", "low": None, "high": None, "floor": None, "split": "test"}


def page(fake: Any, folder: Path, *runs: list[dict[str, Any]]) -> str:
    folders = []
    for name, rows in zip("ab", runs, strict=True):
        run = fake.run(folder / name, full=False)
        for row in rows:
            run.append("evaluations", ROW | row)
        folders.append(run)
    return write_report(folders, folder / "out.html").read_text("utf-8")


def rows_of(html: str) -> dict[str, str]:
    """First cell -> the others, of the rows of the table about Frechet distances."""
    table = html.partition("A column for each run;")[2].partition("</table>")[0]
    lines = [line for line in table.split("<tr>") if "chet distance" in line]
    return {line.partition("</th>")[0].rpartition(">")[2]: line.partition("</th>")[2] for line in lines}


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"extractor": "judge"}, "n 500, judge"),
        ({"n": 2000}, "n 2,000, random-vgg"),
        ({"judge": "told 90%"}, "n 500, random-vgg, told 90%"),
    ],
)
def test_numbers_measured_unalike_have_rows_of_their_own(
    other: dict[str, Any], named: str, fake: Any, tmp_path: Path
) -> None:
    one = {"value": 30.0, "n": 500, "extractor": "random-vgg", "step": 2000}
    found = rows_of(page(fake, tmp_path, [one], [one | {"value": 3.0} | other]))
    (first, mine), (second, theirs) = found.items()
    assert first.endswith("(test split, n 500, random-vgg)")
    assert second.endswith(f"(test split, {named})")
    assert "30.00" in mine
    assert "3.000" not in mine
    assert "3.000" in theirs
    assert "–" in theirs


def test_numbers_of_raw_and_averaged_weights_have_rows_of_their_own(fake: Any, tmp_path: Path) -> None:
    one = {"value": 30.0, "n": 500, "extractor": "random-vgg", "step": 2000, "weights": "raw"}
    assert len(rows_of(page(fake, tmp_path / "two", [one], [one | {"weights": "ema"}]))) == 2
    assert len(rows_of(page(fake, tmp_path / "one", [one], [one]))) == 1


def test_an_old_number_beside_a_new_one_says_when(fake: Any, tmp_path: Path) -> None:
    one = {"value": 30.0, "n": 500, "extractor": "random-vgg", "step": 1000}
    (cells,) = rows_of(page(fake, tmp_path, [one], [one | {"value": 3.0, "step": 2000}])).values()
    assert "30.00 at update 1,000<" in cells
    assert "3.000<" in cells


def test_curves_that_were_measured_unalike_are_not_shared(fake: Any, tmp_path: Path) -> None:
    def curve(**how: Any) -> list[dict[str, Any]]:
        return [{"value": 30.0 / step, "n": 500, "extractor": "judge", "step": step} | how for step in (1000, 2000)]

    assert "Curves that runs share" in page(fake, tmp_path / "alike", curve(), curve())
    for place, other in enumerate(({"n": 2000}, {"extractor": "random-vgg"}, {"weights": "raw"})):
        assert "Curves that runs share" not in page(
            fake, tmp_path / str(place), curve(weights="ema"), curve(**{"weights": "ema"} | other)
        )
