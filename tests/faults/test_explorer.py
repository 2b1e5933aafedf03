"""The explorer under attack: strangers' pages, odd words in every parameter, hostile uploads, slow and many clients."""

import io
import json
import logging
import random
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from simulacra.engine.checkpoints import to_bytes
from simulacra.explorer import connections, free_socket, make_app, server_of
from simulacra.explorer import map as maps
from simulacra.explorer.library import Library
from simulacra.explorer.security import MOST_TRIES, MOST_UPLOADED, Guard

TOKEN = "a word-that_nobody.guesses"
# What every parameter has where it is not attacked.
USUAL: dict[str, Any] = {"name": "run", "form": "json", "index": 0, "code": '{"seed": 3}', "along": "overrides:1"}
USUAL |= {"at": [3, 6], "x": [0, 1], "y": [0, 1]}
TRAVERSALS = (
    *("..", "../..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%2f..%2f..%2fetc%2fpasswd", "/etc/passwd", "....//....//etc"),
    *("..\\..\\windows", "file:///etc/passwd", "\x00", "run\x00.json", "run/../run", "~", "/proc/self/environ", "C:\\"),
)
ODD = (
    *("", " ", "-1", "0", "1e999", "nan", "inf", "null", "[]", "{}", "{", '{"seed": -1}', '{"seed": 1e400}', "9" * 400),
    *('{"noise": [NaN, 1, 2]}', '{"numbers": "/w=="}', '[{"seed": 1}, {"seed": 2}]', '{"overrides": {"1": 1e38}}'),
    *(
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "é🙂",
        "\r\nSet-Cookie: x=1",
        "*" * 5000,
    ),
    *("[" * 3000, '{"labels": {"../x": 1}}', "overrides:0", "overrides:-1", "labels:", "principal_directions:999999"),
)
HOSTS = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost:1@evil.example",
    "0",
    "[::",
    "evil.example:80",
    "2130706433",
)
ORIGINS = ("http://evil.example", "null", "http://127.0.0.1", "http://localhost:1", "https://127.0.0.1:8000.evil")
UPLOAD = b"POST /runs/run/code.json HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nx"  # the first byte of it
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


@pytest.fixture
def run(trained_once: Callable[..., Path]) -> Path:
    return trained_once("vae")


@pytest.fixture
def asks(run: Path) -> Iterator[TestClient]:
    """Asks the explorer of a run in this process."""
    guarded = Guard(make_app(Library([run])))
    with TestClient(guarded, "http://127.0.0.1:8000", follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def serve() -> Iterator[Callable[..., SimpleNamespace]]:
    """serve(run, token=): an explorer at a port of this machine; its `port`, and its uvicorn `server`."""
    served: list[tuple[SimpleNamespace, threading.Thread]] = []

    def start(*runs: Path, token: str | None = None) -> SimpleNamespace:
        at = free_socket("127.0.0.1", 0)
        server = server_of(Guard(make_app(Library(list(runs))), "127.0.0.1", token))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [at]})
        thread.start()
        served.append((SimpleNamespace(port=at.getsockname()[1], server=server, socket=at), thread))
        return served[-1][0]

    yield start
    for explorer, thread in served:
        explorer.server.should_exit = True
        thread.join()
        explorer.socket.close()


def routes(app: Any) -> list[Any]:
    """All routes of the application that answer something, those of its parts too."""
    inside = [
        route for part in app.routes for route in getattr(getattr(part, "original_router", None), "routes", [part])
    ]
    return [route for route in inside if hasattr(route, "dependant")]


def parameters(route: Any) -> tuple[list[str], list[str]]:
    """Names of a route's parameters in the path and in the query, those of what it depends on too."""
    parts, path, query = [route.dependant], [], []
    while parts:
        part = parts.pop()
        parts += part.dependencies
        path += [field.alias for field in part.path_params]
        query += [field.alias for field in part.query_params]
    return sorted({*path}), sorted({*query})


def asked(route: Any, **attack: object) -> tuple[str, str, dict[str, object]]:
    """Method, path and query of a request whose parameters are usual ones but for the attacked ones."""
    in_path, in_query = parameters(route)
    path = route.path
    for name in in_path:
        path = path.replace(f"{{{name}}}", quote(str(attack.get(name, USUAL[name])), safe=""))
    query = {name: attack.get(name, USUAL.get(name)) for name in in_query if name in attack or name in USUAL}
    if "map/point" in route.path:
        query |= {name: query[name][0] for name in "xy" if isinstance(query.get(name), list)}
    return sorted(route.methods)[0], path, query


def checked(answer: Any, why: object, allowed: tuple[int, ...] = (200, 404, 405, 413, 422)) -> None:
    """An answer to an attack: no fault of the program, no file of this machine, and all headers."""
    assert answer.status_code in allowed, (why, answer.status_code, answer.text[:300])
    assert "root:" not in answer.text
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, why
    if answer.status_code >= 400 and answer.headers["content-type"] == "application/json":
        sentence = answer.json().get("error", answer.json().get("detail"))
        assert "Traceback" not in sentence, why
        assert len(sentence) < 2000, why


def test_every_parameter_of_every_route_answers_odd_words(
    asks: TestClient, attempts: int, record_property: Callable[[str, object], None]
) -> None:
    chance, tried = random.Random("parameters"), 0
    for route in routes(asks.app.app):
        assert all(name in USUAL for name in parameters(route)[0]), f"{route.path}: add what is usual to USUAL"
        method, path, query = asked(route)
        checked(asks.request(method, path, params=query, content=b"x"), route.path)
        for name in (name for names in parameters(route) for name in names):
            for value in (*chance.choices(TRAVERSALS, k=attempts), *chance.choices(ODD, k=attempts)):
                method, path, query = asked(route, **{name: value})
                checked(asks.request(method, path, params=query, content=b"x"), (route.path, name, value))
                tried += 1
    for value in TRAVERSALS:
        checked(asks.get(f"/page/{quote(value, safe='').replace('.', '%2e')}"), value, (404, 405))
    record_property("inputs", tried + len(TRAVERSALS))


def test_strangers_reach_no_route(asks: TestClient, record_property: Callable[[str, object], None]) -> None:
    strangers = [
        *({"Host": host} for host in HOSTS),
        *({"Origin": origin} for origin in ORIGINS),
        *({"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"} for site in ("cross-site", "same-site")),
    ]
    for route in routes(asks.app.app):
        method, path, query = asked(route)
        for headers in strangers:
            checked(asks.request(method, path, params=query, headers=headers, content=b"x"), (path, headers), (403,))
    record_property("inputs", len(routes(asks.app.app)) * len(strangers))


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file of these chunks, whole by their checksums."""
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def hostile_pictures() -> dict[str, bytes]:
    """Uploads that are no honest pictures."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(buffer, "PNG")
    good, script = buffer.getvalue(), b"<script>alert('polyglot')</script>"
    frames = io.BytesIO()
    Image.new("P", (1, 1)).save(
        frames, "GIF", save_all=True, append_images=[Image.new("P", (1, 1), i) for i in (1, 2)] * 500
    )
    size = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    small = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    text = zlib.compress(b"x" * 50_000_000)
    return {
        "polyglot HTML": good + script,
        "polyglot ZIP": good + b"PK\x03\x04" + b"\0" * 100,
        "script in a text chunk": good[:33] + png((b"tEXt", b"Comment\0" + script))[8:] + good[33:],
        "script before": script + good,
        "GIF89a as script": b"GIF89a/*" + script + b"*/",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        "SVG with entities": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>',
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file",
        "MVG": b"push graphic-context\nimage over 0,0 0,0 'https://evil.example/'",
        "HTML": b"<html>" + script,
        "pickle": b"\x80\x04cos\nsystem\n(S'touch PWNED'\ntR.",
        "pixels of a bomb": png((b"IHDR", size), (b"IDAT", zlib.compress(b"\0" * 10_000_000)), (b"IEND", b"")),
        "text of a bomb": png((b"IHDR", small), (b"zTXt", b"Comment\0\0" + text), (b"IEND", b"")),
        "profile of a bomb": png((b"IHDR", small), (b"iCCP", b"x\0\0" + text), (b"IEND", b"")),
        "many frames": frames.getvalue(),
        "cut short": good[:40],
        "empty": b"",
        "only zeros": b"\0" * 1000,
        "TIFF whose directory is itself": b"II*\0\x08\0\0\0\x01\0\0\x01\x03\0\x01\0\0\0\x01\0\0\0\x08\0\0\0",
    }


def test_hostile_uploads(asks: TestClient, record_property: Callable[[str, object], None], tmp_path: Path) -> None:
    before, pictures = sorted(tmp_path.rglob("*")), hostile_pictures()
    kinds = cycle(("image/png", "image/svg+xml", "text/html", "multipart/form-data; boundary=x"))
    for what, content in pictures.items():
        answer = asks.post("/runs/run/code.json", content=content, headers={"Content-Type": next(kinds)})
        checked(answer, what, (200, 422))
        assert "script" not in answer.text, what
        assert answer.headers["content-type"] == "application/json"
    assert sorted(tmp_path.rglob("*")) == before, "nothing of an upload is kept"
    record_property("inputs", len(pictures))


def test_every_kind_of_answer_has_the_headers(
    run: Path, serve: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer, bearer = serve(run, token=TOKEN), {"Authorization": f"Bearer {TOKEN}"}
    monkeypatch.setattr("simulacra.explorer.runs.thinned", lambda _: 1 / 0)
    wanted = {
        "/": 200,
        "/page/main.js": 200,
        "/index.json": 200,
        "/runs/run/picture.png": 200,
        "/runs/run/strip.gif?along=overrides:1": 200,
        f"/?token={quote(TOKEN)}": 303,
        "/nowhere": 404,
        "/runs/other.json": 404,
        "/runs/run/picture.png?code=x": 422,
        "/runs/run/curves.json": 500,
    }
    seen = {path: said(explorer.port, path, headers=bearer) for path in wanted}
    assert {path: answer.status for path, answer in seen.items()} == wanted
    long = {"Content-Length": str(MOST_UPLOADED + 1)}
    more = {
        401: said(explorer.port, "/"),
        403: said(explorer.port, "/", headers=bearer | {"Origin": "http://evil.example"}),
        405: said(explorer.port, "/", "DELETE", headers=bearer),
        413: said(explorer.port, "/runs/run/code.json", "POST", headers=bearer | long),
        400: raw(explorer.port, b"this is no HTTP\r\n\r\n"),
    }
    monkeypatch.setattr(maps, "MOST_HELD", 0)
    more[503] = said(explorer.port, "/runs/run/code.json", "POST", headers=bearer, body=b"x")
    for _ in range(MOST_TRIES):
        said(explorer.port, "/?token=wrong")
    more[429] = said(explorer.port, "/?token=wrong")
    assert {answer.status for answer in more.values()} == set(more)
    for path, answer in (seen | more).items():
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
        assert [value for name, value in answer.pairs if name == "content-security-policy"] == [
            HEADERS["content-security-policy"]
        ]
        assert not {"server", "access-control-allow-origin"} & {name for name, _ in answer.pairs}


def said(port: int, path: str, method: str = "GET", headers: Any = None, body: Any = None) -> SimpleNamespace:
    """What the server at a port answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    pairs = [(name.lower(), value) for name, value in answer.getheaders()]
    read = SimpleNamespace(status=answer.status, pairs=pairs, headers=dict(pairs), body=answer.read())
    connection.close()
    return read


def raw(port: int, content: bytes) -> SimpleNamespace:
    """What the server at a port answers to bytes that are no request."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as opened:
        opened.sendall(content)
        answer = b"".join(iter(lambda: opened.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = [(line.split(": ", 1)[0].lower(), line.split(": ", 1)[1]) for line in lines]
    return SimpleNamespace(status=int(first.split()[1]), pairs=pairs, headers=dict(pairs), body=body)


def test_an_upload_in_chunks_without_a_length_is_cut_off(run: Path, serve: Callable[..., SimpleNamespace]) -> None:
    explorer = serve(run)
    answer = said(explorer.port, "/runs/run/code.json", "POST", body=(b"x" * 2**20 for _ in range(11)))
    assert answer.status == 413
    assert b"more than 10 MB" in answer.body
    assert said(explorer.port, "/").status == 200


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        UPLOAD,
        b"POST /runs/run/code.json HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nHost: ",
    ],
)
def test_a_slow_client_is_cut_off_however_it_drips_and_the_page_is_answered_meanwhile(
    begun: bytes, run: Path, serve: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HEAD", "BODY"):
        monkeypatch.setattr(connections, name, 0.3)
    explorer = serve(run)
    with socket.create_connection(("127.0.0.1", explorer.port), timeout=0.02) as slow:
        slow.sendall(begun)
        assert said(explorer.port, "/").status == 200
        ended = False
        for _ in range(500):  # of 20 ms
            try:
                slow.sendall(b"1")
                ended = slow.recv(65536) == b""
            except TimeoutError:
                continue
            except OSError:
                ended = True
            if ended:
                break
        assert ended


def test_a_client_that_reads_nothing_is_cut_off(
    run: Path, serve: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "READ", 0.2)
    monkeypatch.setattr("simulacra.explorer.runs.__version__", "x" * 30_000_000)
    explorer = serve(run)
    with socket.create_connection(("127.0.0.1", explorer.port)) as lazy:
        lazy.sendall(b"GET /index.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        lazy.settimeout(20)
        lazy.recv(1)
        waiting = threading.Event()
        for _ in range(200):
            if not explorer.server.server_state.connections:
                break
            waiting.wait(0.05)
        assert not explorer.server.server_state.connections


def test_more_connections_than_there_may_be_do_not_keep_the_owner_out(
    run: Path, serve: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST", 8)
    explorer = serve(run)
    opened = [socket.create_connection(("127.0.0.1", explorer.port), timeout=20) for _ in range(30)]
    for one, begun in zip(opened, cycle((b"", b"GET / HTTP/1.1\r\nHost", UPLOAD)), strict=False):
        one.sendall(begun)
    assert said(explorer.port, "/").status == 200
    assert len(explorer.server.server_state.connections) <= 8
    for one in opened:
        one.close()


def test_what_waits_is_bounded_and_refused_in_a_sentence(
    run: Path, serve: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer, release = serve(run), threading.Event()
    app = explorer.server.config.app.app
    monkeypatch.setattr(app.state.explorer.searching, "most", 2)
    app.state.explorer.searching.do_ahead(release.wait)  # work of seconds
    with ThreadPoolExecutor(6) as many:
        asked = [many.submit(said, explorer.port, "/runs/run/test-pictures/0/code.json") for _ in range(6)]
        while sum(one.done() for one in asked) < 4:
            pass
        assert said(explorer.port, "/runs/run/picture.png").status == 200, "pictures do not wait for slow work"
        release.set()
    answers = [one.result() for one in asked]
    assert sorted(answer.status for answer in answers) == [200, 200, 503, 503, 503, 503]
    refused = next(answer for answer in answers if answer.status == 503)
    assert "try again in a moment" in json.loads(refused.body)["error"]


def test_no_secret_is_logged_or_answered(
    run: Path,
    serve: Callable[..., SimpleNamespace],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    explorer, token = serve(run, token=TOKEN), quote(TOKEN)
    monkeypatch.setattr("simulacra.explorer.runs.thinned", lambda _: 1 / 0)
    cookie = said(explorer.port, f"/?token={token}").headers["set-cookie"].partition(";")[0]
    answers = [
        said(explorer.port, f"/?token={token}"),
        said(explorer.port, f"/runs/run.json?step=3&token={token}"),
        said(explorer.port, f"//evil.example/?token={token}"),
        said(explorer.port, f"/?token={token}x"),
        said(explorer.port, f"/nowhere/?token={token}&token={token}"),
        said(explorer.port, f"/{token}", headers={"Cookie": cookie}),
        said(explorer.port, "/runs/run/curves.json", headers={"Cookie": cookie}),
        said(explorer.port, "/runs/run/curves.json", headers={"Authorization": f"Bearer {TOKEN}"}),
        said(explorer.port, "/", headers={"Upgrade": "websocket", "Connection": "Upgrade", "Cookie": cookie}),
        raw(explorer.port, f"GET /?token={token} HTTP/9\r\n\r\n".encode()),
        raw(explorer.port, f"GET /?token={token} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".encode()),
    ]
    for answer in answers:
        shown = answer.body.decode() + str([pair for pair in answer.pairs if pair[0] != "set-cookie"])
        assert TOKEN not in shown
        assert cookie.partition("=")[2] not in shown
    said_aloud = caplog.text + "".join(capfd.readouterr())
    assert "ZeroDivisionError" in said_aloud, "a fault is still shown to the owner"
    assert TOKEN not in said_aloud
    assert token not in said_aloud
    assert cookie.partition("=")[2] not in said_aloud


def test_a_client_that_leaves_in_the_middle_is_no_fault(
    run: Path, serve: Callable[..., SimpleNamespace], capfd: pytest.CaptureFixture[str]
) -> None:
    explorer = serve(run)
    for begun in (
        UPLOAD,
        b"POST /runs/run/code.json HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
        b"GET /runs/run/strip.webp?along=overrides:1&count=64 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n\x00\xff",
    ):
        with socket.create_connection(("127.0.0.1", explorer.port)) as left:
            left.sendall(begun)
            threading.Event().wait(0.05)  # so that the request is read before its end
        assert said(explorer.port, "/runs/run/picture.png").status == 200
    assert capfd.readouterr() == ("", "")
    assert explorer.server.config.app.app.state.explorer.uploaded == 0


def test_no_picture_is_stale_or_of_another_request(run: Path, serve: Callable[..., SimpleNamespace]) -> None:
    explorer = serve(run)
    codes = [f"/runs/run/picture.png?code=%7B%22seed%22:{seed}%7D" for seed in range(10)]
    alone = {path: said(explorer.port, path).body for path in codes}
    assert len({*alone.values()}) == len(codes)
    with ThreadPoolExecutor(10) as many:

        def at_once(paths: list[str]) -> dict[str, bytes]:
            return dict(zip(paths, many.map(lambda path: said(explorer.port, path).body, paths), strict=True))

        assert at_once(codes * 5) == alone
        newest = max((run / "checkpoints").glob("*.pt"))
        state = torch.load(newest, weights_only=True)
        state["networks"] = {name: value * 1.5 for name, value in state["networks"].items()}
        newest.with_suffix(".part").write_bytes(to_bytes(state))
        newest.with_suffix(".part").replace(newest)
        after = at_once(codes)
    assert not {*after.values()} & {*alone.values()}, "weights that were replaced draw nothing any more"
