"""The verbs `sample` and `redraw`: images of a trained model, and a run's pictures anew from another checkpoint."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.data.batches import memory
from simulacra.data.sources.scan import names_software
from simulacra.engine.checkpoints import Which
from simulacra.errors import RunError, nearest
from simulacra.evaluation.codes import codes_of, read
from simulacra.evaluation.data_of_run import store_of
from simulacra.evaluation.directions import Directions, kept_of, map_of
from simulacra.evaluation.pictures import draw
from simulacra.evaluation.preview import ENDINGS, naming, sheet, to_picture, to_png
from simulacra.evaluation.subject import Subject, Weights, open_model
from simulacra.files import SAMPLE, read_text, remove_unfinished, to_npy, write_aside
from simulacra.runs import RunFolder
from simulacra.seeds import Draw

COUNT = 32  # samples by default


def sample(
    path: Path,
    count: int | None,
    seed: int | None,
    labels: dict[str, int],
    out: Path,
    step: Which = None,
    weights: Weights | None = None,
    described: str | None = None,
) -> str:
    """Writes samples of a run to a PNG sheet, an array, or a folder of PNGs.

    Args:
        path: the run folder.
        count: how many images; 32 by default.
        seed: of the codes; equal seeds give equal images, 0 by default.
        labels: label -> 0 or 1 for all samples; other labels are drawn as they occur in the training set.
        out: FILE.png, or another of `preview.ENDINGS`, for one sheet, or one sample as it is; FILE.npy for an array
            (n, H, W, C) uint8; a folder, new or with such samples alone, which are replaced.
        step: of one of the run's checkpoints, or the one marked best; the newest by default.
        weights: "ema", the EMA of the weights, by default where the recipe keeps one; or "raw", the last weights.
        described: codes as JSON, or the path of a file of it, in the place of count and seed.

    Returns:
        What was written, in one line.

    Raises:
        RunError: the run cannot make such samples, or they cannot be written there.
    """
    if described is not None and (count, seed) != (None, None):
        raise RunError("--codes says which samples and how many; leave out -n and --seed")
    form, count, seed = _form(out), COUNT if count is None else count, seed or 0
    run = RunFolder(path)
    subject = open_model(run, step, weights=weights)
    if described is None:
        codes, origin = draw_samples(subject, count, seed), f"seed {seed}"
    else:
        codes, origin = _described(subject, described, run), "by their codes"
    if labels:
        codes = with_labels(subject, codes, labels)
    images, replaced = subject.decode(codes), ""
    if form == ".npy":
        write_aside(out, to_npy(images))
    elif form:
        several = len(images) > 1
        write_aside(out, to_picture(sheet(images) if several else images[0], form, marked=several))
    else:
        replaced = _write_each(images, out)
    warning = "".join(f"; {line}" for line in never_met(run, labels))
    counted = "1 sample" if len(images) == 1 else f"{len(images)} samples"
    return f"{counted} of {path} at step {subject.step:,}, {origin}: {out}{replaced}{warning}"


def _write_each(images: NDArray[np.uint8], out: Path) -> str:
    """Writes each image (n, H, W, C) to a file of a folder; says how many earlier samples it took the place of."""
    names = [f"{index:0{len(str(len(images) - 1))}d}.png" for index in range(len(images))]
    earlier = {path.name for path in out.iterdir()} if out.is_dir() else set[str]()
    for name, image in zip(names, images, strict=True):
        write_aside(out / name, to_png(image, pnginfo=naming(SAMPLE)))
    for name in earlier - set(names):
        (out / name).unlink()
    return f", in the place of {len(earlier):,} earlier ones" if earlier else ""


def never_met(run: RunFolder, labels: Mapping[str, int]) -> list[str]:
    """A sentence on each label that is asked for and that no training image had so."""
    shares = run.read_facts().get("data", {}).get("label_frequencies", {}) if run.exists() else {}
    return [
        f"no training image had {name}={value}, so these images show nothing of it"
        for name, value in labels.items()
        if shares.get(name) == 1 - value
    ]


def _form(out: Path) -> str:
    """How samples are written: by one of `preview.ENDINGS`, as ".npy", or "" where each is a file in a folder.

    Raises:
        RunError: the name ends otherwise, or the folder holds other files.
    """
    if not out.is_dir():
        form = out.suffix.lower()
        if form in (*ENDINGS, ".npy"):
            return form
        if re.match(r"\.[a-z]", form):  # a file of another kind; the name of a folder may end in a number
            raise RunError(f"--out {out}: expected FILE.png, FILE.npy or a folder ({', '.join(ENDINGS)} are written)")
        return ""
    try:
        remove_unfinished(out)
        others = [path.name for path in out.iterdir() if not _is_sample(path)]
    except OSError as error:
        raise RunError(f"--out {out} cannot be read ({error.strerror}); give another place") from error
    if others:
        raise RunError(f"--out {out} is a folder with other files than samples (it has {min(others)}); give a new one")
    return ""


def _is_sample(path: Path) -> bool:
    """Whether a file is a sample that was written into a folder; its name alone may be that of a picture of others."""
    numbered = re.fullmatch(r"\d+\.png", path.name) is not None
    return numbered and path.is_file() and names_software(path, SAMPLE)  # a pipe would be waited for


def parse_labels(words: Sequence[str]) -> dict[str, int]:
    """Labels from the words of a command line, each NAME=0 or NAME=1.

    Raises:
        RunError: a word is neither, or a label is given twice.
    """
    labels: dict[str, int] = {}
    for word in words:
        name, equals, value = word.rpartition("=")
        if not equals or value not in ("0", "1"):
            raise RunError(f"--label {word}: expected NAME=0 or NAME=1")
        if name in labels:
            raise RunError(f"--label {name} is given twice; give each label once")
        labels[name] = int(value)
    return labels


def draw_samples(subject: Subject, count: int, seed: int) -> Tensor:
    """Codes (count, width) of samples; equal seeds give equal codes.

    Raises:
        RunError: the count or the seed is out of range, or the model makes no images.
    """
    if count < 1:
        raise RunError(f"-n {count}: expected at least 1 sample")
    # Codes in float32 and images, each once in parts and once as a whole.
    needed = 2 * count * (4 * subject.generates.code.width + math.prod(subject.recipe.data.shape))
    if needed > (there := memory()):
        raise RunError(
            f"-n {count}: so many samples take {needed // 2**30:,} GB, and this machine has {there / 2**30:,.0f} GB of "
            "memory; choose a smaller number"
        )
    if seed < 0:
        raise RunError(f"--seed {seed}: expected 0 or more")
    return subject.codes(count, Draw.SAMPLES, seed=seed)


def _described(subject: Subject, text: str, run: RunFolder) -> Tensor:
    """Codes (n, width) out of JSON, or of a file of it.

    Raises:
        RunError: the file cannot be read, or describes no code of this model.
    """
    if not text.lstrip().startswith(("{", "[")):
        try:
            text = read_text(Path(text))
        except (OSError, ValueError) as error:
            raise RunError(f"--codes {text[:60]}: neither JSON nor a file that can be read ({error})") from error
    return codes_of(subject, read(text), Directions(subject, map_of(run, subject.step), kept_of(run, subject.step)))


def with_labels(subject: Subject, codes: Tensor, given: Mapping[str, int]) -> Tensor:
    """The same codes (n, width) with labels set to 0 or 1.

    Raises:
        RunError: the model has no such label, or cannot have it so.
    """
    model, names = subject.generates, tuple(subject.recipe.data.labels)
    if not model.code.labels:
        raise RunError("this model was trained without labels; leave out --label")
    noise, rows = codes[:, : model.code.noise], model.code.labels_of(codes)
    for name, value in given.items():
        if name not in names:
            raise RunError(f"--label {name}: this model was not trained on it; {nearest(name, names)}")
        if value not in (0, 1):
            raise RunError(f"--label {name}={value}: expected 0 or 1")
        if model.code.exclusive:
            if not value or len(given) > 1:
                raise RunError("the labels of this model are classes: give one of them, as --label NAME=1")
            rows = torch.zeros_like(rows)
        rows[:, names.index(name)] = value
    return model.code.join(noise, rows)


def redraw(path: Path, step: Which, say: Callable[[str], None] = lambda _: None) -> int:
    """Draws all pictures of a run again, from another checkpoint.

    Args:
        path: the run folder; its data set must be at its path.
        step: of one of the run's checkpoints, or the one marked best; the newest by default.
        say: takes a line about a data set that is packed again.

    Returns:
        The step of the checkpoint, which run.json keeps as `drawn`.

    Raises:
        RunError: no run, no such checkpoint, or another process trains in the folder.
        DataError: the data set is not at hand.
    """
    run = RunFolder(path)
    subject = open_model(run, step, store=store_of(run, say=say, remedy="move it back"))
    with run.lock():
        draw(run, subject)
        run.write_facts({"drawn": subject.step})
    return subject.step
