"""Files that no reader ever sees half of. Nothing here knows what is in them."""

import io
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.errors import RunError

# What PNG files of sheets and figures name as their software, so that a scan of pictures knows them from data.
SHEET = "Simulacra sheet"


def write_aside(target: Path, content: bytes) -> Path:
    """Writes a file aside and renames it, so that no reader ever sees half of it; makes its folder if need be.

    Raises:
        RunError: the place cannot be written, or holds what is no file of bytes: a folder, a device.
    """
    # A name of its own: two processes that fill one cache may write the same file at once.
    aside = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_native_id()}.aside")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            raise RunError(f"{target} is a folder or a device, which no file may replace; choose another place")
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # whole even after a power cut
        aside.replace(target)
        _keep_names(target.parent)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise RunError(f"{target} cannot be written ({error.strerror}); free space or choose another place") from error
    return target


def _keep_names(folder: Path) -> None:
    """Has the disk keep which files a folder holds, where the system can be asked to."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
