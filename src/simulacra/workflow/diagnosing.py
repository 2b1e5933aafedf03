"""The verb `diagnose`, and what a training says of itself while it goes on."""

from collections.abc import Callable

from simulacra.evaluation.diagnosis import Finding, diagnose
from simulacra.runs import RunFolder


def note_findings(run: RunFolder, tell: Callable[[str], None]) -> list[Finding]:
    """Diagnoses a run as it stands and keeps in run.json what is found, for the report.

    Args:
        run: the run.
        tell: told in one line what is new and more than a note.

    Returns:
        All that was found.
    """
    known = {one["illness"] for one in run.facts.get("findings", [])}
    found = diagnose(run)
    for finding in found:
        if finding.illness not in known and finding.severity != "note":
            tell(finding.line)
    # What was told once stays known while a run goes on, though it may come and go.
    run.write_facts({"findings": [finding.as_json() for finding in found]})
    return found
