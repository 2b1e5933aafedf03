"""Files that no reader ever sees half of, and disks as they are. Nothing here knows what is in a file."""

import errno
import hashlib
import io
import json
import math
import os
import re
import stat
import threading
import tokenize
import tomllib
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from simulacra.errors import DataError, RunError

# What PNG files of sheets and figures name as their software, so that a scan of pictures knows them from data.
SHEET = "Simulacra sheet"
SAMPLE = "Simulacra sample"  # what those of single samples name, which may be replaced, as no other picture is


def expand(path: str | Path) -> Path:
    """The path that a user wrote, which may start at a home folder: `~/photos`.

    Raises:
        DataError: at that of a user who is not known here.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(f"{path} starts at the home of a user who is not known here; write the whole path") from error


def user_cache(part: str) -> Path | None:
    """A folder of the user's cache, which need not exist yet; None where this user has no home folder."""
    try:
        folder = user_cache_path("simulacra") / part
    except RuntimeError:
        return None
    return folder if folder.is_absolute() else None  # some versions leave a `~` that stands for no folder


def keep_aside(target: Path | None, content: bytes) -> bool:
    """Writes a file that may as well be computed again; says whether it could be kept."""
    try:
        if target is not None:
            write_aside(target, content)
    except RunError:
        return False
    return target is not None


BUSY = 0.25  # share of the cores that other programs may use before a line says so
GROUP, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")  # control groups: this process's, and their tree


def cores() -> int:
    """Cores that this process may use: those it may run on, or less where a control group (a container) has a quota."""
    counted = getattr(os, "process_cpu_count", os.cpu_count)() or 1  # knows of PYTHON_CPU_COUNT
    if hasattr(os, "sched_getaffinity"):
        counted = min(counted, len(os.sched_getaffinity(0)))
    return max(1, math.ceil(min(counted, _quota())))


def busy_seconds() -> float | None:
    """Seconds in which the cores that this process may use have worked, all together; None where nothing says so."""
    try:
        lines = [line.split() for line in Path("/proc/stat").read_text("utf-8").splitlines()]
        usable = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    except (OSError, AttributeError):
        return None
    ticks = sum(sum(map(int, words[1:4])) for words in lines if words and words[0] in usable)  # user, nice, system
    return float(ticks / os.sysconf("SC_CLK_TCK"))


def control_groups(controller: str) -> list[tuple[Path, bool]]:
    """Folders of the control groups that limit this process, parents included; and whether each is of version 2."""
    folders = []
    with suppress(OSError, ValueError):  # no such system, or a file of another form
        for line in GROUP.read_text("utf-8").splitlines():
            _, controllers, inside = line.split(":", 2)
            # Version 2 has one tree and no named controller, version 1 a tree per controller.
            if not controllers or controller in controllers.split(","):
                tree, group = GROUPS / (controller if controllers else ""), Path(inside.lstrip("/"))
                folders += [(tree / folder, not controllers) for folder in (group, *group.parents)]
    return folders


def _quota() -> float:
    """Processor time per time that control groups allow; infinite where they say nothing."""
    quotas = [
        _ratio(folder / "cpu.max") if second else _ratio(folder / "cpu.cfs_quota_us", "cpu.cfs_period_us")
        for folder, second in control_groups("cpu")
    ]
    return min(quotas, default=math.inf)


def _ratio(file: Path, period: str | None = None) -> float:
    """Quota over period of a control group: in one file, or in two."""
    try:
        words = file.read_text("utf-8").split()
        words += file.with_name(period).read_text("utf-8").split() if period else []
        quota, span = float(words[0]), float(words[1])
        return quota / span if quota > 0 else math.inf
    except (OSError, ValueError, IndexError, ZeroDivisionError):  # no such group, or the word "max", or -1
        return math.inf


LONGEST_NAME = 255  # bytes of a file's name, on nearly every disk


def beside(path: Path, ending: str, beginning: str = "") -> Path:
    """A path in the same folder with a longer name; of a name that would get too long, a hash is taken."""
    name = f"{beginning}{path.name}{ending}"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f"{beginning}{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}{ending}"
    return path.with_name(name)


LACKS_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}


def can_lock(path: Path) -> bool:
    """Whether the disk of a file knows locks; makes the file if need be.

    Raises:
        OSError: the file cannot be written.
    """
    # A link may lead out of the folder, and would be made into a file there.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        import fcntl  # not everywhere; what has none has other locks

        fcntl.flock(handle, fcntl.LOCK_UN)  # asks, and locks nobody out
    except ImportError:
        return True
    except OSError as error:
        return error.errno not in LACKS_LOCKS
    finally:
        os.close(handle)
    return True


def write_aside(target: Path, content: bytes) -> Path:
    """Writes a file aside and renames it, so that no reader ever sees half of it; makes its folder if need be.

    Raises:
        RunError: the place cannot be written, or holds what is no file of bytes: a folder, a device.
    """
    # A name of its own: two processes that fill one cache may write the same file at once.
    aside = beside(target, f".{os.getpid()}-{threading.get_native_id()}.aside", ".")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            raise RunError(f"{target} is a folder or a device, which no file may replace; choose another place")
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            sync(file.fileno())  # whole even after a power cut
        aside.replace(target)
        sync_names(target.parent)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise RunError(f"{target} cannot be written ({error.strerror}); free space or choose another place") from error
    return target


def remove_unfinished(folder: Path) -> None:
    """Deletes what a process that was killed has left of the files that it was writing aside into a folder."""
    for unfinished in folder.glob(".*.aside"):
        if not _is_being_written(unfinished):
            unfinished.unlink(missing_ok=True)


def _is_being_written(aside: Path) -> bool:
    """Whether another process of this machine that still runs has begun a file; only POSIX systems are asked."""
    writer = re.search(r"\.(\d+)-\d+\.aside$", aside.name)
    if writer is None or os.name != "posix" or int(writer[1]) == os.getpid():
        return False
    try:
        os.kill(int(writer[1]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


LACKS_SYNC = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


def sync(descriptor: int) -> None:
    """Has the disk keep the content of an open file; a disk that cannot be asked keeps it in its own time.

    Raises:
        OSError: the disk has failed, or is full.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in LACKS_SYNC:
            raise


def sync_names(folder: Path) -> None:
    """Has the disk keep which files a folder holds, where the system can be asked to."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


MOST_TEXT = 2**26  # bytes of a recipe, of facts, of a list: a list of a million names has half of it


def read_text(path: Path) -> str:
    """The text of a file, in UTF-8, with or without a byte order mark.

    Raises:
        OSError: it cannot be read, or is a pipe or a device, which may have no end.
        ValueError: it is no text, or too large.
    """
    state = path.stat()
    if not stat.S_ISREG(state.st_mode) and not stat.S_ISDIR(state.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device", str(path))
    if state.st_size > MOST_TEXT:
        raise ValueError(f"it has {state.st_size / 2**20:,.0f} MB, more than the {MOST_TEXT // 2**20} MB that are read")
    return path.read_text("utf-8-sig")


def parse_json(text: str | bytes) -> Any:
    """What a JSON text says. Raises ValueError: it is no JSON, or is nested deeper than Python can read."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


# Of a key with so many parts, tomllib takes a time that grows with the cube of their number.
LONG_KEY = re.compile(r"""(?:[\w"'-]++\s*+\.\s*+){50}""")


def parse_toml(text: str) -> dict[str, Any]:
    """What a TOML text says. Raises tomllib.TOMLDecodeError: it is no TOML, or nothing that Python can hold."""
    if LONG_KEY.search(text):
        raise tomllib.TOMLDecodeError("it has a key of more than 50 parts")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise tomllib.TOMLDecodeError("it is nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits
        raise tomllib.TOMLDecodeError(str(error)) from error


# What reading a damaged .npz raises; RuntimeError where its compression is unknown, or it has a password; MemoryError
# and OverflowError where its header claims what no machine holds, RecursionError where that is nested.
DAMAGED_ARRAYS = (
    *(OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error),
    *(MemoryError, OverflowError, RecursionError, SyntaxError, tokenize.TokenError),
)
# Bytes from which a file is refused that unpacks to more times its size than any data set does; dSprites, 3 GB of
# drawn shapes, has 115.
BOMB, RATIO = 2**30, 200
MOST_ARRAYS = 2**29  # bytes of all arrays of a file that is read at once


def read_npy(path: Path, *, mapped: bool = False) -> NDArray[Any]:
    """The array of a .npy file, mapped into memory if asked for.

    Raises:
        Exception: one of DAMAGED_ARRAYS.
    """
    array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    if not isinstance(array, np.ndarray):  # NumPy goes by the content, and opens a .npz of this name too
        array.close()
        raise ValueError("it holds several arrays")
    return array


def is_bomb(size: int, packed: int) -> bool:
    """Whether a file of `packed` bytes that unpacks to `size` was made to fill a disk, as no data set does."""
    return size > BOMB and size > RATIO * packed


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a .npz file, by name.

    Raises:
        Exception: one of DAMAGED_ARRAYS.
    """
    if not path.is_file():
        raise OSError(errno.ENOENT, "it is no file", str(path))
    # From memory, as NumPy leaves a damaged file open.
    with io.BytesIO(path.read_bytes()) as content:
        with zipfile.ZipFile(content) as archive:
            if (size := sum(entry.file_size for entry in archive.infolist())) > MOST_ARRAYS:
                raise ValueError(f"it unpacks to {size / 2**20:,.0f} MB")
        content.seek(0)
        arrays = np.load(content, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError("it holds one array alone")
        return {name: arrays[name] for name in arrays.files}


def to_npy(array: NDArray[Any]) -> bytes:
    """An array as the content of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def to_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as the content of a .npz file, not compressed; equal ones give equal bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))  # type: ignore[arg-type]  # the stubs know no array mapping
    return buffer.getvalue()
