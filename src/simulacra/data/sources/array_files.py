"""NumPy's files: the arrays of a .npy, of a .npz, or of a folder of .npy files, mapped and not read.

Nothing is ever unpickled, and nothing is unpacked that no data set would be.
"""

import errno
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.errors import DataError
from simulacra.files import DAMAGED_ARRAYS, is_bomb, read_npy

Array = NDArray[Any]

HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], tuple[Any, ...]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
MOST_FILES = 100  # .npy files of a folder that are looked at
NO_ROOM = "free space there, or name a folder on a larger disk in the variable TMPDIR"
PICKLED = "holds pickled Python objects, which are never opened because that may run code"


class Arrays(NamedTuple):
    """The arrays of a file."""

    held: dict[str, Array]  # name -> array
    pickled: list[str]  # names of those that hold objects, and were left closed


def load_arrays(path: Path) -> Arrays:
    """The arrays of a .npy, which is called images, of a .npz file, or of the .npy files in a folder.

    Raises:
        DataError: the file is of another kind, damaged, or a .npy of objects.
    """
    if path.is_dir():
        return _load_folder(path)
    try:
        if path.suffix.lower() == ".npy":
            return Arrays({"images": read_npy(path, mapped=True)}, [])
        arrays = Arrays({}, [])
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
            _check_entries(path, entries)
            for entry in entries:
                array = _mapped(archive, entry)
                key = entry.filename.removesuffix(".npy")
                if array is None:
                    arrays.pickled.append(key)
                else:
                    arrays.held[key] = array
        return arrays
    except zipfile.BadZipFile as error:
        if path.suffix.lower() != ".npz":
            raise DataError(f"{path} is no .npz or .npy file; save its arrays with numpy.savez") from error
        fault = f"is no .npz file, or was cut short ({error})"
        raise DataError(f"{path} {fault}; save it again with numpy.savez") from error
    except DAMAGED_ARRAYS as error:
        if "object" in str(error).lower():
            raise DataError(f"{path} {PICKLED}; save plain arrays of numbers") from error
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise DataError(f"{path} is unpacked into {tempfile.gettempdir()}, which is full; {NO_ROOM}") from error
        if "max_header_size" in str(error):
            raise DataError(f"{path} has an array with an oversized header; save plain arrays of numbers") from error
        raise DataError(f"{path} cannot be read ({error}); save it again with numpy.save or numpy.savez") from error


def _load_folder(path: Path) -> Arrays:
    """The .npy files of a folder, as if they lay in one .npz."""
    files = files_of(path)
    if not 0 < len(files) <= MOST_FILES:
        count = "too many .npy files" if files else "no .npy file"
        raise DataError(f"{path} holds {count}; save all images as one array (N, H, W, C) with numpy.save")
    arrays = Arrays({}, [])
    for file in files:
        try:
            arrays.held[file.stem] = load_arrays(file).held["images"]
        except DataError as error:
            if PICKLED not in str(error):
                raise
            arrays.pickled.append(file.stem)
    return arrays


def files_of(path: Path) -> list[Path]:
    """The files that hold the arrays."""
    return sorted(path.glob("*.npy")) if path.is_dir() else [path]


def _check_entries(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Refuses, before any of it is unpacked, what would fill the disk or take hours, and is no data set.

    Raises:
        DataError: there are too many arrays, or they do not fit into the folder of temporary files, or they are so much
            larger than their file as only a file made for that is.
    """
    if len(entries) > MOST_FILES:
        raise DataError(f"{path} holds {len(entries):,} arrays; save all images as one array (N, H, W, C)")
    size, packed = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    if is_bomb(size, packed):
        what = f"unpacks to {size / 1e9:,.1f} GB, {size // max(1, packed):,} times its size, as no pictures do"
        raise DataError(f"{path} {what}; if you trust the file, save its arrays with numpy.savez, not compressed")
    if size > (free := shutil.disk_usage(tempfile.gettempdir()).free):
        room = f"unpacks to {size / 1e9:,.1f} GB, and {tempfile.gettempdir()} has room for {free / 1e9:,.1f} GB"
        raise DataError(f"{path} {room}; {NO_ROOM}")


def _mapped(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array | None:
    """One array; None where it holds objects, of which no byte beyond the header is looked at."""
    # Unpacked into a file without a name, which goes when the mapping does; memory never holds the whole.
    with tempfile.TemporaryFile() as spill, archive.open(entry) as packed:
        shutil.copyfileobj(packed, spill)
        spill.seek(0)
        shape, fortran, dtype = HEADERS[np.lib.format.read_magic(spill)](spill)
        if dtype.hasobject:
            return None
        if min(shape, default=0) < 0:
            raise ValueError(f"its header has the shape {shape}")
        if 0 in shape:
            return np.zeros(shape, dtype)
        if shape == ():
            return np.frombuffer(spill.read(dtype.itemsize), dtype).reshape(shape)
        return np.memmap(spill, dtype, "r", spill.tell(), shape, "F" if fortran else "C")
