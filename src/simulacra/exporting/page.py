"""The format `web`: a folder that any file server can serve, whose page runs the model in its visitor's browser."""

from importlib import resources
from pathlib import Path

from simulacra.errors import RunError
from simulacra.exporting.graphs import graphs_of, onnx_file, require_onnx
from simulacra.exporting.runtime import runtime_files
from simulacra.exporting.trained import Files, Trained
from simulacra.objectives import Generates

PAGE = ("index.html", "page.js", "codes.js", "style.css")


def page_files(trained: Trained, runtime: Path | None = None) -> Files:
    """The page, the network that makes images, and what runs it.

    Args:
        trained: a model that makes images.
        runtime: a folder with ONNX Runtime Web; fetched with npm by default.

    Raises:
        RunError: the model makes no images, or what is needed is not at hand.
    """
    objective = trained.subject.objective
    if not isinstance(objective, Generates):
        family = trained.recipe.objective.family
        raise RunError(f"a model of family {family} makes no images, so there is no page of it; use --format onnx")
    require_onnx()
    files = runtime_files(runtime)
    home = resources.files("simulacra") / "exporting" / "web"
    files |= {name: (home / name).read_bytes() for name in PAGE}
    maker = next(graph for graph in graphs_of(trained) if graph.name == objective.maker)
    return files | {f"{maker.name}.onnx": onnx_file(objective, maker)}
