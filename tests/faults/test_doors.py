"""Files of every kind that a stranger may have made, by every door: answered, or refused in a sentence.

None of them runs code, is waited for without end, or leads the program to write outside its folder.
"""

import gzip
import io
import json
import os
import pickle
import random
import socket
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import torch
from hypothesis import given, settings, target
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save

import simulacra as api
from simulacra.data.colours import parse_background, parse_values
from simulacra.data.decode import FORMATS, parse_crop, parse_size, read_picture
from simulacra.data.pack import pack
from simulacra.data.sources import Options, open_source
from simulacra.data.sources.tables import rows_of
from simulacra.engine.checkpoints import read_checkpoint
from simulacra.errors import SimulacraError
from simulacra.evaluation.codes import read
from simulacra.recipe import load, parse_assignment, read_table, to_table
from simulacra.runs import RunFolder

pytestmark = pytest.mark.usefixtures("nothing_is_carried_out")

MODES = (
    "1",
    "L",
    "P",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "LA",
    "PA",
    "RGBX",
    "RGBa",
    "La",
    "I;16",
)
ENDINGS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "BMP": "bmp", "GIF": "gif", "TIFF": "tif", "PPM": "ppm"}
ENDINGS |= {"JPEG2000": "jp2", "AVIF": "avif"}
OTHERS = ("ICO", "PCX", "TGA", "SGI", "DDS", "EPS", "PDF", "XBM", "MSP", "ICNS")
ODD_NAMES = (
    *(
        "new\nline.png",
        "tab\t.png",
        "\x1b[2J.png",
        "'quoted'.png",
        '".png',
        "-rf.png",
        "--out.png",
        "$(touch PWNED).png",
    ),
    *(
        "é.png",
        "e\u0301.png",
        "\u202egnp.exe.png",
        "<b>.png",
        "=cmd.png",
        "%s%n.png",
        "a..png",
        "a b.png",
        "🙂.png",
    ),
    f"{'n' * 251}.png",
)


class Mine:
    """Something whose unpickling would run code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("import pathlib; pathlib.Path('PWNED').touch()",)


def test_pictures_of_every_format_and_mode(outcome: Callable[..., str]) -> None:
    assert set(ENDINGS) == set(FORMATS)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    opened = 0
    for form in (*ENDINGS, *OTHERS):
        for mode in MODES:
            file = io.BytesIO()
            try:
                picture = Image.fromarray(pixels)
                picture = (
                    picture.convert("L")
                    if mode in ("La", "I;16")
                    else picture.convert("RGBA" if mode == "RGBa" else "RGB")
                )
                picture.convert(mode).save(file, form)
            except (OSError, ValueError, KeyError, RuntimeError):
                continue  # Pillow writes no such file
            content = file.getvalue()
            said = outcome(lambda content=content: read_picture(content, (8, 8)), (form, mode))
            assert form in OTHERS or not said, (form, mode, said)
            opened += not said
    assert opened > 40


def test_folders_with_links_pipes_and_odd_names(outcome: Callable[..., str], tmp_path: Path) -> None:
    root, outside = tmp_path / "photos", tmp_path / "outside"
    for folder in (root, outside):
        folder.mkdir()
    (outside / "secret.txt").write_text("secret", "utf-8")
    Image.new("RGB", (8, 8), "red").save(outside / "red.png")
    names = [*ODD_NAMES, os.fsdecode(b"\xff\xfe.png"), os.fsdecode(b"caf\xe9.png")]
    for number, name in enumerate(names):
        Image.new("RGB", (8, 8), (number, 2 * number, 90)).save(root / name, "PNG")
    os.mkfifo(root / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "socket.png"))
    for name, leads in {
        "loop.png": root / "loop.png",
        "gone.png": outside / "nothing.png",
        "secret.png": outside / "secret.txt",
        "zero.png": Path("/dev/zero"),
        "self": root,
        "up": tmp_path,
    }.items():
        (root / name).symlink_to(leads)
    (root / "folder.png").mkdir()
    before = {path: path.read_bytes() for path in outside.iterdir()}
    packed = []
    outcome(lambda: packed.append(pack(open_source("folder", root), tmp_path / "store", keep_going=True, workers=1)))
    kept = packed[0].store.names
    assert {name for name in names if name.isascii()} <= set(kept)
    bad = {entry["name"]: entry["why"] for entry in packed[0].store.card["left_out"]}
    assert "not a picture" in bad["secret.png"]
    assert not {"pipe.png", "socket.png", "zero.png"} & {*kept, *bad}
    for note in packed[0].notes:
        assert "\n" not in note
        assert "\x1b" not in note
    assert before == {path: path.read_bytes() for path in outside.iterdir()}
    for name in ("pipe.png", "socket.png", "zero.png", "loop.png", "folder.png", "gone.png"):
        assert outcome(lambda path=root / name: read_picture(path, (8, 8)), name), name
        assert outcome(lambda path=root / name: open_source("folder", outside, Options(labels=path)), name), name
        for kind in ("folder", "arrays", "idx", "celeba"):
            if name != "folder.png":
                assert outcome(lambda path=root / name, kind=kind: open_source(kind, path), (kind, name)), (kind, name)


def npz(**contents: bytes) -> bytes:
    """A .npz file of such members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(array: Any) -> bytes:
    """An array as the content of a .npy file, pickled where it holds objects."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def test_arrays_of_every_kind(outcome: Callable[..., str], tmp_path: Path) -> None:
    objects = npy(np.array([Mine()] * 4, dtype=object))
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)
    files = {"objects.npy": objects, "pickle.npy": pickle.dumps(Mine()), "pickle.npz": pickle.dumps(Mine())}
    files["objects.npz"] = npz(images=objects)
    for what in ("labels", "label_names", "factors", "factor_names", "split", "other"):
        files[f"objects as {what}.npz"] = npz(images=npy(pixels), **{what: objects})
    for kind in "?bBhHiIlLqQefdgFDSUMmV":
        dtype = np.dtype({"S": "S3", "U": "U3", "M": "M8[s]", "m": "m8[s]", "V": "V5"}.get(kind, kind))
        files[f"kind {kind}.npy"] = npy(np.zeros((12, 8, 8, 3), dtype))
        files[f"labels {kind}.npz"] = npz(images=npy(pixels), labels=npy(np.zeros(12, dtype)))
    for shape in (
        (),
        (0,),
        (3,),
        (12, 8),
        (12, 8, 8),
        (8, 8, 3),
        (12, 3, 8, 8),
        (12, 8, 8, 2),
        (1, 12, 8, 8, 3),
        (0, 8, 8, 3),
    ):
        files[f"shape {shape}.npy"] = npy(np.zeros(shape, np.uint8))
        files[f"labels {shape}.npz"] = npz(images=npy(pixels), labels=npy(np.zeros(shape, np.int64)))
    for name in ("../../PWNED", "/PWNED", "C:\\PWNED", "images/../../../PWNED", "a\nb", "", "." * 300):
        files[f"member {len(files)}.npz"] = npz(**{name: npy(pixels)})
    for value in (np.nan, np.inf, -np.inf, 1e300, -1e300):
        files[f"value {value}.npy"] = npy(np.full((12, 8, 8, 3), value))
    chance = random.Random(0)
    for number in range(30):
        content = bytearray(npy(pixels))
        content[chance.randrange(80)] = chance.randrange(256)
        files[f"header {number}.npy"] = bytes(content)
    for name, content in files.items():
        path = tmp_path / name.replace("/", "_")
        path.write_bytes(content)
        outcome(lambda path=path: [*open_source("arrays", path).pictures(1)], name)
    assert not (tmp_path.parent / "PWNED").exists()


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=40), st.integers(0, 3), st.booleans(), st.integers(0, 300))
def test_idx_files_of_any_bytes(tmp_path_factory: Any, junk: bytes, which: int, packed: bool, cut: int) -> None:
    folder = tmp_path_factory.mktemp("idx")
    few = struct.pack(">4I", 2051, 3, 4, 4) + bytes(48), struct.pack(">2I", 2049, 3) + bytes(3)
    files = [
        (f"{part}-{kind}-ubyte", few[at])
        for part in ("train", "t10k")
        for at, kind in enumerate(("images-idx3", "labels-idx1"))
    ]
    for at, (name, content) in enumerate(files):
        content = (junk + content[len(junk) :])[: len(content) - cut % len(content)] if at == which else content
        whole = gzip.compress(content, 1) if packed else content
        (folder / f"{name}{'.gz' if packed else ''}").write_bytes(whole)
    refused_or_read(lambda: [*open_source("idx", folder).pictures(1)])


def refused_or_read(work: Callable[[], object]) -> bool:
    """Whether a function succeeds; it raises nothing but what is said in a sentence."""
    try:
        work()
    except SimulacraError:
        return False
    return True


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6) | st.sampled_from(
    (
        "0",
        "1",
        "-1",
        "0.png",
        "1.png",
        "file",
        '"',
        "'",
        "\n",
        "\r",
        ",",
        ";",
        "\t",
        "|",
        "sep=;",
        "#",
        "nan",
        "1,5",
        "\ufeff",
    )
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(CELLS, max_size=5), max_size=8),
    st.sampled_from(",;\t| "),
    st.sampled_from(("csv", "txt", "jsonl", "json")),
)
def test_tables_of_any_cells(tmp_path_factory: Any, rows: list[list[str]], mark: str, ending: str) -> None:
    folder = tmp_path_factory.mktemp("table")
    (folder / "photos").mkdir()
    for number in range(2):
        (folder / "photos" / f"{number}.png").touch()
    path = folder / f"labels.{ending}"
    path.write_text("\n".join(mark.join(row) for row in rows), "utf-8", newline="")
    target(float(refused_or_read(lambda: [*rows_of(path)[0]])))
    refused_or_read(lambda: open_source("folder", folder / "photos", Options(labels=path)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ("seed", "numbers", "noise", "labels", "categories", "continuous", "overrides", "attributes", "x", "1")
)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(KEYS, JSON, max_size=4) | JSON, st.text(max_size=6))
def test_codes_of_any_json(value: Any, tail: str) -> None:
    accepted = refused_or_read(lambda: read(json.dumps(value)))
    target(float(accepted))
    refused_or_read(lambda: read(json.dumps(value) + tail))
    refused_or_read(lambda: read(tail))


RECIPE = to_table(load("demo-acgan"))
DOTTED = st.sampled_from(
    (
        "steps",
        "seed",
        "data",
        "data.size",
        "data.batch",
        "data.labels",
        "objective",
        "objective.family",
        "objective.code.noise",
    )
) | st.sampled_from(
    (
        "networks",
        "networks.generator.channels",
        "networks.generator.kind",
        "optimizer.betas",
        "every.epochs",
        "start.run",
        "x.y",
        "",
        ".",
        "a.",
    )
)


@settings(deadline=None, max_examples=100)
@given(DOTTED, JSON)
def test_recipes_with_any_value_for_a_key(key: str, value: Any) -> None:
    words = f"{key}={tomli_w.dumps({'v': value}).partition('=')[2].strip()}" if tomlable(value) else f"{key}={value}"
    refused_or_read(lambda: parse_assignment(words))
    table = json.loads(json.dumps(RECIPE))
    target(float(refused_or_read(lambda: read_table(table, "any", {key: value}))))


def tomlable(value: Any) -> bool:
    """Whether TOML can say a value in one line."""
    try:
        return "\n" not in tomli_w.dumps({"v": value}).strip()
    except (TypeError, ValueError):
        return False


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=30) | st.from_regex(r"[-+0-9a-z#.,x ]{0,20}"))
def test_words_for_sizes_colours_and_ranges(text: str) -> None:
    for parse in (parse_size, parse_crop, parse_values, parse_background, parse_assignment):
        refused_or_read(lambda parse=parse: parse(text))


STATES: dict[str, Callable[[], Any]] = {
    "code": Mine,
    "code in networks": lambda: {"format": 1, "step": 6, "networks": {"a": Mine()}, "ema": {}},
    "a list": lambda: [1],
    "a step of words": lambda: {"format": 1, "step": "6", "networks": {}, "ema": {}},
    "no weights": lambda: {"format": 1, "step": 6, "networks": {}, "ema": {}},
    "a later version": lambda: {"format": 2, "step": 6, "networks": {}, "ema": {}},
    "numbers for tensors": lambda: {"format": 1, "step": 6, "networks": {"encoder.0.weight": 3}, "ema": {}},
    "terabytes": lambda: {
        "format": 1,
        "step": 6,
        "networks": {"decoder.0.weight": torch.zeros(1).expand(2**40)},
        "ema": {},
    },
}


@pytest.mark.parametrize("state", STATES)
def test_checkpoints_of_strangers(state: str, outcome: Callable[..., str], trained_once: Callable[..., Path]) -> None:
    run = trained_once("vae")
    path = max(RunFolder(run).checkpoints().values())
    torch.save(STATES[state](), path)
    assert outcome(lambda: api.open_run(run).sample(2), state)
    path.write_bytes(pickle.dumps(STATES[state]() if state.startswith("code") else Mine()))
    assert outcome(lambda: api.open_run(run).sample(2), state)
    assert outcome(lambda: read_checkpoint(path), state)


WEIGHTS: dict[str, Callable[[dict[str, torch.Tensor]], bytes]] = {
    "emptied": lambda _: b"",
    "a pickle": lambda _: pickle.dumps(Mine()),
    "a huge header": lambda _: struct.pack("<Q", 2**62) + b"{}",
    "a header beyond the end": lambda _: struct.pack("<Q", 10**6) + b"{}",
    "a nested header": lambda _: struct.pack("<Q", 50_000) + b"[" * 50_000,
    "overlapping tensors": lambda _: header({"a": [0, 8], "b": [0, 8]}, 8),
    "tensors beyond the end": lambda _: header({"a": [0, 2**50]}, 8),
    "another name": lambda state: save({f"x{name}": value for name, value in state.items()}),
    "another shape": lambda state: save({name: value[None].contiguous() for name, value in state.items()}),
    "integers": lambda state: save({name: value.to(torch.int8) for name, value in state.items()}),
    "complex": lambda state: save({name: torch.complex(value.float(), value.float()) for name, value in state.items()}),
    "none": lambda _: save({}),
    "not finite": lambda state: save({name: value * float("nan") for name, value in state.items()}),
}


def header(places: dict[str, list[int]], size: int) -> bytes:
    """A safetensors file of tensors that lie at these places."""
    content = {
        name: {"dtype": "F32", "shape": [(b - a) // 4], "data_offsets": [a, b]} for name, (a, b) in places.items()
    }
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def test_exports_of_strangers(
    outcome: Callable[..., str], trained_once: Callable[..., Path], tmp_path: Path, attempts: int
) -> None:
    api.open_run(trained_once("acgan")).export(tmp_path / "exported")
    config = json.loads((tmp_path / "exported" / "config.json").read_text("utf-8"))
    weights, file = tmp_path / "exported" / "model.safetensors", tmp_path / "exported" / "config.json"
    kept = weights.read_bytes()
    state = dict(api.load(tmp_path / "exported").subject.objective.networks.state_dict())
    for name, change in WEIGHTS.items():
        weights.write_bytes(change(state))
        said = outcome(lambda: api.load(tmp_path / "exported").sample(2), name)
        assert said or name in ("integers", "not finite"), name
    weights.write_bytes(kept)
    values = (None, 0, -1, 10**30, 1.5, "", "x", "../../etc/passwd", [], [1], {}, {"a": 1}, True, "1" * 5_000)
    chance = random.Random(0)
    for key in config:
        for value in values if attempts > 1 else chance.sample(values, 4):
            file.write_text(json.dumps(config | {key: value}), "utf-8")
            outcome(lambda: api.load(tmp_path / "exported").sample(2), (key, value))
        file.write_text(json.dumps({other: config[other] for other in config if other != key}), "utf-8")
        outcome(lambda: api.load(tmp_path / "exported").sample(2), key)
    for text in (
        "",
        "null",
        "[]",
        "[" * 100_000,
        "\xff",
        '{"made_by": "simulacra"}',
        '{"made_by": "simulacra", "format": 2}',
    ):
        file.write_text(text, "latin-1")
        assert outcome(lambda: api.load(tmp_path / "exported"), text[:20])


@pytest.mark.parametrize("name", ["conditions.npy", "directions.npz", "pictures/map.npz", "pictures/samples.npz"])
def test_arrays_of_a_run_that_would_run_code(
    name: str, answer: Callable[..., str], trained_once: Callable[..., Path], tmp_path: Path
) -> None:
    run = trained_once("acgan")
    objects = npy(np.array([Mine()] * 4, dtype=object))
    for content in (objects, pickle.dumps(Mine()), npz(images=objects, points=objects, format=objects)):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_bytes(content)
        answer("sample", run, "--count", 2, "--out", tmp_path / "samples.npy")
        answer("diagnose", run)
    if name == "pictures/map.npz":  # a page reads them all
        answer("report", run, "--out", tmp_path / "page.html")


@pytest.mark.parametrize("names", [("metrics.jsonl", "evaluations.jsonl", "run.json"), (".lock",)])
def test_links_of_a_run_never_lead_to_a_change_outside(
    names: tuple[str, ...],
    answer: Callable[..., str],
    outcome: Callable[..., str],
    trained_once: Callable[..., Path],
    tmp_path: Path,
) -> None:
    run, outside = trained_once("vae", {"count": 60, "held_out": 10}), tmp_path / "outside"
    outside.mkdir()
    for name in names:
        if (run / name).exists() and name != ".lock":
            (outside / name).write_bytes((run / name).read_bytes())
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(outside / name)
    before = {path: path.read_bytes() for path in outside.iterdir()}
    answer("best", run)
    said = outcome(lambda: RunFolder(run).append("metrics", {"step": 9}))
    assert "which is no part of the run" in said or names == (".lock",)
    assert before == {path: path.read_bytes() for path in outside.iterdir()}
