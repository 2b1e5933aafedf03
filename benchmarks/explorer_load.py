"""The explorer under load: 200 open connections, slow clients and 50 requests at once, while its owner uses the page.

python benchmarks/explorer_load.py [--minutes 10] [--recipe demo-vae] [--write]

All of it runs on this machine, over loopback, so the clients take processor time from the explorer. The model is an
untrained one, which costs as much. The owner opens the page, its largest script and one picture, twice a second; each
picture is compared with the one that was drawn before the load began. Memory is flat where its slope over the second
half of the time is less than 1 MB a minute. `--write` puts the table into docs/reliability.md.
"""

import argparse
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from sensitivity import filled
from soak import Usage, slope

from explorer import untrained

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
OPEN, SLOW, AT_ONCE = 170, 30, 50
PICTURE = "/runs/{run}/picture.png?code=%7B%22seed%22:{seed}%7D"
# What the many ask for: kind -> address, and in how many of 20 requests.
ASKED = {
    "picture": (PICTURE, 10),
    "samples": ("/runs/{run}/samples.png?seed={seed}&count=8", 3),
    "strip": ("/runs/{run}/strip.png?along=overrides:1&code=%7B%22seed%22:{seed}%7D", 3),
    "list": ("/index.json", 2),
    "curves": ("/runs/{run}/curves.json", 1),
    "traversal": ("/runs/..%2f..%2fetc%2fpasswd/picture.png", 1),
}
BEGUN = (
    b"",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    b"POST /runs/x/code.json HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999\r\n\r\n",
)


class Load:
    """Clients of the explorer at a port, until `stop` is set."""

    def __init__(self, port: int, run: str) -> None:
        self.port, self.run, self.stop = port, run, threading.Event()
        self.statuses: Counter[str] = Counter()
        self.times: dict[str, list[float]] = {"page": [], "script": [], "picture": []}  # of the owner, milliseconds
        self.stale = 0

    def get(self, connection: HTTPConnection, path: str) -> tuple[int, bytes]:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def many(self, number: int) -> None:
        chance, kinds = random.Random(number), [kind for kind, (_, share) in ASKED.items() for _ in range(share)]
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.stop.is_set():
            path = ASKED[chance.choice(kinds)][0].format(run=self.run, seed=chance.randrange(1000))
            try:
                self.statuses[str(self.get(connection, path)[0])] += 1
            except (OSError, HTTPException):  # cut while it was idle: a browser asks again
                self.statuses["connection closed"] += 1
                connection.close()
        connection.close()

    def hold(self, number: int, drips: bool) -> None:
        """Keeps a connection open that says nothing, or a byte a second; opened again where it is cut."""
        while not self.stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as opened:
                    opened.sendall(BEGUN[number % len(BEGUN)])
                    while not self.stop.wait(1):
                        if drips:
                            opened.sendall(b"1")
                        opened.settimeout(0.01)
                        try:
                            if not opened.recv(65536):
                                break
                        except TimeoutError:
                            pass
            except OSError:
                self.stop.wait(0.2)
            self.statuses["held connections that were cut"] += not self.stop.is_set()

    def owner(self) -> None:
        paths = {"page": "/", "script": "/page/map.js", "picture": PICTURE.format(run=self.run, seed=7)}
        wanted = {kind: self.get(HTTPConnection("127.0.0.1", self.port), path)[1] for kind, path in paths.items()}
        self.ready = True
        while not self.stop.wait(0.5):
            for kind, path in paths.items():
                begun = time.perf_counter()
                status, content = self.get(HTTPConnection("127.0.0.1", self.port, timeout=60), path)
                self.times[kind].append(1000 * (time.perf_counter() - begun))
                self.stale += (status, content) != (200, wanted[kind])


def measure(run: Path, minutes: float) -> tuple[Load, Usage, str]:
    """The load, what the explorer used meanwhile, and what it said in its terminal."""
    words = [sys.executable, "-m", "simulacra", "explore", str(run), "--port", "0", "--no-browser"]
    server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    port = int(server.stderr.readline().split(" at http://127.0.0.1:")[1].split("/")[0])
    load, usage = Load(port, run.name), Usage(server.pid)
    owner = threading.Thread(target=load.owner)
    owner.start()
    time.sleep(3)  # so that what is right is known before the load begins
    others = [threading.Thread(target=load.many, args=(number,)) for number in range(AT_ONCE)]
    others += [threading.Thread(target=load.hold, args=(number, number < SLOW)) for number in range(OPEN + SLOW)]
    for thread in others:
        thread.start()
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end and owner.is_alive():
        usage.sample()
        time.sleep(2)
    load.stop.set()
    for thread in (owner, *others):
        thread.join()
    server.terminate()
    return load, usage, server.communicate()[1]


def table(load: Load, usage: Usage, said: str, minutes: float) -> str:
    """The figures as Markdown."""

    def times(kind: str) -> str:
        values = sorted(load.times[kind])
        return f"{statistics.median(values):,.0f} / {values[int(0.95 * len(values))]:,.0f} / {values[-1]:,.0f}"

    answered = sum(count for status, count in load.statuses.items() if status.isdigit())
    growth = slope(usage.seconds, usage.megabytes)
    faults = sum(count for status, count in load.statuses.items() if status in ("500", "502"))
    rows = {
        "minutes": f"{minutes:g}",
        f"programs that wanted one of {os.cpu_count()} cores, these among them": f"{os.getloadavg()[0]:.0f}",
        f"requests answered, {AT_ONCE} at once": f"{answered:,}",
        "by status": ", ".join(f"{status}: {count:,}" for status, count in sorted(load.statuses.items())),
        "faults (500)": f"{faults}",
        "the owner's page: median / 95% / longest, ms": times("page"),
        "a script of the page, ms": times("script"),
        "the owner's picture, behind the pictures of all others, ms": times("picture"),
        "stale or wrong answers to the owner": f"{load.stale} of {sum(map(len, load.times.values())):,}",
        "memory at the start, at the end, MB": f"{usage.megabytes[0]:,.0f}, {usage.megabytes[-1]:,.0f}",
        "memory over the second half, MB a minute": f"{growth:+.2f} ({'flat' if abs(growth) < 1 else 'NOT flat'})",
        "open files: most, at the end": f"{max(usage.files)}, {usage.files[-1]}",
        "threads: most, at the end": f"{max(usage.threads)}, {usage.threads[-1]}",
        "lines in the explorer's terminal": f"{len(said.splitlines())}",
    }
    head = f"| {OPEN} idle and {SLOW} slow connections beside | |\n|---|---|\n"
    return head + "".join(f"| {name} | {value} |\n" for name, value in rows.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--recipe", default="demo-vae", help="whose networks are drawn with")
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        load, usage, said = measure(untrained(Path(folder), options.recipe), options.minutes)
    text = table(load, usage, said, options.minutes)
    print(text)
    if options.write:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), "explorer under load", text, Path(__file__).name), "utf-8")


if __name__ == "__main__":
    main()
