"""FORMATS: what a trained model can be exported as. A new one is a function and a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simulacra.exporting.card import card
from simulacra.exporting.configuration import NAME, configuration
from simulacra.exporting.folders import folder
from simulacra.exporting.graphs import onnx_files
from simulacra.exporting.page import page_files
from simulacra.exporting.trained import Files, Trained
from simulacra.exporting.weights import NAME as WEIGHTS
from simulacra.exporting.weights import weights


@dataclass(frozen=True)
class Options:
    """What a user may say of an export.

    Attributes:
        licence: identifier of the model's licence, for the card.
        runtime: folder of ONNX Runtime Web, for `web`.
    """

    licence: str | None = None
    runtime: Path | None = None


FORMATS: dict[str, Callable[[Trained, Options], Files]] = {
    "safetensors": lambda trained, options: {WEIGHTS: weights(trained)},
    "onnx": lambda trained, options: onnx_files(trained),
    "web": lambda trained, options: page_files(trained, options.runtime),
    "folder": lambda trained, options: {WEIGHTS: weights(trained)} | folder(trained),
}


def files_of(trained: Trained, form: str, options: Options) -> Files:
    """All files of an export, config.json last: a folder that has it has everything.

    Raises:
        RunError: the model cannot be exported so, or a package is missing.
    """
    files = FORMATS[form](trained, options)
    files |= trained.sheet() | {"README.md": card(trained, options.licence)}
    return files | {NAME: configuration(trained, form)}
