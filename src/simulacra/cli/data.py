"""Commands on data: pack and audit."""

import json
from pathlib import Path
from typing import Annotated

import typer

from simulacra.cli.base import Crop, Json, Labels, Out, app, read_place, table


@app.command()
def pack(
    source: Annotated[str, typer.Argument(help="folder, celeba, idx, arrays, avatars or fashion-mnist.")],
    path: Annotated[
        Path | None, typer.Argument(parser=read_place, help="Where the source lies; avatars have no place.")
    ] = None,
    *,
    out: Out,
    labels: Labels = None,
    size: Annotated[str | None, typer.Option(help="64 or WIDTHxHEIGHT.")] = None,
    crop: Crop = None,
    grey: Annotated[bool, typer.Option("--grey", help="Make grey images.")] = False,
    count: Annotated[int | None, typer.Option(help="How many avatars.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the avatars.")] = None,
    layout: Annotated[str | None, typer.Option(help="Of arrays: NHWC or NCHW.")] = None,
    values: Annotated[str | None, typer.Option(help="Of arrays: 0..255, 0..1 or -1..1.")] = None,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Pack even if over 1% is bad.")] = False,
) -> None:
    """Pack pictures into a store, once, for all trainings."""
    from simulacra.data.decode import parse_size
    from simulacra.data.pack import pack as pack_source
    from simulacra.data.sources import Options, open_source
    from simulacra.live import Live

    options = Options(
        size=parse_size(size) if size else None,
        channels=1 if grey else None,
        crop=crop,
        labels=labels,
        count=count,
        seed=seed,
        layout=layout,
        values=values,
    )
    with Live("packing") as live:
        opened = open_source(source, path, options)
        packed = pack_source(opened, out, progress=live.count, say=live.tell, keep_going=keep_going)
    for line in (packed.said, *packed.notes):
        typer.echo(line)


@app.command()
def audit(store: Annotated[Path, typer.Argument(help="A packed store.")], as_json: Json = False) -> None:
    """Say what is wrong or odd in a data set, before anyone trains on it."""
    from simulacra.data.audit import audit as audit_store
    from simulacra.data.audit import audit_tables, findings
    from simulacra.data.store import open_store

    found = audit_store(open_store(store))
    if as_json:
        typer.echo(json.dumps(found))
        return
    for part in audit_tables(found):
        table(part.title, part.columns, part.rows)
    for sentence in findings(found) or ["nothing odd was found"]:
        typer.echo(f"- {sentence}")
