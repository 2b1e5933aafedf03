"""The output of the notebooks in examples/: runs them in empty folders and writes it down.

    python benchmarks/notebooks.py            # about twenty minutes on 2 cores

A cell with the tag `parameters` holds the settings. The output of a cell with the tag `no-output` is dropped.
"""

import argparse
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"
SECONDS = 3600  # that a cell may take


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for path in sorted(EXAMPLES.glob("*.ipynb")):
        print(path.name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            notebook = carried_out(path, Path(folder))
        for cell in notebook.cells:
            if "no-output" in cell.metadata.get("tags", []):
                cell.outputs = []
            for output in cell.get("outputs", []):
                if len(output.get("data", {})) > 1:
                    del output["data"]["text/plain"]  # what a notebook does not show
        nbformat.write(notebook, path)


def carried_out(path: Path, folder: Path, parameters: str | None = None) -> nbformat.NotebookNode:
    """A notebook with the output of its cells.

    Args:
        path: of the notebook, which is not changed.
        folder: in which its kernel works.
        parameters: Python code that is run in the place of the cell with the tag `parameters`.
    """
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if parameters is not None and "parameters" in cell.metadata.get("tags", []):
            cell.source = parameters
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=place, record_timing=False).execute()
    notebook.metadata.get("language_info", {}).pop("version", None)  # of the machine that ran it
    text = nbformat.writes(notebook)
    return nbformat.reads(text.replace(f"{folder.resolve()}/", "").replace(f"{folder}/", ""), 4)


if __name__ == "__main__":
    main()
