"""The verbs `pack` and `audit`: pictures to a store, and what is wrong or odd in a store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulacra.data import audit as audits
from simulacra.data.pack import Packed
from simulacra.data.pack import pack as pack_source
from simulacra.data.sources import Options, open_source
from simulacra.data.store import open_store
from simulacra.errors import DataError
from simulacra.progress import Live
from simulacra.tabular import Table


def pack(
    source: str,
    path: Path | None,
    out: Path,
    options: Options | None = None,
    *,
    workers: int | None = None,
    say: Callable[[str], None] | None = None,
) -> Packed:
    """Packs pictures into a store, once, for all trainings.

    Args:
        source: folder, celeba, idx, arrays, avatars or fashion-mnist.
        path: of the source; avatars have none.
        out: the store's folder.
        options: what is asked of the source.
        workers: processes that read; by default one per core, and none beside this one for few pictures.
        say: takes lines that a person should read; by default they stand above the progress bar.

    Raises:
        DataError: the data cannot be used.
    """
    options = options or Options()
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise DataError(f"workers is {workers!r}, expected a whole number of at least 1")
    with Live("packing") as live:
        opened = open_source(source, path, options)
        return pack_source(
            opened, out, progress=live.count, say=say or live.say, keep_going=options.keep_going, workers=workers
        )


def audit(path: Path) -> tuple[dict[str, Any], list[Table], list[str]]:
    """What is wrong or odd in a packed store: as JSON values, as tables, and as sentences.

    Raises:
        DataError: there is no store, or it is damaged.
    """
    report = audits.audit(open_store(path))
    return report, audits.audit_tables(report), report["findings"] or ["nothing odd was found"]
