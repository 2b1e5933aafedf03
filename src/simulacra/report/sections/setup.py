"""Sections about the set-up of a training: data, networks, recipe, command, machine."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import tomli_w
from pydantic import BaseModel

from simulacra.recipe import Recipe, to_table
from simulacra.report.formatting import (
    MISSING,
    duration,
    epochs,
    image_shape,
    listed,
    number,
    percent,
    plain,
    without_home,
)
from simulacra.report.page import Bars, Block, Code, Fold, Section, Table, Text
from simulacra.report.record import Record
from simulacra.report.titles import NO_SETTINGS, changes_of, setting

VALUE_LIMIT = 400
_setting = partial(setting, limit=VALUE_LIMIT)
CARD = ("source", "title", "options", "count", "seed", "crop", "licence", "license", "notes", "left_out")


def data_card(record: Record) -> Section | None:
    """Source, counts, licence and label frequencies of the images."""
    data = record.table("data")
    if not data:
        return None
    counts = record.table("data", "counts")
    rows = [("images", image_shape(data.get("shape") or ()))]
    rows += [(f"{plain(split)} images", number(count)) for split, count in counts.items()]
    names = data.get("label_names") or []
    kind = "classes, one per image" if data.get("exclusive") else "attributes, any number per image"
    rows.append(("labels", f"{len(names)} {kind}" if names else "none"))
    card = {key: value for key, value in record.table("data", "card").items() if value not in (None, "", [], {})}
    first = {key: card.pop(key) for key in CARD if key in card}
    rows += list(_flat(first))
    head = ("property", "value")
    blocks: list[Block] = [Table("The data that the networks were trained on.", head, rows)]
    if shares := record.table("data", "label_frequencies"):
        blocks.append(_frequencies(shares))
    for known in ("counts", "inputs"):  # shown above; a sum of the files, which tells packed data apart
        card.pop(known, None)
    rest = [*_flat(card), *((key, plain(data[key], VALUE_LIMIT)) for key in ("path", "fingerprint") if data.get(key))]
    if rest:
        caption = "Further entries of the data card, and the folder of the packed images."
        blocks.append(Fold("More about the data", [Table(caption, head, rest)]))
    return Section("Data", blocks)


def _frequencies(shares: dict[str, Any]) -> Block:
    pairs = [(plain(name, 60), float(share)) for name, share in shares.items() if isinstance(share, int | float)]
    pairs.sort(key=lambda item: -item[1])
    bars = Bars(
        "Share of training images with each label. A label that is rare here is hard to learn and rare among samples.",
        [(name, min(1.0, max(0.0, share)), percent(share)) for name, share in pairs],
    )
    return Fold(f"Frequencies of all {len(pairs)} labels", [bars]) if len(pairs) > 24 else bars


def _flat(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, value) of nested JSON values."""
    for key, value in table.items():
        name = f"{above}{plain(key, 60)}".replace("_", " ")
        if isinstance(value, dict):
            yield from _flat(value, f"{name}: ")
        elif isinstance(value, list):
            yield name, plain(", ".join(map(str, value)), VALUE_LIMIT) or MISSING
        elif value is not None:
            yield name, plain(value, VALUE_LIMIT) if isinstance(value, str) else _setting(value)


def networks(record: Record) -> Section | None:
    """The layers of every network, and which networks each player updates."""
    tables = record.table("networks")
    if not tables:
        return None
    blocks: list[Block] = []
    if start := record.table("start"):
        pairs = [f"{ours} from {theirs}" if ours != theirs else ours for ours, theirs in _pairs(start)]
        frozen = record.recipe.start.frozen if record.recipe and record.recipe.start else ()
        unchanged = f" {plain(listed(frozen), 200)} did not change (frozen)." if frozen else ""
        source = f"{plain(start.get('run'), 200)}, update {number(start.get('step'))}"
        blocks.append(
            Text(f"The weights of {listed(pairs)} came from {source}. All others began at random.{unchanged}")
        )
    if players := record.table("players"):
        rows = [
            (plain(name, 60), plain(", ".join(player.get("networks", []))) or MISSING, number(player.get("parameters")))
            for name, player in players.items()
        ]
        rows.append(("all", "", number(record.fact("parameters"))))
        head = ("player", "networks that it updates", "parameters")
        caption = "Each player has its own optimizer and updates only its networks."
        blocks.append(Table(caption, head, rows, frozenset({2}), total=True))
    for name, network in tables.items():
        layers = network.get("layers", [])
        shapes = [" × ".join(map(number, layer.get("shape", []))) for layer in layers]
        rows = [
            (plain(layer.get("layer"), 120), shape, number(layer.get("parameters")))
            for layer, shape in zip(layers, shapes, strict=True)
        ]
        rows.append(("total", "", number(network.get("parameters"))))
        title = f"{plain(name, 60)}: {len(layers)} layers, {number(network.get('parameters'))} parameters"
        caption = f"Layers of the {plain(name, 60)}, from input to output; shapes are channels × height × width."
        head = ("layer", "output shape", "parameters")
        blocks.append(Fold(title, [Table(caption, head, rows, frozenset({1, 2}), total=True)]))
    return Section("Networks", blocks)


def _pairs(start: dict[str, Any]) -> list[tuple[str, str]]:
    """(network here, network there) of every network whose weights came from another run."""
    pairs = start.get("networks")
    return [(plain(ours, 60), plain(theirs, 60)) for ours, theirs in pairs.items()] if isinstance(pairs, dict) else []


def recipe_section(record: Record) -> Section | None:
    """The recipe, how it differs from the defaults and from the shipped recipe, and the command."""
    blocks: list[Block] = []
    if command := record.fact("command"):
        blocks += [Text("This command started the run:"), Code(plain(command))]
    recipe = record.recipe
    if recipe is None:
        return Section("Recipe", blocks) if blocks else None
    rows = [row for row in _differing(recipe) if not row[0].startswith(NO_SETTINGS)]
    head = ("key", "value", "default")
    blocks.append(
        Table(f"Settings that differ from the defaults. {MISSING} means that there is no default.", head, rows)
    )
    if changes := changes_of(recipe, record.facts):
        name = plain(record.fact("recipe_name"), 60)
        rows = [(plain(key, 80), _setting(here), _setting(there)) for key, here, there in changes]
        blocks.append(Table(f"Changes to the recipe {name} of Simulacra.", ("key", "here", f"in {name}"), rows))
    blocks.append(Fold("The whole recipe (it trains this run again)", [Code(_toml(recipe))]))
    if record.fact("commit"):
        blocks.append(Text(f"Code at commit {plain(record.fact('commit'), 80)}."))
    return Section("Recipe", blocks)


def _toml(recipe: Recipe) -> str:
    """The whole recipe, line by line without anything that does not print."""
    lines = without_home(tomli_w.dumps(to_table(recipe))).splitlines()
    return "\n".join(plain(line) if line.strip() else "" for line in lines)


def _differing(model: BaseModel, above: str = "") -> Iterator[tuple[str, str, str]]:
    """(dotted key, value, default) of every setting that is not at its default."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _differing(value, f"{above}{name}.")
        elif isinstance(value, dict) and all(isinstance(entry, BaseModel) for entry in value.values()):
            here = above if name == "players" else f"{above}{name}."  # [optimizer.generator] is written without it
            for key, entry in value.items():
                yield from _differing(entry, f"{here}{plain(key, 60)}.")
        elif field.is_required() or value != field.get_default(call_default_factory=True):
            default = MISSING if field.is_required() else _setting(field.get_default(call_default_factory=True))
            yield f"{above}{name}", _setting(value), default


def machine(record: Record) -> Section | None:
    """Time, images, device and versions."""
    rows = [
        ("updates", number(record.fact("step"))),
        ("images seen", number(record.fact("images_seen"))),
        ("epochs", epochs(record.fact("epochs"))),
        ("training time", duration(record.fact("seconds"))),
        ("images per second", number(record.speed)),
        ("started", plain(record.fact("started") or MISSING, 60)),
    ]
    keys = ("device", "precision", "processor", "threads", "platform", "simulacra", "python", "torch", "numpy")
    rows += [(key, plain(record.fact(key), VALUE_LIMIT)) for key in keys if record.fact(key) is not None]
    return Section("Time and machine", [Table("Cost of the training, and the machine.", ("property", "value"), rows)])
