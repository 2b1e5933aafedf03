"""How numbers, times and names are written."""

from pathlib import Path

import pytest

from simulacra.report.formatting import (
    about,
    duration,
    epochs,
    listed,
    number,
    percent,
    percent_ticks,
    plain,
    run_names,
    slug,
    ticks,
    unique,
)
from simulacra.report.record import spread


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3576704, "3,576,704"),
        (0.0197, "0.01970"),
        (17.43, "17.43"),
        (0, "0"),
        (0.0, "0"),
        (12345.6, "12,346"),
        (1.2e-6, "1.2e-6"),
        (-0.5, "-0.5000"),
        (None, "–"),
        (float("nan"), "not finite"),
        (True, "True"),
        ("a\n", "a"),
    ],
)
def test_number(value, text) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.21, "3.2 s"),
        (59.0, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (97200, "1 d 3 h"),
        (None, "–"),
        (float("inf"), "–"),
    ],
)
def test_duration(seconds, text) -> None:
    assert duration(seconds) == text


def test_shares_counts_and_epochs() -> None:
    assert [percent(0.5), percent(0.055), percent(1.0), percent(None)] == ["50%", "5.5%", "100%", "–"]
    assert [about(950), about(12_800), about(4_000_000)] == ["950", "12,800", "4.0 million"]
    assert [epochs(5.0), epochs(35.62), epochs(120.4), epochs(None)] == ["5", "35.6", "120", "–"]
    assert [ticks(0.05), ticks(500), ticks(1500), ticks(2e6)] == ["0.05", "500", "1.5k", "2M"]
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["", "a", "a, b and c"]


def test_plain_keeps_letters_of_every_script_and_nothing_that_does_not_print() -> None:
    assert plain("笑顔\u202e \x00é\ud800\n\tx\ufffe") == "笑顔 é? x"
    assert plain("می\u200cخواهم") == "می\u200cخواهم"
    assert plain("abcdefghijklmnop", 10) == "abcdef…nop"


def test_names_of_files_are_plain_and_unique() -> None:
    assert slug("<b>Ünïcode / name</b>") == "b-Unicode-name-b"
    assert slug("../..") == "x"
    assert slug("笑顔") == "x"
    assert unique(["x", "x", "x-2", "y"]) == ["x", "x-2", "x-2-2", "y"]
    assert run_names([Path("/a/run"), Path("/b/run"), Path("/b/other")]) == ["a/run", "b/run", "other"]


def test_looks_are_spread_by_ratio_with_the_first_and_the_last_among_them() -> None:
    steps = list(range(0, 10_001, 100))
    chosen = [steps[place] for place in spread(steps, 8)]
    assert len(chosen) == 8
    assert (chosen[0], chosen[-1]) == (0, 10_000)
    assert chosen[1] <= 200
    assert spread([0, 5, 9], 8) == [0, 1, 2]


@pytest.mark.parametrize(
    ("shares", "texts"),
    [
        ((0.0, 0.5, 1.0), ["0%", "50%", "100%"]),
        ((0.9, 0.925, 0.95), ["90.0%", "92.5%", "95.0%"]),
        ((0.0, 0.0025), ["0.00%", "0.25%"]),
        ((0.0, 1 / 3), ["0.0000%", "33.3333%"]),
    ],
)
def test_shares_at_an_axis_have_the_digits_that_they_need(shares, texts) -> None:
    assert percent_ticks(shares) == texts
