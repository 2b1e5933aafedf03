"""Simulacra trains, measures, compares and explores small generative models of images.

    import simulacra as sm
    run = sm.train("faces-acgan-fast", data="avatars")
    run.sample(8, labels={"Smiling": 1})

docs/api.md shows the rest. What is named here is loaded when it is first used: importing simulacra loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from simulacra.errors import DataError, Diverged, RecipeError, RunError, SimulacraError, Stopped, StudyError

if TYPE_CHECKING:
    from simulacra.api import (
        Model,
        Pictures,
        Run,
        Study,
        audit,
        best,
        compare,
        diagnose,
        evaluate,
        explore,
        load,
        open_run,
        pack,
        recipes,
        show,
        study,
        train,
        write_report,
    )

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "Diverged",
    "Model",
    "Pictures",
    "RecipeError",
    "Run",
    "RunError",
    "SimulacraError",
    "Stopped",
    "Study",
    "StudyError",
    "audit",
    "best",
    "compare",
    "diagnose",
    "evaluate",
    "explore",
    "load",
    "open_run",
    "pack",
    "recipes",
    "show",
    "study",
    "train",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'simulacra' has no attribute {name!r}")
    return getattr(import_module("simulacra.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
