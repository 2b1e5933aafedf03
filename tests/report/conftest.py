"""Fake run folders, made by hand in a moment, and pages parsed for their meaning."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from simulacra.recipe import load
from simulacra.report import write_report
from simulacra.runs import RunFolder

ROW = {
    "metric": "frechet_distance",
    "low": None,
    "high": None,
    "baseline": None,
    "n": 500,
    "split": "test",
    "extractor": "random-vgg",
    "step": 2000,
}
HOSTILE = ("<script>alert(1)</script>", "$x^2$", "_hidden", "笑顔 é \u202eback\x07", "very long " * 30)


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def facts_of(labels: tuple[str, ...], **changes: Any) -> dict[str, Any]:
    layers = [
        {"layer": "Conv2d k4 s2 p1", "shape": [64, 4, 4], "parameters": 3072},
        {"layer": "Conv2d k4 s1 p0", "shape": [1, 1, 1], "parameters": 8192},
    ]
    return {
        "simulacra": "0.1.0",
        "python": "3.11.2",
        "torch": "2.13.0",
        "numpy": "2.4",
        "platform": "Linux",
        "threads": 2,
        "processor": "a processor",
        "commit": None,
        "device": "cpu",
        "precision": "float32",
        "family": "gan",
        "started": "2030-01-02T03:04:05+00:00",
        "state": "finished",
        "step": 2000,
        "images_seen": 256_000,
        "epochs": 6.4,
        "seconds": 400.0,
        "command": "simulacra train celeba-dcgan-bn --data stores/celeba",
        "recipe_name": "celeba-dcgan-bn",
        "data": {
            "path": "stores/celeba",
            "fingerprint": "0123abcd",
            "shape": [8, 8, 3],
            "counts": {"train": 40_000, "valid": 2_000, "test": 2_000},
            "label_names": list(labels),
            "exclusive": False,
            "label_frequencies": {name: 0.5 / (index + 1) for index, name in enumerate(labels)},
            "card": {"source": "celeba", "licence": "research only", "notes": ["cropped"]},
        },
        "networks": {"discriminator": {"parameters": 11_264, "layers": layers}},
        "players": {"discriminator": {"parameters": 11_264, "networks": ["discriminator"]}},
        "parameters": 11_264,
    } | changes


def write_curves(run: RunFolder, *keys: str, rows: int = 20) -> None:
    random = np.random.default_rng(0)
    for row in range(1, rows + 1):
        values = {key: 0.5 + 0.4 / row + 0.02 * float(random.normal()) for key in keys}
        run.append("metrics", {"step": 100 * row, "epoch": 0.32 * row, "images": 12_800 * row, **values})


def write_pictures(run: RunFolder, labels: tuple[str, ...]) -> None:
    """Every kind of picture of the contract, 8x8 pixels."""
    count, random = len(labels), np.random.default_rng(1)
    for step in range(0, 2001, 100):
        run.write_picture(
            f"fixed-{step:08d}", {"images": noise(12, 8, 8, 3, seed=step), "epoch": np.array(step / 312)}, b""
        )
    run.write_picture("samples", {"images": noise(32, 8, 8, 3)}, b"")
    originals, after = noise(10, 8, 8, 3), noise(10, 8, 8, 3, seed=1)
    run.write_picture("reconstructions", {"originals": originals, "reconstructions": after}, b"")
    names = np.array(labels)
    run.write_picture("pairs", {"images": noise(count, 2, 10, 8, 8, 3), "label_names": names}, b"")
    run.write_picture("classes", {"images": noise(10, count, 8, 8, 3), "label_names": names}, b"")
    points, flags = random.normal(size=(300, 2)).astype(np.float32), random.integers(0, 2, (300, count), np.uint8)
    table = {"points": points, "labels": flags, "label_names": names, "exclusive": np.array(False), "chosen": names[0]}
    run.write_picture("map", table, b"")


def write_run(
    path: Path, labels: tuple[str, ...] = ("Smiling", "Male"), *, full: bool = True, **changes: Any
) -> RunFolder:
    """Writes a run folder: with labels of these names, with curves, evaluations and pictures, with other facts."""
    run = RunFolder(path)
    run.path.mkdir(parents=True)
    run.write_recipe(load("celeba-dcgan-bn", {"steps": 2000}))
    run.write_facts(facts_of(labels, **changes))
    if full:
        write_curves(run, "loss/discriminator", "loss/generator", "accuracy/real", "accuracy/fake")
        evaluation = {"metric": "mse", "low": None, "high": None, "baseline": None, "n": 500, "extractor": None}
        for step in (1000, 2000):
            run.append("evaluations", evaluation | {"value": 40 / step, "split": "valid", "step": step})
        last = {"value": 0.0197, "low": 0.0190, "high": 0.0204, "split": "test", "step": 2000}
        run.append("evaluations", evaluation | last)
        write_pictures(run, labels)
    return run


VOID = {"meta", "img", "br", "hr", "input"}
BLOCKS = frozenset(
    ["p", "li", "h1", "h2", "h3", "td", "th", "caption", "summary", "figcaption", "div", "span", "dt", "dd", "small"]
)


class Page(HTMLParser):
    """A page, parsed once for its meaning, and the files of its figures.

    Attributes:
        text: everything that is read on it outside of figures, with single spaces.
        sections: heading -> text of each section, in order; of equal headings the first one.
        notes: texts of the boxes above the sections.
        tables: rows of texts of each table, its head first.
        images: alternatives of its pictures and charts.
        elements: tag and attributes of every element.
        unmatched: tags that are closed wrongly, or never.
        figures: name -> content of every file of figures beside the page.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.html = path, path.read_text("utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.sections: dict[str, str] = {}
        self.notes: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.unmatched: list[str] = []
        self._open: list[tuple[str, dict[str, str], int]] = []
        self._texts: list[str] = []
        self._heading = ""
        self.feed(self.html)
        self.unmatched += [tag for tag, _, _ in self._open]
        self.text = self._since(0)
        self.images = [attributes["alt"] for attributes in self.all("img")]
        self.images += [attributes["aria-label"] for attributes in self.all("svg")]
        folders = (path.parent / name for name in (f"{path.stem}-figures", "figures"))
        folder = next((folder for folder in folders if folder.is_dir()), path.parent / "figures")
        self.figures = {file.name: file.read_bytes() for file in sorted(folder.glob("*"))}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {key: value or "" for key, value in attrs}
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self._open.append((tag, attributes, len(self._texts)))
        if tag in BLOCKS:
            self._texts.append(" ")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        opened, attributes, start = self._open.pop() if self._open else ("", {}, 0)
        if opened != tag:
            self.unmatched.append(tag)
        if tag in ("h2", "h3"):
            self._heading = self._since(start)
        elif tag == "section":
            self.sections.setdefault(self._heading, self._since(start))
        elif tag in ("td", "th"):
            self.tables[-1][-1].append(self._since(start))
        elif attributes.get("role") == "note":
            self.notes.append(self._since(start))
        if tag in BLOCKS:
            self._texts.append(" ")

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & {tag for tag, _, _ in self._open}:
            self._texts.append(data)

    def _since(self, start: int) -> str:
        return " ".join("".join(self._texts[start:]).split())

    def all(self, *tags: str) -> list[dict[str, str]]:
        """Attributes of every element of these kinds."""
        return [attributes for tag, attributes in self.elements if tag in tags]

    def table(self, *head: str) -> dict[str, list[str]]:
        """First cell -> the other cells of each row, of the first table whose head begins with these names."""
        rows = next(rows for rows in self.tables if tuple(rows[0][: len(head)]) == head)
        return {row[0]: row[1:] for row in rows[1:]}

    @property
    def gaps(self) -> str:
        """What the page says is missing."""
        return "".join(note for note in self.notes if note.startswith("Before you read on"))

    def words_of(self, figure: str) -> list[str]:
        """The texts that are written in a figure."""
        return words_in(self.figures[f"{figure}.svg"])


def words_in(svg: bytes) -> list[str]:
    root = ElementTree.fromstring(svg)
    return ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("}text")]


def report(*runs: RunFolder, out: Path | None = None) -> Page:
    return Page(write_report(runs, out))


@pytest.fixture(scope="session")
def fake() -> SimpleNamespace:
    """What the tests of the report make runs with, and look at their pages with."""
    return SimpleNamespace(
        hostile=HOSTILE, noise=noise, run=write_run, curves=write_curves, report=report, words_in=words_in
    )


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A finished run without curves, evaluations and pictures."""
    return write_run(tmp_path / "run", full=False)


@pytest.fixture
def shown(run: RunFolder) -> Callable[..., Page]:
    """shown(leakage={...}): the page of a run with these pictures alone; an underscore in a name stands for a dash."""

    def page(**pictures: dict[str, Any]) -> Page:
        for name, arrays in pictures.items():
            run.write_picture(name.replace("_", "-"), arrays, b"")
        return report(run)

    return page


@pytest.fixture
def evaluated(run: RunFolder) -> Callable[..., Page]:
    """evaluated({...}, ...): the page of a run with these rows of evaluations; missing entries are those of ROW."""

    def page(*rows: dict[str, Any]) -> Page:
        for row in rows:
            run.append("evaluations", ROW | row)
        return report(run)

    return page


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., Page]:
    """compared([{...}, ...], ...): the page of several runs a, b, c with these rows of evaluations each."""

    def page(*runs: list[dict[str, Any]]) -> Page:
        folders = [write_run(tmp_path / name, full=False) for name, _ in zip("abcd", runs, strict=False)]
        for folder, rows in zip(folders, runs, strict=True):
            for row in rows:
                folder.append("evaluations", ROW | row)
        return report(*folders, out=tmp_path / "out.html")

    return page


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The report of a run that has everything, in the run's folder."""
    return report(write_run(tmp_path_factory.mktemp("plain") / "first"))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The report of a run in which everything that a person can name is named to break the page."""
    run = write_run(
        tmp_path_factory.mktemp("hostile") / "<b>run$&\"'", HOSTILE, command=" ".join(HOSTILE[:2]), commit="0" * 40
    )
    run.write_recipe(load("celeba-dcgan-bn", {"steps": 2000, "title": HOSTILE[0]}))
    run.append("metrics", {"step": 2100, "epoch": 6.7, "images": 268_800} | {f"{name}/{name}": 1.0 for name in HOSTILE})
    numbers = {"value": 1.0, "low": 0.5, "high": 2.0, "baseline": 0.1, "n": 1, "extractor": HOSTILE[1], "step": 2000}
    for name in HOSTILE:
        texts = dict.fromkeys(("metric", "split", "label", "judge", "density", "weights", "against"), name)
        run.append("evaluations", numbers | texts | {name: name})
    run.append("evaluations", {"metric": "recall", "value": None, "n": 1, "step": 2000, "why": HOSTILE[0]})
    run.write_picture("own <i>picture", {"images": noise(7, 8, 8, 1)}, b"")
    return report(run)
