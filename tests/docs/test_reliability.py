"""docs/reliability.md: its counts are those that are kept, and every test that it names is there."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("faults", ROOT / "benchmarks" / "faults.py")
assert SPEC is not None
assert SPEC.loader is not None
faults: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(faults)

REPORT = """<testsuites><testsuite>
<testcase classname="tests.faults.test_inputs" name="test_codes"><properties>
<property name="inputs" value="1"/><property name="inputs" value="1"/></properties></testcase>
<testcase classname="tests.faults.test_kills" name="one"><properties><property name="kills" value="3"/></properties>
</testcase>
<testcase classname="tests.faults.test_kills" name="two"><properties><property name="kills" value="2"/></properties>
<failure message="lost"/></testcase>
<testcase classname="tests.faults.test_kills" name="three"><skipped/></testcase>
<testcase classname="tests.faults.test_network" name="four"/>
</testsuite></testsuites>
"""


def test_an_attack_is_survived_where_its_test_passes(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT, "utf-8")
    rows = faults.read(tmp_path / "report.xml")
    assert [tuple(row) for row in rows] == [
        ("test_kills", "kills", 3, 5, 2),
        ("test_inputs", "inputs", 2, 2, 1),
        ("test_network", "tests", 1, 1, 1),
    ]


def test_the_table_of_the_page_is_what_the_script_writes() -> None:
    page = faults.PAGE.read_text("utf-8")
    assert page == faults.filled(page, json.loads(faults.KEPT.read_text("utf-8")))


def test_every_row_of_the_table_is_a_file_of_attacks() -> None:
    kept = json.loads(faults.KEPT.read_text("utf-8"))
    assert {row["module"] for row in kept["rows"]} <= {path.stem for path in (ROOT / "tests/faults").glob("test_*.py")}


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(?:tests/)?([a-z_/]+\.py)(?:::(\w+))?`", faults.PAGE.read_text("utf-8"))
    for file, test in named:
        places = [ROOT / folder / file for folder in ("", "tests", "tests/faults")]
        found = [path for path in places if path.is_file()]
        assert found, file
        assert not test or f"def {test}(" in found[0].read_text("utf-8"), test
