"""The verb `redraw`: a run's pictures anew, from another of its checkpoints than the last."""

from pathlib import Path

from simulacra.engine.restore import Which, restore
from simulacra.evaluation.pictures import draw
from simulacra.evaluation.subject import Subject
from simulacra.runs import RunFolder
from simulacra.workflow.evaluating import store_of


def redraw(path: Path, step: Which) -> int:
    """Draws every picture that the run's model is able to, in the place of those that are there.

    Args:
        path: the run folder; its data set is needed too, where it was trained on it.
        step: of one of the run's checkpoints, or the one marked best; the newest by default.

    Returns:
        The step that the pictures are of, which run.json keeps as `drawn`.

    Raises:
        RunError: no run, no such checkpoint, or another process trains in the folder.
        DataError: the data set is not at hand.
    """
    run = RunFolder(path)
    objective, step = restore(run, step)
    subject = Subject(objective, run.recipe, run.conditions(), store_of(run, None))
    with run.lock():
        draw(run, subject)
        run.write_facts({"drawn": step})
    return step
