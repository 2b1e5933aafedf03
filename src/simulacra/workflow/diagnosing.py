"""What a training says of itself while it goes on: each illness once, as soon as it is seen."""

from collections.abc import Callable

from simulacra.evaluation.diagnosis import Finding, diagnose
from simulacra.runs import RunFolder


def note_findings(run: RunFolder, tell: Callable[[str], None]) -> list[Finding]:
    """Diagnoses a run as it stands and keeps in run.json what is found, for the report.

    Args:
        run: the run.
        tell: told in one line each illness that is more than a note, the first time that it is found.

    Returns:
        All that was found.
    """
    told = list(run.facts.get("told", []))  # whatever comes and goes, and however often a run goes on, is told once
    found = diagnose(run)
    for finding in found:
        if finding.illness not in told and finding.severity != "note":
            tell(finding.line)
            told.append(finding.illness)
    run.write_facts({"findings": [finding.as_json() for finding in found], "told": told})
    return found
