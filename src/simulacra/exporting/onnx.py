"""ONNX graphs, compared with torch before they are written; and ONNX Runtime Web, which runs one in a browser."""

import logging
import shutil
import subprocess
import tarfile
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from simulacra.errors import RunError
from simulacra.exporting.model import Files, TrainedModel
from simulacra.files import keep_aside, user_cache
from simulacra.objectives import Classifies, Encodes, Generates, Objective

NEEDED = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-4  # of a value, where values are around 1; of the largest one, where they are larger
PROBES = (1, 5)  # how many codes or images the graph is compared with torch on
TRACED = 2  # batch size of the tracing: the tracer takes a size of 1 for a constant


class Graph(NamedTuple):
    """One ability of a model."""

    name: str  # of the file, without its ending
    function: Callable[[Tensor], Tensor]  # from a batch of what `input` names to a batch of what `output` names
    input: str
    output: str
    shape: tuple[int, ...]  # of one input


class _Traced(nn.Module):
    """A method of an objective as a module of its networks, for the tracer."""

    def __init__(self, objective: Objective, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.networks, self.function = objective.networks, function

    def forward(self, given: Tensor) -> Tensor:
        return self.function(given).float()


def require_onnx() -> None:
    """Raises RunError where a package of the extra is missing."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
        how = f"install {them}: pip install {' '.join(missing)}; or, in a clone of Simulacra, pip install '.[onnx]'"
        raise RunError(f"{', '.join(missing)} {are} not installed; {how}")


def graphs_of(trained: TrainedModel) -> list[Graph]:
    """A graph per ability: the generator or decoder under its own name, `encoder`, `classifier`."""
    model = trained.subject.objective
    height, width, channels = trained.recipe.data.shape
    image = (channels, height, width)
    graphs = []
    if isinstance(model, Generates):
        graphs.append(Graph(model.maker, model.decode, "codes", "images", (model.code.width,)))
    if isinstance(model, Encodes):
        graphs.append(Graph("encoder", model.encode, "images", "codes", image))
    if isinstance(model, Classifies):
        graphs.append(Graph("classifier", model.logits, "images", "logits", image))
    return graphs


def onnx_files(trained: TrainedModel) -> Files:
    """NAME.onnx for each ability of the model.

    Raises:
        RunError: the extra is not installed, or a graph gives other numbers than torch.
    """
    require_onnx()
    return {f"{graph.name}.onnx": onnx_file(trained.subject.objective, graph) for graph in graphs_of(trained)}


def onnx_file(objective: Objective, graph: Graph) -> bytes:
    """A graph in the ONNX format, with its weights; a RunError where it gives other numbers than torch."""
    traced = _Traced(objective, graph.function)
    with objective.evaluating(), _quiet():
        program = torch.onnx.export(
            traced,
            (torch.zeros(TRACED, *graph.shape),),
            input_names=[graph.input],
            output_names=[graph.output],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None, "the tracer that is asked for gives a program"
    content = _bare(program.model_proto)
    worst = worst_difference(content, objective, graph)
    if not worst <= TOLERANCE:
        raise RunError(
            f"{graph.name}.onnx differs from the model by {worst:.2g}, more than {TOLERANCE:g}; nothing is written"
        )
    return content


def worst_difference(content: bytes, objective: Objective, graph: Graph) -> float:
    """The largest difference between ONNX Runtime and torch; relative where values exceed 1."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    generator, worst = torch.Generator().manual_seed(0), 0.0
    for count in PROBES:
        given = torch.rand(count, *graph.shape, generator=generator) * 2 - 1
        with objective.evaluating():
            expected = graph.function(given).float().numpy()
        computed = session.run([graph.output], {graph.input: given.numpy()})[0]
        worst = max(worst, float(np.abs(computed - expected).max() / max(1.0, np.abs(expected).max())))
    return worst


def _bare(model: Any) -> bytes:
    """The model without the notes of the tracer, which contain paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    model.producer_name, model.producer_version = "simulacra", ""
    return model.SerializeToString(deterministic=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides the tracer's warnings, which are for its developers."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


# This build runs on one thread of WebAssembly, so any file server will do: more threads need HTTP headers that most
# file servers do not send.
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

    They come from a folder that holds the package's files or its `dist`, or from the user's cache, which npm fills.

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
