"""The verb `demo`: the main job on a fresh machine, with nothing but made pictures."""

from collections.abc import Callable
from pathlib import Path

from simulacra.data.pack import pack
from simulacra.data.sources import Options, open_source
from simulacra.progress import Live
from simulacra.recipe import load
from simulacra.report import write_report
from simulacra.runs import RunFolder
from simulacra.verbs.train import train

MODELS = ("vae", "dcgan", "acgan")
COUNT, SIZE = 6000, 32


def demo(out: Path, minutes: float, say: Callable[[str], None]) -> Path:
    """Draws avatars, trains a VAE, a DCGAN and an ACGAN on equally many of them, and reports on all three side by side.

    Args:
        out: the folder of data, runs and report; going on with what it already holds.
        minutes: of training for each model at most, where the machine is slow.
        say: told what is going on.

    Returns:
        The report's path.

    Raises:
        RecipeError: that is no length in minutes.
    """
    recipes = {model: load(f"demo-{model}", {"minutes": minutes}) for model in MODELS}
    with Live("drawing avatars") as live:
        packed = pack(
            open_source("avatars", None, Options(count=COUNT, size=(SIZE, SIZE), seed=0)),
            out / "avatars",
            progress=live.count,
        )
    say(packed.message)
    for model, recipe in recipes.items():
        train(recipe, str(out / "avatars"), out / model, name=f"demo-{model}", report=False, say=say)
    written = write_report([RunFolder(out / model) for model in MODELS], out / "report.html")
    say(f"faces and their attributes are turned by hand in: simulacra explore {out / MODELS[-1]}")
    return written
