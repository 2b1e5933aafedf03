"""The verb `demo`: three small models on drawn pictures, and a report of all three."""

import shlex
from collections.abc import Callable
from pathlib import Path

from simulacra.data.sources import Options
from simulacra.recipe import load
from simulacra.runs import RunFolder
from simulacra.verbs.data import pack
from simulacra.verbs.train import train

MODELS = ("vae", "dcgan", "acgan")
COUNT, SIZE = 6000, 32


def demo(out: Path, minutes: float, say: Callable[[str], None]) -> Path:
    """Draws avatars, trains a VAE, a DCGAN and an ACGAN on equally many of them, and reports on all three side by side.

    Args:
        out: the folder of data, runs and report; a demo that was interrupted goes on from there.
        minutes: of training for each model at most, where the machine is slow.
        say: takes lines that a person should read.

    Returns:
        The report's path.

    Raises:
        RecipeError: `minutes` is not a length of time.
    """
    from simulacra.report import write_report

    load("demo-vae", {"minutes": minutes})  # refuses a wrong length before avatars are drawn
    packed = pack("avatars", None, out / "avatars", Options(size=(SIZE, SIZE), count=COUNT, seed=0))
    say(packed.message)
    for model in MODELS:
        train(f"demo-{model}", str(out / "avatars"), out / model, minutes=minutes, report=False, say=say)
    written = write_report([RunFolder(out / model) for model in MODELS], out / "report.html")
    say(f"to change codes and attributes by hand: simulacra explore {shlex.quote(str(out / MODELS[-1]))}")
    return written
