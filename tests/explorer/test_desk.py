"""The desk: one thing at a time, and only the newest of what one page wishes for one view."""

import threading
from collections.abc import Iterator

import pytest

from simulacra.explorer.library import MOST_PAGES, Desk, Overtaken, Wish


@pytest.fixture
def desk() -> Iterator[Desk]:
    one = Desk()
    yield one
    one.close()


class Busy:
    """Keeps the desk at work until it is let go."""

    def __init__(self, desk: Desk) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=desk.make, args=(Wish(), self.work))
        self.thread.start()
        assert self.begun.wait(10)

    def work(self) -> None:
        self.begun.set()
        assert self.let_go.wait(10)


def test_of_the_wishes_that_wait_only_the_newest_is_done(desk: Desk) -> None:
    busy, done, ended = Busy(desk), [], []

    def ask(turn: int) -> None:
        try:
            desk.make(Wish("page", "main", turn), lambda: done.append(turn))
        except Overtaken:
            ended.append(turn)

    threads = [threading.Thread(target=ask, args=(turn,)) for turn in (1, 2, 3)]
    for thread in threads:
        thread.start()
    while not desk.is_overtaken(Wish("page", "main", 2)):
        pass
    busy.let_go.set()
    for thread in [*threads, busy.thread]:
        thread.join(10)
    assert done == [3]
    assert sorted(ended) == [1, 2]


def test_a_wish_that_comes_too_late_is_dropped_at_once(desk: Desk) -> None:
    assert desk.make(Wish("page", "main", 2), lambda: "drawn") == "drawn"
    with pytest.raises(Overtaken):
        desk.make(Wish("page", "main", 1), lambda: "old")


def test_pages_and_views_do_not_overtake_one_another(desk: Desk) -> None:
    desk.make(Wish("page", "main", 9), lambda: None)
    assert desk.make(Wish("other page", "main", 1), lambda: 1) == 1
    assert desk.make(Wish("page", "samples", 1), lambda: 2) == 2


def test_whoever_says_nothing_of_turns_is_never_overtaken(desk: Desk) -> None:
    assert [desk.make(Wish(), lambda: 1) for _ in range(3)] == [1, 1, 1]


def test_pages_that_are_long_closed_are_forgotten(desk: Desk) -> None:
    for number in range(MOST_PAGES + 5):
        desk.make(Wish(f"page {number}", "main", 5), lambda: None)
    assert not desk.is_overtaken(Wish("page 0", "main", 1))
    assert desk.is_overtaken(Wish(f"page {MOST_PAGES}", "main", 1))


def test_what_goes_wrong_is_told_to_who_asked(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError):
        desk.make(Wish(), lambda: 1 / 0)
    assert desk.make(Wish(), lambda: "still there") == "still there"
