"""The part of a page about one run: a summary in plain words, its main numbers, and every section that it has."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np

from simulacra.catalogue import RENAMED
from simulacra.measurements import Measurement
from simulacra.report.formatting import about, duration, epochs, image_shape, listed, number, plain, typed
from simulacra.report.glossary import of_family, of_metric, unreliable, written
from simulacra.report.page import Album, Gallery, Part, Pictures, Remark, Section, Tile, fold
from simulacra.report.record import Arrays, Record, Unreadable, images, newest, origin_note, rank, topic
from simulacra.report.sections import codes, labels, samples
from simulacra.report.sections.curves import headlines, learning_curves
from simulacra.report.sections.scorecard import score_card
from simulacra.report.sections.setup import data_card, machine, networks, recipe_section
from simulacra.report.titles import recipe_line, title_of

# In the order of the report.
PICTURES: dict[str, Callable[[Record, Album, Arrays], Section]] = {
    "samples": samples.samples,
    "reconstructions": samples.reconstructions,
    "inversions": samples.inversions,
    "nearest": samples.nearest,
    "pairs": samples.pairs,
    "classes": samples.classes,
    "frequencies": labels.frequencies,
    "leakage": labels.leakage,
    "confusion": labels.confusion,
    "verdicts": labels.predictions,
    "categories": codes.categories,
    "category-pairs": codes.category_pairs,
    "code-labels": codes.code_labels,
    "kl-dimensions": codes.kl_dimensions,
    "code-factors": codes.code_factors,
    "sweeps": codes.sweeps,
    "map": codes.code_maps,
    "map-pca": codes.principal_maps,
}


REAL = ("real", "reconstructions", "inversions", "nearest")  # pictures with images of the data set


def picture_sections(record: Record, album: Album, hidden: Collection[str] = ()) -> list[Section]:
    """A section per picture of a run, in the order of PICTURES, then unknown ones; gaps say what cannot be shown.

    Real images stand beside the samples; `hidden` names pictures that are left out.
    """
    kept = {"real", *hidden}
    stored = [name for name in record.folder.pictures() if not name.startswith("fixed-") and name not in kept]
    sections = []
    for name in [*(name for name in PICTURES if name in stored), *(name for name in stored if name not in PICTURES)]:
        arrays = record.arrays(name)
        if arrays is None:
            continue
        try:
            show = PICTURES.get(name)
            section = show(record, album, arrays) if show else unknown(album, name, arrays)
            blocks = section.blocks
            if name == "samples" and "real" not in hidden and (real := samples.real_images(record, album)):
                blocks = [Gallery([*(block for block in blocks if isinstance(block, Pictures)), real])]
            sections.append(replace(section, blocks=[*origin_note(record, arrays), *blocks]))
        except Unreadable as error:
            record.gaps.append(f"pictures/{plain(name, 80)}.npz is left out: {error}.")
    evolution = samples.over_training(record, album)
    lead = int("samples" in stored and bool(sections))
    return [*sections[:lead], *([evolution] if evolution else []), *sections[lead:]]


def unknown(album: Album, name: str, arrays: Arrays) -> Section:
    """A picture that this version does not know: its images in rows, if it holds any."""
    several = arrays.get("images", np.empty(0)).ndim == 5
    grid = images(arrays, "images", 5) if several else fold(images(arrays, "images"), 10)
    title = plain(name.replace("-", " ").replace("_", " "), 80)
    rows = [("", row[:12]) for row in grid[:12]]
    shown = album.pictures(name, rows, title=title, caption="As the run drew it.", alt=f"Grid of images: {title}.")
    return Section(title[:1].upper() + title[1:], [shown])


def part_of(record: Record, album: Album, hidden: Collection[str] = ()) -> Part:
    """The part about one run; it has a section for everything that the folder holds, but for `hidden` pictures.

    The album takes the figures.
    """
    pictures = picture_sections(record, album, hidden)
    numbers: list[Section | None] = [score_card(record), learning_curves(record, album)]
    setup = [data_card(record), networks(record), recipe_section(record), machine(record)]
    lead = int("samples" not in hidden)  # pictures come first where samples are among them
    sections = [section for section in (*pictures[:lead], *numbers, *pictures[lead:], *setup) if section]
    title = title_of(record.recipe, record.facts) if record.recipe else record.name
    origin = recipe_line(record.recipe, record.facts) if record.recipe else ""
    words, command = headline(record)
    return Part(
        record.name,
        title,
        summary(record),
        tiles(record),
        record.gaps,
        sections,
        remarks=remarks(record),
        origin=origin,
        headline=words,
        command=command,
    )


QUALITY = {"precision": " (quality)", "recall": " (diversity)"}  # in the headline, behind the distance


def headline(record: Record) -> tuple[str, str]:
    """What was measured of the pictures, beside real images, and the command that measures them where nothing was."""
    if not record.recipe or not {"generator", "decoder"} & set(record.recipe.objective.needs):
        return "", ""
    rows = [_distance(record), *(_main(record, name) for name in QUALITY)]
    if sentences := [_sentence(row) for row in rows if row]:
        return " ".join(sentences), ""
    if not record.folder.checkpoints():
        return "", ""
    return "The pictures were not measured yet. To measure them:", f"simulacra evaluate {typed(record.folder.path)}"


def _main(record: Record, name: str) -> Measurement | None:
    """The number of a metric that the headline quotes: of held-out images, the newest, of the most images."""
    rows = [row for row in newest(record.named) if row.metric == name and row.estimate and not topic(row)]
    return min(rows, key=lambda row: (bool(row.against), rank(row.split), -row.step, -(row.n or 0)), default=None)


def _distance(record: Record) -> Measurement | None:
    """The Fréchet distance, or the kernel distance where `evaluate` says that images are too few for it."""
    row = _main(record, "frechet_distance")
    return (_main(record, "kernel_distance") or row) if row and unreliable(row) else row


def _sentence(row: Measurement) -> str:
    metric = of_metric(row.metric)
    to = f" to {row.against or f'{row.split} images'}" if metric.unit.startswith("distance") else ""
    real = "" if row.baseline is None else f"; real images have {written(metric, row.baseline)}"
    value = written(metric, row.estimate and row.estimate.value)
    return f"{metric.title}{QUALITY.get(row.metric, '')}{to}: {value}{real}."


def remarks(record: Record) -> list[Remark]:
    """Findings of the diagnosis, the worst first, as run.json keeps them; and which checkpoint is marked best."""
    result = [_remark(finding) for finding in _tables(record.fact("findings"))]
    if best := record.table("best"):
        metric = of_metric(RENAMED.get(str(best.get("metric")), str(best.get("metric"))))
        value = written(metric, best.get("value"))
        text = f"{metric.title} of validation images is {value} there. Commands take it with --step best."
        result.append(Remark(f"The best checkpoint is at update {number(best.get('step'))}", "note", text, ""))
    return result


def _remark(finding: dict[str, Any]) -> Remark:
    keys = ("name", "severity", "meaning", "remedy")
    name, severity, meaning, remedy = (plain(finding.get(key), 400) for key in keys)
    messages = [sign.get("message") or sign.get("said") for sign in _tables(finding.get("evidence"))]
    evidence = "; ".join(plain(message, 300) for message in messages)
    return Remark(name.capitalize(), severity, f"{meaning} Try {remedy}", evidence)


def _tables(value: Any) -> list[dict[str, Any]]:
    """The tables in a JSON list; none where it is no list."""
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


def summary(record: Record) -> str:
    """What was trained, on which data, for how long, and with which result, in one paragraph."""
    family = of_family(record.fact("family") or (record.recipe.objective.family if record.recipe else None))
    article = "an" if family[:1].lower() in "aeiou" else "a"
    size = record.fact("parameters")
    opening = f"This run, {record.name}, trained {article} {family}{f' with {number(size)} parameters' if size else ''}"
    sentences = [f"{opening}{_data(record)}.", _length(record)]
    if record.drawn != record.step:
        sentences.append(f"The pictures show the model at update {number(record.drawn)}.")
    named = [(f"{tile.label} {tile.value}", tile.below) for tile in headlines(record)]
    if numbers := [f"{text} ({note})" if note else text for text, note in named]:
        sentences.append(f"The main numbers are: {'; '.join(numbers)}.")
    return " ".join(filter(None, sentences))


def _data(record: Record) -> str:
    """The data: ` on 5,400 training images from avatars, each 32×32 colour`."""
    count = record.fact("data", "counts", "train")
    shape = image_shape(record.fact("data", "shape") or ())
    card = record.table("data", "card")
    name = card.get("title") or card.get("source") or (record.recipe.data.name if record.recipe else None)
    source = f" from {plain(name, 80)}" if isinstance(name, str) and name else ""
    return f" on {number(count)} training images{source}, each {shape}" if count else source.replace(" from", " on", 1)


def _length(record: Record) -> str:
    """The length of the training: updates, images, epochs, time, device."""
    seen, passes, seconds = (record.fact(key) for key in ("images_seen", "epochs", "seconds"))
    shown = [f"{about(seen)} images"] if isinstance(seen, int | float) else []
    shown += [f"{epochs(passes)} epochs"] if isinstance(passes, int | float) else []
    time = f" in {duration(seconds)}" if isinstance(seconds, int | float) else ""
    device = f" on {plain(record.fact('device'), 40)}" if record.fact("device") else ""
    extent = f" ({listed(shown)})" if shown else ""
    return f"It took {number(record.step)} updates{extent}{time}{device}." if record.step else ""


def tiles(record: Record) -> list[Tile]:
    """The numbers at the top of a run's part."""
    speed = f"{number(record.speed)} images/s" if record.speed else ""
    costs = [
        Tile("Parameters", number(record.fact("parameters"))),
        Tile("Images seen", number(record.fact("images_seen")), f"{epochs(record.fact('epochs'))} epochs"),
        Tile("Training time", duration(record.fact("seconds")), speed),
    ]
    return [*(tile for tile in costs if any(char.isdigit() for char in tile.value)), *headlines(record)]
