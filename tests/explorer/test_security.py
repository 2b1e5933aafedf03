"""What keeps the explorer to its owner, against hostile requests."""

import re
from typing import Any

import pytest

from simulacra.explorer import PAGE
from simulacra.explorer.security import HEADERS, MOST_UPLOADED, Guard, Tries, is_loopback

TOKEN = "a word that nobody guesses & <more>"


@pytest.fixture
def explorer(run_of: Any, client: Any) -> Any:
    return client(run_of("gan").path)


@pytest.fixture
def locked(run_of: Any, client: Any) -> Any:
    return client(run_of("gan").path, host="0.0.0.0", token=TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:9", "LOCALHOST", "127.3.2.1", "[::1]:8000"])
def test_this_machines_own_names_are_answered(explorer, host) -> None:
    assert explorer.get("/index.json", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.168.0.7:8000",
        "",
        "[::1",
        "127.0.0.1@evil.example",
        "0x7f.1.evil",
        "evil.example#127.0.0.1",
    ],
)
def test_a_name_that_a_stranger_points_here_is_refused(explorer, host) -> None:
    for path in ("/", "/index.json", "/page/main.js", "/runs/the-gan/picture.png"):
        ended = explorer.get(path, headers={"Host": host})
        assert ended.status_code == 403, path
        assert "not one of the explorer's" in ended.json()["error"]


def test_open_to_others_numbers_are_answered_and_names_are_not(locked) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert locked.get("/index.json", headers=bearer | {"Host": "192.168.0.7:8000"}).status_code == 200
    assert locked.get("/index.json", headers=bearer | {"Host": "evil.example"}).status_code == 403


def test_a_name_that_was_allowed_is_answered_and_the_refusal_names_the_option(run_of, client) -> None:
    named = client(run_of("gan").path, names=["MyBox.local"])
    assert named.get("/index.json", headers={"Host": "mybox.local:8199"}).status_code == 200
    refused = named.get("/index.json", headers={"Host": "other.local"})
    assert refused.status_code == 403
    assert "--allow-host other.local" in refused.json()["error"]


def test_a_proxy_that_asks_under_its_own_name_passes_its_pages_requests_on(run_of, client) -> None:
    named = client(run_of("gan").path, names=["hub.example"])
    asked = {"Host": "127.0.0.1:8000", "Origin": "https://hub.example"}
    assert named.get("/index.json", headers=asked).status_code == 200
    assert named.get("/index.json", headers=asked | {"Origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1.evil"])
def test_another_sites_page_cannot_ask(explorer, origin) -> None:
    for ask in (explorer.get, explorer.post):
        assert ask("/runs/the-gan/code.json", headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_picture_in_another_sites_page_starts_no_work(explorer, site) -> None:
    told = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert explorer.get("/runs/the-gan/picture.png", headers=told).status_code == 403
    assert explorer.get("/", headers=told | {"Sec-Fetch-Mode": "navigate"}).status_code == 200, "a link may be followed"
    assert (
        explorer.get("/runs/the-gan/picture.png", headers=told | {"Sec-Fetch-Site": "same-origin"}).status_code == 200
    )


def test_no_answer_allows_another_origin_to_read_it(explorer) -> None:
    answers = [
        explorer.get("/index.json", headers={"Origin": "http://127.0.0.1:8000"}),
        explorer.options("/index.json", headers={"Access-Control-Request-Method": "GET"}),
        explorer.get("/nowhere"),
    ]
    assert [answer.status_code for answer in answers] == [200, 405, 404]
    for answer in answers:
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/page/style.css", "/index.json", "/nowhere", "/runs/no.json"])
def test_every_answer_carries_the_headers_that_keep_scripts_out(explorer, path) -> None:
    headers = explorer.get(path).headers
    for name, value in HEADERS.items():
        assert headers[name] == value
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_the_page_has_no_script_or_style_within_and_asks_nobody_else() -> None:
    page = (PAGE / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", page)
    for path in sorted(PAGE.iterdir()):
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//cdn|@import|url\(", text), path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            path.name
        )


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fetc",
        "%2fetc%2fpasswd",
        "the-gan%00",
        "the-gan%2f..%2fthe-gan",
        "....//",
        "the-gan\\..",
        "C:",
    ],
)
def test_the_name_of_a_run_cannot_leave_the_shelf(explorer, name) -> None:
    for tail in (".json", "/picture.png", "/curves.json", "/map.json", "/test-pictures/0.png"):
        ended = explorer.get(f"/runs/{name}{tail}")
        assert ended.status_code in (404, 422), tail
        assert "root:" not in ended.text


@pytest.mark.parametrize("path", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "%2fetc%2fpasswd", "..\\app.py"])
def test_the_files_of_the_page_are_all_that_can_be_read(explorer, path) -> None:
    assert explorer.get(f"/page/{path}").status_code in (404, 405)


def test_names_are_told_as_data_and_never_as_html(make_run, client) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    run = make_run("acgan", name="run & <b>", store={"labels": (hostile, "Male")}, **{"data.labels": [hostile, "Male"]})
    asks = client(run.path)
    told = asks.get("/index.json")
    assert told.headers["content-type"] == "application/json"
    name = told.json()["runs"][0]["name"]
    assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
    card = asks.get(f"/runs/{name}.json").json()
    assert card["labels"] == [hostile, "Male"]
    assert card["title"] == "run & <b>"
    assert hostile not in asks.get("/").text


def test_without_the_token_nothing_is_answered(locked) -> None:
    for path in ("/", "/index.json", "/page/main.js", "/runs/the-gan/picture.png", "/nowhere"):
        ended = locked.get(path)
        assert ended.status_code == 401, path
        assert TOKEN not in ended.text
    assert locked.post("/runs/the-gan/code.json", content=b"x").status_code == 401


@pytest.mark.parametrize("word", ["", "wrong", TOKEN[:-1], TOKEN + "x", "é", "Bearer"])
def test_a_wrong_token_opens_nothing(locked, word) -> None:
    assert locked.get("/index.json", params={"token": word}).status_code == 401
    header = {"Authorization": f"Bearer {word}".encode()}
    assert locked.get("/index.json", headers=header).status_code == 401
    assert (
        locked.get("/index.json", headers={"Cookie": f"{locked.app.cookie}={word.encode().hex()}"}).status_code == 401
    )


def test_a_token_in_the_address_becomes_a_cookie_that_is_not_the_token(locked) -> None:
    ended = locked.get("/", params={"token": TOKEN, "other": "1"})
    assert ended.status_code == 303
    assert ended.headers["location"] == "./?other=1"
    cookie = ended.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "word" not in cookie
    assert locked.get("/index.json").status_code == 200, "the cookie is enough from now on"


def test_a_token_is_taken_from_a_header_too(locked) -> None:
    assert locked.get("/index.json", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_way_on_from_a_token_stays_on_this_machine(locked) -> None:
    ended = locked.get("http://127.0.0.1:8000//evil.example/x", params={"token": TOKEN})
    assert ended.status_code == 303
    assert ended.headers["location"] == "./x"


def test_tokens_are_compared_in_constant_time(monkeypatch) -> None:
    import simulacra.explorer.security as security

    asked: list[tuple[bytes, bytes]] = []
    real = security.secrets.compare_digest
    monkeypatch.setattr(security.secrets, "compare_digest", lambda a, b: asked.append((a, b)) or real(a, b))
    guard = Guard(lambda *_: None, "0.0.0.0", TOKEN)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"token=wrong",
        "headers": [(b"host", b"1.2.3.4")],
    }
    assert guard.refusal(scope) is not None
    assert asked == [(b"wrong", TOKEN.encode())]


@pytest.mark.parametrize("told", [str(MOST_UPLOADED + 1), "9" * 30, "-1", "many"])
def test_an_upload_that_says_it_is_too_large_is_not_read(explorer, told) -> None:
    ended = explorer.post("/runs/the-gan/code.json", content=b"x", headers={"Content-Length": told})
    assert ended.status_code == 413
    assert "more than 10 MB" in ended.json()["error"]


def test_an_upload_that_says_nothing_of_its_length_is_cut_off(explorer) -> None:
    sent = 0

    def endless() -> Any:
        nonlocal sent
        while sent <= 4 * MOST_UPLOADED:
            sent += 2**20
            yield b"x" * 2**20

    ended = explorer.post("/runs/the-gan/code.json", content=endless())
    assert ended.status_code == 413
    assert "more than 10 MB" in ended.json()["error"]


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("pc", False)],
)
def test_which_addresses_only_this_machine_reaches(host, own) -> None:
    assert is_loopback(host) is own


def test_documentation_that_would_load_scripts_from_elsewhere_is_not_there(explorer) -> None:
    assert [explorer.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404] * 3


def test_nothing_of_an_upload_is_kept(make_run, client, made, tmp_path) -> None:
    run = make_run("vae")
    asks, before = client(run.path), sorted(str(path) for path in tmp_path.rglob("*"))
    assert asks.post("/runs/first/code.json", content=made.picture()).status_code == 200
    assert asks.post("/runs/first/code.json", content=b"no picture").status_code == 422
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_nobody_goes_on_guessing_and_whoever_is_in_stays_in(locked) -> None:
    assert locked.get("/", params={"token": TOKEN}).status_code == 303
    cookie, now = dict(locked.cookies), [0.0]
    locked.cookies.clear()
    locked.app.tries = Tries(lambda: now[0])
    tried = [locked.get("/index.json", params={"token": f"wrong {number}"}).status_code for number in range(12)]
    assert tried == [401] * 10 + [429] * 2
    for right in ({"params": {"token": TOKEN}}, {"headers": {"Authorization": f"Bearer {TOKEN}"}}):
        refused = locked.get("/index.json", **right)
        assert refused.status_code == 429, "no try is looked at, or one would go on guessing"
        assert "too many wrong tokens came from this address" in refused.json()["error"]
    assert locked.get("/index.json").status_code == 401
    words = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookie.items())}
    assert locked.get("/index.json", headers=words).status_code == 200
    now[0] = 601
    assert locked.get("/", params={"token": TOKEN}).status_code == 303


def test_tries_are_counted_by_address_and_a_network_of_64_bits_is_one() -> None:
    tries = Tries()
    for number in range(10):
        tries.count(f"2001:db8::{number}")
        tries.count("::ffff:10.0.0.1")
    assert tries.are_used_up("2001:db8::ffff")
    assert not tries.are_used_up("2001:db8:0:1::1")
    assert tries.are_used_up("::ffff:10.0.0.1")
    assert not tries.are_used_up("::ffff:10.0.0.2")
    assert not tries.are_used_up("10.0.0.3")
