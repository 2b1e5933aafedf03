"""The verb `explore`: a page in the browser that shows what codes and labels do."""

import re
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from urllib.parse import quote

from simulacra.errors import RunError
from simulacra.explorer import free_socket, make_app, serve, server_of
from simulacra.explorer.library import Library
from simulacra.explorer.security import Guard, is_loopback

LOOPBACK = "127.0.0.1"


def explore(
    paths: Sequence[Path],
    *,
    host: str = LOOPBACK,
    port: int = 8000,
    token: str | None = None,
    names: Sequence[str] = (),
    browser: bool = True,
    say: Callable[[str], None],
) -> None:
    """Serves the explorer until Ctrl-C.

    Args:
        paths: run folders, or folders that hold run folders.
        host: the address to listen at; another than this machine's own needs a token.
        port: the first to try.
        token: a word that every request must contain.
        names: further names under which browsers may ask: this machine's in its network, or a proxy's.
        browser: opens the page.
        say: called with one line, the address of the page.

    Raises:
        RunError: no run, an address that other machines could reach without a token, or no free port.
    """
    if token is not None and len(token) < 8:
        raise RunError("--token: expected at least 8 characters, so that nobody can guess it")
    if not is_loopback(host) and token is None:
        raise RunError(f"--host {host} lets other machines connect; give a --token that they must know")
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9.-]+", name):
            raise RunError(f"--allow-host {name}: expected a name alone, like mybox.local, without port or path")
    library = Library(list(paths))
    guarded = Guard(make_app(library), host, token, names)
    with free_socket(host, port) as at:
        free = at.getsockname()[1]
        if port and free != port:
            say(f"port {port} is in use; using {free} instead")
        where = f"http://{reachable(host)}:{free}/"
        address = where if token is None else f"{where}?token={quote(token, safe='')}"
        say(f"exploring {len(library.runs)} run{'s' * (len(library.runs) != 1)} at {address} (Ctrl-C ends it)")
        if browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        with suppress(KeyboardInterrupt):  # the usual way to end it
            serve(guarded, at)


def reachable(host: str) -> str:
    """A host as it stands in an address; this machine's own address in the place of "all addresses"."""
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{own}]" if ":" in own else own


class Exploring:
    """The explorer, served by a thread of this program until `stop` or the end of the program.

    Args:
        paths: run folders, or folders that hold runs.
        port: the first to try.

    Attributes:
        address: of the page.

    Raises:
        RunError: there is no run, or no free port.
    """

    def __init__(self, paths: Sequence[Path], port: int = 8000) -> None:
        self._server = server_of(Guard(make_app(Library(list(paths))), LOOPBACK, None, ()))
        self._socket = free_socket(LOOPBACK, port)
        self.address = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it; the port is free again afterwards."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _repr_html_(self) -> str:
        """A link for a notebook."""
        return f'<a href="{escape(self.address)}" target="_blank">Open the explorer</a>'

    def __repr__(self) -> str:
        return f"<Exploring {self.address}; .stop() ends it>"
