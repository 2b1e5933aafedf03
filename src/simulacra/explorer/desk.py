"""The desk where pictures are made: one at a time, and of a page's wishes for one view only the newest."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

MOST_PAGES = 1000  # of which the newest wish is remembered

T = TypeVar("T")


class Overtaken(Exception):
    """A newer wish of the same page for the same view has come; nobody waits for this one any more."""


@dataclass(frozen=True)
class Wish:
    """Who wants something.

    Attributes:
        page: a number that an open page gave itself, or "" where only one is wanted.
        view: what it is for; views do not overtake one another.
        turn: which wish of this page it is; a higher one is newer.
    """

    page: str = ""
    view: str = ""
    turn: int = 0


class Desk:
    """One thread that makes pictures: a network that is read by two at once would only make both wait."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "desk")
        self._newest: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lock = threading.Lock()

    def make(self, wish: Wish, work: Callable[[], T]) -> T:
        """Does the work when its turn comes, unless it is overtaken by then.

        Raises:
            Overtaken: it was.
        """
        self._note(wish)

        def begin() -> T:
            if self.is_overtaken(wish):
                raise Overtaken
            return work()

        return self._thread.submit(begin).result()

    def later(self, work: Callable[[], object]) -> None:
        """Does the work when there is nothing else to do, for nobody in particular."""
        self._thread.submit(work)

    def is_overtaken(self, wish: Wish) -> bool:
        """Whether a newer wish has come; work of many parts asks between them."""
        with self._lock:
            return self._newest.get((wish.page, wish.view), wish.turn) > wish.turn

    def close(self) -> None:
        """Lets the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _note(self, wish: Wish) -> None:
        if not wish.page:
            return
        key = (wish.page, wish.view)
        with self._lock:
            self._newest[key] = max(wish.turn, self._newest.get(key, wish.turn))
            self._newest.move_to_end(key)
            while len(self._newest) > MOST_PAGES:
                self._newest.popitem(last=False)
