"""One run -> its part of the page: a summary in plain words, its main numbers, and every section it has."""

from simulacra.report.formatting import about, duration, epochs, image_shape, listed, number, plain
from simulacra.report.glossary import of_family, of_metric
from simulacra.report.page import Album, Part, Remark, Section, Tile
from simulacra.report.record import Record
from simulacra.report.sections import picture_sections
from simulacra.report.sections.curves import headlines, learning_curves, written
from simulacra.report.sections.scorecard import score_card
from simulacra.report.sections.setup import data_card, machine, networks, recipe_section


def part_of(record: Record, album: Album) -> Part:
    """All that is said of one run; a section stands where the folder holds what it shows.

    Args:
        record: the run.
        album: takes the figures.
    """
    drawn = picture_sections(record, album)
    measured: list[Section | None] = [score_card(record), learning_curves(record, album)]
    setup = [data_card(record), networks(record), recipe_section(record), machine(record)]
    sections = [*drawn[:1], *measured, *drawn[1:], *setup]
    title = plain(record.recipe.title, 200) if record.recipe else record.name
    shown = [part for part in sections if part]
    return Part(record.name, title, summary(record), tiles(record), record.gaps, shown, remarks=remarks(record))


def remarks(record: Record) -> list[Remark]:
    """What a diagnosis found, the worst first, as run.json keeps it; and which checkpoint is marked best."""
    kept = record.fact("findings")
    found = []
    for one in kept if isinstance(kept, list) else []:
        if not isinstance(one, dict):
            continue
        words = [plain(one.get(key), 400) for key in ("name", "severity", "meaning", "remedy")]
        signs = one.get("evidence") if isinstance(one.get("evidence"), list) else []
        seen = "; ".join(plain(sign.get("said"), 300) for sign in signs or [] if isinstance(sign, dict))
        found.append(Remark(words[0].capitalize(), words[1], f"{words[2]} Try {words[3]}", seen))
    if best := record.table("best"):
        metric = of_metric(str(best.get("metric")))
        text = f"By {_lower(metric.title)} on valid images, {written(metric, best.get('value'))}: --step best takes it."
        found.append(Remark(f"The best checkpoint is that of update {number(best.get('step'))}", "note", text, ""))
    return found


def summary(record: Record) -> str:
    """What was trained, on what, how long, and how it came out, in one paragraph."""
    family = of_family(record.fact("family") or (record.recipe.objective.family if record.recipe else None))
    article = "an" if family[:1].lower() in "aeiou" else "a"
    size = record.fact("parameters")
    opening = f"This run, {record.name}, trained {article} {family}{f' with {number(size)} parameters' if size else ''}"
    sentences = [f"{opening}{_data(record)}."]
    sentences.append(_length(record))
    named = [(f"{_lower(tile.label)} {tile.value}", tile.below) for tile in headlines(record)]
    if record.drawn != record.step:
        sentences.append(f"Its pictures are those of update {number(record.drawn)}.")
    numbers = [f"{text} ({note})" if note else text for text, note in named]
    if numbers:
        sentences.append(f"Its main numbers: {'; '.join(numbers)}.")
    return " ".join(filter(None, sentences))


def _lower(label: str) -> str:
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _data(record: Record) -> str:
    """On what: ` on 5,400 colour images of 32×32 pixels (avatars)`."""
    count = record.fact("data", "counts", "train")
    shape = image_shape(record.fact("data", "shape") or ())
    card = record.table("data", "card")
    name = card.get("title") or card.get("source") or (record.recipe.data.name if record.recipe else None)
    source = f" from {plain(name, 80)}" if isinstance(name, str) and name else ""
    return f" on {number(count)} training images{source}, each {shape}" if count else source.replace(" from", " on", 1)


def _length(record: Record) -> str:
    """How long: updates, images, epochs, time, device."""
    seen, passes, seconds = (record.fact(key) for key in ("images_seen", "epochs", "seconds"))
    shown = [f"{about(seen)} images"] if isinstance(seen, int | float) else []
    shown += [f"{epochs(passes)} epochs"] if isinstance(passes, int | float) else []
    time = f" in {duration(seconds)}" if isinstance(seconds, int | float) else ""
    device = f" on {plain(record.fact('device'), 40)}" if record.fact("device") else ""
    extent = f" ({listed(shown)})" if shown else ""
    return f"It took {number(record.step)} updates{extent}{time}{device}." if record.step else ""


def tiles(record: Record) -> list[Tile]:
    """The numbers that a reader looks for first."""
    seen, seconds = record.fact("images_seen"), record.fact("seconds")
    speed = f"{number(round(seen / seconds))} images/s" if seen and seconds else ""
    found = [
        Tile("Parameters", number(record.fact("parameters"))),
        Tile("Images seen", number(seen), f"{epochs(record.fact('epochs'))} epochs"),
        Tile("Training time", duration(seconds), speed),
    ]
    return [*(tile for tile in found if any(char.isdigit() for char in tile.value)), *headlines(record)]
