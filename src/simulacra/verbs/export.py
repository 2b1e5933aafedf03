"""The verb `export`: a trained run as files for other people and programs, from the run folder alone."""

from collections.abc import Callable
from pathlib import Path

from simulacra.engine.checkpoints import Which
from simulacra.errors import RunError, nearest
from simulacra.evaluation.subject import open_model
from simulacra.exporting import FORMATS, files_of
from simulacra.exporting.model import CONFIG, TrainedModel
from simulacra.files import remove_unfinished, write_aside
from simulacra.runs import RunFolder

UNFINISHED = ".unfinished"  # in the folder of an export while it is written: the same command may write there again


def export(
    path: Path,
    out: Path,
    form: str = "safetensors",
    *,
    step: Which = None,
    licence: str | None = None,
    runtime: Path | None = None,
    title: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """Writes an export of a run into a folder.

    Args:
        path: the run folder.
        out: the folder to write; a new or empty one, or an earlier export, whose files of the same names are replaced.
        form: one of FORMATS.
        step: of one of the run's checkpoints, or the one marked best; the newest by default.
        licence: identifier of the model's licence, for its card.
        runtime: folder of ONNX Runtime Web, for the format `web`; fetched with npm by default.
        title: of the card and of the page, in place of the one that says what was trained.
        say: called with each line that a person should read.

    Returns:
        What was written, in one line.

    Raises:
        RunError: this run cannot be exported in this format, or the folder contains other files.
    """
    if form not in FORMATS:
        raise RunError(f"--format {form}: there is no such format; {nearest(form, FORMATS)}")
    if out.exists() and not out.is_dir():
        raise RunError(f"--out {out} is a file; give a folder")
    ours = any((out / name).is_file() for name in (CONFIG, UNFINISHED))
    if out.is_dir() and not ours and any(out.iterdir()):
        raise RunError(f"--out {out} is not empty and holds no earlier export; give a new folder")
    run = RunFolder(path)
    trained = TrainedModel(run, open_model(run, step), title)
    if unfinished := note_of_state(run, trained.step):
        say(unfinished)
    files = files_of(trained, form, licence, runtime)
    write_aside(out / UNFINISHED, b"")
    (out / CONFIG).unlink(missing_ok=True)  # an export that is cut off must not be taken for a whole one
    for folder in (out, *(path for path in out.rglob("*") if path.is_dir())):
        remove_unfinished(folder)
    for name, content in files.items():
        write_aside(out / name, content)
    (out / UNFINISHED).unlink(missing_ok=True)  # another process may have written the same export meanwhile
    if licence is None:
        say(f"no licence was chosen: give one, like --license apache-2.0, or write it into {out / 'README.md'}")
    if form == "web":
        say(f"to open the page: python -m http.server -d {out}, then http://localhost:8000 in a browser")
    size = sum(map(len, files.values())) / 1e6
    return f"{path} at step {trained.step:,} as {form}: {out}, {len(files)} files, {size:.1f} MB"


def note_of_state(run: RunFolder, step: int) -> str | None:
    """A sentence that says which checkpoint is used, where the training has not finished; else None."""
    state = run.read_facts().get("state")
    if state == "finished":
        return None
    how = "is still training or was interrupted" if state == "running" else f"is {state}"
    return f"{run.path} {how}: its checkpoint of step {step:,} is used"
