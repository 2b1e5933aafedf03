"""Connections of the explorer's server: bounded in number, and each in the time that its other end may take.

Bare uvicorn waits for ever for the rest of a request and for a reader that reads nothing, so a few hundred slow clients
would use up all connections that this machine allows (Slowloris, 2009).
"""

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulacra.explorer.security import HEADERS

MOST = 200  # connections at once; a system lets a program open 256 files at least
# Seconds: from the first byte of a request, or the end of the one before, to the end of its head; for the whole of a
# body; for a reader to take what is written.
HEAD, BODY, READ = 10.0, 120.0, 60.0


class Connection(H11Protocol):
    """A connection that is cut where its other end takes too long.

    Where all connections are in use, the one that has waited longest for its other end gives way to the new one.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._timers: dict[str, asyncio.TimerHandle] = {}  # one for each thing that its other end has to do
        self._waits_for: tuple[object, ...] = ()
        self.since = 0.0  # when it began to wait, on the clock of the loop

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a request."""
        super().connection_made(transport)
        self._watch()
        if len(self.connections) <= MOST:
            return
        waiting = [other for other in self.connections if isinstance(other, Connection) and other._timers]
        oldest = min(waiting, key=lambda other: other.since)
        if oldest is self:
            self._refuse("503 Service Unavailable", "too many connections are open; try again in a moment")
            return
        self.connections.discard(oldest)  # what is cut leaves the set only in the loop's next turn
        oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends all waiting."""
        for timer in self._timers.values():
            timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Waits for what comes next."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Waits for the next request, and for the answer to be read."""
        super().on_response_complete()
        self._watch()
        # Even a transport that is closing waits for its reader.
        self._limit("read", READ if self.transport.get_write_buffer_size() else None)

    def pause_writing(self) -> None:
        """Waits for the answer to be read."""
        super().pause_writing()
        self._limit("read", READ)

    def resume_writing(self) -> None:
        """The answer is read."""
        super().resume_writing()
        self._limit("read", None)

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP, as all answers are."""
        self._refuse("400 Bad Request", "this is no HTTP request")

    def _watch(self) -> None:
        """Begins to wait for what comes next; bytes of what is waited for already win no time."""
        state, answered = self.conn.their_state, self.cycle is None or self.cycle.response_complete
        waits_for = (state, answered, self.cycle)
        if waits_for == self._waits_for:
            return
        self._waits_for, self.since = waits_for, self.loop.time()
        waits = {h11.IDLE: HEAD, h11.SEND_BODY: HEAD if answered else BODY}  # nobody needs the rest of what is answered
        self._limit("request", waits.get(state))

    def _limit(self, what: str, seconds: float | None) -> None:
        """Cuts the connection after so many seconds, unless it is called again."""
        if what in self._timers:
            self._timers.pop(what).cancel()
        if seconds is not None:
            self._timers[what] = self.loop.call_later(seconds, self.transport.abort)

    def _refuse(self, status: str, sentence: str) -> None:
        """An answer outside the application, which may come in the middle of another one."""
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            body = json.dumps({"error": sentence})
            headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
            lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in (headers | HEADERS).items())]
            self.transport.write("\r\n".join([*lines, "", body]).encode())
        self.transport.close()
