"""The Python API behind `import simulacra`: verbs, runs and models, arrays in and out."""

from simulacra.api.models import Model, Run, load, open_run
from simulacra.api.pictures import Pictures
from simulacra.api.verbs import compare, evaluate, pack, train

__all__ = ["Model", "Pictures", "Run", "compare", "evaluate", "load", "open_run", "pack", "train"]
