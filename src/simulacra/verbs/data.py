"""The verbs `pack` and `audit`: pictures to a store, and what is wrong or odd in a store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulacra.data import audit as audits
from simulacra.data.pack import Packed
from simulacra.data.pack import pack as pack_source
from simulacra.data.sources import Options, open_source
from simulacra.data.store import open_store
from simulacra.progress import Live


def pack(
    source: str,
    path: Path | None,
    out: Path,
    options: Options | None = None,
    *,
    say: Callable[[str], None] | None = None,
) -> Packed:
    """Packs pictures into a store, once, for all trainings.

    Args:
        source: folder, celeba, idx, arrays, avatars or fashion-mnist.
        path: of the source; avatars have none.
        out: the store's folder.
        options: what is asked of the source.
        say: takes lines that a person should read; by default they stand above the progress bar.

    Raises:
        DataError: the data cannot be used.
    """
    options = options or Options()
    with Live("packing") as live:
        opened = open_source(source, path, options)
        return pack_source(opened, out, progress=live.count, say=say or live.say, keep_going=options.keep_going)


def audit(path: Path) -> tuple[dict[str, Any], list[audits.Table], list[str]]:
    """What is wrong or odd in a packed store: as JSON values, as tables, and as sentences.

    Raises:
        DataError: there is no store, or it is damaged.
    """
    report = audits.audit(open_store(path))
    return report, audits.audit_tables(report), audits.findings(report) or ["nothing odd was found"]
