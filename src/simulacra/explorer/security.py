"""What keeps the explorer to its owner: hosts, token, origin, headers and the size of uploads, before any route.

A page of a stranger that is open in the same browser may send requests here (through a name that it points at this
machine, or straight across origins); nobody else's page may read an answer or start work.
"""

import hashlib
import ipaddress
import re
import secrets
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_UPLOADED = 10 * 2**20  # bytes
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "X-Frame-Options": "DENY",  # for browsers that know no frame-ancestors
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
MOST_TRIES, TRIES_SECONDS = 10, 600.0  # wrong tokens of one address, and for how long each of them counts
MOST_ADDRESSES = 10_000  # whose wrong tokens are counted


def is_loopback(host: str) -> bool:
    """Whether an address to listen at can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Tries:
    """Wrong tokens by the address that they came from, so that nobody can go on guessing.

    Args:
        clock: seconds, from whenever.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def are_used_up(self, address: str) -> bool:
        """Whether so many tokens of an address were wrong of late that no further one is looked at."""
        times = self._wrong.get(_network(address), deque())
        return len(times) == MOST_TRIES and self.clock() - times[0] < TRIES_SECONDS

    def count(self, address: str) -> None:
        """Notes a wrong token."""
        network = _network(address)
        self._wrong.setdefault(network, deque(maxlen=MOST_TRIES)).append(self.clock())
        self._wrong.move_to_end(network)
        if len(self._wrong) > MOST_ADDRESSES:
            self._wrong.popitem(last=False)


def _network(address: str) -> str:
    """What one visitor has: an address, or all addresses that begin with the same 64 bits."""
    try:
        whole = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(whole, ipaddress.IPv4Address) or whole.ipv4_mapped:  # the latter where a socket takes both kinds
        return address
    return str(ipaddress.ip_network((whole, 64), strict=False))


class Guard:
    """ASGI middleware around the explorer.

    Args:
        app: what is guarded.
        host: the address that is listened at; on another than this machine's own, any address in numbers will do.
        token: a word that every request must know, by header, cookie, or once as `?token=`; None where none is asked.
        names: further names of this machine, or of a proxy before it.
    """

    def __init__(
        self, app: ASGIApp, host: str = "127.0.0.1", token: str | None = None, names: Collection[str] = ()
    ) -> None:
        self.app, self.host, self.token = app, host, token
        self.names = {name.lower() for name in names}
        # The cookie is no word that opens anything else, and each process has its own.
        self.session = secrets.token_urlsafe(32)
        self.cookie = f"simulacra-{hashlib.sha256(self.session.encode()).hexdigest()[:8]}"
        self.tries = Tries()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers what is refused, and passes on what is not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # a websocket: there is none
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self.refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_safely)
            return
        await self.app(scope, receive, send_safely)

    def refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that does not get through, or None."""
        headers = Headers(scope=scope)
        if not self.knows(headers.get("host", "")):
            return _sentence(403, _stranger(headers.get("host", "")))
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin, headers.get("host", "")):
            return _sentence(403, "this request comes from another site's page, and none may ask here")
        # Browsers tell where a request without an Origin comes from, such as a picture in a stranger's page.
        elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if elsewhere and headers.get("sec-fetch-mode") != "navigate":
            return _sentence(403, "this request comes from another site's page, and none may ask here")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return _sentence(405, "only GET, HEAD and POST are understood")
        if _length(headers) > MOST_UPLOADED:
            return _sentence(413, too_large())
        return None if self.token is None else self._unlock(scope, headers, self.token)

    def knows(self, host: str) -> bool:
        """Whether a Host header names this machine in a way that no stranger's name server can."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name == "localhost" or is_loopback(name) or name in self.names:
            return True
        if is_loopback(self.host):
            return False
        if name in (self.host.lower(), socket.gethostname().lower()):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_own(self, origin: str, host: str) -> bool:
        """Whether a page at an origin is the explorer's; a proxy may ask for it under another name than the browser."""
        try:
            parts = urlsplit(origin)
            return parts.netloc == host or (parts.hostname or "") in self.names
        except ValueError:
            return False

    def _unlock(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        """Asks for the token; one in the address is turned into a cookie, and the address shown without it."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for key, value in query if key == "token"]
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if not given and _same(_cookie(headers, self.cookie), self.session):
            return None  # whoever is in stays in, whatever others try
        if not given and not bearer:
            return _sentence(401, "a token is needed; use the address that the explorer printed, with ?token=")
        address = (scope.get("client") or ("",))[0]
        if self.tries.are_used_up(address):
            minutes = round(TRIES_SECONDS / 60)
            return _sentence(429, f"too many wrong tokens came from this address; try again in {minutes} minutes")
        if not _same(given[0] if given else bearer, token):
            self.tries.count(address)
            return _sentence(401, "this is not the token; use the address that the explorer printed")
        if not given:
            return None
        rest = urlencode([(key, value) for key, value in query if key != "token"])
        # Relative: a proxy may serve this under a path of its own. And never an address of another machine.
        target = "./" + quote(scope["path"].rpartition("/")[2], safe="")
        answer = RedirectResponse(target + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(self.cookie, self.session, httponly=True, samesite="lax", path="/")
        return answer


def _stranger(host: str) -> str:
    """What is said where the address in the browser is not known to be this machine's."""
    name = host.rpartition("@")[2].partition(":")[0]
    shown = name if re.fullmatch(r"[A-Za-z0-9.-]+", name) else "NAME"
    return (
        "this address is not one of the explorer's; open it as http://127.0.0.1:PORT, or, if the name is this "
        f"machine's or its proxy's, start the explorer with --allow-host {shown}"
    )


def too_large() -> str:
    """What is said of an upload of too many bytes."""
    return f"the picture has more than {MOST_UPLOADED // 2**20} MB; make it smaller first"


def _same(given: str, wanted: str) -> bool:
    """Whether two words are equal, in a time that does not tell how much of them is."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _cookie(headers: Headers, name: str) -> str:
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def _length(headers: Headers) -> int:
    """What a request says of its own length; a body that says nothing or lies is counted as it is read."""
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else MOST_UPLOADED + 1


def _sentence(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)
