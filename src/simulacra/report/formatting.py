"""Numbers, times and names as text for people, safe to show."""

import math
import os
import re
import shlex
import unicodedata
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

MISSING = "–"
BORDER = re.compile(r"[ ,;:/_.\-]")  # between words of names, paths and lists
HOMES = re.compile(r"(?<![\w.~/-])(?:/home/[^/\s'\"]+|/Users/[^/\s'\"]+|/root)(?=/)")  # of users, on any machine
ROUNDING = 1e-15  # what rounding leaves of a zero is smaller


def plain(text: object, limit: int = 0) -> str:
    """A name as one printable line: no control characters, no half characters, and not longer than `limit`.

    Escaping is not done here: it belongs to the template and to the drawing of SVG. The middle of a longer name gives
    way to an ellipsis, which stands between words where these are short; a limit of 0 never cuts.
    """
    whole = str(text).encode("utf-8", "replace").decode("utf-8")
    if whole.isascii() and whole.isprintable() and not (limit and len(whole) > limit):
        return " ".join(whole.split())  # as most names are, of which there may be thousands
    spaced = (" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in whole)
    line = " ".join("".join(char for char in spaced if _printable(char)).split())
    if not limit or len(line) <= limit:
        return line
    tail = (limit - 1) // 3
    head, end = line[: limit - 1 - tail], line[len(line) - tail :]
    first = max((found.end() for found in BORDER.finditer(head)), default=0)
    last = min((found.start() for found in BORDER.finditer(end)), default=len(end))
    head = head[:first] if 2 * first > len(head) else head
    end = end[last:] if 2 * last < len(end) else end
    return f"{head.rstrip()}…{end.lstrip()}"


def _printable(char: str) -> bool:
    """False for what turns the direction of text about or is no character; joiners of letters stay."""
    return (unicodedata.category(char) != "Cf" or char in "\u200c\u200d") and ord(char) & 0xFFFE != 0xFFFE


def slug(text: str) -> str:
    """A name as a file or an anchor may bear it: ASCII letters, digits, dot, dash and underscore."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._]+", "-", letters).strip("-._")[:60] or "x"


def unique(names: Sequence[str]) -> list[str]:
    """The same names, in order, with a number behind each name that came before."""
    taken: set[str] = set()
    result = []
    for name in names:
        fresh, count = name, 2
        while fresh in taken:
            fresh, count = f"{name}-{count}", count + 1
        taken.add(fresh)
        result.append(fresh)
    return result


def run_names(paths: Sequence[Path]) -> list[str]:
    """What runs are called: their folders' names, with the folder above where two are alike."""
    whole = _resolved(paths)
    short = [path.name or "run" for path in whole]
    counts = Counter(short)
    longer = [
        f"{path.parent.name}/{name}" if counts[name] > 1 else name for path, name in zip(whole, short, strict=True)
    ]
    return unique([plain(name, 80) or "run" for name in longer])


def _resolved(paths: Sequence[Path]) -> list[Path]:
    """Paths without links; a folder that thousands of them are in is looked up once."""
    folders: dict[Path, Path] = {}
    whole = []
    for path in paths:
        if path.name in ("", "..") or path.is_symlink():
            whole.append(path.resolve())
            continue
        if path.parent not in folders:
            folders[path.parent] = path.parent.resolve()
        whole.append(folders[path.parent] / path.name)
    return whole


def without_home(text: str) -> str:
    """The same text with `~` in place of each user's home folder, as a shell would read it."""
    home = os.environ.get("HOME", "").rstrip("/")
    return HOMES.sub("~", text.replace(f"{home}/", "~/") if home else text)


def typed(path: Path) -> str:
    """A path as it can be pasted behind a command here: below the current folder or the home folder where it is."""
    whole = path.absolute()
    if whole.is_relative_to(Path.cwd()) and whole != Path.cwd():
        return shlex.quote(str(whole.relative_to(Path.cwd())))
    start, tilde, rest = without_home(str(whole)).rpartition("~/")
    return f"~/{shlex.quote(rest)}" if tilde and not start else shlex.quote(str(whole))


def number(value: object) -> str:
    """Four digits that count, with thousands apart: 3,576,704, 0.0197, 1.2e-6."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return MISSING if value is None else plain(value)
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return "not finite"
    if abs(value) < ROUNDING:
        value = 0.0  # also of -0, and of what rounding has left of a zero
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size and size < 1e-3:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    digits = max(0, 3 - math.floor(math.log10(size))) if size else 0
    return f"{value:.{digits}f}"


def percent(value: object, decimals: int | None = None) -> str:
    """A share in [0, 1] as percent, with a decimal where it is below 10%, unless so many decimals are asked for."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return MISSING
    decimals = int(abs(value) < 0.1) if decimals is None else decimals
    return f"{100 * value:.{decimals}f}%"


def epochs(value: object) -> str:
    """A number of passes over the data: 0.3, 5, 35.6, 120."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return MISSING
    return f"{value:,.{1 if value < 99.95 else 0}f}".removesuffix(".0")


def about(value: float) -> str:
    """A count in a sentence: 950, 12,800, 4.0 million."""
    return f"{value / 1e6:.1f} million" if value >= 1e6 else f"{value:,.0f}"


def duration(seconds: object) -> str:
    """A time in the two units that matter: 12 s, 3 min 20 s, 2 h 5 min, 1 d 3 h."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return MISSING
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    unit, small, parts, part = ("min", "s", 60, 1) if seconds < 3600 else ("h", "min", 60, 60)
    if seconds >= 86400:
        unit, small, parts, part = "d", "h", 24, 3600
    whole, rest = divmod(round(seconds / part), parts)
    return f"{whole} {unit} {rest} {small}" if rest else f"{whole} {unit}"


def ticks(value: float) -> str:
    """A number at an axis: 0, 500, 20k, 1.5M, 0.05."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:g}{letter}"
    return f"{value:.6g}"


def percent_ticks(shares: Sequence[float]) -> list[str]:
    """Shares at an axis as percent, all with as many decimals as the longest needs, four at most: 90.0%, 92.5%."""
    decimals = next((digits for digits in range(4) if all(_is_exact(100 * share, digits) for share in shares)), 4)
    return [percent(share, decimals) for share in shares]


def _is_exact(value: float, digits: int) -> bool:
    return math.isclose(value, round(value, digits), abs_tol=1e-9)


def data_url(content: bytes, form: str = "png") -> str:
    """The address that a picture's file has inside a page."""
    return f"data:image/{form};base64,{b64encode(content).decode()}"


def image_shape(shape: Sequence[int]) -> str:
    """Height, width and channels in words: 64×64 colour (width first)."""
    if len(shape) != 3:
        return MISSING
    height, width, channels = shape
    return f"{width}×{height} {'grey' if channels == 1 else 'colour'}"


def listed(parts: Sequence[str]) -> str:
    """Words in a row: a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
