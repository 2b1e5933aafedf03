"""CHECKS: what went wrong in a run, read from its files, as findings in plain words. Loads no torch."""

from collections.abc import Callable, Sequence
from typing import Any

from simulacra.diagnosis.generators import (
    dead_codes,
    discriminator_wins,
    generator_wins,
    labels_ignored,
    little_variety,
    mode_collapse,
    oscillation,
    posterior_collapse,
)
from simulacra.diagnosis.history import Check, Finding, History, Severity, Sign
from simulacra.diagnosis.learning import divergence, enough_training, more_training, overfitting, too_early
from simulacra.runs import RunFolder

__all__ = ["CHECKS", "Finding", "Severity", "Sign", "diagnose"]

# Issue, which is also its anchor in docs/diagnosis.md -> the check that looks for it.
CHECKS: dict[str, Check] = {
    "divergence": divergence,
    "mode-collapse": mode_collapse,
    "discriminator-wins": discriminator_wins,
    "generator-wins": generator_wins,
    "oscillation": oscillation,
    "posterior-collapse": posterior_collapse,
    "dead-codes": dead_codes,
    "labels-ignored": labels_ignored,
    "little-variety": little_variety,
    "overfitting": overfitting,
    "too-early": too_early,
    "more-training": more_training,
    "enough-training": enough_training,
}
ORDER: tuple[Severity, ...] = ("serious", "warning", "note")


def diagnose(run: RunFolder) -> list[Finding]:
    """All findings about a run, finished or not, the worst first.

    Raises:
        RunError: the folder holds no run, or a file of it is damaged.
    """
    history = History(run)
    findings = [finding for check in CHECKS.values() if (finding := check(history)) is not None]
    return sorted(findings, key=lambda finding: ORDER.index(finding.severity))


def note_findings(run: RunFolder, tell: Callable[[str], None]) -> list[Finding]:
    """Diagnoses a run as it stands and keeps the findings in run.json, for the report; gives all of them.

    `tell` is called with one line for each issue that is more than a note, the first time that it is found.
    """
    facts = run.read_facts()
    # An issue is reported once, however often it comes and goes, and however often a run goes on.
    reported = list(facts.get("reported", facts.get("told", [])))  # "told" in runs of earlier versions
    findings = diagnose(run)
    for finding in findings:
        if finding.issue not in reported and finding.severity != "note":
            tell(finding.line)
            reported.append(finding.issue)
    run.write_facts(as_facts(findings) | {"reported": reported})
    return findings


def as_facts(findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings as the entry of run.json that the report shows."""
    return {"findings": [finding.as_json() for finding in findings]}
