"""A study's result in words: what is claimed, what was found, how sure that is, and by which method."""

from simulacra.catalogue import METRICS
from simulacra.report.formatting import listed, number, percent
from simulacra.studies.answer import Findings, Row
from simulacra.studies.file import Measure, Study
from simulacra.studies.plan import Plan
from simulacra.studies.questions import ALPHA, MOST_SEEDS, Answer, Verdict

VERDICTS: dict[Verdict, str] = {
    "supported": "The claim is supported.",
    "contradicted": "The claim is contradicted.",
    "undecided": "This study cannot tell whether the claim holds.",
}
FEW = 5  # seeds below which the spread is hardly known
METHODS = {
    "better": "Cases are paired by seed: a seed decides the first weights, the order of the images and all draws, in "
    "each case alike. The differences of all seeds are judged by Student's t-test (1908), on one side where the claim "
    "has a direction.",
    "equal": "Cases are paired by seed. Two one-sided t-tests (Schuirmann 1987) ask whether the difference lies within "
    "the margin that the study states. A difference that is not found is no equality.",
    "trend": "A line is fitted to the values of each seed along the setting. The effect is what the line changes from "
    "the first case to the last, and Student's t-test judges it over all seeds. Page's test (1963), which looks at "
    "ranks alone, stands beside it.",
    "early-not-late": "The effect is an interaction: the difference of the cases at the early point, less their "
    "difference at the late one. The early difference and the interaction must both hold, so the larger p-value counts "
    "(Berger 1982).",
    "within": "Each run gives one number. Student's t-test asks over all seeds whether their mean differs from 0.",
    "ranking": "Each run gives the lead of the named labels: their best score less the best score of all other labels. "
    "Student's t-test judges it over all seeds.",
}


def title_of(measure: Measure) -> str:
    """What a measure is called for people."""
    name = METRICS[measure.metric].title if measure.metric else f"Curve {measure.curve}"
    minus = "" if measure.minus is None else f" less {measure.minus}"
    return f"{name}{minus}"


def verdict_sentences(plan: Plan, findings: Findings) -> list[str]:
    """The verdict, and what each comparison found."""
    return [VERDICTS[findings.verdict], *(row_sentence(row) for row in findings.rows), *count_sentences(plan, findings)]


def row_sentence(row: Row) -> str:
    """What a comparison found: effect, interval and, where nothing is certain, what could have been found."""
    name, effect, answer = f"{title_of(row.comparison.measure)}, {row.comparison.title}", row.effect, row.answer
    if effect is None or answer is None:
        return f"{name}: no number ({'; '.join(row.notes)})."
    interval = "" if effect.low is None else f" (95% interval {number(effect.low)} to {number(effect.high)})"
    text = f"{name}: {number(effect.value)}{interval}, {len(row.comparison.seeds)} seeds; {row.verdict}"
    if row.verdict == "undecided" and answer.detectable is not None:
        margin = row.comparison.measure.margin
        smallest = "margin that it could confirm" if margin is not None else "effect that it could have seen"
        text += f". The smallest {smallest} in 8 of 10 studies is {number(answer.detectable)}. {_more_seeds(answer)}"
    return f"{text}."


def _more_seeds(answer: Answer) -> str:
    """How many seeds would tell, if effect and spread are as they were seen; without its full stop."""
    if answer.needed is None:
        return f"An effect as small as the one seen takes more than {MOST_SEEDS} seeds"
    # As many may have been had: this study was unlucky, or several measures were corrected together.
    needed = max(answer.needed, answer.seeds + 1)
    few = ", a guess from few seeds" if answer.seeds < FEW else ""
    return f"An effect as large as the one seen takes about {needed} seeds{few}: --seeds {needed}"


def count_sentences(plan: Plan, findings: Findings) -> list[str]:
    """What became of the runs that have not finished, and which seeds are left out."""
    sentences = [f"{note[0].upper()}{note[1:]}." for row in findings.rows for note in row.comparison.notes]
    diverged = findings.count("diverged")
    if diverged:
        cases = sorted({outcome.run.case for outcome in findings.outcomes if outcome.state == "diverged"})
        sentences.append(f"{diverged} of {len(findings.outcomes)} runs diverged, of case {listed(cases)}.")
    failed = findings.count("failed")
    if failed:
        why = next(outcome.why for outcome in findings.outcomes if outcome.state == "failed")
        sentences.append(f"{failed} of {len(findings.outcomes)} runs failed ({why}); the same command tries again.")
    return list(dict.fromkeys(sentences))


def method_sentences(study: Study, plan: Plan, findings: Findings) -> list[str]:
    """How the claim was tested."""
    sentences = [METHODS[study.question.kind], _budget(plan)]
    if study.question.along:
        scale = "its logarithm" if study.question.scale == "log" else "the setting itself"
        sentences.insert(1, f"The setting is {study.question.along}; what counts is {scale}.")
    if len(findings.rows) > 1:
        sentences.append(
            f"{len(findings.rows)} comparisons answer together: their p-values are corrected by Holm (1979), so that "
            f"all conclusions are wrong in {percent(ALPHA, 0)} of studies at most. All must hold for the claim to be "
            "supported."
        )
    sentences.append(
        "The smallest effect that could have been seen is the one that 8 of 10 such studies find, with as many seeds "
        "and with the spread that was seen here."
    )
    return sentences


def _budget(plan: Plan) -> str:
    budget, cases = plan.budget, len(plan.study.cases)
    count, what = (budget.images, "image") if budget.images else (budget.updates or 0, "update")
    length = f"{count:,} {what}{'s' * (count != 1)}"
    if budget.minutes:
        length = f"{budget.minutes:g} minute{'s' * (budget.minutes != 1)} of training"
    compared = f"{cases} cases" if cases > 1 else "1 case"
    return f"Every run gets {length}, in {compared} with {budget.seeds} seeds: the {plan.mode} budget of the study."
