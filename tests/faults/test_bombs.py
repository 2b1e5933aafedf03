"""Small files that claim or unpack to very much: each is refused in a sentence, with little memory."""

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIDE = 50_000
MOST_MEMORY = 500  # MB, of the whole process
FRAMES = 100_000
# Opens every file below a folder, and prints by its path what was said, and how large the process was at most.
OPENS = """
import json, sys
from pathlib import Path
from simulacra.data.decode import read_picture
from simulacra.data.sources import Options, open_source
from simulacra.data.store import open_store
from simulacra.errors import DataError
from simulacra.files import DAMAGED_ARRAYS, read_npz

def largest():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

home = Path(sys.argv[1])
doors = {
    "pictures": lambda path: read_picture(path, (64, 64)),
    "uploads": lambda path: read_picture(path.read_bytes(), (64, 64), most=40_000_000),
    "arrays": lambda path: open_source("arrays", path),
    "kept": read_npz,
    "idx": lambda path: open_source("idx", path),
    "tables": lambda path: open_source("folder", home / "photos", Options(labels=path)),
    "stores": open_store,
}
for door, opens in doors.items():
    for path in sorted((home / door).iterdir()):
        try:
            opens(path)
            said = ""
        except DataError as error:
            said = str(error)
        except DAMAGED_ARRAYS as error:
            said = f"{type(error).__name__}: {error}" if door == "kept" else f"Traceback: {error!r}"
        print(json.dumps([door, path.name, said, largest()]), flush=True)
"""


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extra: bytes) -> bytes:
    """A PNG that claims a size, with more chunks; its pixels are those of 16x16."""
    pixels = zlib.compress((b"\0" + b"\x80" * 48) * 16)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", head), *extra, chunk(b"IDAT", pixels), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def unpacks_to(size: int, form: int = 15) -> bytes:
    """Zeros, compressed: `form` is as in zlib, 31 for gzip."""
    packer, block = zlib.compressobj(9, zlib.DEFLATED, form), bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(size // 2**20)) + packer.flush()


def saved(form: str, **options: object) -> bytearray:
    """A picture of 16x16 in one of Pillow's formats."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(file, form, **options)
    return bytearray(file.getvalue())


def claiming(form: str, mark: bytes, after: int, size: bytes, **options: object) -> bytes:
    """A picture of 16x16 whose header, so many bytes after a mark, has another size."""
    content = saved(form, **options)
    at = content.index(mark) + after
    content[at : at + len(size)] = size
    return bytes(content)


def gif(width: int, height: int, frames: int) -> bytes:
    """A GIF of so many frames of one pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\x04\x0a\0\0\0\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b"\x3b"


def webp(width: int, height: int, frames: int) -> bytes:
    """An animated WebP."""

    def three(number: int) -> bytes:
        return struct.pack("<I", number)[:3]

    def riff(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    picture = bytes(saved("WEBP", lossless=True)[12:])
    frame = riff(b"ANMF", three(0) * 2 + three(15) * 2 + three(100) + b"\0" + picture)
    whole = riff(b"VP8X", b"\x02\0\0\0" + three(width - 1) + three(height - 1)) + riff(b"ANIM", bytes(6))
    return riff(b"RIFF", b"WEBP" + whole + frame * frames)


def animated_png(frames: int) -> bytes:
    """An APNG."""
    pixels = zlib.compress((b"\0" + b"\x80" * 48) * 16)

    def control(number: int) -> bytes:
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 16, 16, 0, 0, 1, 10, 0, 0))

    more = [control(2 * n - 1) + chunk(b"fdAT", struct.pack(">I", 2 * n) + pixels) for n in range(1, frames)]
    whole = png(16, 16, chunk(b"acTL", struct.pack(">II", frames, 0)), control(0))
    return whole[:-12] + b"".join(more) + whole[-12:]


def tiff(width: int, height: int, pages: int = 1) -> bytes:
    """A TIFF of grey pages."""
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 256)]
    entries = b"".join(struct.pack("<HHII", number, 4, 1, value) for number, value in tags)
    length, content = 2 + len(entries) + 4, [b"II*\0", struct.pack("<I", 264), bytes(256)]
    for page in range(pages):
        following = 264 + (page + 1) * length if page < pages - 1 else 0
        content.append(struct.pack("<H", len(tags)) + entries + struct.pack("<I", following))
    return b"".join(content)


def bmp(width: int, height: int) -> bytes:
    """The header of a BMP."""
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)


def pictures() -> dict[str, bytes]:
    """Name -> content of pictures that claim too much, or have too many parts."""
    large, words = struct.pack(">HH", SIDE, SIDE), unpacks_to(2**27)
    scan = saved("JPEG", progressive=True)
    scans = bytes(scan[scan.index(b"\xff\xda") : -2])
    exif = b"\xff\xe1" + struct.pack(">H", 65535) + b"Exif\0\0" + bytes(65527)
    jpeg = bytes(saved("JPEG"))
    claims = {
        "png": png(SIDE, SIDE),
        "jpg": claiming("JPEG", b"\xff\xc0", 5, large),
        "bmp": bmp(SIDE, SIDE),
        "gif": gif(SIDE, SIDE, 1),
        "tif": tiff(SIDE, SIDE),
        "webp": webp(SIDE, SIDE, 1),
        "jp2": claiming("JPEG2000", b"ihdr", 4, struct.pack(">II", SIDE, SIDE)),
        "ppm": f"P6 {SIDE} {SIDE} 255\n".encode(),
        "pfm": f"Pf\n{SIDE} {SIDE}\n-1.0\n".encode(),
    }
    return {f"claims.{ending}": content for ending, content in claims.items()} | {
        "largest.png": png(2**31 - 1, 2**31 - 1),
        "upside-down.bmp": bmp(SIDE, -SIDE),
        "frames.gif": gif(16, 16, FRAMES),
        "frames-large.gif": gif(6000, 6000, FRAMES),
        "frames.apng": animated_png(FRAMES // 20),
        "frames-claimed.png": png(16, 16, chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
        "frames.webp": webp(16, 16, FRAMES // 20),
        "pages.tif": tiff(16, 16, FRAMES // 5),
        "zTXt.png": png(16, 16, chunk(b"zTXt", b"Comment\0\0" + words)),
        "iTXt.png": png(16, 16, chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + words)),
        "iCCP.png": png(16, 16, chunk(b"iCCP", b"icc\0\0" + words)),
        "texts.png": png(16, 16, chunk(b"tEXt", b"C\0x") * FRAMES),
        "after.png": png(16, 16)[:-12] + chunk(b"zTXt", b"Comment\0\0" + words) + chunk(b"IEND", b""),
        "scans.jpg": claiming("JPEG", b"\xff\xc2", 5, struct.pack(">HH", 6000, 6000), progressive=True)[:-2]
        + scans * 99,
        "exif.jpg": jpeg[:2] + exif * 200 + jpeg[2:],
        "comment.ppm": b"P6 #" + b"x" * 2**21,
    }


def npy(shape: tuple[int, ...], kind: str = "|u1", data: bytes = b"") -> bytes:
    """A .npy file whose header claims a shape."""
    head = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def npz(**arrays: bytes) -> bytes:
    """A .npz file of such arrays."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


PETABYTE = (10**15 // 3072, 32, 32, 3)


def arrays() -> dict[str, bytes]:
    """Name -> content of NumPy's files that claim or unpack to too much."""
    few = npy((4, 8, 8, 3), data=bytes(range(192)) * 4)
    names = npy((60_000,), "<i8", np.arange(60_000).tobytes())
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("images.npy", npy((2**20, 32, 32, 3)))
    # The directory at the end of the file claims 64 GB of what unpacks to a few bytes.
    claimed = bytearray(bomb.getvalue())
    at = claimed.rindex(b"PK\x01\x02") + 24
    claimed[at : at + 4] = struct.pack("<I", 2**32 - 2)
    return {
        "petabyte.npy": npy(PETABYTE),
        "petabyte-of-floats.npy": npy((2**62, 8, 8, 3), "<f8"),
        "overflow.npy": npy((2**62, 2**62, 2**62, 3)),
        "below-zero.npy": npy((-5, 8, 8, 3)),
        "words.npy": npy((4,), "<U536870911"),
        "petabyte.npz": npz(images=npy(PETABYTE)),
        "petabyte-of-names.npz": npz(images=few, label_names=npy((10**13,), "<U8")),
        "classes.npz": npz(images=npy((60_000, 1, 1, 1), data=bytes(60_000)), labels=names),
        "many.npz": npz(**{f"array{number}": few for number in range(200)}),
        "claimed.npz": bytes(claimed),
    }


def idx_set(folder: Path, images: bytes | None = None, labels: bytes | None = None, *, packed: bool = False) -> None:
    """Four files of the MNIST family, of which some are others."""
    folder.mkdir(parents=True)
    few = struct.pack(">4I", 2051, 5, 8, 8) + bytes(320), struct.pack(">2I", 2049, 5) + bytes(5)
    for part, given in (("train", (images, labels)), ("t10k", (None, None))):
        for kind, content, usual in zip(("images-idx3", "labels-idx1"), given, few, strict=True):
            path = folder / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(content or (gzip.compress(usual) if packed else usual))


def write_bombs(home: Path) -> None:
    """All of them, each below the name of its door."""
    contents = {"pictures": pictures(), "arrays": arrays()}
    contents["uploads"] = contents["pictures"]
    contents["kept"] = {name: content for name, content in contents["arrays"].items() if name.startswith("petabyte")}
    contents["kept"] |= {"claimed.npz": contents["arrays"]["claimed.npz"]}
    row = "0.png," + "1" * 2**21
    contents["tables"] = {
        "one-row.csv": f"file,label\n{row}".encode(),
        "one-field.csv": f'file,label\n"{"1" * 2**18}\n'.encode(),
        "columns.csv": ("file" + ",a" * 20_000 + "\n0.png" + ",1" * 20_000).encode(),
        "nested.json": ("[" * 200_000).encode(),
        "nested.jsonl": ('{"a":' * 100_000).encode(),
        "digits.json": b"9" * 10_000,
    }
    for door, files in contents.items():
        (home / door).mkdir()
        for name, content in files.items():
            (home / door / name).write_bytes(content)
    (home / "photos").mkdir()
    Image.new("RGB", (8, 8)).save(home / "photos" / "0.png")
    idx_set(home / "idx" / "claims", struct.pack(">4I", 2051, *[2**32 - 1] * 3))
    idx_set(home / "idx" / "product-of-0", struct.pack(">4I", 2051, 2**31, 2**31, 4))
    idx_set(home / "idx" / "no-pixel", struct.pack(">4I", 2051, 2**31, 0, 8))
    idx_set(home / "idx" / "labels", labels=struct.pack(">2I", 2049, 2**32 - 1))
    bomb = gzip.compress(struct.pack(">2I", 2049, 2**32 - 1)) + unpacks_to(2**24, form=31)
    idx_set(home / "idx" / "packed", labels=bomb, packed=True)
    more = gzip.compress(struct.pack(">2I", 2049, 5)) + unpacks_to(2**28, form=31)
    idx_set(home / "idx" / "packed-more", labels=more, packed=True)
    for name, file in (("petabyte", npy(PETABYTE)), ("words", npy((5, 8, 8, 3), "<U9"))):
        folder = home / "stores" / name
        folder.mkdir(parents=True)
        (folder / "images.npy").write_bytes(file)
        head = {"format": 1, "fingerprint": "0", "label_names": [], "exclusive": False, "factor_names": [], "card": {}}
        (folder / "store.json").write_text(json.dumps(head), "utf-8")
        np.save(folder / "labels.npy", np.zeros((5, 0), np.uint8))
        (folder / "split.npy").write_bytes(npy((2**50,)))


# Harmless, though they look like bombs: what is too much of them is left out.
OPENED = {"frames.apng", "frames-claimed.png", "frames.webp", "zTXt.png", "iTXt.png", "iCCP.png", "texts.png"}
OPENED |= {"after.png", "exif.jpg"}


def test_what_claims_too_much_is_refused_with_little_memory(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    write_bombs(tmp_path)
    ended = subprocess.run([sys.executable, "-c", OPENS, tmp_path], capture_output=True, text=True, timeout=600)
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 0, (rows[-1:], ended.stderr[-2000:])
    for door, name, said, memory in rows:
        record_property("inputs", 1)
        assert "Traceback" not in said, (door, name, said)
        assert (said == "") == (name in OPENED), (door, name, said)
        assert memory < MOST_MEMORY, (door, name, memory)
    assert len(rows) > 70


@pytest.mark.parametrize("name", ["claims.png", "frames.gif", "scans.jpg"])
def test_a_bomb_is_refused_by_commands(
    name: str, answer: Callable[..., str], trained_once: Callable[..., Path], tmp_path: Path
) -> None:
    run, folder = trained_once("vae"), tmp_path / "bombs"
    folder.mkdir()
    (folder / name).write_bytes(pictures()[name])
    said = answer("edit", run, folder / name, "--label", "Smiling=1", "--out", tmp_path / "edited.png")
    assert name in said
    said = answer("pack", "folder", folder, "--out", tmp_path / "packed")
    assert name in said


NESTED = 100_000


@pytest.mark.parametrize(
    "text", ["a = " + "[" * NESTED, "a = " + "{a=" * NESTED, "a = " + "9" * 10_000, "a" + ".a" * NESTED + " = 1"]
)
def test_toml_that_is_nested_or_long_is_refused(
    text: str, answer: Callable[..., str], tmp_path: Path, trained_once: Callable[..., Path]
) -> None:
    run, path = trained_once("vae"), tmp_path / "nested.toml"
    path.write_text(text, "utf-8")
    assert "nested.toml" in answer("summary", path)
    assert "nested.toml" in answer("study", path, "--dry-run")
    answer("summary", "demo-vae", "--set", text.replace(" = ", "="))
    (run / "recipe.toml").write_text(text, "utf-8")
    assert "recipe.toml" in answer("sample", run, "--out", tmp_path / "samples.png")


@pytest.mark.parametrize("text", ["[" * NESTED, '{"a":' * NESTED, "9" * 10_000, '{"numbers": "' + "A" * 2**20 + '"}'])
def test_json_that_is_nested_or_long_is_refused(
    text: str, answer: Callable[..., str], tmp_path: Path, trained_once: Callable[..., Path]
) -> None:
    run, path = trained_once("vae"), tmp_path / "codes.json"
    path.write_text(text, "utf-8")
    assert answer("sample", run, f"--codes={text}", "--out", tmp_path / "samples.png")
    assert answer("sample", run, "--codes", path, "--out", tmp_path / "samples.png")
    (run / "metrics.jsonl").write_text(text + "\n", "utf-8")
    answer("report", run, "--out", tmp_path / "page.html")
    (run / "run.json").write_text(text, "utf-8")
    said = answer("sample", run, "--out", tmp_path / "samples.png")
    assert "run.json" in said or text.startswith('{"numbers')
