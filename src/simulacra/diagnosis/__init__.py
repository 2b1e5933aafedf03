"""What went wrong in a run, read off its files: findings in plain words. Loads no torch."""

from simulacra.evaluation.diagnosis.adversarial import discriminator_wins, generator_wins, oscillation
from simulacra.evaluation.diagnosis.base import Check, Finding, History, Severity, Sign
from simulacra.evaluation.diagnosis.codes import dead_codes, posterior_collapse
from simulacra.evaluation.diagnosis.learning import divergence, enough_training, more_training, overfitting
from simulacra.evaluation.diagnosis.variety import mode_collapse
from simulacra.runs import RunFolder

__all__ = ["CHECKS", "Finding", "Severity", "Sign", "diagnose"]

# Illness, which is also its anchor in docs/diagnosis.md -> what looks for it.
CHECKS: dict[str, Check] = {
    "divergence": divergence,
    "mode-collapse": mode_collapse,
    "discriminator-wins": discriminator_wins,
    "generator-wins": generator_wins,
    "oscillation": oscillation,
    "posterior-collapse": posterior_collapse,
    "dead-codes": dead_codes,
    "overfitting": overfitting,
    "more-training": more_training,
    "enough-training": enough_training,
}
ORDER: tuple[Severity, ...] = ("serious", "warning", "note")


def diagnose(run: RunFolder) -> list[Finding]:
    """All that is found of a run, finished or not, the worst first.

    Raises:
        RunError: the folder holds no run, or a file of it is damaged.
    """
    history = History(run)
    found = [finding for check in CHECKS.values() if (finding := check(history)) is not None]
    return sorted(found, key=lambda finding: ORDER.index(finding.severity))
