"""Faults: attacks every promise of docs/reliability.md for long, and writes how many attacks were survived.

    python benchmarks/faults.py                  # attacks 10 times where CI attacks once
    python benchmarks/faults.py --attempts 100   # hours
    python benchmarks/faults.py --read X.xml     # takes the counts from a report of pytest --junitxml
    python benchmarks/faults.py --write          # attacks nothing, and writes the table from the counts that are kept

The attacks are the tests in tests/faults. They note how often they have attacked, by kind, and an attack is survived
if its test passes. The counts are kept in benchmarks/faults.json, and stand between two marks in docs/reliability.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
PAGE, KEPT = ROOT / "docs" / "reliability.md", ROOT / "benchmarks" / "faults.json"
BEGIN, END = "<!-- counts: begin, written by benchmarks/faults.py -->", "<!-- counts: end -->"
HEAD = "| attack | kind | survived | of | tests |\n|---|---|---:|---:|---:|"
TESTS = "tests"  # the kind of a test that notes no count
# Module of tests -> what it attacks, in the order of the page; a module that is not named stands behind these.
ATTACKS = {
    "test_kills": "commands are killed",
    "test_power_loss": "the power fails",
    "test_full_disk": "the disk or the quota is full",
    "test_file_systems": "the file system lacks something or fails",
    "test_company": "several processes; files are moved, deleted or copied",
    "test_damage": "files are damaged",
    "test_inputs": "inputs are odd or hostile",
    "test_doors": "files of strangers come through every door",
    "test_bombs": "small files claim or unpack to too much",
    "test_explorer": "the explorer is attacked",
    "test_numbers": "numbers and data are at the edge",
    "test_network": "no network may be used",
    "test_supply": "versions and licences of dependencies",
}


class Row(NamedTuple):
    """The attacks of one kind in one module."""

    module: str
    kind: str
    survived: int
    attacks: int
    tests: int  # that made them


def read(report: Path) -> list[Row]:
    """The counts in a report of pytest: each property is a kind of attack and how often it was made.

    A test without such properties is one attack of the kind "tests".
    """
    sums: dict[tuple[str, str], list[int]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        module = case.get("classname", "").rpartition(".")[2]
        passed = case.find("failure") is None and case.find("error") is None
        counts: dict[str, int] = {}
        for noted in case.iter("property"):
            kind = noted.get("name", "")
            counts[kind] = counts.get(kind, 0) + int(noted.get("value", "0"))
        for kind, count in (counts or {TESTS: 1}).items():
            row = sums.setdefault((module, kind), [0, 0, 0])
            row[0] += count * passed
            row[1] += count
            row[2] += 1
    order = list(ATTACKS)
    keys = sorted(sums, key=lambda key: (order.index(key[0]) if key[0] in ATTACKS else len(order), key))
    return [Row(*key, *sums[key]) for key in keys]


def attack(attempts: int, report: Path, words: Iterable[str]) -> None:
    """Runs the tests of faults, each with so many attempts, and writes a report of pytest."""
    command = [sys.executable, "-m", "pytest", "tests/faults", "--attempts", str(attempts), "--junitxml", str(report)]
    subprocess.run([*command, *words], cwd=ROOT, check=False)  # a failure is a count, and printed by pytest


def table(kept: dict[str, Any]) -> str:
    """The table of the page, of counts as they are kept."""
    rows = [Row(**row) for row in kept["rows"]]
    lines = [
        f"| {ATTACKS.get(row.module, row.module)} (`{row.module}.py`) | {row.kind} | {row.survived:,} "
        f"| {row.attacks:,} | {row.tests:,} |"
        for row in rows
    ]
    counted = [row for row in rows if row.kind != TESTS]
    survived, attacks = sum(row.survived for row in counted), sum(row.attacks for row in counted)
    total = f"| all but {TESTS} without counts | | {survived:,} | {attacks:,} | |"
    return f"Counts with `--attempts {kept['attempts']}`:\n\n" + "\n".join([HEAD, *lines, total])


def filled(page: str, kept: dict[str, Any]) -> str:
    """The text of the page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        sys.exit(f"{PAGE} lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table(kept)}\n\n{END}{after}"


def main() -> None:
    """Reads the command line, attacks, and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attempts", type=int, default=10, help="how often each test attacks")
    parser.add_argument("--read", type=Path, metavar="XML", help="a report that pytest has written with --attempts")
    parser.add_argument("--write", action="store_true", help="attacks nothing")
    options, words = parser.parse_known_args()
    if not options.write:
        with tempfile.TemporaryDirectory() as folder:
            report = options.read or Path(folder) / "report.xml"
            if options.read is None:
                attack(options.attempts, report, words)
            kept = {"attempts": options.attempts, "rows": [row._asdict() for row in read(report)]}
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    PAGE.write_text(filled(PAGE.read_text("utf-8"), json.loads(KEPT.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main()
