"""What shows how far something is: a bar that stays below rows on a terminal, plain lines elsewhere."""

import io
import re

import pytest
from rich.console import Console

from simulacra import progress
from simulacra.progress import Live, clock, rough_duration


def shown(width: int, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a training of three rows prints."""
    monkeypatch.setattr(progress, "ROW_SECONDS", 0.0)
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, soft_wrap=True, highlight=False)
    with Live("gan a-run-with-a-very-long-name-indeed", console) as live:
        for step in (100, 200, 300):
            numbers = f"1,234 images/s  discriminator 1.2{step}  generator 0.9  real 0.7  fake 0.6"
            live.show(step / 400, f"1:24 of 4:00, step {step:,}", numbers, left=4000 - step)
            live.progress.refresh()
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())


@pytest.mark.parametrize("width", [80, 100])
def test_the_bar_and_the_time_left_stay_while_rows_scroll_above(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = re.split(r"[\r\n]+", shown(width, True, monkeypatch))
    bars = [line for line in lines if "━" in line]
    assert len(bars) >= 3
    assert all(len(line) <= width for line in bars)
    assert "75%" in bars[-1]
    assert "1:01:40 left" in bars[-1]
    assert "1:24 of 4:00, step 300" in bars[-1]
    rows = [line for line in lines if "discriminator" in line]
    assert [row[:22] for row in rows] == [f"1:24 of 4:00, step {step}" for step in (100, 200, 300)]


def test_elsewhere_lines_have_no_bar_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_, last = shown(80, False, monkeypatch).splitlines()
    assert "━" not in last
    assert first.startswith("gan a-run-with-a-very-long-name-indeed:  25%  1:24 of 4:00, step 100  1:05:00 left  1,234")
    assert "discriminator 1.2300" in last


def test_losses_are_printed_once_so_that_old_ones_do_not_look_like_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "ROW_SECONDS", 0.0)
    stream = io.StringIO()
    with Live("gan", Console(file=stream, soft_wrap=True, highlight=False)) as live:
        live.show(0.1, "step 100", "loss 0.5")
        live.show(0.2, "step 200")
        live.show(0.3, "step 300", "loss 0.4")
    assert [line.rpartition("  ")[2] for line in stream.getvalue().splitlines()] == ["loss 0.5", "step 200", "loss 0.4"]


def test_no_time_left_is_guessed_at_once_and_every_stage_has_its_own_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []
    monkeypatch.setattr("time.monotonic", lambda: times[-1] if times else 0.0)
    monkeypatch.setattr(progress, "ROW_SECONDS", 0.0)
    stream = io.StringIO()
    with Live("measuring", Console(file=stream, soft_wrap=True)) as live:
        for time, done in ((3.0, 1), (100.0, 50), (200.0, 100), (201.0, 1), (211.0, 51)):
            times.append(time)
            live.count(done, 100)
    first, half, _, again, late = stream.getvalue().splitlines()
    assert "left" not in first + again
    assert "1:39 left" in half
    assert "0:10 left" in late


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (64.6, "1:05"), (3725, "1:02:05")])
def test_a_clock(seconds: float, said: str) -> None:
    assert clock(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1 s"), (119, "119 s"), (120, "2 min"), (75_600, "21 h")])
def test_a_duration(seconds: float, said: str) -> None:
    assert rough_duration(seconds) == said
