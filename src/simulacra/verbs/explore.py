"""The verb `explore`: a page in the browser where codes and attributes are turned by hand."""

import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from simulacra.errors import RunError
from simulacra.explorer import Guard, Shelf, free_socket, is_loopback, make_app, serve


def explore(
    paths: Sequence[Path],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    browser: bool = True,
    say: Callable[[str], None],
) -> None:
    """Serves the explorer until Ctrl-C.

    Args:
        paths: run folders, or folders that hold run folders.
        host: the address to listen at; another than this machine's own needs a token.
        port: the first to try.
        token: a word that every request must know.
        browser: opens the page.
        say: told where the page is.

    Raises:
        RunError: no run, an address that everybody could reach without a token, or no free port.
    """
    if not 0 <= port < 65536:
        raise RunError(f"--port {port}: expected 0 to 65535")
    if token is not None and len(token) < 8:
        raise RunError("--token: expected at least 8 letters, so that it cannot be guessed")
    if not is_loopback(host) and token is None:
        raise RunError(f"--host {host} lets other machines in; give a --token that they have to know")
    shelf = Shelf(list(paths))
    guarded = Guard(make_app(shelf), host, token)
    with free_socket(host, port) as at:
        found = at.getsockname()[1]
        if port and found != port:
            say(f"port {port} is in use; took {found}")
        where = f"http://{shown(host)}:{found}/"
        address = where if token is None else f"{where}?token={quote(token, safe='')}"
        say(f"exploring {len(shelf.runs)} run{'s' * (len(shelf.runs) != 1)} at {address} (Ctrl-C ends it)")
        if browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        with suppress(KeyboardInterrupt):  # the way to end it, and no mistake
            serve(guarded, at)


def shown(host: str) -> str:
    """A host as an address has it; one that stands for all addresses is reached here by this machine's own."""
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{own}]" if ":" in own else own
