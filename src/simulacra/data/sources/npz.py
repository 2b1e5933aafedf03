"""Arrays in NumPy's files: mapped and not read, never unpickled, and recognised by their names."""

import errno
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.data.splits import TEST, TRAIN, VALID
from simulacra.errors import DataError

Array = NDArray[Any]

HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], tuple[Any, ...]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
PICKLED = "holds pickled Python objects, which are never opened because that may run code"

# What an array is -> the names that say so, the likeliest first; in lower case and without what joins words.
NAMES = {
    "images": "images imgs image img x data pictures arr0",
    "labels": "labels label y targets target arr1",
    "factors": "factors factorvalues latentsvalues latentvalues latents latentsclasses latentclasses",
    "label_names": "labelnames labelsnames classnames classes attributes attributenames targetnames",
    "factor_names": "factornames factorsnames latentsnames latentnames",
}
BARE = 100  # the rank of an array that is called by its split alone
SPLITS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("valid", "val", "validation", "dev"), VALID),
    **dict.fromkeys(("test", "testing", "eval"), TEST),
}


class Arrays(NamedTuple):
    """The arrays of a file."""

    held: dict[str, Array]  # name -> array
    pickled: list[str]  # names of those that hold objects, and were left closed


class Role(NamedTuple):
    """What an array's name says: a key of NAMES, of which split, and how likely among others (0 is the likeliest)."""

    what: str
    split: int | None
    rank: int


def role_of(name: str) -> Role | None:
    """What a name like `x_train`, `TestImages` or `latents_values` says; None where it says nothing."""
    plain = re.sub(r"[\W_]", "", name.rpartition("/")[2].lower())
    for what, names in NAMES.items():
        for rank, known in enumerate(names.split()):
            if plain == known:
                return Role(what, None, rank)
            for word, split in SPLITS.items():
                if plain in (known + word, word + known):
                    return Role(what, split, rank)
    return Role("images", SPLITS[plain], BARE) if plain in SPLITS else None


def load_arrays(path: Path) -> Arrays:
    """The arrays of a .npy, which is called images, or of a .npz file.

    Raises:
        DataError: the file is of another kind, damaged, or a .npy of objects.
    """
    try:
        if path.suffix.lower() == ".npy":
            return Arrays({"images": np.load(path, mmap_mode="r", allow_pickle=False)}, [])
        arrays = Arrays({}, [])
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".npy"):
                    array = _mapped(archive, name)
                    key = name.removesuffix(".npy")
                    if array is None:
                        arrays.pickled.append(key)
                    else:
                        arrays.held[key] = array
        return arrays
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{path} is no .npz file, or was cut short ({error}); save it again with numpy.savez"
        ) from error
    except (ValueError, EOFError, OSError, KeyError) as error:
        if "object" in str(error).lower():
            raise DataError(f"{path} {PICKLED}; save plain arrays of numbers") from error
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise DataError(
                f"{path} is unpacked into {tempfile.gettempdir()}, which is full; free space there, or name a folder "
                "on a larger disk in the variable TMPDIR"
            ) from error
        raise DataError(f"{path} cannot be read ({error}); save it again with numpy.save or numpy.savez") from error


def _mapped(archive: zipfile.ZipFile, name: str) -> Array | None:
    """One array; None where it holds objects, of which no byte beyond the header is looked at."""
    # Unpacked into a file without a name, which goes when the mapping does; memory never holds the whole.
    with tempfile.TemporaryFile() as spill, archive.open(name) as packed:
        shutil.copyfileobj(packed, spill)
        spill.seek(0)
        shape, fortran, dtype = HEADERS[np.lib.format.read_magic(spill)](spill)
        if dtype.hasobject:
            return None
        if 0 in shape:
            return np.zeros(shape, dtype)
        if shape == ():
            return np.frombuffer(spill.read(), dtype).reshape(shape)
        return np.memmap(spill, dtype, "r", spill.tell(), shape, "F" if fortran else "C")


def words_of(array: Array) -> Array:
    """The array with bytes decoded to text, where it holds any."""
    if array.dtype.kind != "S":
        return array
    return np.array([entry.decode("utf-8", "replace") for entry in array.ravel()]).reshape(array.shape)
